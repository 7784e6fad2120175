/**
 * Who sees all that the relay sees learns neither words nor names, documents or the secret: from a client, from the
 * adapter for Automerge and from the provider for Yjs. Unsealed, the same eyes see it all.
 */

import { assertEquals } from "@std/assert";
import * as Y from "yjs";
import { type PeerId, RelayNetworkAdapter } from "../../../src/automerge/mod.ts";
import { Client, createSecret } from "../../../src/client/mod.ts";
import { RelayProvider } from "../../../src/yjs/mod.ts";
import { within } from "../../helpers/process.ts";
import { TRANSPORTS } from "../../helpers/transports.ts";
import { canReadMemory, TappedRelay } from "./tap.ts";

const ALICE = "Alice-the-narrator";
const BOB = "Bob-the-listener";
const DOCUMENT = "ambitious-mongoose-on-the-moon";
const WORDS = "the condor flies at midnight";
const FAREWELL = "the eagle has landed";

/** Two people meet, and one says something to the other. */
type Scene = (relay: TappedRelay, secret?: string) => Promise<void>;

const SCENES: Record<string, Scene> = {
  "a client": async (relay, secret) => {
    const options = { url: relay.url, WebSocket: relay.WebSocket, documentIds: [DOCUMENT], secret };
    await using alice = new Client({ ...options, userName: ALICE });
    await using bob = new Client({ ...options, userName: BOB });
    const heard = new Promise((resolve) => {
      bob.on("peer.connect", ({ socket }) => socket.on("data", (data) => socket.on("close", () => resolve(data))));
    });
    alice.on("peer.connect", ({ socket }) => {
      socket.write(WORDS);
      socket.close(4000, FAREWELL);
    });
    assertEquals(await within(heard, "Bob to hear"), WORDS);
  },

  "the adapter for Automerge": async (relay, secret) => {
    const options = { url: relay.url, WebSocket: relay.WebSocket, channel: DOCUMENT, secret };
    const [alice, bob] = [new RelayNetworkAdapter(options), new RelayNetworkAdapter(options)];
    const heard = new Promise((resolve) => bob.on("message", ({ data }) => resolve(new TextDecoder().decode(data))));
    alice.on("peer-candidate", ({ peerId }) => {
      const data = new TextEncoder().encode(`${WORDS}, ${FAREWELL}`);
      alice.send({ type: "sync", senderId: ALICE as PeerId, targetId: peerId, data });
    });
    alice.connect(ALICE as PeerId);
    bob.connect(BOB as PeerId);
    assertEquals(await within(heard, "Bob to hear"), `${WORDS}, ${FAREWELL}`);
    for (const adapter of [alice, bob]) adapter.disconnect();
  },

  "the provider for Yjs": async (relay, secret) => {
    const options = { WebSocket: relay.WebSocket, secret };
    const [hers, his] = [new Y.Doc(), new Y.Doc()];
    hers.getText().insert(0, `${WORDS}, ${FAREWELL}`);
    const alice = new RelayProvider(relay.url, DOCUMENT, hers, { ...options, userName: ALICE });
    const bob = new RelayProvider(relay.url, DOCUMENT, his, { ...options, userName: BOB });
    alice.awareness.setLocalState({ name: ALICE });
    await within(new Promise<void>((resolve) => his.getText().observe(() => resolve())), "Bob to read");
    assertEquals(his.getText().toString(), `${WORDS}, ${FAREWELL}`);
    for (const provider of [alice, bob]) provider.destroy();
  },
};

for (const transport of TRANSPORTS) {
  for (const [title, scene] of Object.entries(SCENES)) {
    Deno.test(`tap: sealed, ${title} tells a relay on ${transport} nothing`, async () => {
      await using relay = await TappedRelay.start(["--transport", transport]);
      const secret = createSecret();
      await scene(relay, secret);
      const secrets = [ALICE, BOB, DOCUMENT, WORDS, FAREWELL, secret];
      assertEquals([relay.onTheWire(secrets), await relay.inTheLog(secrets)], [[], []]);
      assertEquals(relay.bytes > 500, true);
      if (canReadMemory()) assertEquals(relay.inMemory(secrets), []);
    });

    Deno.test(`tap: unsealed, a relay on ${transport} hears all that ${title} says`, async () => {
      await using relay = await TappedRelay.start(["--transport", transport]);
      await scene(relay);
      const known = [ALICE, BOB, DOCUMENT];
      assertEquals(relay.onTheWire([...known, WORDS, FAREWELL]), [...known, WORDS, FAREWELL]);
      assertEquals((await relay.inTheLog(known)).length > 0, true);
      if (canReadMemory()) assertEquals(relay.inMemory(known), known);
    });
  }
}
