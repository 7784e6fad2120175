/**
 * What the decoder made of an input: what must hold for all, and what tells one kind of outcome from another.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { idProblem, WIRE_LIMITS } from "../../src/protocol.ts";
import { decode, type Decoded } from "../../src/server/discovery/dialects.ts";

/** Text or binary, as it comes from a socket. */
export type Input = string | Uint8Array<ArrayBuffer>;

/**
 * Milliseconds that one input may take: the worst of 1 MiB that honest clients could send takes about 40, on a machine
 * that does nothing else.
 */
const PATIENCE_MS = 5_000;
const PROTOTYPE_KEYS = [Object.prototype, Array.prototype].map((prototype) => Reflect.ownKeys(prototype).length);

/** Decodes, and throws when anything does not hold. The string is the same for outcomes of one kind. */
export function outcomeOf(input: Input): { kind: string; milliseconds: number } {
  const startedAt = performance.now();
  const decoded = decode(input);
  const milliseconds = performance.now() - startedAt;
  if (milliseconds > PATIENCE_MS) {
    throw new Error(`Cannot accept ${milliseconds} ms for one input, want ${PATIENCE_MS}`);
  }
  const kind = "reason" in decoded ? decoded.reason : checkedShape(decoded);
  checkPrototypes();
  return { kind: `${formOf(input)}: ${kind}`, milliseconds };
}

function checkedShape(decoded: Exclude<Decoded, { reason: unknown }>): string {
  const { message, dialect } = decoded;
  assertEquals(Object.keys(decoded).sort(), ["dialect", "message"], "neither more nor less than a message");
  if (message.type === "Heartbeat") return `${dialect} Heartbeat`;
  const documents = message.type === "Join" ? message.join : message.leave;
  checkDocuments(documents);
  // The canonical spelling of what was understood must be understood the same.
  assertEquals(decode(JSON.stringify(message)), { message, dialect: "json" }, "it can be said again");
  return `${dialect} ${message.type} of ${scale(documents.length)} up to ${scale(longest(documents))}`;
}

function checkDocuments(documents: readonly string[]): void {
  assertEquals(documents.length <= WIRE_LIMITS.documentsPerPeer, true, `${documents.length} documents`);
  assertEquals(new Set(documents).size, documents.length, "each document once");
  const bad = documents.find((id) => idProblem(id) !== undefined);
  if (bad !== undefined) throw new Error(`Cannot accept the document id ${JSON.stringify(bad)}: ${idProblem(bad)}`);
}

function checkPrototypes(): void {
  const keys = [Object.prototype, Array.prototype].map((prototype) => Reflect.ownKeys(prototype).length);
  if (`${keys}` !== `${PROTOTYPE_KEYS}`) throw new Error("Cannot accept an input that changes a prototype");
}

/** What kind of input it is: what is wrong with a long one is not what is wrong with a short one. */
function formOf(input: Input): string {
  const form = typeof input === "string" ? "text" : `binary ${(input[0] ?? 0) >> 4}`;
  return `${form} of ${scale(input.length)}`;
}

/** The power of two that a number is near. */
function scale(count: number): number {
  return count === 0 ? 0 : 2 ** Math.floor(Math.log2(count));
}

function longest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, text.length), 0);
}
