/**
 * Firefox, through Puppeteer and WebDriver BiDi.
 *
 * @module
 */

import puppeteer, { type Browser as PuppeteerBrowser, type KeyInput, type Page } from "puppeteer-core";
import { findFile } from "../helpers/programs.ts";
import type { Browser, Engine, Key, Look, Tab } from "./browser.ts";
import { PageTab } from "./page_tab.ts";

/** Where Firefox is: what `FIREFOX` says, or where Debian and others put it. */
const PATHS = ["/usr/bin/firefox-esr", "/usr/bin/firefox"];

export const FIREFOX: Engine = {
  name: "Firefox",
  packages: "firefox-esr",
  keepsPages: false,
  isThere: () => path() !== undefined,
  launch: async (look = {}) => {
    const options = { browser: "firefox", protocol: "webDriverBiDi", headless: true } as const;
    const browser = await puppeteer.launch({
      ...options,
      executablePath: path(),
      extraPrefsFirefox: preferences(look),
    });
    return new Firefox(browser, (await browser.version()).replace("firefox/", "Firefox "));
  },
};

function path(): string | undefined {
  return findFile(Deno.env.get("FIREFOX") ?? "", ...PATHS);
}

function preferences({ isDark = false, isStill = false, isScriptless = false }: Look): Record<string, unknown> {
  return {
    "layout.css.prefers-color-scheme.content-override": isDark ? 0 : 1,
    "ui.prefersReducedMotion": isStill ? 1 : 0,
    "javascript.enabled": !isScriptless,
  };
}

class Firefox implements Browser {
  readonly version: string;
  readonly #browser: PuppeteerBrowser;

  constructor(browser: PuppeteerBrowser, version: string) {
    this.version = version;
    this.#browser = browser;
  }

  async open(url: string): Promise<Tab> {
    const context = await this.#browser.createBrowserContext();
    const tab = new FirefoxTab(await context.newPage());
    await tab.goto(url);
    return tab;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

class FirefoxTab extends PageTab {
  readonly #page: Page;

  constructor(page: Page) {
    super(page);
    this.#page = page;
  }

  async back(): Promise<void> {
    // Not `goBack()`: it waits for a page to load, which a page that was kept does not.
    await this.#page.evaluate(() => {
      const { history } = globalThis as unknown as { history: { back(): void } };
      setTimeout(() => history.back());
    });
  }

  async press(key: Key): Promise<void> {
    const names = key === "Space" ? [" "] : key.split("+");
    const [last, ...held] = names.reverse() as KeyInput[];
    for (const one of held) await this.#page.keyboard.down(one);
    await this.#page.keyboard.press(last);
    for (const one of held) await this.#page.keyboard.up(one);
  }

  async resize(width: number, height: number): Promise<void> {
    await this.#page.setViewport({ width, height });
  }

  async setOffline(isOffline: boolean): Promise<void> {
    await this.#page.setOfflineMode(isOffline);
  }

  async close(): Promise<void> {
    await this.#page.browserContext().close();
  }
}
