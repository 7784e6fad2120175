/**
 * Names of peers and documents.
 *
 * @module
 */

import { WIRE_LIMITS } from "./limits.ts";

/** What is wrong with a peer or document id, as the rest of the sentence "want an id of ...", or undefined. */
export function idProblem(id: unknown): string | undefined {
  if (typeof id !== "string") return `want a string, got ${id === null ? "null" : typeof id}`;
  if (id === "") return "want at least 1 byte, got none";
  // A UTF-16 unit takes at most 3 bytes of UTF-8: most ids need no measuring.
  const bytes = id.length * 3 <= WIRE_LIMITS.idBytes ? 0 : utf8Length(id);
  if (bytes > WIRE_LIMITS.idBytes) return `want at most ${WIRE_LIMITS.idBytes} bytes, got ${bytes}`;
  // Few ids have surrogates at all, and to look for lone ones takes ten times as long.
  if (/[\ud800-\udfff]/.test(id) && /[\ud800-\udfff]/u.test(id)) {
    return "want well-formed Unicode, got a lone surrogate";
  }
}

/** How many bytes a text takes in UTF-8. The oldest platforms of the client have no `TextEncoder`. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
