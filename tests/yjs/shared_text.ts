/**
 * The README's example page: made by a bundler, as its users make it, and open in browser windows.
 *
 * @module
 */

import type { Locator } from "playwright-core";
import type { Browser, Tab } from "../client/browser.ts";
import type { NodeProject } from "../helpers/node_project.ts";
import { snippet } from "../helpers/readme.ts";

const SCRIPT = /(?<=<script type="module">\n).*(?=<\/script>)/s;

/** The page, at an address of its own. */
export class SharedText implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  /** Makes the page for a relay. */
  static async serve(project: NodeProject, relay: string): Promise<SharedText> {
    const page = await snippet("@localfirst/relay/yjs", relay, "html");
    await project.write("shared_text.js", SCRIPT.exec(page)![0]);
    const script = (await project.bundle("shared_text.js")).replaceAll("</script", "<\\/script");
    return new SharedText(page.replace(SCRIPT, () => script));
  }

  private constructor(page: string) {
    const headers = { "content-type": "text/html; charset=utf-8" };
    this.#server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => new Response(page, { headers }));
  }

  /** Opens it in a window that shares nothing with the others. */
  async open(browser: Browser): Promise<TextWindow> {
    return new TextWindow(await browser.open(`http://127.0.0.1:${this.#server.addr.port}/`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** A browser window that shows the page. */
export class TextWindow {
  readonly #tab: Tab;
  readonly #editor: Locator;

  constructor(tab: Tab) {
    this.#tab = tab;
    this.#editor = tab.page.getByRole("textbox");
  }

  /** Puts the caret at the start or the end, and types. */
  async write(key: "Home" | "End", words: string): Promise<void> {
    await this.#editor.press(`Control+${key}`);
    await this.#editor.pressSequentially(words);
  }

  /** Waits until each of these is in the text. */
  async reads(...words: string[]): Promise<void> {
    for (const word of words) await this.#editor.filter({ hasText: word }).waitFor();
  }

  /** Waits until the caret of another is in the text, or until none is. */
  async seesCaret(isThere: boolean): Promise<void> {
    await this.#caret.first().waitFor({ state: isThere ? "attached" : "detached" });
  }

  /** All that is written, without the carets of others. */
  async text(): Promise<string> {
    return await this.#editor.evaluate((editor) => {
      const copy = editor.cloneNode(true);
      for (const caret of copy.querySelectorAll(".cm-ySelectionCaret")) caret.remove();
      return copy.textContent;
    });
  }

  async close(): Promise<void> {
    await this.#tab.close();
  }

  get #caret(): Locator {
    return this.#editor.locator(".cm-ySelectionCaret");
  }
}
