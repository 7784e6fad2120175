/**
 * A document that peers of this instance are interested in.
 *
 * @module
 */

import { LIMITS } from "../../core/limits.ts";
import type { Bus, Subscription } from "../bus/bus.ts";
import type { MemberEntry } from "../messages.ts";
import type { Member, Roster } from "./roster.ts";

/** A document, and the peers here that are interested in it. */
export interface Topic {
  readonly documentId: string;
  readonly subject: string;
  readonly subscription: Subscription;
  readonly roster: Roster;
}

/** Splits members into entries for several messages, none of which is too large for the bus. */
export function* portions(members: Iterable<Member>, bus: Bus): Iterable<MemberEntry[]> {
  const most = Math.min(LIMITS.announcedBytes, bus.maxPayload / 2);
  let portion: MemberEntry[] = [];
  let bytes = 0;
  for (const member of members) {
    // An escaped UTF-16 unit takes six bytes, and the rest of an entry is short.
    const size = member.peerId.length * 6 + 40;
    if (portion.length > 0 && bytes + size > most) {
      yield portion;
      portion = [];
      bytes = 0;
    }
    portion.push([member.peerId, member.join, member.sockets]);
    bytes += size;
  }
  if (portion.length > 0) yield portion;
}
