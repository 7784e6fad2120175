/** The provider from the packed package, with real documents, each in a Node process of its own. */

import { assertEquals, assertMatch } from "@std/assert";
import { Client, createSecret } from "../../src/client/mod.ts";
import type { Engine } from "../browsers/browser.ts";
import { stepInEngines } from "../browsers/engines.ts";
import { RelayStage } from "../client/stage.ts";
import { NodeProject } from "../helpers/node_project.ts";
import { Inbox, within } from "../helpers/process.ts";
import { runSnippet } from "../helpers/readme.ts";
import { SharedText } from "./shared_text.ts";
import { YjsPeer } from "./yjs_peer.ts";

const OPTIONS = ["--max-message-bytes", "70000", "--drain-timeout", "1"];
/** More than a relay keeps for a slow reader. */
const BIG = 20_000_000;
const MODULE = "@localfirst/relay/yjs";

const USE = `
import { RelayProvider } from "${MODULE}";
import { WebSocket } from "ws";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";

const doc = new Y.Doc();
const options = { awareness: new Awareness(doc), connect: false, token: "secret", WebSocket };
const provider = new RelayProvider("relay.example", "room", doc, options)
  .on("status", ({ status }) => status satisfies "connecting" | "connected" | "disconnected")
  .on("connection-error", ({ message }, { synced }) => console.log(message.trim(), synced satisfies boolean));
provider.on("connection-close", (close) => console.log(close?.code.toFixed(), close?.reason.trim()));
provider.on("sync-status", ({ status }) => status satisfies "green" | "yellow" | "red");
provider.shouldConnect = provider.wsconnected || provider.wsconnecting;
provider.awareness satisfies Awareness;
provider.doc satisfies Y.Doc;
// @ts-expect-error no such event
provider.on("connected", () => {});
provider.destroy();
`;

/** An application in CommonJS, whose Yjs is another than that of the provider. */
const REQUIRE = `
const { Doc } = require("yjs");
const { RelayProvider } = require("${MODULE}");
try {
  new RelayProvider("ws://127.0.0.1:1", "room", new Doc());
} catch (error) {
  console.log(String(error));
}
`;
const REFUSED =
  "TypeError: Cannot share a document: want a Doc of the copy of yjs that the provider imports, got one of " +
  "another copy: load yjs with import, not require, and install it once";

Deno.test("Yjs, packed", async (test) => {
  await using project = await NodeProject.copy(new URL("node/", import.meta.url));
  const settings: [transport: string, secret?: string][] = [["deno"], ["tcp"], ["tcp", createSecret()]];
  for (const [transport, secret] of settings) {
    for (const [name, scene] of Object.entries(SCENES)) {
      await test.step(`${name} (${transport}${secret ? ", sealed" : ""})`, async () => {
        await using relay = await RelayStage.start([...OPTIONS, "--transport", transport]);
        await using cast = new AsyncDisposableStack();
        await scene({ relay, join: (name) => cast.use(new YjsPeer(project, relay.url, name, secret)), secret });
      });
    }
  }

  await test.step("the types of the packed provider hold", async () => {
    await project.write("use.ts", USE);
    assertEquals(await project.typeCheck("use.ts", "--skipLibCheck"), "");
  });

  await test.step("a document of a second copy of yjs is refused with a sentence", async () => {
    await project.write("require.cjs", REQUIRE);
    await using node = project.node("require.cjs");
    await node.nextLine("what was refused", (line) => line === REFUSED ? line : undefined);
  });

  await test.step("the README's example", async () => {
    await using relay = await RelayStage.start();
    await using example = await runSnippet(project, MODULE, relay.url);
    await using bob = new YjsPeer(project, relay.url, "bob");
    await bob.reads("Hello! 🎉");
    await bob.tells("states", ({ states }) => JSON.stringify(states).includes('{"user":{"name":"Alice"}}'));
    await example.nextLine("its status", (line) => line === "connected" ? line : undefined);
    await example.nextLine("its text", (line) => line === "Hello! 🎉" ? line : undefined);
  });

  const title = "the README's page: two windows edit one text, through a relay that is restarted";
  await stepInEngines(test, title, (engine) => editTogether(project, engine));
});

/** What both have written is there, once, and the same for both. */
async function editTogether(project: NodeProject, engine: Engine): Promise<void> {
  await using relay = await RelayStage.start();
  await using page = await SharedText.serve(project, relay.url);
  await using browser = await engine.launch();
  const [alice, bob] = [await page.open(browser), await page.open(browser)];
  await alice.write("End", "Alice was here.");
  await bob.reads("Alice was here.");
  await bob.seesCaret(true);
  await bob.write("Home", "Bob, too. ");
  await alice.reads("Bob, too.");
  relay.cable.unplug();
  await bob.seesCaret(false);
  await alice.write("End", " While it was away, Alice wrote this,");
  await bob.write("Home", "And Bob this: ");
  await relay.control("kill");
  relay.cable.plug();
  for (const window of [alice, bob]) await window.reads("And Bob this:", "Alice wrote this,");
  await alice.write("End", " and that.");
  await bob.reads("and that.");
  const whole = "And Bob this: Bob, too. Alice was here. While it was away, Alice wrote this, and that.";
  assertEquals([await alice.text(), await bob.text()], [whole, whole]);
  await alice.close();
  await bob.seesCaret(false);
}

/** Where a scene is played. */
interface Stage {
  readonly relay: RelayStage;
  readonly secret?: string;
  /** Starts a peer. */
  join(name: string): YjsPeer;
}

const SCENES: Record<string, (stage: Stage) => Promise<void>> = {
  async "three peers write, and all read the same"(stage) {
    const everyone = await meet(stage);
    await Promise.all(everyone.map((peer, i) => peer.does("append", `words of ${i};`)));
    const texts = await Promise.all(everyone.map((peer) => peer.reads("words of 0;", "words of 1;", "words of 2;")));
    assertEquals(new Set(texts).size, 1);
    await everyone[0].does("remove", "words of 1;");
    for (const peer of everyone) {
      await peer.tells("text", ({ length }) => length === texts[0].length - "words of 1;".length);
    }
  },

  async "the relay is killed, all go on writing, and nothing is lost"(stage) {
    const everyone = await meet(stage);
    stage.relay.cable.unplug();
    for (const peer of everyone) await peer.hasStatus("disconnected");
    await Promise.all(everyone.map((peer, i) => peer.does("append", `alone ${i};`)));
    await stage.relay.control("kill");
    stage.relay.cable.plug();
    const texts = await Promise.all(everyone.map((peer) => peer.reads("alone 0;", "alone 1;", "alone 2;")));
    assertEquals(new Set(texts).size, 1);
    for (const peer of everyone) await peer.isSynced(false);
    for (const peer of everyone) await peer.isSynced(true);
  },

  async "who was away gets what he missed, and gives what he wrote"(stage) {
    const [alice, bob, eve] = await meet(stage);
    await bob.does("disconnect");
    await bob.isSynced(false);
    await bob.hasStatus("disconnected");
    await bob.does("append", "from afar;");
    await alice.does("append", "at home;");
    await eve.reads("at home;");
    await bob.does("connect");
    await bob.hasStatus("connecting");
    await bob.hasStatus("connected");
    for (const peer of [alice, bob, eve]) await peer.reads("from afar;", "at home;");
  },

  async "awareness comes and goes with the peers"(stage) {
    const [alice, bob, eve] = await meet(stage);
    await bob.does("awareness", { cursor: 7 });
    for (const peer of [alice, eve]) {
      await peer.tells("states", ({ states }) => JSON.stringify(states).includes('{"name":"bob","cursor":7}'));
    }
    await bob.does("disconnect");
    await bob.sees("bob");
    assertEquals((await alice.sees("alice", "eve")).removed.length, 1);
    await bob.does("connect");
    assertEquals((await alice.sees("alice", "bob", "eve")).added.length, 1);
    await bob.sees("alice", "bob", "eve");
    await eve[Symbol.asyncDispose](); // without a word
    for (const peer of [alice, bob]) await peer.sees("alice", "bob");
    await stage.relay.control("kill");
    for (const peer of [alice, bob]) await peer.sees(peer.name);
    for (const peer of [alice, bob]) await peer.sees("alice", "bob");
  },

  async "what is larger than frames and buffers may be gets through, too"(stage) {
    const alice = stage.join("alice");
    await alice.does("fill", BIG);
    const hash = await alice.hashAt(BIG);
    const bob = stage.join("bob");
    assertEquals(await bob.hashAt(BIG), hash);
    await alice.does("fill", BIG);
    await bob.does("append", "meanwhile;");
    for (let i = 0; i < 20; i++) await alice.does("append", "again;");
    await alice.does("awareness", { isDone: true });
    await bob.tells("states", ({ states }) => JSON.stringify(states).includes("isDone"));
    const length = 2 * BIG + "meanwhile;".length + 20 * "again;".length;
    assertEquals(await alice.hashAt(length), await bob.hashAt(length));
  },

  async "of what is written right before the end nothing is lost, and the process ends"(stage) {
    const [alice, bob, eve] = await meet(stage);
    await alice.does("fillAndDestroy", BIG);
    assertEquals(await bob.hashAt(BIG), await eve.hashAt(BIG));
    assertEquals((await within(alice.exited, "alice to end by herself")).code, 0);
  },

  async "content that is seeded once synced and empty is there for who is alone, and once for all"(stage) {
    const seeded = async (peer: YjsPeer) => assertEquals(await peer.reads("seed;"), "seed;");
    const together = ["alice", "bob", "eve"].map((name) => stage.join(name));
    for (const peer of together) await peer.does("seed", "seed;");
    await Promise.all(together.map(seeded));
    for (const peer of together) await peer.isSynced(true);
    await together[0].does("append", "and more;");
    for (const peer of together) assertEquals(await peer.reads("and more;"), "seed;and more;");
  },

  async "who talks nonsense is left out, and the others go on"(stage) {
    const [alice, bob] = await meet(stage);
    const options = { url: stage.relay.url, secret: stage.secret };
    for (const [index, nonsense] of NONSENSE.entries()) {
      const name = `mallory ${index}`;
      const ends = new Inbox<string>();
      await using mallory = new Client({ ...options, userName: name, documentIds: ["ambitious-mongoose"] });
      mallory.on("peer.connect", ({ socket }) => socket.write(nonsense));
      mallory.on("peer.disconnect", ({ userName }) => ends.push(userName));
      await ends.next("alice to hang up", (name) => name === "alice");
      await ends.next("bob to hang up", (name) => name === "bob");
      const { error } = await alice.tells("error", ({ error }) => error.includes(name));
      assertMatch(error, /^Cannot follow mallory \d, who is left out from now on: /);
    }
    await alice.does("append", "undisturbed;");
    await bob.reads("undisturbed;");
  },

  async "a provider that was destroyed leaves nothing that keeps the process"(stage) {
    const [alice, bob] = await meet(stage);
    await alice.does("destroy");
    await alice.does("end");
    assertEquals((await within(alice.exited, "alice to end by herself")).code, 0);
    await bob.sees("bob", "eve");
  },
};

/** Frames that no peer sends: text, no kind of frame, no kind of message, and bodies that cannot be read. */
const NONSENSE = [
  "Hello!",
  new Uint8Array(),
  ...[[9], [4, 0], [1], [1, 9], [1, 0, 255], [1, 1, 7, 7], [1, 2, 9, 9], [1, 3, 1, 1, 1, 1, 123]]
    .map((bytes) => new Uint8Array(bytes)),
];

/** Three peers, who have all that the others have and know of each other. */
async function meet(stage: Stage): Promise<YjsPeer[]> {
  const names = ["alice", "bob", "eve"];
  const everyone = names.map((name) => stage.join(name));
  for (const peer of everyone) {
    await peer.hasStatus("connected");
    await peer.isSynced(true);
    await peer.sees(...names);
  }
  return everyone;
}
