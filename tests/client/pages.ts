/**
 * Pages of an application that uses the client as the relay serves it, from a server of its own.
 *
 * @module
 */

import type { Client, PeerData } from "../../src/client/mod.ts";
import type { Browser, Tab } from "../browsers/browser.ts";
import { waitFor } from "../browsers/waiting.ts";
import type { Action, behaviours } from "./behaviours.ts";
import { bundle } from "./bundle.ts";
import type { RelayStage } from "./stage.ts";

const PAGE = `<!doctype html><title>An application</title><script type="module" src="/application.js"></script>`;
const ELSEWHERE = "<!doctype html><title>Another page</title>";

/** What is in such a page. */
interface Application {
  readonly client: Client;
  readonly heard: string[];
}

/** A behaviour to show. */
interface Scene extends Way {
  readonly name: string;
  readonly url: string;
  readonly library: string;
}

/** How conversations go: in one socket, and unsealed, if nothing is said. */
export interface Way {
  readonly secret?: string;
  readonly multiplex?: boolean;
}

/** Serves them, and does to the relay what they ask for. */
export class Pages implements AsyncDisposable {
  readonly #relay: RelayStage;
  readonly #scripts: Record<string, string>;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  static async serve(relay: RelayStage): Promise<Pages> {
    const behaviours = await bundle("tests/client/behaviours.ts");
    return new Pages(relay, { "/behaviours.js": behaviours, "/application.js": `(${application})();` });
  }

  private constructor(relay: RelayStage, scripts: Record<string, string>) {
    this.#relay = relay;
    this.#scripts = scripts;
    const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
    this.#server = Deno.serve(options, (request) => this.#answer(new URL(request.url)));
  }

  /** Opens the application of a user, who is interested in "doc". */
  async open(browser: Browser, userName: string): Promise<User> {
    return new User(await browser.open(this.#address("/", { userName, relay: this.#relay.http })), this.elsewhere);
  }

  /** Opens a page that does nothing by itself. */
  async openEmpty(browser: Browser): Promise<Tab> {
    return await browser.open(this.elsewhere);
  }

  /** Shows one behaviour in a page. */
  async behave(tab: Tab, name: keyof typeof behaviours, way: Way = {}): Promise<void> {
    await tab.evaluate(behave, { name, url: this.#relay.url, library: `${this.#relay.http}/client.js`, ...way });
  }

  get elsewhere(): string {
    return this.#address("/elsewhere");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #answer({ pathname, searchParams }: URL): Promise<Response> {
    if (pathname === "/control") await this.#relay.control(searchParams.get("action") as Action);
    if (pathname in this.#scripts) return respond(this.#scripts[pathname], "text/javascript");
    return respond(pathname === "/" ? PAGE : ELSEWHERE, "text/html");
  }

  #address(path: string, query: Record<string, string> = {}): string {
    return `http://127.0.0.1:${this.#server.addr.port}${path}?${new URLSearchParams(query)}`;
  }
}

/** Someone with the application open. */
export class User {
  readonly tab: Tab;
  readonly #elsewhere: string;

  constructor(tab: Tab, elsewhere: string) {
    this.tab = tab;
    this.#elsewhere = elsewhere;
  }

  /** Sends text, or bytes. */
  async write(peer: string, data: string | number[]): Promise<void> {
    await this.tab.evaluate(({ peer, data }: { peer: string; data: string | number[] }) => {
      const { client } = globalThis as unknown as Application;
      client.get(peer, "doc")!.write(typeof data === "string" ? data : new Uint8Array(data));
    }, { peer, data });
  }

  /** Waits until the client has told this, and forgets it. */
  async hears(line: string): Promise<void> {
    const look = () => this.tab.evaluate(take, line);
    await waitFor(look, (rest) => rest === "taken", `the line "${line}"`);
  }

  /** Leaves the page, which the browser may keep for when its user comes back. */
  async leave(): Promise<void> {
    await this.tab.goto(this.#elsewhere);
  }
}

/** Runs in the page. */
function take(line: string): string {
  const { heard } = globalThis as unknown as Application;
  const index = heard.indexOf(line);
  if (index < 0) return heard.join(", ");
  heard.splice(index, 1);
  return "taken";
}

/** Runs in the page: the application. */
async function application(): Promise<void> {
  const query = new URL(location.href).searchParams;
  const [userName, relay] = [query.get("userName")!, query.get("relay")!];
  const { Client } = await import(`${relay}/client.js`);
  const heard: string[] = [];
  const show = (data: PeerData) => typeof data === "string" ? data : `bytes ${new Uint8Array(data)}`;
  const delays = { minRetryDelay: 50, maxRetryDelay: 1000 };
  const client: Client = new Client({ userName, url: relay, documentIds: ["doc"], ...delays });
  client
    .on("server.connect", () => heard.push("server.connect"))
    .on("server.disconnect", () => heard.push("server.disconnect"))
    .on("peer.connect", ({ userName, socket }) => {
      heard.push(`connected to ${userName}`);
      socket.on("data", (data) => heard.push(`${userName}: ${show(data)}`));
    })
    .on("peer.disconnect", ({ userName }) => heard.push(`disconnected from ${userName}`));
  addEventListener("pageshow", (event) => {
    if ((event as Event & { persisted: boolean }).persisted) heard.push("kept as it was");
  });
  Object.assign(globalThis, { client, heard });
}

/** Runs in the page. */
async function behave({ name, library, ...stage }: Scene): Promise<void> {
  const { Client } = await import(library);
  const script = "/behaviours.js"; // not a literal in the import: only the page has it
  const { behaviours } = await import(script);
  const control = async (action: string) => void await fetch(`/control?action=${encodeURIComponent(action)}`);
  await behaviours[name]({ Client, control, ...stage });
}

function respond(body: string, type: string): Response {
  return new Response(body, { headers: { "content-type": `${type}; charset=utf-8` } });
}
