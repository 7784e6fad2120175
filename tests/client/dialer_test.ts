/** What the client makes of sockets whose events come in any order, and of applications that throw anything. */

import { assertEquals } from "@std/assert";
import type { Token } from "../../src/client/options.ts";
import { diary, FakeRelay, FakeSocket, turn } from "./fake_relay.ts";

const INTRODUCTION = "ws://relay/introduction/alice";

Deno.test("dialer: an error before it opened is the end, though no close follows", async () => {
  const relay = new FakeRelay();
  const lines = diary(relay.client());
  await turn();
  relay.introduction.fail("refused");
  assertEquals(lines, [`error Connection to ${INTRODUCTION} failed: refused`]);
  await relay.pass(500);
  assertEquals(relay.introductions.length, 2);
  relay.introduction.open();
  await turn();
  assertEquals(lines.slice(1), ["server.connect"]);
});

Deno.test("dialer: a socket that failed without a close delays no disposal", async () => {
  const relay = new FakeRelay();
  const client = relay.client();
  await turn();
  relay.introduction.fail();
  let isDisposed = false;
  client[Symbol.asyncDispose]().then(() => isDisposed = true);
  await turn();
  assertEquals([isDisposed, relay.clock.pending], [true, 0]);
});

Deno.test("dialer: an error after it opened is the end a second later, unless a close says more", async () => {
  for (const [end, code] of [[(socket: FakeSocket) => socket.end(4409), "superseded"], [() => {}, "lost"]] as const) {
    const relay = new FakeRelay();
    const client = await relay.paired();
    const lines = diary(client);
    relay.connection.fail("broken");
    await relay.pass(900);
    assertEquals(lines, []);
    end(relay.connection);
    await relay.pass(100);
    const error = "error Connection to ws://relay/connection/alice/bob/doc failed: broken";
    assertEquals(lines.toSorted(), [error, "peer.disconnect bob doc"], code);
    await relay.pass(500);
    assertEquals(relay.joins, code === "superseded" ? 1 : 2, code);
  }
});

Deno.test("dialer: events that come twice or late are heard once", async () => {
  const relay = new FakeRelay();
  const client = relay.client();
  const lines = diary(client);
  await turn();
  const { introduction } = relay;
  for (const event of ["open", "open", "fail", "end", "fail", "end", "open"] as const) introduction[event]();
  await turn();
  assertEquals(lines.map((line) => line.split(" ")[0]), ["server.connect", "error", "server.disconnect"]);
  assertEquals(client.open, false);
});

Deno.test("dialer: a message says that the socket is open, if nothing else did", async () => {
  const relay = new FakeRelay();
  const client = relay.client();
  const lines = diary(client);
  await turn();
  relay.introduction.readyState = 1;
  await relay.introduce("bob");
  relay.connection.readyState = 1;
  relay.connection.receive("Hello!");
  assertEquals(lines, ["server.connect", "peer.connect bob doc"]);
  const heard: unknown[] = [];
  client.get("bob", "doc")!.on("data", (data) => heard.push(data));
  await turn();
  assertEquals(heard, ["Hello!"]);
});

Deno.test("dialer: a relay that was lost without any event is noticed at the next heartbeat", async () => {
  const relay = new FakeRelay();
  const lines = diary(await relay.connected());
  relay.introduction.readyState = 3;
  await relay.pass(25_000);
  assertEquals(lines, [`error Connection to ${INTRODUCTION} failed: it ended without a word`, "server.disconnect"]);
});

Deno.test("dialer: a socket that throws instead of sending has failed", async () => {
  const relay = new FakeRelay();
  const client = await relay.connected();
  const lines = diary(client);
  relay.introduction.send = () => {
    throw "not now";
  };
  client.join("other");
  await turn();
  assertEquals(lines, [`error Connection to ${INTRODUCTION} failed: not now`, "server.disconnect"]);
});

const NO_REASON = ": the token function gave no reason";
const ANYTHING: [thrown: unknown, words: string][] = [
  [new Error("no token"), ": no token"],
  ["offline", ": offline"],
  [404, ": 404"],
  [Symbol("no"), ": Symbol(no)"],
  [undefined, NO_REASON],
  [null, NO_REASON],
  [{}, NO_REASON],
  [Object.create(null), NO_REASON],
  [{ message: 404 }, NO_REASON],
  [new Proxy({}, { get: fail, has: fail, getPrototypeOf: fail }), NO_REASON],
];

Deno.test("dialer: whatever a token function throws is an error, and it is asked again", async () => {
  for (const [thrown, words] of ANYTHING) {
    const ways: Record<string, Token> = {
      "rejects": () => Promise.reject(thrown),
      "throws": () => fail(thrown),
      "later": () => new Promise((_, reject) => queueMicrotask(() => reject(thrown))),
    };
    for (const [way, token] of Object.entries(ways)) {
      const relay = new FakeRelay();
      let asked = 0;
      const client = relay.client({ token: () => asked++ === 0 ? (token as () => string)() : "secret" });
      const lines = diary(client);
      await turn();
      assertEquals(lines, [`error Connection to ${INTRODUCTION} failed${words}`], way);
      await relay.pass(500);
      assertEquals(relay.introduction.url, `${INTRODUCTION}?protocol=5&token=secret`);
    }
  }
});

Deno.test("dialer: what is no token is said to be none", async () => {
  const relay = new FakeRelay();
  const lines = diary(relay.client({ token: (() => ({})) as unknown as Token }));
  await turn();
  const words = "want the token function to give a string, got object";
  assertEquals([lines, relay.sockets], [[`error Connection to ${INTRODUCTION} failed: ${words}`], []]);

  const none = new FakeRelay();
  none.client({ token: (() => null) as unknown as Token });
  await turn();
  assertEquals(none.introduction.url, `${INTRODUCTION}?protocol=5`);
});

Deno.test("dialer: whatever a WebSocket class throws is an error, and it is tried again", async () => {
  const relay = new FakeRelay();
  const lines = diary(relay.client({
    WebSocket: class extends FakeSocket {
      constructor(url: string) {
        super(url);
        fail("no sockets");
      }
    },
  }));
  await turn();
  await relay.pass(500);
  assertEquals(lines, Array(2).fill(`error Connection to ${INTRODUCTION} failed: no sockets`));
});

function fail(thrown: unknown): never {
  throw thrown;
}
