/**
 * The README's example page: made by a bundler, as its users make it, and open in browser windows.
 *
 * @module
 */

import type { Browser, Tab } from "../browsers/browser.ts";
import { waitFor } from "../browsers/waiting.ts";
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
    const tab = await browser.open(`http://127.0.0.1:${this.#server.addr.port}/`);
    await tab.evaluate(keepFocus);
    return new TextWindow(tab);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** What is in the page's editor. */
interface Content {
  /** All that is written, without the carets of others. */
  readonly text: string;
  /** How many others have a caret in it. */
  readonly carets: number;
}

const EDITOR = "[role=textbox]";

/** A browser window that shows the page. */
export class TextWindow {
  readonly #tab: Tab;

  constructor(tab: Tab) {
    this.#tab = tab;
  }

  /** Puts the caret at the start or the end, and types. */
  async write(key: "Home" | "End", words: string): Promise<void> {
    await this.#tab.click(EDITOR);
    await this.#tab.press(`Control+${key}`);
    await this.#tab.type(words);
  }

  /** Waits until each of these is in the text. */
  async reads(...words: string[]): Promise<void> {
    await this.#shows(({ text }) => words.every((word) => text.includes(word)), words.join(", "));
  }

  /** Waits until the caret of another is in the text, or until none is. */
  async seesCaret(isThere: boolean): Promise<void> {
    await this.#shows(({ carets }) => carets > 0 === isThere, isThere ? "another's caret" : "no other caret");
  }

  async text(): Promise<string> {
    return (await this.#tab.evaluate(contentOf, EDITOR)).text;
  }

  async close(): Promise<void> {
    await this.#tab.close();
  }

  async #shows(isRight: (content: Content) => boolean, what: string): Promise<void> {
    await waitFor(() => this.#tab.evaluate(contentOf, EDITOR), isRight, what);
  }
}

/** Runs in the page. The editor shows carets of windows that have the focus, and of two windows one has it. */
function keepFocus(): void {
  const { document } = globalThis as unknown as { document: { hasFocus(): boolean } };
  document.hasFocus = () => true;
}

/** Runs in the page, whose types Deno does not have. */
function contentOf(selector: string): Content {
  // deno-lint-ignore no-explicit-any
  const copy = (globalThis as any).document.querySelector(selector).cloneNode(true);
  const carets = [...copy.querySelectorAll(".cm-ySelectionCaret")];
  carets.forEach((caret) => caret.remove());
  return { text: copy.textContent, carets: carets.length };
}
