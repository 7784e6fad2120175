/**
 * What a hostile relay may do to every frame of a sealed conversation, at random: nobody ever hears a wrong word, nobody
 * is announced who is not there, and whoever is handed anything but the next frame of the other side is told so.
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { chance } from "../chance.ts";
import { type End, type Frame, Pair } from "./carriers.ts";

const RUNS = 1_000;
const ATTACKS = ["alter", "cut", "lengthen", "forge", "text", "drop", "repeat", "reorder", "reflect", "swap"] as const;
/** A frame that is lost, or comes before its time, is noticed by the next one. */
const UNNOTICED_BY_ITSELF = new Set(["drop"]);
type Attack = typeof ATTACKS[number];

/** One conversation, and what the relay does to it. */
class Trial {
  readonly pair = new Pair();
  readonly #random: () => number;
  readonly #words = new Map<End, string[]>();

  constructor(seed: number) {
    this.#random = chance(seed);
    this.pair.open();
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[Math.floor(this.#random() * values.length)];
  }

  /** Says something on a side that may, or nothing. Now and then it takes more than one record. */
  talk(end = this.pick([this.pair.left, this.pair.right])): void {
    if (end.socket.readyState !== 1) return;
    const text = `${end.userName} ${this.#said(end).length} ${"x".repeat(this.#random() < 0.05 ? 40_000 : 20)}`;
    this.#said(end).push(text);
    end.socket.send(text);
  }

  /** Passes frames on, one by one and in any order of sides, with words in between. */
  run(frames: number): void {
    for (let passed = 0; passed < frames;) {
      this.talk();
      const [from, to] = this.pick(this.#directions());
      if (this.pair.passOne(from, to) || this.#random() < 0.1) passed += 1;
    }
  }

  /** Attacks the next frame of a side that has said something. Returns who was handed something wrong, if anybody. */
  attack(attack: Attack): End | undefined {
    const direction = this.#directions().find(([from]) => from.carrier.sent.length > (attack === "reorder" ? 1 : 0));
    if (direction === undefined) return undefined;
    const [from, to] = direction;
    const victim = attack === "reflect" ? from : to;
    if (victim.closes.length > 0 || victim.socket.readyState > 1) return undefined;
    for (const frame of this.#wrong(attack, from)) victim.carrier.receive(frame);
    return victim;
  }

  /** What everybody heard is what the other side said, from its beginning on, and whoever was met is there. */
  check(closedBy = 4411): void {
    const { left, right } = this.pair;
    for (const [from, to] of this.#directions()) {
      const isTrue = to.heard.every((word, i) => word === this.#said(from)[i]);
      assertEquals(isTrue, true, `${to.userName} heard what ${from.userName} did not say`);
      if (to.met.length > 0) assertEquals(to.met, [from.userName]);
    }
    for (const end of [left, right]) if (end.closes.length > 0 && closedBy === 4411) assertBroken(end);
  }

  #wrong(attack: Attack, from: End): Frame[] {
    const { sent } = from.carrier;
    const frame = sent.shift()!;
    const at = Math.floor(this.#random() * frame.byteLength);
    switch (attack) {
      case "alter":
        return [frame.map((byte, i) => i === at ? byte ^ (1 << Math.floor(this.#random() * 8)) : byte)];
      case "cut":
        return [frame.slice(0, at)];
      case "lengthen":
        return [new Uint8Array([...frame, at])];
      case "forge":
        return [crypto.getRandomValues(new Uint8Array(at))];
      case "text":
        return [new TextDecoder("latin1").decode(frame)];
      case "drop":
        return [];
      case "repeat":
        return [frame, frame];
      case "reorder":
        return [sent.shift()!, frame];
      case "reflect":
        return [frame];
      case "swap":
        return [fromAnother(from)];
    }
  }

  #directions(): [from: End, to: End][] {
    const { left, right } = this.pair;
    const both: [End, End][] = [[left, right], [right, left]];
    return this.#random() < 0.5 ? both : both.toReversed();
  }

  #said(end: End): string[] {
    if (!this.#words.has(end)) this.#words.set(end, []);
    return this.#words.get(end)!;
  }
}

/** What the same peer said in another conversation with the same peer about the same. */
function fromAnother({ userName }: End): Frame {
  const { left, right } = new Pair().open().settle();
  const end = left.userName === userName ? left : right;
  end.socket.send("from another conversation");
  return end.carrier.sent[0];
}

for (const attack of ATTACKS) {
  Deno.test(`hostile relay: ${attack}, at any frame`, () => {
    let attacks = 0;
    for (let seed = 1; seed <= RUNS / ATTACKS.length; seed++) {
      const trial = new Trial(seed);
      trial.run(seed % 12);
      const victim = trial.attack(attack);
      attacks += victim === undefined ? 0 : 1;
      if (victim !== undefined && !UNNOTICED_BY_ITSELF.has(attack)) assertBroken(victim, `seed ${seed}`);
      trial.check();
      if (victim !== undefined) assertNoticed(trial, victim, seed);
      trial.check();
    }
    assertEquals(attacks > 20, true, `only ${attacks} attacks`);
  });
}

Deno.test("hostile relay: closed early, with any code, no word is wrong and no end looks like the other's", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const trial = new Trial(seed);
    trial.run(seed % 12);
    const { left, right } = trial.pair;
    const end = trial.pick([left, right]);
    const code = trial.pick([1000, 1001, 1005, 1006, 1011, 3000, 4000, 4410, 4999]);
    end.carrier.end(code, "said by the relay");
    assertEquals(end.closes.length, 1);
    assertEquals(end.closes[0].wasClean, false);
    assertEquals([1001, 1006, 1011, 4410].includes(end.closes[0].code), true, `seed ${seed}: ${end.closes[0].code}`);
    trial.check(code);
  }
});

Deno.test("hostile relay: a sealed close that is held back is a loss, and one that is made up is none", () => {
  const { left, right } = new Pair().open().settle();
  left.socket.send("the last word");
  left.socket.close(1000, "done");
  right.carrier.receive(left.carrier.sent[0]);
  right.carrier.end(1000, "done");
  assertEquals([right.heard, right.closes], [["the last word"], [{
    code: 4410,
    reason: "peer connection was lost",
    wasClean: false,
  }]]);
});

Deno.test("hostile relay: a first message of yesterday announces nobody", () => {
  const yesterday = new Pair().open();
  const [first] = yesterday.inOrder[0].carrier.sent;
  const today = new Pair().open();
  const [initiator, responder] = today.inOrder;
  responder.carrier.receive(first);
  assertEquals(responder.carrier.sent.length, 1, "it cannot be told from a new one");
  assertEquals(responder.met, []);
  today.settle();
  for (const end of [initiator, responder]) assertBroken(end);
});

Deno.test("hostile relay: all that was recorded yesterday, played again, announces nobody and says nothing", () => {
  const yesterday = new Pair().open();
  const [, responder] = yesterday.inOrder;
  const frames: Uint8Array<ArrayBuffer>[] = [];
  const { receive } = responder.carrier;
  responder.carrier.receive = (
    frame,
  ) => (frames.push(frame as Uint8Array<ArrayBuffer>), receive.call(responder.carrier, frame));
  yesterday.settle();
  yesterday.inOrder[0].socket.send("attack at dawn");
  yesterday.settle();
  assertEquals(responder.heard, ["attack at dawn"]);
  const [, victim] = new Pair().open().inOrder;
  for (const frame of frames) victim.carrier.receive(frame);
  assertEquals([victim.met, victim.heard], [[], []]);
  assertBroken(victim);
});

Deno.test("hostile relay: conversations with other people, or about other things, are not led into each other", () => {
  const pairs = [new Pair(), new Pair({ names: ["alice", "carol"] }), new Pair({ names: ["dave", "bob"] })];
  for (const [a, b] of [[0, 1], [0, 2], [1, 2]]) {
    const ends = [pairs[a].left, pairs[b].right, pairs[b].left, pairs[a].right];
    for (const end of ends) if (end.carrier.readyState === 0) end.carrier.open();
    for (let i = 0; i < 4; i++) {
      for (const [from, to] of [[0, 1], [1, 0], [2, 3], [3, 2]].map((pair) => pair.map((i) => ends[i]))) {
        for (const frame of from.carrier.sent.splice(0)) to.carrier.receive(frame);
      }
    }
    for (const end of ends) assertEquals(end.met, []);
  }
});

/** Whatever was done: as soon as anything more comes, or time passes, both sides know, and nothing was lost unnoticed. */
function assertNoticed(trial: Trial, victim: End, seed: number): void {
  const { pair } = trial;
  for (const end of [pair.left, pair.right]) trial.talk(end);
  pair.settle();
  const other = victim === pair.left ? pair.right : pair.left;
  if (victim.closes.length === 0) {
    // It was kept from hearing anything at all, and waits as if nobody had come.
    assertEquals(victim.met, [], `seed ${seed}`);
    return;
  }
  assertBroken(victim, `seed ${seed}`);
  assertBroken(other, `seed ${seed}`);
}

function assertBroken(end: End, hint = ""): void {
  assertEquals(end.closes, [{ code: 4411, reason: "seal is broken", wasClean: false }], hint);
  assertEquals(end.errors.length, 1, hint);
  assertStringIncludes(end.errors[0], "seal is broken");
}
