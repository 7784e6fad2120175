/** The client in real pages: what two of them do with each other, and the behaviours. */

import { behaviours } from "./behaviours.ts";
import { Browser, findChromium, type Tab } from "./browser.ts";
import { bundle } from "./bundle.ts";
import { RelayStage } from "./stage.ts";

const chromium = findChromium();

if (chromium === undefined) {
  const how = "install Chromium (Debian: apt-get install chromium) or set CHROMIUM to its path";
  const isRequired = Deno.env.get("CI") === "true";
  Deno.test(`in a browser: left out; to run these tests, ${how}`, { ignore: !isRequired }, () => {
    throw new Error(`Cannot run the browser tests: ${how}`);
  });
} else {
  Deno.test("in a browser: two pages", async (test) => {
    await using relay = await RelayStage.start(["--drain-timeout", "1"]);
    await using browser = await Browser.launch(chromium);
    const [alice, bob] = [await browser.open(relay.http), await browser.open(relay.http)];

    await test.step("find each other by document", async () => {
      await Promise.all([alice.connect("alice"), bob.connect("bob")]);
      await meet(alice, bob);
    });

    await test.step("exchange text and binary, both ways", () => talk(alice, bob));

    await test.step("find each other again when one was offline", async () => {
      await alice.setOffline(true);
      relay.cable.cut("/alice"); // an emulated network only delays what is open
      await alice.hears("server.disconnect");
      await part(alice, bob);
      await alice.setOffline(false);
      await meet(alice, bob);
      await talk(alice, bob);
    });

    for (const action of ["kill", "drain"] as const) {
      await test.step(`find each other again after "${action}" of the relay`, async () => {
        await relay.control(action);
        await part(alice, bob);
        await meet(alice, bob);
        await talk(alice, bob);
      });
    }

    await test.step("one is closed, and the other hears it", async () => {
      await alice.close();
      await bob.hears("disconnected from alice");
    });
  });

  Deno.test("in a browser: behaviours", async (test) => {
    await using relay = await RelayStage.start(["--drain-timeout", "1"]);
    await using browser = await Browser.launch(chromium);
    const { page } = await browser.open(relay.http);
    await page.exposeFunction("control", relay.control.bind(relay));
    const script = await bundle("tests/client/behaviours.ts");
    for (const name of Object.keys(behaviours)) {
      await test.step(name, () => page.evaluate(behave, { name, script, url: relay.url }));
    }
  });
}

/** Runs in the page. */
async function behave({ name, script, url }: { name: string; script: string; url: string }): Promise<void> {
  const library = "/client.js";
  const { Client } = await import(library);
  const { behaviours } = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  const { control } = globalThis as unknown as { control(action: string): Promise<void> };
  await behaviours[name]({ Client, url, control });
}

async function meet(alice: Tab, bob: Tab): Promise<void> {
  await Promise.all([alice.hears("connected to bob"), bob.hears("connected to alice")]);
}

async function part(alice: Tab, bob: Tab): Promise<void> {
  await Promise.all([alice.hears("disconnected from bob"), bob.hears("disconnected from alice")]);
}

async function talk(alice: Tab, bob: Tab): Promise<void> {
  await alice.write("bob", "Hello! 🎉");
  await bob.hears("alice: Hello! 🎉");
  await alice.write("bob", [0, 192, 255]);
  await bob.hears("alice: bytes 0,192,255");
  await bob.write("alice", [1]);
  await alice.hears("bob: bytes 1");
  await bob.write("alice", "");
  await alice.hears("bob: ");
}
