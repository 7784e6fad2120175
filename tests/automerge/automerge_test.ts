/** The packed adapter with the real library in Node: its own acceptance tests, and repos in processes of their own. */

import { assert, assertEquals } from "@std/assert";
import { createSecret } from "../../src/client/mod.ts";
import { RelayStage } from "../client/stage.ts";
import { NodeProject } from "../helpers/node_project.ts";
import { Child, startRelay, within } from "../helpers/process.ts";
import { runSnippet } from "../helpers/readme.ts";
import { RepoPeer } from "./repo_peer.ts";

const MODULE = "@localfirst/relay/automerge";

const USE = `
import { Repo, type NetworkAdapterInterface, type PeerId } from "@automerge/automerge-repo";
import { RelayNetworkAdapter } from "${MODULE}";
import { WebSocket } from "ws";

const adapter = new RelayNetworkAdapter({ url: "relay.example", channel: "team", token: "secret", WebSocket })
  .on("peer-candidate", ({ peerId, peerMetadata }) => console.log(peerId satisfies PeerId, peerMetadata.storageId));
const repo = new Repo({ network: [adapter satisfies NetworkAdapterInterface] });
adapter.join(repo.create({ text: "" }).url).leave("automerge:2j9knpCseyhnK8izDmLpGP5WMdZQ");
// @ts-expect-error the repo's peer id is the name
new RelayNetworkAdapter({ url: "relay.example", userName: "alice" });
`;

Deno.test("Automerge, packed", async (test) => {
  await using project = await NodeProject.copy(new URL("node/", import.meta.url));

  await test.step("its types are those of the library", async () => {
    await project.write("use.ts", USE);
    assertEquals(await project.typeCheck("use.ts"), "");
  });

  for (const transport of ["deno", "tcp"]) {
    await test.step(`the library's own acceptance tests, on transport ${transport}`, async () => {
      await using relay = await startRelay(["--transport", transport]);
      const args = ["node_modules/vitest/vitest.mjs", "run"];
      await using vitest = new Child("vitest", "node", { args, cwd: project.url, env: { RELAY_URL: relay.url } });
      const { success } = await within(vitest.exited, "the acceptance tests", 120);
      assert(success, vitest.stdout + vitest.stderr);
    });
  }

  await test.step("repos with a channel in common sync, and hear each other's broadcasts", async () => {
    await using relay = await startRelay();
    await using alice = new RepoPeer(project, "alice", relay.url, "team");
    await using bob = new RepoPeer(project, "bob", relay.url, "team");
    await bob.meets("alice");
    const document = await alice.create();
    await bob.find(document);
    await bob.change(document, "text", "Hello!");
    await alice.shows(document, { text: "Hello!" });
    await alice.broadcast(document, { cursor: 5 });
    await bob.hears("alice", { cursor: 5 });
  });

  await test.step("sealed, repos sync a large document, also when the relay was away", async () => {
    await using relay = await RelayStage.start();
    const secret = createSecret();
    await using alice = new RepoPeer(project, "alice", relay.url, "team", secret);
    await using bob = new RepoPeer(project, "bob", relay.url, "team", secret);
    await using stranger = new RepoPeer(project, "mallory", relay.url, "team");
    const document = await alice.create();
    await bob.meets("alice");
    const doc = await alice.fill(document, "film", 5 * 1024 * 1024);
    assertEquals(await bob.find(document), doc);
    await relay.control("kill");
    await alice.loses("bob");
    await bob.change(document, "text", "Hello!");
    await alice.shows(document, { ...doc, text: "Hello!" });
    assertEquals(stranger.acquaintances, new Set());
  });

  await test.step("repos without one meet by document, and only those who share one", async () => {
    await using relay = await startRelay();
    await using alice = new RepoPeer(project, "alice", relay.url);
    await using bob = new RepoPeer(project, "bob", relay.url);
    await using carol = new RepoPeer(project, "carol", relay.url);
    const [first, second] = [await alice.create(), await alice.create()];
    for (const peer of [alice, bob]) await peer.join(first);
    for (const peer of [alice, carol]) await peer.join(second);
    await bob.meets("alice");
    await bob.find(first);
    await carol.meets("alice");
    await carol.find(second);
    await bob.change(first, "from", "bob");
    await carol.change(second, "from", "carol");
    await alice.shows(first, { from: "bob" });
    await alice.shows(second, { from: "carol" });
    assertEquals([bob.acquaintances, carol.acquaintances], [new Set(["alice"]), new Set(["alice"])]);
  });

  await test.step("who shares two documents and leaves one goes on with the other", async () => {
    await using relay = await startRelay();
    await using alice = new RepoPeer(project, "alice", relay.url);
    await using bob = new RepoPeer(project, "bob", relay.url);
    const [first, second] = [await alice.create(), await alice.create()];
    for (const peer of [alice, bob]) for (const document of [first, second]) await peer.join(document);
    await bob.meets("alice");
    for (const document of [first, second]) await bob.find(document);
    await alice.leave(first);
    await alice.change(second, "from", "alice");
    await bob.shows(second, { from: "alice" });
  });

  await test.step("what was changed while the relay was down is there when it is up again", async () => {
    await using relay = await RelayStage.start();
    await using alice = new RepoPeer(project, "alice", relay.url, "team");
    await using bob = new RepoPeer(project, "bob", relay.url, "team");
    await using carol = new RepoPeer(project, "carol", relay.url, "team");
    const peers = [alice, bob, carol];
    const document = await alice.create();
    for (const peer of [bob, carol]) await peer.meets("alice");
    for (const peer of [bob, carol]) await peer.find(document);
    await relay.control("unplug");
    await relay.control("kill");
    await alice.loses("bob");
    await bob.loses("carol");
    await carol.loses("alice");
    for (const peer of peers) await peer.change(document, peer.peerId, "was here");
    await relay.control("plug");
    const all = { alice: "was here", bob: "was here", carol: "was here" };
    await Promise.all(peers.map((peer) => peer.shows(document, all)));
  });

  await test.step("a document far larger than the relay allows in a frame crosses", async () => {
    await using relay = await startRelay(["--max-message-bytes", "100000"]);
    await using alice = new RepoPeer(project, "alice", relay.url, "team");
    await using bob = new RepoPeer(project, "bob", relay.url, "team");
    const document = await alice.create();
    await bob.meets("alice");
    const doc = await alice.fill(document, "film", 5 * 1024 * 1024);
    assertEquals(await bob.find(document), doc);
  });

  await test.step("the README's example", async () => {
    await using relay = await startRelay();
    await using example = await runSnippet(project, MODULE, relay.url);
    const document = await example.nextLine("a URL", (line) => /automerge:\w+/.exec(line)?.[0]);
    await using bob = new RepoPeer(project, "bob", relay.url, "our-hard-to-guess-team");
    await bob.meets();
    await bob.find(document);
    await bob.change(document, "text", "Hello from Bob!");
    await example.nextLine("Bob's text", (line) => line === "Hello from Bob!" ? line : undefined);
  });
});
