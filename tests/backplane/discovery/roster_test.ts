/** Who has joined since, found without a look at all the others. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { Roster } from "../../../src/server/backplane/discovery/roster.ts";

Deno.test("who has joined since is found without a look at those who joined before", () => {
  const roster = new Roster();
  let joins = 0;
  for (let i = 0; i < 10_000; i++) join(roster, `peer-${i}`, ++joins);
  let looks = 0;
  const look = () => ++looks > 0;
  assertEquals(roster.joinedSince(joins, 1_000, look), []);
  assertEquals(roster.joinedSince(joins - 3, 1_000, look).map(({ peerId }) => peerId), [
    "peer-9997",
    "peer-9998",
    "peer-9999",
  ]);
  assertEquals(new Set(roster.joinedSince(0, 1_000, look)).size, 1_000);
  assertEquals(looks, 1_003);
});

Deno.test("under any joins and leaves it knows what a naive model knows", () => {
  const step = fc.tuple(fc.constantFrom("add", "remove", "join"), fc.nat(4));
  fc.assert(fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
    const roster = new Roster();
    const model = new Map<string, { sockets: number; join: number }>();
    for (const [at, [action, who]] of steps.entries()) {
      const peerId = `peer-${who}`;
      const known = model.get(peerId) ?? { sockets: 0, join: 0 };
      if (action === "add") model.set(peerId, { ...known, sockets: known.sockets + 1 });
      else if (known.sockets === 0) continue;
      else if (action === "join") model.set(peerId, { ...known, join: at + 1 });
      else if (known.sockets === 1) model.delete(peerId);
      else model.set(peerId, { ...known, sockets: known.sockets - 1 });
      play(roster, action, peerId, at + 1);
      assertEquals(sorted(roster.present()), [...model.keys()].sort());
      for (const since of [0, at >> 1, at]) {
        const expected = [...model].filter(([, { join }]) => join > since).map(([id]) => id);
        assertEquals(sorted(roster.joinedSince(since, 1_000, () => true)), expected.sort());
      }
    }
  }));
});

function play(roster: Roster, action: string, peerId: string, number: number): void {
  if (action === "add") roster.add(peerId);
  else if (action === "remove") roster.remove(peerId);
  else roster.join(roster.get(peerId)!, number);
}

function join(roster: Roster, peerId: string, number: number): void {
  roster.add(peerId);
  roster.join(roster.get(peerId)!, number);
}

function sorted(members: Iterable<{ peerId: string }>): string[] {
  return [...members].map(({ peerId }) => peerId).sort();
}
