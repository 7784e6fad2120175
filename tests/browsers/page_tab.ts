/**
 * A tab over a page of Playwright or Puppeteer, as far as their pages are alike.
 *
 * @module
 */

import type { Key, Tab } from "./browser.ts";

/** What the pages of both libraries have in common. */
export interface Page {
  /** Their types of this do not agree: see {@link Events}. */
  on(event: never, listener: never): unknown;
  evaluate(action: (argument: unknown) => unknown, argument: unknown): Promise<unknown>;
  goto(url: string): Promise<unknown>;
  reload(): Promise<unknown>;
  click(selector: string): Promise<void>;
  readonly keyboard: { type(text: string): Promise<void> };
}

/** The events of both. */
interface Events {
  on(event: "request", listener: (request: { url(): string }) => void): void;
  on(event: "pageerror", listener: (error: unknown) => void): void;
  on(event: "console", listener: (message: { type(): string; text(): string }) => void): void;
}

/** Leaves to each library what they do differently. */
export abstract class PageTab implements Tab {
  readonly complaints: string[] = [];
  readonly addresses: string[] = [];
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
    const events = page as Events;
    events.on("request", (request) => this.addresses.push(request.url()));
    events.on("pageerror", (error) => this.complaints.push(String(error)));
    events.on("console", (message) => {
      if (message.type() !== "log") this.complaints.push(message.text());
    });
  }

  abstract back(): Promise<void>;
  abstract press(key: Key): Promise<void>;
  abstract resize(width: number, height: number): Promise<void>;
  abstract setOffline(isOffline: boolean): Promise<void>;
  abstract close(): Promise<void>;

  async evaluate<Result>(action: (argument: never) => Result | Promise<Result>, argument?: unknown): Promise<Result> {
    return await this.#page.evaluate(action as (argument: unknown) => unknown, argument) as Result;
  }

  async goto(url: string): Promise<void> {
    await this.#page.goto(url);
  }

  async reload(): Promise<void> {
    await this.#page.reload();
  }

  async click(selector: string): Promise<void> {
    await this.#page.click(selector);
  }

  async type(text: string): Promise<void> {
    await this.#page.keyboard.type(text);
  }
}
