/** What the table of states and events promises, whatever happens to a connection. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type MatchEvent, type State, transitionOf } from "../../../src/server/backplane/pairing/match_table.ts";

type EventType = MatchEvent["type"];

const EVENTS: EventType[] = [
  "offer due",
  "other side waits",
  "newer rival",
  "older rival",
  "accepted",
  "confirmed",
  "declined",
  "paired",
  "left",
];

/** The states that a connection goes through, the first one included, and what it does on the way. */
function follow(side: 0 | 1, events: readonly EventType[]): { states: State[]; actions: string[] } {
  const states: State[] = ["waiting"];
  const actions: string[] = [];
  for (const event of events) {
    const state = states[states.length - 1];
    const transition = transitionOf({ side, state }, event);
    if (transition !== undefined) actions.push(transition.action);
    states.push(transition?.next ?? state);
  }
  return { states, actions };
}

Deno.test("side 0 accepts, is confirmed and links; side 1 offers itself, is accepted and confirms", () => {
  assertEquals(follow(0, ["offer due", "other side waits", "confirmed", "paired", "left"]), {
    states: ["waiting", "waiting", "reserved", "joined", "joined", "gone"],
    actions: ["offer", "accept", "link", "rest", "forget"],
  });
  assertEquals(follow(1, ["offer due", "other side waits", "accepted", "paired", "left"]), {
    states: ["waiting", "waiting", "waiting", "joined", "joined", "gone"],
    actions: ["offer", "offerBack", "confirm", "rest", "forget"],
  });
});

Deno.test("a connection links at most once, waits for one answer at a time, and does nothing once it is gone", () => {
  fc.assert(
    fc.property(fc.constantFrom(0 as const, 1 as const), fc.array(fc.constantFrom(...EVENTS)), (side, events) => {
      const { states, actions } = follow(side, events);
      assertEquals(actions.filter((action) => action === "link" || action === "confirm").length <= 1, true);
      assertEquals(side === 1 && states.includes("reserved"), false);
      const joined = states.indexOf("joined");
      if (joined >= 0) {
        assertEquals(states.slice(joined).every((state) => state === "joined" || state === "gone"), true);
      }
      const gone = states.indexOf("gone");
      if (gone >= 0) assertEquals(states.slice(gone).every((state) => state === "gone"), true);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("whoever has declined or does not answer leaves a connection that offers itself to others", () => {
  assertEquals(follow(0, ["other side waits", "other side waits", "declined", "other side waits"]), {
    states: ["waiting", "reserved", "reserved", "waiting", "reserved"],
    actions: ["accept", "offer", "accept"],
  });
});
