/** The page in a real browser: what a visitor sees and does, with and without a mouse, and what the page must not do. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from "playwright-core";
import { VERSION } from "../../src/protocol.ts";
import { type RelayConfig, Server } from "../../src/server/mod.ts";
import { findChromium } from "../client/browser.ts";
import { contentWidth, countAnimations, findPaleText, focusedElement } from "./in_page.js";

const QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
const PATIENCE_MS = 60_000;
const executablePath = findChromium();

if (executablePath === undefined) {
  const how = "install Chromium (Debian: apt-get install chromium) or set CHROMIUM to its path";
  if (Deno.env.get("CI") === "true") throw new Error(`Cannot run the browser tests of the page: ${how}`);
  console.log(`Browser tests of the page were left out: ${how}.`);
} else {
  Deno.test("the page in a browser", async (test) => {
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", ...QUIET] });
    try {
      for (const [name, scene] of Object.entries(SCENES)) await test.step(name, () => scene(browser));
    } finally {
      await browser.close();
    }
  });
}

const SCENES: Record<string, (browser: Browser) => Promise<void>> = {
  async "Alice and Bob meet, and the page shows the relay's numbers"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    await visit.sees(visit.number("connections"), "4");
    await visit.sees(visit.number("pairs"), "1");
    await visit.sees(visit.number("health"), "running");
    await visit.sees(visit.number("version"), VERSION);
    await visit.sees(visit.number("rate"), /^\d/);
    visit.assertIsGood();
  },

  async "what one types the other reads, letter by letter"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    await visit.input("Alice").pressSequentially("Do you see me typ");
    await visit.sees(visit.log("Bob").locator(".draft .words"), "Do you see me typ");
    await visit.input("Alice").pressSequentially("e?");
    await visit.input("Alice").press("Enter");
    await visit.reads("Bob", "Do you see me type?");
    assertEquals(await visit.log("Bob").locator(".draft").count(), 0);
    await visit.say("Bob", '<b>Yes</b> & "no"');
    await visit.reads("Alice", '<b>Yes</b> & "no"');
    visit.assertIsGood();
  },

  async "one is cut off and brought back, and nothing is lost"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    await visit.button("Cut Bob off").click();
    await visit.sees(visit.page.locator(".verdict"), "Bob cut off");
    await visit.sees(visit.panel("Alice").locator(".state"), "waiting for Bob");
    await visit.say("Alice", "Bob?");
    await visit.say("Bob", "I write this alone.");
    await visit.sees(visit.log("Bob").locator(".kept .words"), "I write this alone.");
    await visit.button("Bring Bob back").click();
    await visit.reads("Alice", "I write this alone.");
    await visit.reads("Bob", "Bob?");
    await visit.sees(visit.page.locator(".verdict"), "connected");
    assertEquals(await visit.log("Bob").locator(".kept").count(), 0);
    assertEquals(await words(visit.log("Alice")), await words(visit.log("Bob")));
    visit.assertIsGood();
  },

  async "the link opens a third peer, who reads all and talks to both"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    const link = await visit.page.getByLabel("Bring a third peer").inputValue();
    assertEquals(link, visit.page.url());
    await using guest = await visit.invite(link);
    const log = guest.page.getByRole("list", { name: /^What .* sees$/ });
    await guest.sees(guest.page.getByRole("heading", { level: 2 }).first(), "You are the third peer");
    await guest.sees(log.locator("li .words").last(), "Loud and clear, Alice.");
    await visit.sees(visit.page.locator(".roster"), /joined in/);
    await guest.page.getByRole("textbox").fill("Hello, you two.");
    await guest.page.getByRole("textbox").press("Enter");
    await visit.reads("Alice", "Hello, you two.");
    await visit.reads("Bob", "Hello, you two.");
    visit.assertIsGood();
    guest.assertIsGood();
  },

  async "a reload keeps the page and its link"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    const link = visit.page.url();
    await visit.page.reload();
    await visit.meet();
    assertEquals(visit.page.url(), link);
    visit.assertIsGood();
  },

  async "the relay goes and comes back, and the page heals"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    await visit.stopRelay();
    await visit.sees(visit.page.getByRole("heading", { level: 1 }), "The relay is out of reach.");
    await visit.say("Alice", "Said to nobody.");
    await visit.startRelay();
    await visit.sees(visit.page.getByRole("heading", { level: 1 }), "The relay is running.");
    await visit.reads("Bob", "Said to nobody.");
    await visit.sees(visit.page.locator(".verdict"), "connected");
  },

  async "a relay that wants a token says so, and takes the right one"(browser) {
    await using visit = await Visit.begin(browser, {}, { tokens: ["sesame"] });
    const token = visit.page.getByLabel("Token");
    await visit.sees(visit.page.locator(".note"), /needs a token/);
    assertEquals(await visit.panel("Alice").isVisible(), false);
    visit.assertIsGood();
    await token.fill("wrong");
    await token.press("Enter");
    await visit.sees(visit.page.locator(".note"), /does not take this token/);
    await token.fill("sesame");
    await token.press("Enter");
    await visit.meet();
    assertEquals(await token.isVisible(), false);
  },

  async "everything can be reached and done with the keyboard alone"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    await visit.tabTo("Cut Alice off", "What Alice sees", "Write as Alice");
    await visit.page.keyboard.type("By keyboard");
    await visit.tabTo("Send as Alice");
    await visit.page.keyboard.press("Enter");
    await visit.reads("Bob", "By keyboard");
    await visit.tabTo("Cut Bob off");
    await visit.page.keyboard.press("Space");
    await visit.sees(visit.page.locator(".verdict"), "Bob cut off");
    await visit.page.keyboard.press("Space");
    await visit.sees(visit.page.locator(".verdict"), "connected");
    await visit.tabTo("What Bob sees", "Write as Bob", "Send as Bob", "Bring a third peer", "Copy", "Open");
    visit.assertIsGood();
  },

  async "what is said and what happens is announced"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    await visit.say("Bob", "Can everybody hear me?");
    await visit.sees(visit.page.getByRole("log"), "Alice hears Bob: Can everybody hear me?");
    await visit.sees(visit.page.getByRole("status").filter({ hasText: "connected" }), "connected");
  },

  async "it fits a narrow screen, and its text has contrast, in light and in dark"(browser) {
    for (const colorScheme of ["light", "dark"] as const) {
      await using visit = await Visit.begin(browser, { colorScheme, viewport: { width: 360, height: 740 } });
      await visit.meet();
      assertEquals(await visit.page.evaluate(contentWidth), 360);
      assertEquals(await visit.page.evaluate(findPaleText), []);
      await visit.button("Cut Bob off").click();
      await visit.say("Bob", "Alone");
      assertEquals(await visit.page.evaluate(findPaleText), []);
    }
  },

  async "on a phone a guest reads in full whom it is connected to"(browser) {
    await using visit = await Visit.begin(browser);
    await visit.meet();
    await using guest = await visit.invite(visit.page.url(), { viewport: { width: 360, height: 740 } });
    const state = guest.page.locator(".panel .state");
    await guest.sees(state, "connected to Alice and Bob");
    assertEquals(await state.evaluate((element) => element.scrollWidth <= element.clientWidth), true);
    assertEquals(await guest.page.evaluate(contentWidth), 360);
  },

  async "who wants no motion gets none"(browser) {
    await using visit = await Visit.begin(browser, { reducedMotion: "reduce" });
    await visit.meet();
    await visit.say("Alice", "Be still.");
    await visit.reads("Bob", "Be still.");
    assertEquals(await visit.page.evaluate(countAnimations), 0);
  },

  async "without JavaScript it says that the relay runs, with version and numbers"(browser) {
    await using visit = await Visit.begin(browser, { javaScriptEnabled: false });
    const text = await visit.page.locator("body").innerText();
    for (const part of ["The relay is running.", `v${VERSION}`, "connections", "up for", "With JavaScript"]) {
      assertStringIncludes(text, part);
    }
    assertEquals(await visit.page.getByText("Watch it work").isVisible(), false);
  },
};

/** A relay, and a visitor of its page whose every request and complaint is noted. */
class Visit implements AsyncDisposable {
  readonly page: Page;
  readonly #browser: Browser;
  readonly #config: Partial<RelayConfig>;
  #server: Server | undefined;
  readonly #addresses: string[] = [];
  readonly #complaints: string[] = [];

  static async begin(
    browser: Browser,
    options: BrowserContextOptions = {},
    config: Partial<RelayConfig> = {},
  ): Promise<Visit> {
    const server = await new Server({ port: 0, host: "127.0.0.1", ...config }).listen();
    const page = await (await browser.newContext(options)).newPage();
    const visit = new Visit(browser, page, server, { ...config, port: server.port });
    await page.goto(`http://127.0.0.1:${server.port}/`);
    return visit;
  }

  private constructor(browser: Browser, page: Page, server: Server | undefined, config: Partial<RelayConfig>) {
    this.#browser = browser;
    this.#server = server;
    this.#config = config;
    this.page = page;
    page.setDefaultTimeout(PATIENCE_MS);
    page.on("request", (request) => this.#addresses.push(request.url()));
    page.on("websocket", (socket) => this.#addresses.push(socket.url()));
    page.on("pageerror", (error) => this.#complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() !== "log") this.#complaints.push(message.text());
    });
  }

  /** Another visitor, in a profile of its own, of the same relay. */
  async invite(link: string, options: BrowserContextOptions = {}): Promise<Visit> {
    const page = await (await this.#browser.newContext(options)).newPage();
    const visit = new Visit(this.#browser, page, undefined, this.#config);
    await page.goto(link);
    return visit;
  }

  async stopRelay(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  async startRelay(): Promise<void> {
    this.#server = await new Server({ host: "127.0.0.1", ...this.#config }).listen();
  }

  panel(name: string): Locator {
    return this.page.getByRole("region", { name: `${name}’s window` });
  }

  log(name: string): Locator {
    return this.page.getByRole("list", { name: `What ${name} sees` });
  }

  input(name: string): Locator {
    return this.page.getByLabel(`Write as ${name}`);
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name });
  }

  number(name: string): Locator {
    return this.page.locator(`[data-number="${name}"]`).first();
  }

  async say(name: string, text: string): Promise<void> {
    await this.input(name).fill(text);
    await this.input(name).press("Enter");
  }

  async reads(name: string, text: string): Promise<void> {
    await this.log(name).locator("li:not(.draft) .words").getByText(text, { exact: true }).waitFor();
  }

  /** Waits until the two have greeted each other. */
  async meet(): Promise<void> {
    await this.reads("Bob", "Hello Bob! Can you hear me through the relay?");
    await this.reads("Alice", "Loud and clear, Alice.");
    await this.sees(this.page.locator(".verdict"), "connected");
  }

  /** Waits until an element says this. Nothing is evaluated in the page: its policy forbids that. */
  async sees(element: Locator, text: string | RegExp): Promise<void> {
    const exactly = typeof text === "string" ? new RegExp(`^\\s*${RegExp.escape(text)}\\s*$`) : text;
    try {
      await element.filter({ hasText: exactly }).waitFor();
    } catch (error) {
      throw new Error(`Waited for ${text}, saw ${await element.allInnerTexts()}`, { cause: error });
    }
  }

  /** Presses Tab until each of these has had the focus, in this order and visibly so. */
  async tabTo(...names: string[]): Promise<void> {
    const MOST = 30;
    for (const name of names) {
      for (let count = 0; count < MOST; count += 1) {
        await this.page.keyboard.press("Tab");
        if ((await this.page.evaluate(focusedElement)).name === name) break;
      }
      assertEquals(await this.page.evaluate(focusedElement), { name, outline: "solid" });
    }
  }

  /** It spoke with nobody but its relay, and nothing was refused or went wrong. */
  assertIsGood(): void {
    assertEquals(this.#complaints, []);
    const strangers = this.#addresses.filter((address) => new URL(address).host !== `127.0.0.1:${this.#config.port}`);
    assertEquals(strangers, []);
    assert(this.#addresses.length > 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
    await this.stopRelay();
  }
}

async function words(log: Locator): Promise<string[]> {
  return await log.locator("li:not(.draft) .words").allInnerTexts();
}
