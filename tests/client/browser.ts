/**
 * Headless Chromium, with pages whose scripts come from a relay.
 *
 * @module
 */

import { type Browser as Chromium, type BrowserContext, chromium, type Page } from "playwright-core";
import type { Client, PeerData } from "../../src/client/mod.ts";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** What `prepare` puts into a page. */
declare const client: Client;
declare const heard: string[];

/** Where Chromium is: what `CHROMIUM` says, or where Debian and others put it. Undefined if it is nowhere. */
export function findChromium(): string | undefined {
  return [Deno.env.get("CHROMIUM") ?? "", ...PATHS].find((path) => isFile(path));
}

/** A browser, whose profiles know nothing of each other. */
export class Browser implements AsyncDisposable {
  readonly #chromium: Chromium;

  static async launch(executablePath: string): Promise<Browser> {
    // Its sandbox wants rights that containers do not have; it only ever sees our own pages.
    return new Browser(await chromium.launch({ executablePath, args: ["--no-sandbox"] }));
  }

  private constructor(chromium: Chromium) {
    this.#chromium = chromium;
  }

  /** Opens a page in a profile of its own. */
  async open(url: string): Promise<Tab> {
    // The relay's own pages may not run scripts.
    const context = await this.#chromium.newContext({ bypassCSP: true });
    const page = await context.newPage();
    await page.goto(url);
    return new Tab(context, page);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chromium.close();
  }
}

/** A page in a profile of its own. */
export class Tab {
  readonly page: Page;
  readonly #context: BrowserContext;

  constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
  }

  /** Makes a client of the library that the page's relay serves, interested in "doc". */
  async connect(userName: string): Promise<void> {
    await this.page.evaluate(prepare, { userName, url: new URL(this.page.url()).origin });
  }

  /** Sends text, or bytes. */
  async write(peer: string, data: string | number[]): Promise<void> {
    await this.page.evaluate(({ peer, data }) => {
      client.get(peer, "doc")!.write(typeof data === "string" ? data : new Uint8Array(data));
    }, { peer, data });
  }

  /** Waits until the client has told this, and forgets it. */
  async hears(line: string): Promise<void> {
    try {
      await this.page.waitForFunction((line) => {
        const index = heard.indexOf(line);
        return index >= 0 && heard.splice(index, 1).length > 0;
      }, line);
    } catch (error) {
      const story = await this.page.evaluate(() => heard.join(", "));
      throw new Error(`Waited for ${line}, what came: ${story}`, { cause: error });
    }
  }

  /** Takes the network away from the page, or gives it back. */
  async setOffline(isOffline: boolean): Promise<void> {
    await this.#context.setOffline(isOffline);
  }

  async close(): Promise<void> {
    await this.#context.close();
  }
}

/** Runs in the page. */
async function prepare({ userName, url }: { userName: string; url: string }): Promise<void> {
  const library = "/client.js"; // not a literal in the import: only the page has it
  const { Client } = await import(library);
  const heard: string[] = [];
  const show = (data: PeerData) => typeof data === "string" ? data : `bytes ${new Uint8Array(data)}`;
  const client: Client = new Client({ userName, url, documentIds: ["doc"], minRetryDelay: 50, maxRetryDelay: 1000 });
  client
    .on("server.connect", () => heard.push("server.connect"))
    .on("server.disconnect", () => heard.push("server.disconnect"))
    .on("peer.connect", ({ userName, socket }) => {
      heard.push(`connected to ${userName}`);
      socket.on("data", (data) => heard.push(`${userName}: ${show(data)}`));
    })
    .on("peer.disconnect", ({ userName }) => heard.push(`disconnected from ${userName}`));
  Object.assign(globalThis, { client, heard });
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
