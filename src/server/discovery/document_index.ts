/**
 * The peers that are interested in each document.
 *
 * @module
 */

import type { Registration } from "./registration.ts";

interface Entry {
  readonly id: string;
  readonly members: Registration[];
}

/** Lists of registrations by document. Adding, removing and choosing at random cost the same at any length. */
export class DocumentIndex {
  readonly #entries = new Map<string, Entry>();

  /** Documents in which any peer is interested. */
  get size(): number {
    return this.#entries.size;
  }

  /** Registrations that are interested in a document, and some that are closed and not removed yet. */
  members(id: string): readonly Registration[] {
    return this.#entries.get(id)?.members ?? [];
  }

  add(id: string, registration: Registration): void {
    const entry = this.#entries.get(id);
    // The id from this index, so that all registrations share its memory.
    if (entry !== undefined) registration.documents.set(entry.id, entry.members.push(registration) - 1);
    else this.#open(id, registration);
  }

  /** Says whether the registration was in the list. */
  delete(id: string, registration: Registration): boolean {
    const place = registration.documents.get(id);
    if (place === undefined) return false;
    registration.documents.delete(id);
    const { members } = this.#entries.get(id)!;
    const last = members.pop()!;
    if (members.length === 0) this.#entries.delete(id);
    if (last === registration) return true;
    members[place] = last;
    last.documents.set(id, place);
    return true;
  }

  /** Most documents have one or two members. An array that begins empty would allocate 17 places. */
  #open(id: string, registration: Registration): void {
    this.#entries.set(id, { id, members: [registration] });
    registration.documents.set(id, 0);
  }
}
