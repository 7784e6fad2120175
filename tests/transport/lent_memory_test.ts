/** What a peer says is read into memory that is used again: whatever waits is a copy, also where it fills that memory. */

import { assertEquals } from "@std/assert";
import { LIMITS } from "../../src/server/core/limits.ts";
import { Server } from "../../src/server/server.ts";
import { Peer } from "../helpers/peer.ts";
import { frameOf, joined, RawConnection } from "../helpers/raw.ts";
import { type Variant, VARIANTS } from "../helpers/transports.ts";

const BINARY = 2;

/** Its answer says that all before it is read. */
const PING_FRAME = frameOf(9, new Uint8Array(0));

for (const variant of VARIANTS) {
  for (const [size, length] of Object.entries(LIMITS.readBytes)) {
    Deno.test(`${variant.name}: a message that fills a ${size} buffer is heard, though its peer is busy with others`, async () => {
      await using relay = await start(variant);
      await using bob = await Peer.open(`${relay.url}/introduction/bob`);
      bob.say({ type: "Join", join: ["filling", "after"] });
      using alice = await RawConnection.upgrade(relay, "/introduction/alice");
      using carol = await RawConnection.upgrade(relay, "/introduction/carol");
      await keepBusy(alice);
      const frame = frameOf(BINARY, joinOf("filling", length));
      const header = frame.byteLength - length;
      await alice.write(joined(PING_FRAME, frame.subarray(0, header)));
      await alice.readFrame();
      await alice.write(joined(frame.subarray(header), PING_FRAME));
      await alice.readFrame();
      await carol.write(joined(frameOf(BINARY, joinOf("other", 2 * length)), PING_FRAME));
      await carol.readFrame();
      await alice.sendText('{"type":"Join","join":["after"]}');
      assertEquals(await bob.heard(), { type: "Introduction", userName: "alice", documentIds: ["filling"] });
      assertEquals(await bob.heard(), { type: "Introduction", userName: "alice", documentIds: ["after"] });
    });
  }
}

/** Says what takes many turns of the event loop. */
async function keepBusy(peer: RawConnection): Promise<void> {
  const join = Array.from({ length: 9_998 }, (_, i) => `${i}`);
  for (let i = 0; i < 8; i++) await peer.sendText(JSON.stringify({ type: "Join", join }));
}

/** A message of so many bytes. */
function joinOf(documentId: string, length: number): Uint8Array {
  return new TextEncoder().encode(`{"type":"Join","join":["${documentId}"]}`.padEnd(length));
}

async function start({ config, isTls }: Variant) {
  const server = await new Server({ port: 0, host: "127.0.0.1", ...config }).listen();
  const url = `${isTls ? "wss" : "ws"}://127.0.0.1:${server.port}`;
  return { port: server.port, isTls, url, [Symbol.asyncDispose]: () => server.close() };
}
