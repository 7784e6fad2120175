import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import ws from "ws";
import { platform } from "../../src/client/environment.ts";
import type { PeerClose } from "../../src/client/socket/end.ts";
import type { PeerData } from "../../src/client/socket/inbox.ts";
import {
  type PeerSocket,
  type PlatformSocket,
  toPeerSocket,
  type WebSocketClass,
} from "../../src/client/peer_socket.ts";
import { FakeSocket, turn } from "./fake_relay.ts";

const MIB = 1024 * 1024;

/** A server that greets with a text and a binary message, echoes, and closes with 4321 when told "bye". */
async function withEcho(test: (url: string) => Promise<void>): Promise<void> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => ["hello", new Uint8Array([1, 2])].forEach((data) => socket.send(data));
    socket.onmessage = ({ data }) => data === "bye" ? socket.close(4321, "told so") : socket.send(data);
    return response;
  });
  try {
    await test(`ws://127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

function open(Class: WebSocketClass, url: string): PeerSocket {
  return toPeerSocket(new Class(url) as unknown as PlatformSocket, platform());
}

/** A peer socket whose other end is the test. */
function fake(): { socket: PeerSocket; bare: FakeSocket } {
  const bare = new FakeSocket("ws://relay");
  const socket = toPeerSocket(bare as unknown as PlatformSocket, platform());
  bare.open();
  return { socket, bare };
}

/** As libraries wrap the platform's class: its constructor hands out objects of another class. */
const Wrapped: WebSocketClass = new Proxy(WebSocket, {
  construct: (Class, [url]) => Reflect.construct(Class, [url]),
});

const CLASSES = { "Deno's": WebSocket, "that of ws": ws, "one in a wrapper": Wrapped };

for (const [name, Class] of Object.entries<WebSocketClass>(CLASSES)) {
  Deno.test(`peer socket: one made of ${name} is one, and reads like a stream`, async () => {
    await withEcho(async (url) => {
      const socket = open(Class, url);
      assertInstanceOf(socket, Class as unknown as typeof WebSocket);
      const messages: unknown[] = [];
      const closed = Promise.withResolvers<PeerClose>();
      socket.on("close", closed.resolve).on("data", (data) => {
        messages.push(data);
        if (messages.length === 2) ["text", "bye"].forEach((text) => socket.write(text));
      });
      const { code, reason } = await closed.promise;
      assertEquals(messages, ["hello", new Uint8Array([1, 2]).buffer, "text"]);
      assertEquals({ code, reason }, { code: 4321, reason: "told so" });
    });
  });

  Deno.test(`peer socket: listeners of the platform work beside ours, made of ${name}`, async () => {
    await withEcho(async (url) => {
      const socket = open(Class, url);
      const heard: string[] = [];
      const ended = Promise.withResolvers<void>();
      const removed = () => heard.push("removed");
      socket.addEventListener("message", removed);
      socket.removeEventListener("message", removed);
      socket.addEventListener("close", ({ code }) => (heard.push(`close ${code}`), ended.resolve()), { once: true });
      socket.onclose = ({ code }) => heard.push(`onclose ${code}`);
      socket.onmessage = ({ data }) => data === "hello" && (heard.push(data), socket.write("bye"));
      await ended.promise;
      assertEquals(heard.toSorted(), ["close 4321", "hello", "onclose 4321"]);
    });
  });

  Deno.test(`peer socket: who listens late misses nothing, not even the end, made of ${name}`, async () => {
    await withEcho(async (url) => {
      const socket = open(Class, url);
      await new Promise((resolve) => socket.addEventListener("open", resolve));
      socket.write("bye");
      await new Promise((resolve) => socket.addEventListener("close", resolve));
      const heard: unknown[] = [];
      socket.on("data", (data) => heard.push(typeof data)).on("close", ({ code }) => heard.push(code));
      assertEquals(heard, [], "not before it returns");
      await turn();
      assertEquals(heard, ["string", "object", 4321]);
    });
  });
}

Deno.test("peer socket: who listens late for the end and then for messages hears the messages first", async () => {
  const { socket, bare } = fake();
  bare.receive("1");
  bare.end(4321);
  const heard: unknown[] = [];
  socket.on("close", ({ code }) => heard.push(code)).on("data", (data) => heard.push(data));
  while (heard.length < 2) await turn();
  assertEquals(heard, ["1", 4321]);
});

Deno.test("peer socket: messages that were kept come before later ones, to all who listen first", async () => {
  const { socket, bare } = fake();
  bare.receive("1");
  const heard: string[] = [];
  for (const name of ["a", "b"]) socket.on("data", (data) => heard.push(`${name}${data}`));
  bare.receive("2");
  await turn();
  socket.on("data", (data) => heard.push(`c${data}`));
  bare.receive("3");
  assertEquals(heard, ["a1", "b1", "a2", "b2", "a3", "b3", "c3"]);
});

Deno.test("peer socket: who listens for the first time after more than 1 MiB has come is told that it is lost", async () => {
  const few = fake();
  const most = new ArrayBuffer(MIB - 64);
  few.bare.receive(most);
  const heard: PeerData[] = [];
  few.socket.on("data", (data) => heard.push(data));
  await turn();
  assertStrictEquals(heard[0], most);

  const { socket, bare } = fake();
  bare.receive(most);
  bare.receive("");
  assertThrows(() => socket.on("data", () => {}), Error, "want a listener before 1048576 bytes have come");
});

Deno.test("peer socket: for an application that reads in another way nothing is kept", async () => {
  const ways: Record<string, (socket: PeerSocket) => void> = {
    onmessage: (socket) => socket.onmessage = () => {},
    addEventListener: (socket) => socket.addEventListener("message", () => {}),
  };
  for (const [way, read] of Object.entries(ways)) {
    const { socket, bare } = fake();
    read(socket);
    bare.receive(new ArrayBuffer(2 * MIB));
    bare.receive("before");
    const heard: PeerData[] = [];
    socket.on("data", (data) => heard.push(data));
    await turn();
    bare.receive("after");
    assertEquals(heard, ["after"], way);
  }
});

Deno.test("peer socket: a listener that throws keeps no other from hearing", async () => {
  const { socket, bare } = fake();
  const uncaught: unknown[] = [];
  const report = (event: ErrorEvent) => (event.preventDefault(), uncaught.push(event.error));
  globalThis.addEventListener("error", report);
  const fail = () => {
    throw "mine";
  };
  const heard: string[] = [];
  socket.on("data", fail).on("data", () => heard.push("data")).on("close", fail).on("close", () => heard.push("close"));
  bare.receive("");
  await turn();
  bare.end();
  await turn();
  globalThis.removeEventListener("error", report);
  assertEquals(heard, ["data", "close"]);
  assertEquals(uncaught, ["mine", "mine"]);
});

Deno.test("peer socket: events of ws pass through", async () => {
  await withEcho(async (url) => {
    const socket = open(ws, url) as unknown as ws;
    await new Promise<void>((resolve) => {
      assertStrictEquals(socket.on("open", resolve), socket);
    });
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.close(1000);
    await closed;
  });
});

Deno.test("peer socket: misuse is refused", async () => {
  await withEcho(async (url) => {
    const socket = open(WebSocket, url);
    // @ts-expect-error unknown name
    assertThrows(() => socket.on("message", () => {}), TypeError, 'want "data" or "close", got "message"');
    // @ts-expect-error no function
    assertThrows(() => socket.on("data"), TypeError, "want a function, got undefined");
    assertThrows(() => socket.write("too early"), DOMException);
    const closed = new Promise<PeerClose>((resolve) => socket.on("close", resolve));
    socket.addEventListener("open", () => socket.close(1000));
    assert((await closed).wasClean);
  });
});
