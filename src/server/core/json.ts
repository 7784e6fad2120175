/**
 * Parses untrusted JSON in a bounded time.
 *
 * @module
 */

import type { Message } from "./message.ts";

/** A message with more values than any honest one has. Reading it would keep all other peers waiting. */
export class CrowdedError extends Error {
  override name = "CrowdedError";
}

/** Escaped quotes that take as long to parse as one mark. */
const QUOTES = 8;

/** Throws when it is no JSON, and a {@link CrowdedError} when it has more than about `most` values. */
export function parseJson(frame: Message, most: number): unknown {
  const text = typeof frame === "string" ? frame : new TextDecoder("utf-8", { fatal: true }).decode(frame);
  if (isCrowded(text, most * 2)) throw new CrowdedError("Cannot read JSON: want fewer values");
  return JSON.parse(text);
}

/**
 * Whether a text has too many marks: `"`, `[`, `{`, `,`. Each value begins with one or follows one; most strings do
 * both.
 */
function isCrowded(text: string, most: number): boolean {
  if (text.length <= most) return false;
  const mark = /["[{,]/g;
  for (let seen = 0; mark.test(text); seen++) {
    if (seen >= most) return true;
    // Escaped quotes cost something, too, and an id may contain some.
    if (text[mark.lastIndex - 1] === '"') seen += skipString(text, mark, most * QUOTES) / QUOTES;
  }
  return false;
}

/** Moves `mark` behind the string that it is in; returns the escaped quotes in it, or `most`. */
function skipString(text: string, mark: RegExp, most: number): number {
  for (let quotes = 0;; quotes++) {
    const quote = text.indexOf('"', mark.lastIndex);
    mark.lastIndex = quote < 0 ? text.length : quote + 1;
    if (quote < 0 || quotes >= most || !isEscaped(text, quote)) return quotes;
  }
}

/** Whether an odd number of backslashes precedes. */
function isEscaped(text: string, at: number): boolean {
  const BACKSLASH = 0x5c;
  let first = at;
  while (text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
  return (at - first) % 2 === 1;
}
