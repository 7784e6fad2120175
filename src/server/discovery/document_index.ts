/**
 * Who is interested in which document.
 *
 * @module
 */

import type { Registration } from "./registration.ts";

interface Entry {
  readonly id: string;
  readonly members: Registration[];
}

/** Lists of registrations by document, in which to come, to go and to be chosen at random cost the same at any length. */
export class DocumentIndex {
  readonly #entries = new Map<string, Entry>();

  /** Documents in which somebody is interested. */
  get size(): number {
    return this.#entries.size;
  }

  /** Those interested in a document, also some that are closed and still to be taken away. */
  members(id: string): readonly Registration[] {
    return this.#entries.get(id)?.members ?? [];
  }

  add(id: string, registration: Registration): void {
    const entry = this.#entries.get(id);
    // The id as it is kept here: all who are interested share its memory.
    if (entry !== undefined) registration.documents.set(entry.id, entry.members.push(registration) - 1);
    else this.#open(id, registration);
  }

  /** Says whether it was there. */
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

  /** Most documents have one member or two: an array that begins empty would make room for 17. */
  #open(id: string, registration: Registration): void {
    this.#entries.set(id, { id, members: [registration] });
    registration.documents.set(id, 0);
  }
}
