/** The page in each engine: what a visitor sees and does, with and without a mouse, and what the page must not do. */

import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { VERSION } from "../../src/protocol.ts";
import type { Browser, Engine } from "../browsers/browser.ts";
import { testInEngines } from "../browsers/engines.ts";
import { seesNone, textsOf } from "../browsers/waiting.ts";
import { contentWidth, countAnimations, findPaleText, isClipped, labelOf, pageAddress, valueOf } from "./in_page.js";
import { Tap } from "./tap.ts";
import { labelled, log, number, panel, Visit } from "./visit.ts";

/** CSS pixels. Some browsers have no windows as narrow as a phone; the page must fit what they have. */
const PHONE = [360, 740] as const;
const WIDEST_PHONE = 480;

testInEngines("the page", async (engine, test) => {
  await using browser = await engine.launch();
  for (const [name, scene] of Object.entries(SCENES)) await test.step(name, () => scene(browser));
  for (const [name, scene] of Object.entries(SCENES_OF_OTHERS)) await test.step(name, () => scene(engine));
});

const SCENES: Record<string, (browser: Browser) => Promise<void>> = {
  async "Alice and Bob meet, and the page shows the relay's numbers"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    await visit.sees(number("connections"), "2"); // one each, whatever they say
    await visit.sees(".round-trip", /^round trip \d+\.\d ms$/);
    await visit.sees(number("pairs"), "1");
    await visit.sees(number("health"), "running");
    await visit.sees(number("version"), VERSION);
    await visit.sees(number("rate"), /^\d/);
    await visit.assertIsGood();
  },

  async "what one types the other reads, letter by letter"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    await visit.tab.click(labelled("Write as Alice"));
    await visit.tab.type("Do you see me typ");
    await visit.sees(`${log("Bob")} .draft .words`, "Do you see me typ");
    await visit.tab.type("e?");
    await visit.tab.press("Enter");
    await visit.reads("Bob", "Do you see me type?");
    await seesNone(visit.tab, `${log("Bob")} .draft`);
    await visit.say("Bob", '<b>Yes</b> & "no"');
    await visit.reads("Alice", '<b>Yes</b> & "no"');
    await visit.assertIsGood();
  },

  async "one is cut off and brought back, and nothing is lost"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    await visit.press("Cut Bob off");
    await visit.sees(".verdict", "Bob cut off");
    await visit.sees(`${panel("Alice")} .state`, "waiting for Bob");
    await visit.say("Alice", "Bob?");
    await visit.say("Bob", "I write this alone.");
    await visit.sees(`${log("Bob")} .kept .words`, "I write this alone.");
    await visit.press("Bring Bob back");
    await visit.reads("Alice", "I write this alone.");
    await visit.reads("Bob", "Bob?");
    await visit.sees(".verdict", "connected");
    await seesNone(visit.tab, `${log("Bob")} .kept`);
    assertEquals(await visit.words("Alice"), await visit.words("Bob"));
    await visit.assertIsGood();
  },

  async "the link opens a third peer, who reads all and talks to both"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    assertEquals(await visit.tab.evaluate(labelOf, "#link"), "Bring a third peer");
    const link = await visit.tab.evaluate(valueOf, "#link");
    assertEquals(link, await visit.tab.evaluate(pageAddress));
    await using guest = await visit.invite(browser, link);
    await guest.sees("h2", "You are the third peer");
    await guest.sees(".log li .words", "Loud and clear, Alice.");
    await visit.sees(".roster", /joined in/);
    await guest.tab.click(".panel input");
    await guest.tab.type("Hello, you two.");
    await guest.tab.press("Enter");
    await visit.reads("Alice", "Hello, you two.");
    await visit.reads("Bob", "Hello, you two.");
    await visit.assertIsGood();
    await guest.assertIsGood();
  },

  async "what they say is sealed: on the way are neither words nor names, nor the secret in the link"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    const link = new URL(await visit.tab.evaluate(valueOf, "#link"));
    const secret = link.hash.slice(1);
    assertEquals(secret.length, 43);
    await using tap = new Tap(Number(link.port));
    link.port = String(tap.port);
    await using guest = await visit.invite(browser, link.href);
    await guest.sees(".log li .words", "Loud and clear, Alice.");
    await visit.say("Alice", "The condor flies at midnight");
    await guest.sees(".log li .words", "The condor flies at midnight");
    // The page's scripts, which know names and first words, are on the way, too.
    const names = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"];
    const named = names.flatMap((name) => [`/introduction/${name}`, `"userName":"${name}`]);
    assertEquals(tap.heard([secret, "condor", ...named]), []);
    assertEquals(
      tap.heard(["Introduction", "Sec-WebSocket-Accept", "/introduction/", "client_sealed.js"]).length > 2,
      true,
    );
  },

  async "a reload keeps the page and its link"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    const link = await visit.tab.evaluate(pageAddress);
    await visit.tab.reload();
    await visit.meet();
    assertEquals(await visit.tab.evaluate(pageAddress), link);
    await visit.assertIsGood();
  },

  async "who comes back from another page finds it at work"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    await visit.tab.goto(new URL("/?another", await visit.tab.evaluate(pageAddress)).href);
    await visit.tab.back();
    await visit.sees(".verdict", "connected");
    await visit.say("Bob", "Back again.");
    await visit.reads("Alice", "Back again.");
  },

  async "the relay goes and comes back, and the page heals"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    await visit.stopRelay();
    await visit.sees("h1", "The relay is out of reach.");
    await visit.say("Alice", "Said to nobody.");
    await visit.startRelay();
    await visit.sees("h1", "The relay is running.");
    await visit.reads("Bob", "Said to nobody.");
    await visit.sees(".verdict", "connected");
  },

  async "a relay that wants a token says so, and takes the right one"(browser) {
    await using visit = await Visit.begin(browser, { tokens: ["sesame"] });
    await visit.sees(".note", /needs a token/);
    assertEquals(await textsOf(visit.tab, panel("Alice")), []);
    await visit.assertIsGood();
    assertEquals(await visit.tab.evaluate(labelOf, "#token"), "Token");
    await visit.tab.click("#token");
    await visit.tab.type("wrong");
    await visit.tab.press("Enter");
    await visit.sees(".note", /does not take this token/);
    await visit.tab.click("#token");
    await visit.tab.press("Control+a");
    await visit.tab.type("sesame");
    await visit.tab.press("Enter");
    await visit.meet();
    await seesNone(visit.tab, "#token");
  },

  async "everything can be reached and done with the keyboard alone"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    await visit.tabTo("Cut Alice off", "What Alice sees", "Write as Alice");
    await visit.tab.type("By keyboard");
    await visit.tabTo("Send as Alice");
    await visit.tab.press("Enter");
    await visit.reads("Bob", "By keyboard");
    await visit.tabTo("Cut Bob off");
    await visit.tab.press("Space");
    await visit.sees(".verdict", "Bob cut off");
    await visit.tab.press("Space");
    await visit.sees(".verdict", "connected");
    await visit.tabTo("What Bob sees", "Write as Bob", "Send as Bob", "Bring a third peer", "Copy", "Open");
    await visit.assertIsGood();
  },

  async "what is said and what happens is announced"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    await visit.say("Bob", "Can everybody hear me?");
    await visit.sees("[role=log]", "Alice hears Bob: Can everybody hear me?");
    await visit.sees("[role=status]", "connected");
  },

  async "it fits a narrow screen, and its text has contrast"(browser) {
    await fits(browser);
  },

  async "on a phone a guest reads in full whom it is connected to"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    await using guest = await visit.invite(browser, await visit.tab.evaluate(pageAddress));
    await guest.tab.resize(...PHONE);
    await guest.sees(".panel .state", "connected to Alice and Bob");
    assertEquals(await guest.tab.evaluate(isClipped, ".panel .state"), false);
    await assertFits(guest);
  },
};

/** Those that want a browser of their own, for a user who has it otherwise. */
const SCENES_OF_OTHERS: Record<string, (engine: Engine) => Promise<void>> = {
  async "for who likes it dark, it fits a narrow screen, too, and its text has contrast"(engine) {
    await using browser = await engine.launch({ isDark: true });
    await fits(browser);
  },

  async "who wants no motion gets none"(engine) {
    await using browser = await engine.launch({ isStill: true });
    await using visit = await Visit.begin(browser);
    await visit.meet();
    await visit.say("Alice", "Be still.");
    await visit.reads("Bob", "Be still.");
    assertEquals(await visit.tab.evaluate(countAnimations), 0);
  },

  async "without JavaScript it says that the relay runs, with version and numbers"(engine) {
    await using browser = await engine.launch({ isScriptless: true });
    await using visit = await Visit.begin(browser);
    const [text] = await textsOf(visit.tab, "body");
    for (const part of ["The relay is running.", `v${VERSION}`, "connections", "up for", "With JavaScript"]) {
      assertStringIncludes(text, part);
    }
    await seesNone(visit.tab, "#demo-title");
  },
};

async function fits(browser: Browser): Promise<void> {
  await using visit = await Visit.begin(browser);
  await visit.tab.resize(...PHONE);
  await visit.meet();
  await assertFits(visit);
  assertEquals(await visit.tab.evaluate(findPaleText), []);
  await visit.press("Cut Bob off");
  await visit.say("Bob", "Alone");
  assertEquals(await visit.tab.evaluate(findPaleText), []);
}

async function assertFits({ tab }: Visit): Promise<void> {
  const { content, window } = await tab.evaluate(contentWidth);
  assertEquals(content, window);
  assertNotEquals(window, 0);
  assert(window <= WIDEST_PHONE, `want a window of at most ${WIDEST_PHONE} pixels, got ${window}`);
}
