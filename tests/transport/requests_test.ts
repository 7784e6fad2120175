/** What the transports make of one request for a socket: the same. */

import { assertEquals, assertMatch } from "@std/assert";
import { Server } from "../../src/server/server.ts";
import { Peer } from "../helpers/peer.ts";
import { handshake, RawConnection } from "../helpers/raw.ts";
import { type Variant, VARIANTS } from "../helpers/transports.ts";

/** Requests, and the ids that they are for. */
const REQUESTS: [what: string, request: string, id: string][] = [
  ["an empty host", handshake("/introduction/alice", { host: "" }), "alice"],
  ["no host", handshake("/introduction/alice").replace(/host:.*\r\n/, ""), "alice"],
  ["raw UTF-8 in the path", handshake("/introduction/Grüße🎉"), "Grüße🎉"],
  ["the same escaped", handshake("/introduction/Gr%C3%BC%C3%9Fe%F0%9F%8E%89"), "Grüße🎉"],
  ["a fragment", handshake("/introduction/alice#x"), "alice"],
  ["an absolute target", handshake("http://relay/introduction/alice"), "alice"],
  ["dot segments", handshake("/x/%2e%2e/introduction/alice"), "alice"],
  ["a body of no bytes", handshake("/introduction/alice", { "content-length": "0" }), "alice"],
];

/** What a transport answers by itself, with 400: the README lists those of `deno`. HTTP/1.1 wants a host, if an empty one. */
const REFUSED: Record<string, string[]> = {
  deno: ["a body of no bytes"],
  tcp: ["no host"],
};

/** Subprotocols as clients spell them, and the one that is chosen. */
const SUBPROTOCOLS: [asked: string, chosen: string | undefined][] = [
  ["chat", "chat"],
  ["chat, superchat", "chat"],
  ["v10.stomp,v11.stomp", "v10.stomp"],
];

for (const variant of VARIANTS) {
  const { name, transport } = variant;
  for (const [what, request, id] of REQUESTS) {
    const isRefused = REFUSED[transport].includes(what);
    Deno.test(`${name}: ${what} is ${isRefused ? "refused below the relay" : "no reason to refuse a socket"}`, async () => {
      await using relay = await start(variant);
      await using bob = await Peer.open(`${relay.url}/introduction/bob`);
      bob.say({ type: "Join", join: ["doc"] });
      using raw = await RawConnection.open(relay);
      await raw.write(request);
      assertMatch(await raw.readHead(), isRefused ? /^HTTP\/1.1 400 / : /^HTTP\/1.1 101 /);
      if (isRefused) return;
      await raw.sendText('{"type":"Join","join":["doc"]}');
      assertEquals(await bob.heard(), { type: "Introduction", userName: id, documentIds: ["doc"] });
    });
  }

  for (const path of ["/introduction/alice", "/connection/alice/bob/doc"]) {
    for (const [asked, chosen] of SUBPROTOCOLS) {
      Deno.test(`${name}: of the subprotocols "${asked}" for ${path} the first is chosen`, async () => {
        await using relay = await start(variant);
        using raw = await RawConnection.open(relay);
        await raw.write(handshake(path, { "sec-websocket-protocol": asked }));
        const head = await raw.readHead();
        assertEquals(/^sec-websocket-protocol: (.*)\r$/im.exec(head)?.[1], chosen);
        assertMatch(head, /^HTTP\/1.1 101 /);
      });
    }
  }
}

async function start({ config, isTls }: Variant) {
  const server = await new Server({ port: 0, host: "127.0.0.1", ...config }).listen();
  const url = `${isTls ? "wss" : "ws"}://127.0.0.1:${server.port}`;
  return { port: server.port, isTls, url, [Symbol.asyncDispose]: () => server.close() };
}
