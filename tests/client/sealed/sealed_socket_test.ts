/** A sealed conversation behaves as the WebSocket that carries it does, and hides everything. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { CipherState } from "../../../src/client/sealed/cipher_state.ts";
import { Outbox } from "../../../src/client/sealed/outbox.ts";
import { RecordReader } from "../../../src/client/sealed/records.ts";
import { platform } from "../../../src/client/environment.ts";
import { type PlatformSocket, toPeerSocket } from "../../../src/client/peer_socket.ts";
import { SEAL_LIMITS } from "../../../src/protocol.ts";
import { type End, OTHER_SEAL, Pair, SEAL } from "./carriers.ts";

const RECORD = SEAL_LIMITS.recordBytes;

Deno.test("sealed: each side meets the other by its real name, once", () => {
  const { left, right } = new Pair({ names: ["alice", "Bøb 🐟"] }).open().settle();
  assertEquals([left.met, right.met], [["Bøb 🐟"], ["alice"]]);
  assertEquals([left.socket.readyState, right.socket.readyState], [1, 1]);
});

Deno.test("sealed: three messages open it, and the initiator may speak after two", () => {
  const pair = new Pair().open();
  const [initiator, responder] = pair.inOrder;
  assertEquals([initiator.carrier.sent.length, responder.carrier.sent.length], [1, 0]);
  pair.passOne(initiator, responder);
  assertEquals([responder.carrier.sent.length, responder.met.length], [1, 0]);
  pair.passOne(responder, initiator);
  assertEquals([initiator.met, responder.met.length], [[responder.userName], 0]);
  initiator.socket.send("at once");
  pair.settle();
  assertEquals([responder.met, responder.heard], [[initiator.userName], ["at once"]]);
});

Deno.test("sealed: it works over a socket that is open already", () => {
  const { left, right } = new Pair({ isOpen: true }).settle();
  assertEquals([left.met, right.met], [["bob"], ["alice"]]);
});

Deno.test("sealed: any messages come across as they are, in order, in both directions", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\ufeffmarked", "🐟".repeat(RECORD), ""));
  const size = fc.oneof(fc.nat(100), fc.integer({ min: RECORD - 20, max: RECORD + 20 }), fc.nat(4 * RECORD));
  const binary = size.map((length) => crypto.getRandomValues(new Uint8Array(Math.min(length, 65_536))));
  const step = fc.record({ isLeft: fc.boolean(), passes: fc.nat(3), message: fc.oneof(text, binary) });
  fc.assert(fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
    const pair = new Pair().open().settle();
    const { left, right } = pair;
    for (const { isLeft, passes, message } of steps) {
      (isLeft ? left : right).socket.send(message);
      for (let i = 0; i < passes; i++) pair.passOne(left, right);
    }
    pair.settle();
    assertEquals(right.heard, steps.filter(({ isLeft }) => isLeft).map(({ message }) => message));
    assertEquals(left.heard, steps.filter(({ isLeft }) => !isLeft).map(({ message }) => message));
  }));
});

Deno.test("sealed: a message is the same however it was cut into records", () => {
  const key = new Uint8Array(32).fill(3);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(300)), (message, places) => {
    const [writer, reader] = [new CipherState(key), new RecordReader(new CipherState(key))];
    const cuts = [0, ...places.map((place) => Math.min(place, message.length)).sort((a, b) => a - b), message.length];
    const parts = cuts.slice(1).map((end, i) => message.subarray(cuts[i], end));
    const records = parts.map((part, i) => new Uint8Array([i < parts.length - 1 ? 0x12 : 0x02, ...part]));
    const read = records.map((record) => reader.read(writer.encrypt(record)));
    assertEquals(read.slice(0, -1).every((message) => message === undefined), true);
    assertEquals(read.at(-1), { kind: "binary", bytes: new Uint8Array(message) });
  }));
});

Deno.test("sealed: what a holder of the secret may not say breaks it", () => {
  const key = new Uint8Array(32).fill(3);
  const TEXT = 1, BINARY = 2, CLOSE = 3, ARRIVED = 4, MORE = 16;
  const wrong: number[][][] = [
    [[]],
    [[0]],
    [[5]],
    [[ARRIVED, 0, 0, 0]],
    [[ARRIVED, 0, 0, 0, 0, 0]],
    [[ARRIVED + MORE, 0, 0, 0, 0]],
    [[MORE]],
    [[TEXT + 32]],
    [[TEXT, 0xff]],
    [[TEXT + MORE, 65], [BINARY, 65]],
    [[CLOSE + MORE, 3, 232]],
    [[CLOSE, 3]],
    [[CLOSE, 0, 0]],
    [[CLOSE, 3, 233]], // 1001 is the relay's to say
    [[CLOSE, 3, 232, ...new Array(124).fill(65)]],
    [[CLOSE, 3, 232, 0xff]],
  ];
  for (const records of wrong) {
    const [writer, reader] = [new CipherState(key), new RecordReader(new CipherState(key))];
    const sealed = records.map((record) => writer.encrypt(new Uint8Array(record)));
    for (const record of sealed.slice(0, -1)) assertEquals(reader.read(record), undefined);
    assertThrows(() => reader.read(sealed.at(-1)!), TypeError, undefined, JSON.stringify(records));
  }
});

Deno.test("sealed: nothing of it is on the wire but lengths", () => {
  const pair = new Pair({ names: ["alice", "bob"] });
  const frames: Uint8Array[] = [];
  for (const { carrier } of [pair.left, pair.right]) {
    const { send } = carrier;
    carrier.send = (data) => (frames.push(data.slice()), send.call(carrier, data));
  }
  pair.open().settle();
  const words = "the words of the conversation";
  pair.left.socket.send(words);
  pair.right.socket.send(words);
  pair.left.socket.close(4001, words);
  pair.settle();
  const wire = frames.map((frame) => new TextDecoder("latin1").decode(frame)).join("\n");
  for (const word of ["alice", "bob", "words"]) assertEquals(wire.includes(word), false, word);
  assertEquals(frames.length, 6);
  assertEquals(pair.left.carrier.closedWith, { code: 1000, reason: undefined });
});

Deno.test("sealed: records are at most 32 KiB long, and what is empty is a message too", () => {
  const pair = new Pair().open().settle();
  pair.left.socket.send(new Uint8Array(100_000));
  assertEquals(pair.left.carrier.sent.map(({ byteLength }) => byteLength), [
    RECORD,
    RECORD,
    RECORD,
    100_068 - 3 * RECORD,
  ]);
  pair.left.socket.send("");
  pair.left.socket.send(new ArrayBuffer(0));
  pair.settle();
  assertEquals(pair.right.heard.slice(1), ["", new Uint8Array(0)]);
});

Deno.test("sealed: it sends all that a WebSocket sends, in order, as it was at the time", async () => {
  const pair = new Pair().open().settle();
  const { left: { socket }, right } = pair;
  const bytes = new Uint8Array([1, 2, 3, 4]);
  socket.send(bytes.subarray(1, 3));
  socket.send(bytes.buffer);
  socket.send(new Blob(["blob"]));
  assertEquals(socket.bufferedAmount, 4);
  socket.send(new DataView(bytes.buffer, 3));
  socket.send(7 as unknown as string);
  socket.send("\ud800 is no character");
  bytes.fill(0);
  socket.close(4000);
  await new Promise((resolve) => setTimeout(resolve));
  while (pair.left.carrier.closedWith === undefined) await new Promise((resolve) => setTimeout(resolve));
  assertEquals(socket.bufferedAmount, 0);
  pair.settle();
  assertEquals(right.heard, [
    new Uint8Array([2, 3]),
    new Uint8Array([1, 2, 3, 4]),
    new TextEncoder().encode("blob"),
    new Uint8Array([4]),
    "7",
    "\ufffd is no character",
  ]);
  assertEquals(right.closeCode, 4000);
});

Deno.test("sealed: a Blob that cannot be read ends it as lost", async () => {
  const { left } = new Pair().open().settle();
  const blob = new Blob(["gone"]);
  blob.arrayBuffer = () => Promise.reject(new Error("it was deleted"));
  left.socket.send(blob);
  while (left.closes.length === 0) await new Promise((resolve) => setTimeout(resolve));
  assertEquals(left.closeCode, 4410);
  assertStringIncludes(left.errors[0], "cannot send a Blob: Error: it was deleted");
});

Deno.test("sealed: binary comes as an ArrayBuffer, or as a Blob where that is asked for", async () => {
  const pair = new Pair().open().settle();
  const got: (ArrayBuffer | Blob)[] = [];
  pair.right.socket.onmessage = ({ data }) => got.push(data);
  pair.left.socket.send(new Uint8Array([1]));
  pair.settle();
  pair.right.socket.binaryType = "blob";
  pair.left.socket.send(new Uint8Array([2]));
  pair.settle();
  assertEquals(got.map(({ constructor }) => constructor), [ArrayBuffer, Blob]);
  assertEquals(new Uint8Array(await (got[1] as Blob).arrayBuffer()), new Uint8Array([2]));
});

Deno.test("sealed: as a peer socket it is listened to like any other", async () => {
  const pair = new Pair().open().settle();
  const socket = toPeerSocket(pair.right.socket as unknown as PlatformSocket, platform());
  const lines: string[] = [];
  pair.left.socket.send("early");
  pair.settle();
  socket.on("data", (data) => lines.push(`on ${data}`)).on("close", ({ code }) => lines.push(`on ${code}`));
  await Promise.resolve();
  socket.onmessage = () => lines.push("replaced");
  socket.onmessage = ({ data }) => lines.push(`handler ${data}`);
  socket.onclose = ({ code }) => lines.push(`handler ${code}`);
  socket.onopen = socket.onerror = () => lines.push("never");
  socket.onopen = null;
  pair.left.socket.send("hello");
  pair.left.socket.close(1000);
  pair.settle();
  assertEquals(lines, ["on early", "on hello", "handler hello", "on 1000", "handler 1000"]);
  assertEquals([socket.onopen, typeof socket.onmessage], [null, "function"]);
  assertThrows(() => socket.on("error" as "data", () => {}), TypeError, 'want "data" or "close", got "error"');
});

Deno.test("sealed: a close brings its code and reason to the other side, and 1005 if it has none", () => {
  const closes: [number?, string?][] = [[4000, "see you — later"], [1000], [4999, ""], []];
  for (const [code, reason] of closes) {
    const pair = new Pair().open().settle();
    pair.left.socket.send("last words");
    pair.left.socket.close(code, reason);
    assertEquals(pair.left.socket.readyState, 2);
    pair.settle();
    const close = { code: code ?? 1005, reason: reason ?? "", wasClean: true };
    assertEquals([pair.left.closes, pair.right.closes], [[close], [close]]);
    assertEquals([pair.right.heard, pair.right.errors, pair.left.errors], [["last words"], [], []]);
    assertEquals([pair.left.socket.readyState, pair.right.socket.readyState], [3, 3]);
  }
});

Deno.test("sealed: when both close at once, each hears its own close", () => {
  const pair = new Pair().open().settle();
  pair.left.socket.close(4001);
  pair.right.socket.close(4002);
  pair.settle();
  assertEquals([pair.left.closeCode, pair.right.closeCode], [4001, 4002]);
});

Deno.test("sealed: it throws what a WebSocket throws, and nothing else", () => {
  const pair = new Pair();
  const { socket } = pair.left;
  assertThrows(() => socket.send("too early"), DOMException, "connecting");
  pair.open().settle();
  assertThrows(() => socket.close(1001), DOMException, "got 1001");
  assertThrows(() => socket.close(1000, "x".repeat(124)), DOMException, "got 124");
  socket.close();
  socket.close();
  socket.send("too late");
  pair.settle();
  assertEquals(pair.right.heard, []);
});

Deno.test("sealed: a close before it is open ends it without a word", () => {
  const pair = new Pair().open();
  pair.left.socket.close();
  pair.settle();
  assertEquals([pair.left.closeCode, pair.left.met, pair.left.errors], [1006, [], []]);
  assertEquals([pair.right.closeCode, pair.right.met], [4410, []]);
});

Deno.test("sealed: a close that is not sealed is a loss, whatever it says; what the relay says stands", () => {
  const told: [outside: number, inside: number][] = [
    [1000, 4410],
    [1005, 4410],
    [4000, 4410],
    [1001, 1001],
    [1006, 1006],
    [1012, 1012],
    [1013, 1013],
    [4408, 4408],
    [4409, 4409],
    [4410, 4410],
    [4411, 4411],
  ];
  for (const [outside, inside] of told) {
    for (const pair of [new Pair().open().settle(), new Pair().open()]) {
      pair.right.carrier.end(outside, "as the relay says");
      assertEquals(pair.right.closeCode, inside, `${outside}`);
      assertEquals(pair.right.closes[0].wasClean, false);
    }
  }
});

Deno.test("sealed: whoever has another secret is not met, and both hear why", () => {
  for (const seals of [[SEAL, OTHER_SEAL], [OTHER_SEAL, SEAL]] as [typeof SEAL, typeof SEAL][]) {
    const pair = new Pair({ seals }).open().settle();
    assertBroken(pair.left);
    assertBroken(pair.right);
  }
});

Deno.test("sealed: whoever claims a name that is not the one of its id is not met", () => {
  const names: [string, string][] = [["alice", "bob"], ["bob", "alice"]]; // one of them begins, then the other
  for (const claim of ["carol", "", "\ud800", "x".repeat(513), names[0][0]]) {
    for (const [left, right] of names) {
      const pair = new Pair({ names: [left, right], claims: [left, claim] }).open();
      for (let i = 0; i < 3; i++) {
        pair.passOne(pair.left, pair.right);
        pair.passOne(pair.right, pair.left);
      }
      if (claim !== right) assertBroken(pair.left);
    }
  }
});

Deno.test("sealed: whoever begins a handshake and does not end it is given up", () => {
  const pair = new Pair().open();
  const [initiator, responder] = pair.inOrder;
  pair.passOne(initiator, responder);
  responder.clock.pass(9_999);
  assertEquals(responder.closes, []);
  responder.clock.pass(1);
  assertBroken(responder);
  assertStringIncludes(responder.errors[0], "the peer did not end its handshake in 10 s");
  initiator.clock.pass(600_000);
  assertEquals(initiator.closes, [], "who waits for somebody may wait long");
});

Deno.test("sealed: whoever has many handshakes to make has time for each as long as it goes on with others", () => {
  const [pair, other] = [new Pair().open(), new Pair().open()];
  const [initiator, responder] = pair.inOrder;
  pair.passOne(initiator, responder);
  responder.clock.pass(9_999);
  other.passOne(...other.inOrder);
  responder.clock.pass(9_999);
  assertEquals(responder.closes, []);
  responder.clock.pass(2);
  assertBroken(responder);
});

Deno.test("sealed: no timer is left behind", () => {
  const pair = new Pair().open().settle();
  assertEquals([pair.left.clock.pending, pair.right.clock.pending], [0, 0]);
});

Deno.test("sealed: a message over 64 MiB is refused by the sender, and by the receiver", () => {
  const { messageBytes } = SEAL_LIMITS;
  const { left } = new Pair().open().settle();
  left.socket.send(new Uint8Array(messageBytes + 1));
  assertEquals([left.closeCode, left.carrier.sent.length], [1009, 0]);
  const key = new Uint8Array(32);
  const [writer, reader] = [new CipherState(key), new RecordReader(new CipherState(key))];
  const part = new Uint8Array(RECORD - 16).fill(0x12, 0, 1);
  const fits = Math.floor(messageBytes / (part.byteLength - 1));
  for (let i = 0; i < fits; i++) assertEquals(reader.read(writer.encrypt(part)), undefined);
  assertThrows(() => reader.read(writer.encrypt(part)), RangeError, "want at most 67108864 bytes");
});

Deno.test("sealed: no more is under way than 4 MiB, what waits is counted, and all of it comes as it was", () => {
  const pair = new Pair().open().settle();
  const { left, right } = pair;
  const bytes = new Uint8Array(10_000_000).map((_, i) => i % 251);
  const copy = bytes.slice();
  left.socket.send(bytes);
  left.socket.send("behind it");
  bytes.fill(0);
  const underWay = left.carrier.sent.reduce((sum, { byteLength }) => sum + byteLength, 0);
  assertEquals([underWay > 3_900_000, underWay < 4_200_000], [true, true], `${underWay}`);
  assertEquals(left.socket.bufferedAmount, 10_000_009);
  left.socket.close(4000, "and the end");
  assertEquals(left.carrier.closedWith, undefined);
  right.socket.send("not heard any more");
  pair.settle();
  assertEquals(right.heard.length, 2);
  assertEquals(right.heard[1], "behind it");
  assertEquals((right.heard[0] as Uint8Array).every((byte, i) => byte === copy[i]), true);
  assertEquals([right.closeCode, left.closeCode, left.heard, left.socket.bufferedAmount], [4000, 4000, [], 0]);
  assertEquals([left.clock.pending, right.clock.pending], [0, 0]);
});

Deno.test("sealed: small messages weigh what they cost a relay, and the window opens as they are taken", () => {
  const pair = new Pair().open().settle();
  for (let i = 0; i < 10_000; i++) pair.left.socket.send(String(i));
  assertEquals(pair.left.carrier.sent.length < 4_100, true);
  pair.settle();
  assertEquals(pair.right.heard, Array.from({ length: 10_000 }, (_, i) => String(i)));
  for (let i = 0; i < 10_000; i++) pair.right.socket.send(String(i));
  pair.settle();
  assertEquals(pair.left.heard.length, 10_000);
});

Deno.test("sealed: who closes waits a minute for the other side to take what was sent before", () => {
  const { left } = new Pair().open().settle();
  left.socket.send(new Uint8Array(5_000_000));
  left.socket.close();
  left.clock.pass(59_999);
  assertEquals(left.carrier.closedWith, undefined);
  left.clock.pass(1);
  assertEquals(left.carrier.closedWith, { code: 1000, reason: undefined });
  assertEquals(left.closes.map(({ wasClean }) => wasClean), [false]);
});

Deno.test("sealed: who closes has another minute whenever the other side has taken something", () => {
  const pair = new Pair().open().settle();
  const { left, right } = pair;
  left.socket.send(new Uint8Array(8_000_000));
  left.socket.close(4000, "all is said");
  while (pair.passOne(left, right)) if (pair.passOne(right, left)) left.clock.pass(59_999);
  assertEquals(right.heard.length, 1);
  pair.settle();
  assertEquals([left, right].map(({ closeCode }) => closeCode), [4000, 4000]);
});

Deno.test("sealed: nobody can have taken more than was sent", () => {
  const outbox = new Outbox({ send: () => {}, failed: () => {} });
  assertThrows(() => outbox.arrived(1), RangeError, "no more taken than was sent");
});

function assertBroken(end: End): void {
  assertEquals(end.met, []);
  assertEquals(end.closes, [{ code: 4411, reason: "seal is broken", wasClean: false }]);
  assertEquals(end.errors.length, 1);
  assertStringIncludes(end.errors[0], "seal is broken");
}
