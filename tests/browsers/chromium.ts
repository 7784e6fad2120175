/**
 * Chromium, through Playwright.
 *
 * @module
 */

import { type Browser as PlaywrightBrowser, chromium, type Page } from "playwright-core";
import { findFile } from "../helpers/programs.ts";
import type { Browser, Engine, Key, Look, Tab } from "./browser.ts";
import { PageTab } from "./page_tab.ts";

/** Where Chromium is: what `CHROMIUM` says, or where Debian and others put it. */
const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/** Its sandbox wants rights that containers do not have; it only ever sees our own pages. */
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"];

export const CHROMIUM: Engine = {
  name: "Chromium",
  packages: "chromium",
  keepsPages: false,
  isThere: () => path() !== undefined,
  launch: async (look = {}) => new Chromium(await chromium.launch({ executablePath: path(), args: ARGS }), look),
};

function path(): string | undefined {
  return findFile(Deno.env.get("CHROMIUM") ?? "", ...PATHS);
}

class Chromium implements Browser {
  readonly version: string;
  readonly #browser: PlaywrightBrowser;
  readonly #look: Look;

  constructor(browser: PlaywrightBrowser, look: Look) {
    this.version = `Chromium ${browser.version()}`;
    this.#browser = browser;
    this.#look = look;
  }

  async open(url: string): Promise<Tab> {
    const { isDark = false, isStill = false, isScriptless = false } = this.#look;
    const context = await this.#browser.newContext({
      colorScheme: isDark ? "dark" : "light",
      reducedMotion: isStill ? "reduce" : "no-preference",
      javaScriptEnabled: !isScriptless,
    });
    const tab = new ChromiumTab(await context.newPage());
    await tab.goto(url);
    return tab;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

class ChromiumTab extends PageTab {
  readonly #page: Page;

  constructor(page: Page) {
    super(page);
    this.#page = page;
    page.on("websocket", (socket) => this.addresses.push(socket.url()));
  }

  async back(): Promise<void> {
    await this.#page.goBack();
  }

  async press(key: Key): Promise<void> {
    await this.#page.keyboard.press(key);
  }

  async resize(width: number, height: number): Promise<void> {
    await this.#page.setViewportSize({ width, height });
  }

  async setOffline(isOffline: boolean): Promise<void> {
    await this.#page.context().setOffline(isOffline);
  }

  async close(): Promise<void> {
    await this.#page.context().close();
  }
}
