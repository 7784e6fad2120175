import { assert, assertEquals, assertThrows } from "@std/assert";
import type { PeerData, PeerSocket } from "../src/client/mod.ts";
import { MessageStream } from "../src/message_stream.ts";

const PIECE = 64 * 1024;
const MIB = 1024 * 1024;
const WINDOW = 4 * MIB;

Deno.test("messages of any size cross unchanged and in order, both ways, in frames of 64 KiB", () => {
  const [alice, bob] = pair();
  const messages = [0, 1, PIECE - 1, PIECE, PIECE + 1, 5, 3 * PIECE, 20 * MIB, 2].map(bytes);
  for (const end of [alice, bob]) for (const message of messages) end.stream.send(message);
  deliverAll(alice, bob);
  for (const { heard } of [alice, bob]) assertSame(heard, messages);
  assertEquals(Math.max(...alice.socket.sizes), PIECE + 1);
});

Deno.test("no more is under way than the other side has room for, and all of it arrives", () => {
  const [alice, bob] = pair();
  const message = bytes(10 * MIB);
  alice.stream.send(message);
  alice.stream.send(bytes(3));
  const underWay = alice.socket.outgoing.reduce((sum, data) => sum + (data as ArrayBuffer).byteLength, 0);
  assert(underWay > WINDOW / 2 && underWay < WINDOW + 2 * PIECE, `${underWay} bytes`);
  deliverAll(alice, bob);
  assertSame(bob.heard, [message, bytes(3)]);
});

Deno.test("many small messages count, too", () => {
  const [alice, bob] = pair();
  for (let i = 0; i < 10_000; i++) alice.stream.send(new Uint8Array([i]));
  assert(alice.socket.outgoing.length < 5_000, `${alice.socket.outgoing.length} frames under way`);
  deliverAll(alice, bob);
  assertEquals(bob.heard.length, 10_000);
});

Deno.test("a connection whose peer does not read is ended when over 256 MiB wait", () => {
  const [alice] = pair();
  const message = new Uint8Array(64 * MIB);
  for (let i = 0; i < 3; i++) alice.stream.send(message);
  assertEquals(alice.socket.closedWith, undefined);
  alice.stream.send(message);
  assertEquals(alice.socket.closedWith, 4413);
});

Deno.test("a message over 256 MiB is refused, and the connection goes on", () => {
  const [alice, bob] = pair();
  assertThrows(() => alice.stream.send(new Uint8Array(256 * MIB + 1)), RangeError, "want at most 268435456 bytes");
  alice.stream.send(bytes(3));
  deliverAll(alice, bob);
  assertSame(bob.heard, [bytes(3)]);
});

Deno.test("nothing is sent when the connection is over", () => {
  const [alice] = pair();
  alice.socket.close();
  alice.stream.send(bytes(3));
  assertEquals(alice.socket.outgoing, []);
});

const MORE = frame(0, PIECE);

for (
  const [what, ...frames] of [
    ["a word", "Hello!"],
    ["nothing", ""],
    ["a negative number", "-1"],
    ["news of more than was sent", "1"],
    ["an empty frame", new ArrayBuffer(0)],
    ["an unknown mark", frame(2, 5)],
    ["a piece that is too short", frame(0, 5)],
    ["a piece that is too long", frame(0, PIECE + 1)],
    ["a message without end", ...Array.from({ length: 4097 }, () => MORE)],
  ] satisfies [string, ...PeerData[]][]
) {
  Deno.test(`a peer that says ${what} fails once, and is not heard any more`, () => {
    const [alice] = pair();
    for (const data of [...frames, ...frames, frame(1, 3)]) alice.socket.receive(data);
    assertEquals(alice.failures.length, 1);
    assert(alice.failures[0].startsWith("Cannot understand a peer: want "), alice.failures[0]);
    assertEquals(alice.heard, []);
  });
}

/** One end of a connection. */
class End {
  readonly socket = new FakeSocket();
  readonly heard: Uint8Array[] = [];
  readonly failures: string[] = [];
  readonly stream = new MessageStream(this.socket as unknown as PeerSocket, {
    message: (message) => this.heard.push(message),
    failed: ({ message }) => this.failures.push(message),
  });
}

/** A socket whose other side is the test. */
class FakeSocket {
  readyState = 1;
  closedWith: number | undefined;
  readonly outgoing: PeerData[] = [];
  /** Of all binary frames that were ever sent. */
  readonly sizes: number[] = [];
  receive: (data: PeerData) => void = () => {};

  on(_event: "data", listener: (data: PeerData) => void): void {
    this.receive = listener;
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.outgoing.push(typeof data === "string" ? data : data.buffer);
    if (typeof data !== "string") this.sizes.push(data.byteLength);
  }

  close(code = 1005): void {
    this.readyState = 2;
    this.closedWith = code;
  }
}

function pair(): [End, End] {
  return [new End(), new End()];
}

/** Brings over what was sent, and what is sent because of it. */
function deliverAll(alice: End, bob: End): void {
  while (alice.socket.outgoing.length + bob.socket.outgoing.length > 0) {
    for (const data of alice.socket.outgoing.splice(0)) bob.socket.receive(data);
    for (const data of bob.socket.outgoing.splice(0)) alice.socket.receive(data);
  }
}

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index * 31 + length);
}

function frame(mark: number, length: number): ArrayBuffer {
  const frame = new Uint8Array(1 + length);
  frame[0] = mark;
  return frame.buffer;
}

/** Lengths first, and no difference in full: it would fill the screen. */
function assertSame(heard: Uint8Array[], said: Uint8Array[]): void {
  assertEquals(heard.map(({ byteLength }) => byteLength), said.map(({ byteLength }) => byteLength));
  for (const [index, message] of said.entries()) {
    assert(message.every((byte, at) => byte === heard[index][at]), `message ${index} changed on its way`);
  }
}
