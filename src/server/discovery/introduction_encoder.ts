/**
 * Encodes introductions. In a popular document each peer is introduced to very many, in the same words.
 *
 * @module
 */

import { LIMITS } from "../core/limits.ts";
import { memoryBytes, type Message } from "../core/message.ts";
import { type Dialect, encode } from "./dialects.ts";

/** The latest introduction of one peer, in each dialect that was asked for. */
interface Latest {
  readonly documentIds: readonly string[];
  readonly encoded: Partial<Record<Dialect, Message>>;
}

/** Remembers the latest introduction of each peer, as far as there is room. */
export class IntroductionEncoder {
  readonly #latest = new Map<string, Latest>();
  #bytes = 0;

  encode(userName: string, documentIds: readonly string[], dialect: Dialect): Message {
    const known = this.#latest.get(userName);
    const latest = known !== undefined && isSame(known.documentIds, documentIds) ? known : { documentIds, encoded: {} };
    const message = latest.encoded[dialect];
    return message ?? this.#add(userName, latest, dialect);
  }

  #add(userName: string, latest: Latest, dialect: Dialect): Message {
    const message = encode({ type: "Introduction", userName, documentIds: [...latest.documentIds] }, dialect);
    this.#bytes += memoryBytes(message) + LIMITS.recordOverheadBytes;
    if (this.#bytes > LIMITS.encodedBytes) {
      this.#latest.clear();
      this.#bytes = 0;
    }
    latest.encoded[dialect] = message;
    this.#latest.set(userName, latest);
    return message;
  }
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  if (one === other) return true;
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}
