/**
 * The peers of this instance that are interested in one document.
 *
 * @module
 */

import { sample } from "../../discovery/sample.ts";

/** A peer here. */
export interface Member {
  readonly peerId: string;
  /** Its sockets that are interested. At 0 the peer has left. */
  sockets: number;
  /** The number of its latest join. */
  join: number;
  /** The number of the join that was last announced. */
  announced: number;
  /** Whether an announcement is due. */
  isDue: boolean;
}

/** A join. It is out of date once its peer has joined again, or left. */
interface Joined {
  readonly member: Member;
  readonly join: number;
}

/** Members, also in the order of their latest joins, so that the latest ones are found without a look at the others. */
export class Roster {
  readonly #members = new Map<string, Member>();
  #joins: Joined[] = [];

  /** Members, with those that have left while their announcement is due. */
  get size(): number {
    return this.#members.size;
  }

  /** The number of the latest join, or a later one. */
  get latest(): number {
    return this.#joins.at(-1)?.join ?? 0;
  }

  get(peerId: string): Member | undefined {
    return this.#members.get(peerId);
  }

  isPresent(peerId: string): boolean {
    return (this.#members.get(peerId)?.sockets ?? 0) > 0;
  }

  /** One more socket of a peer is interested. */
  add(peerId: string): void {
    const known = this.#members.get(peerId);
    if (known === undefined) this.#members.set(peerId, { peerId, sockets: 1, join: 0, announced: 0, isDue: false });
    else known.sockets += 1;
  }

  /** One socket fewer of a peer is interested. */
  remove(peerId: string): void {
    const member = this.#members.get(peerId);
    if (member === undefined) return;
    member.sockets -= 1;
    this.forget(member);
  }

  /** Forgets a member that has left, unless it is due. */
  forget(member: Member): void {
    if (member.sockets <= 0 && !member.isDue) this.#members.delete(member.peerId);
  }

  /** @param join Larger than any before. */
  join(member: Member, join: number): void {
    member.join = join;
    this.#joins.push({ member, join });
    if (this.#joins.length > this.#members.size * 2 + 16) this.#joins = this.#joins.filter(isCurrent);
  }

  /** Members that have joined after the join of that number; of more than `most` a random choice. */
  joinedSince(join: number, most: number, accepts: (member: Member) => boolean): Member[] {
    const from = this.#placeAfter(join);
    const chosen = sample(this.#joins, {
      from,
      most,
      accepts: (joined) => isCurrent(joined) && accepts(joined.member),
    });
    return chosen.map(({ member }) => member);
  }

  /** Members that are interested now. */
  *present(): Iterable<Member> {
    for (const member of this.#members.values()) if (member.sockets > 0) yield member;
  }

  /** The index of the first join with a larger number. */
  #placeAfter(join: number): number {
    let [low, high] = [0, this.#joins.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#joins[middle].join > join) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function isCurrent({ member, join }: Joined): boolean {
  return member.join === join && member.sockets > 0;
}
