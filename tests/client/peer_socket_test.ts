import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import ws from "ws";
import { type PeerClose, peerSocketClass, type WebSocketClass } from "../../src/client/peer_socket.ts";

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

for (const [name, Class] of Object.entries<WebSocketClass>({ "Deno's": WebSocket, "that of ws": ws })) {
  const PeerSocket = peerSocketClass(Class);

  Deno.test(`peer socket: one made of ${name} is one, and reads like a stream`, async () => {
    await withEcho(async (url) => {
      const socket = new PeerSocket(url);
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
      const socket = new PeerSocket(url);
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
}

Deno.test("peer socket: events of ws pass through", async () => {
  await withEcho(async (url) => {
    const socket = new (peerSocketClass(ws))(url) as unknown as ws;
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
    const socket = new (peerSocketClass(WebSocket))(url);
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
