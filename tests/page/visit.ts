/**
 * A visitor of a relay's page.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { RelayConfig } from "../../src/server/mod.ts";
import { Server } from "../../src/server/mod.ts";
import type { Browser, Tab } from "../browsers/browser.ts";
import { sees, textsOf } from "../browsers/waiting.ts";
import { lastingPort } from "../helpers/lasting_port.ts";
import { focusedElement, resources } from "./in_page.js";

/** A relay, and a visitor of its page whose every request and complaint is noted. */
export class Visit implements AsyncDisposable {
  readonly tab: Tab;
  readonly #config: Partial<RelayConfig>;
  #server: Server | undefined;

  static async begin(browser: Browser, config: Partial<RelayConfig> = {}): Promise<Visit> {
    // It may go, and come again where it was.
    const port = lastingPort();
    const server = await new Server({ port, host: "127.0.0.1", ...config }).listen();
    const tab = await browser.open(`http://127.0.0.1:${port}/`);
    return new Visit(tab, server, { ...config, port });
  }

  private constructor(tab: Tab, server: Server | undefined, config: Partial<RelayConfig>) {
    this.tab = tab;
    this.#server = server;
    this.#config = config;
  }

  /** Another visitor of the same relay. */
  async invite(browser: Browser, link: string): Promise<Visit> {
    return new Visit(await browser.open(link), undefined, this.#config);
  }

  async stopRelay(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  async startRelay(): Promise<void> {
    this.#server = await new Server({ host: "127.0.0.1", ...this.#config }).listen();
  }

  /** Waits until something visible says this. */
  async sees(selector: string, text: string | RegExp): Promise<void> {
    await sees(this.tab, selector, text);
  }

  async say(name: string, text: string): Promise<void> {
    await this.tab.click(labelled(`Write as ${name}`));
    await this.tab.type(text);
    await this.tab.press("Enter");
  }

  /** Waits until somebody sees these words said. */
  async reads(name: string, text: string): Promise<void> {
    await this.sees(`${log(name)} li:not(.draft) .words`, text);
  }

  /** All words that somebody sees said. */
  async words(name: string): Promise<string[]> {
    return await textsOf(this.tab, `${log(name)} li:not(.draft) .words`);
  }

  async press(button: string): Promise<void> {
    await this.tab.click(`button${labelled(button)}`);
  }

  /** Waits until the two have greeted each other. */
  async meet(): Promise<void> {
    await this.reads("Bob", "Hello Bob! Can you hear me through the relay?");
    await this.reads("Alice", "Loud and clear, Alice.");
    await this.sees(".verdict", "connected");
  }

  /** Presses Tab until each of these has had the focus, in this order and visibly so. */
  async tabTo(...names: string[]): Promise<void> {
    const MOST = 30;
    for (const name of names) {
      for (let count = 0; count < MOST; count += 1) {
        await this.tab.press("Tab");
        if ((await this.tab.evaluate(focusedElement)).name === name) break;
      }
      assertEquals(await this.tab.evaluate(focusedElement), { name, outline: "solid" });
    }
  }

  /** It spoke with nobody but its relay, and nothing was refused or went wrong. */
  async assertIsGood(): Promise<void> {
    assertEquals(this.tab.complaints, []);
    const addresses = [...this.tab.addresses, ...await this.tab.evaluate(resources)];
    const strangers = addresses.filter((address) => new URL(address).host !== `127.0.0.1:${this.#config.port}`);
    assertEquals(strangers, []);
    assert(addresses.length > 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tab.close();
    await this.stopRelay();
  }
}

/** What has this name for whoever does not see. */
export function labelled(name: string): string {
  return `[aria-label="${name}"]`;
}

export function panel(name: string): string {
  return labelled(`${name}’s window`);
}

export function log(name: string): string {
  return labelled(`What ${name} sees`);
}

/** One of the relay's numbers. */
export function number(name: string): string {
  return `[data-number="${name}"]`;
}
