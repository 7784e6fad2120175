/** The client in real pages of each engine: what two of them do with each other, and the behaviours. */

import { assert } from "@std/assert";
import { createSecret } from "../../src/client/mod.ts";
import { testInEngines } from "../browsers/engines.ts";
import { readReadme } from "../helpers/readme.ts";
import { behaviours, ofSockets } from "./behaviours.ts";
import { Pages, type User } from "./pages.ts";
import { RelayStage } from "./stage.ts";

testInEngines("the client", async (engine, test) => {
  await using relay = await RelayStage.start(["--drain-timeout", "1"]);
  await using pages = await Pages.serve(relay);
  await using browser = await engine.launch();
  const alice = await pages.open(browser, "alice");
  const bob = await pages.open(browser, "bob");

  await test.step({
    name: "the client manual names this browser, in no newer version",
    ignore: Deno.env.get("CI") !== "true",
    fn: () => assertIsNamed(browser.version),
  });

  await test.step("two pages find each other by document", () => meet(alice, bob));

  await test.step("two pages exchange text and binary, both ways", () => talk(alice, bob));

  await test.step("two pages find each other again when one was offline", async () => {
    await alice.tab.setOffline(true);
    relay.cable.bar("/alice"); // an emulated network only delays what is open, if that
    await alice.hears("server.disconnect");
    await part(alice, bob);
    relay.cable.unbar();
    await alice.tab.setOffline(false);
    await meet(alice, bob);
    await talk(alice, bob);
  });

  for (const action of ["kill", "drain"] as const) {
    await test.step(`two pages find each other again after "${action}" of the relay`, async () => {
      await relay.control(action);
      await part(alice, bob);
      await meet(alice, bob);
      await talk(alice, bob);
    });
  }

  await test.step("two pages find each other again when one was loaded again", async () => {
    await alice.tab.reload();
    await bob.hears("disconnected from alice");
    await meet(alice, bob);
    await talk(alice, bob);
  });

  await test.step("two pages find each other again when one went to another page and back", async () => {
    await alice.leave();
    await bob.hears("disconnected from alice");
    await alice.tab.back();
    if (engine.keepsPages) await alice.hears("kept as it was");
    await meet(alice, bob);
    await talk(alice, bob);
  });

  await test.step("one page is closed, and the other hears it", async () => {
    await alice.tab.close();
    await bob.hears("disconnected from alice");
  });

  const tab = await pages.openEmpty(browser);
  for (const name of Object.keys(behaviours)) await test.step(name, () => pages.behave(tab, name));
  const secret = createSecret();
  for (const name of Object.keys(behaviours)) {
    await test.step(`sealed: ${name}`, () => pages.behave(tab, name, { secret }));
  }
  for (const name of ofSockets) {
    await test.step(`with a socket for each conversation: ${name}`, () =>
      pages.behave(tab, name, { multiplex: false }));
  }
});

/** The manual names what is on the machine that decides, at the time of writing. */
async function assertIsNamed(version: string): Promise<void> {
  const [name, number] = version.split(" ");
  const named = new RegExp(`${name}(?: ESR)? (\\d+(?:\\.\\d+)?)`).exec(await readReadme("src/client/README.md"))?.[1];
  assert(parseFloat(named ?? "") <= parseFloat(number), `want at most ${version}, got ${named}`);
}

async function meet(alice: User, bob: User): Promise<void> {
  await Promise.all([alice.hears("connected to bob"), bob.hears("connected to alice")]);
}

async function part(alice: User, bob: User): Promise<void> {
  await Promise.all([alice.hears("disconnected from bob"), bob.hears("disconnected from alice")]);
}

async function talk(alice: User, bob: User): Promise<void> {
  await alice.write("bob", "Hello! 🎉");
  await bob.hears("alice: Hello! 🎉");
  await alice.write("bob", [0, 192, 255]);
  await bob.hears("alice: bytes 0,192,255");
  await bob.write("alice", [1]);
  await alice.hears("bob: bytes 1");
  await bob.write("alice", "");
  await alice.hears("bob: ");
}
