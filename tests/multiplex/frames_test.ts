/** A frame that has nothing but messages of one stream goes on to its partner as it came, wherever that may be. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { RecordWriter } from "../../src/protocol.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import type { FramedSocket } from "../helpers/fakes.ts";
import { type MuxClient, MuxHouse } from "./mux_house.ts";

const MESSAGE = new Uint8Array(64).fill(7);

Deno.test("frames: many messages of one stream go on in the memory that they came in, under its partner's number", () => {
  const house = new MuxHouse();
  const [alice, bob] = streamsOneAndTwo(house);
  alice.write(...messages(1, 20));
  assertEquals(bob.on(2).messages, Array(20).fill(MESSAGE));
  assertEquals([passedOn(bob), bob.recordFrames], [1, 2]);
  bob.write(...messages(2, 30));
  assertEquals(alice.on(1).messages, Array(30).fill(MESSAGE));
  assertEquals(passedOn(alice), 1);
  leave(house, alice, bob);
});

Deno.test("frames: few messages wait for others of the same turn, and share a frame", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair("one", "two");
  bob.read();
  const before = bob.recordFrames;
  alice.begin(...messages(1, 3));
  alice.begin(...messages(2, 3));
  house.turn();
  bob.read();
  assertEquals([passedOn(bob), bob.recordFrames - before], [0, 1]);
  leave(house, alice, bob);
});

Deno.test("frames: what was said before goes first", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair();
  alice.begin((frame) => frame.data(1, Uint8Array.of(1), { text: false, more: false }));
  alice.begin(...messages(1, 20));
  house.turn();
  assertEquals(bob.on(1).messages, [Uint8Array.of(1), ...Array(20).fill(MESSAGE)]);
  assertEquals(passedOn(bob), 0);
  leave(house, alice, bob);
});

Deno.test("frames: a partner whose socket is full, or whose credit is spent, gets a copy later", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair();
  bob.gives = false;
  bob.socket.backlog = LIMITS.socketBacklogBytes + 1;
  // A small message is sent at the end of the turn, when the socket is asked how full it is.
  alice.write(...messages(1, 1));
  alice.write(...messages(1, 20));
  assertEquals(bob.on(1).messages, []);
  bob.socket.drain();
  house.clock.pass(LIMITS.lookAgainMs.most);
  house.turn();
  assertEquals(bob.on(1).messages.length, 21);
  for (let i = 0; i < 30; i++) alice.write(...messages(1, 20));
  assertEquals(bob.on(1).messages.length < 621, true);
  bob.window(1, 2 ** 20);
  assertEquals(bob.on(1).messages, Array(621).fill(MESSAGE));
  leave(house, alice, bob);
});

Deno.test("frames: credit goes along with what is said, and has a frame of its own only for who hears nothing", () => {
  for (const [answers, frames] of [[16, 100], [1, 100], [0, 1]]) {
    const house = new MuxHouse();
    const [alice, bob] = house.pair();
    for (const client of [alice, bob]) {
      client.gives = false;
      client.window(1, 2 ** 30);
    }
    const [framesBefore, creditBefore] = [(alice.read(), alice.recordFrames), alice.credit(1)];
    for (let i = 0; i < 100; i++) {
      alice.write(...messages(1, 20));
      if (answers > 0) bob.write(...messages(1, answers));
    }
    assertEquals(bob.on(1).messages, Array(2_000).fill(MESSAGE));
    assertEquals(alice.on(1).messages, Array(100 * answers).fill(MESSAGE));
    assertEquals(alice.recordFrames - framesBefore, frames);
    assertEquals(alice.credit(1) > creditBefore, true);
    leave(house, alice, bob);
  }
});

Deno.test("frames: a run to somebody who closes in the same turn is released", () => {
  const house = new MuxHouse();
  const [alice, bob] = house.pair();
  bob.begin((frame) => frame.close(1, { code: 1000, reason: "" }));
  alice.begin(...messages(1, 20));
  house.turn();
  assertEquals(alice.on(1).close?.code, 1000);
  leave(house, alice, bob);
});

for (const givesFrames of [true, false]) {
  Deno.test(`frames: whatever is said, in frames of any kind, comes as it was, ${givesFrames ? "as frames" : "as messages"}`, () => {
    const said = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.nat(70), fc.nat(90)), { minLength: 1, maxLength: 4 });
    const frames = fc.array(fc.tuple(said, fc.boolean()), { maxLength: 4 });
    fc.assert(fc.property(frames, (frames) => {
      const house = new MuxHouse({ givesFrames });
      const [alice, bob] = house.pair("one", "two");
      const expected: Uint8Array[][] = [[], [], []];
      let next = 0;
      for (const [said, turns] of frames) {
        const payloads = said.flatMap(([stream, count, length]) => {
          return Array.from({ length: count }, () => [stream, new Uint8Array(length).fill(next++)] as const);
        });
        for (const [stream, payload] of payloads) expected[stream].push(payload);
        alice.begin(...payloads.map(([stream, payload]) => data(stream, payload)));
        if (turns) house.turn();
      }
      house.turn();
      assertEquals([bob.on(1).messages, bob.on(2).messages], expected.slice(1));
      leave(house, alice, bob);
    }));
  });
}

/** The partner of alice's first stream is bob's second. */
function streamsOneAndTwo(house: MuxHouse): [MuxClient, MuxClient] {
  const [alice, bob] = [house.client("alice"), house.client("bob")];
  alice.open({ userName: "bob", documentId: "doc" });
  bob.open({ userName: "carol", documentId: "doc" });
  bob.open({ userName: "alice", documentId: "doc" });
  house.turn();
  assertEquals(bob.on(2).isOpened, true);
  return [alice, bob];
}

function messages(stream: number, count: number): ((frame: RecordWriter) => void)[] {
  return Array.from({ length: count }, () => data(stream, MESSAGE));
}

function data(stream: number, payload: Uint8Array): (frame: RecordWriter) => void {
  return (frame) => frame.data(stream, payload, { text: false, more: false });
}

function passedOn({ socket }: MuxClient): number {
  return (socket as FramedSocket).passedOn;
}

/** All that they held is released. */
function leave(house: MuxHouse, ...clients: MuxClient[]): void {
  for (const { socket } of clients) socket.vanish();
  house.assertEmpty();
}
