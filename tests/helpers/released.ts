/**
 * The released clients and servers of generations 3 and 4, each in a Node process of its own, installed from npm and
 * unchanged: `tests/released/` holds what runs there.
 *
 * @module
 */

import { Child, Listening } from "./process.ts";
import { CERTIFICATE_FILES } from "./trust.ts";

/** 3 is relay-client and relay 3.6.2, which speak JSON; 4 is relay 4.2.2, which speaks MessagePack. */
export type ServerGeneration = 3 | 4;

/** 4.1 is 4.2.2 under the names of 4.0.1 to 4.1.2: `tests/released/hooks.mjs`. */
export type Generation = ServerGeneration | 4.1;

/** A message between peers: text is a string, binary is bytes. */
export type Data = string | Uint8Array<ArrayBuffer>;

/** What a released client tells its application, under the names of generation 3. */
export type ClientEvent =
  | { type: "server.connect" }
  | { type: "server.disconnect" }
  | { type: "server.close"; code: number; reason: string }
  | { type: "peer.connect"; userName: string; documentId: string }
  | { type: "peer.disconnect"; userName: string; documentId: string }
  | { type: "peer.close"; userName: string; documentId: string; code: number; reason: string }
  | { type: "message"; userName: string; documentId: string; data: Data }
  | { type: "error"; message: string };

type EventOf<Type extends ClientEvent["type"]> = Extract<ClientEvent, { type: Type }>;

interface ClientOptions {
  generation: Generation;
  userName: string;
  /** The base URL of a relay, with its scheme: released clients use it as it is. */
  url: string;
}

const FOLDER = new URL("../released/", import.meta.url);
const LOCK = new URL("package-lock.json", FOLDER);
const INSTALLED = new URL("node_modules/installed-from.json", FOLDER);

/** One released client. Disposing it kills its process, so that the relay sees it vanish. */
export class ReleasedClient extends Child {
  readonly userName: string;

  /** Starts the client, which connects by itself. */
  static async start(options: ClientOptions): Promise<ReleasedClient> {
    await installReleased();
    return new ReleasedClient(options);
  }

  private constructor({ generation, userName, url }: ClientOptions) {
    super(`v${generation} client ${userName}`, "node", nodeOptions("client.mjs", String(generation), userName, url));
    this.userName = userName;
  }

  async join(documentId: string): Promise<void> {
    await this.#order("join", { documentId });
  }

  async leave(documentId: string): Promise<void> {
    await this.#order("leave", { documentId });
  }

  async send(userName: string, documentId: string, data: Data): Promise<void> {
    const encoded = typeof data === "string" ? { text: data } : { base64: data.toBase64() };
    await this.#order("send", { userName, documentId, ...encoded });
  }

  async disconnectPeer(userName: string): Promise<void> {
    await this.#order("disconnectPeer", { userName });
  }

  /** From here on the client tells its application nothing; only the close of its server socket is still heard. */
  async disconnectServer(): Promise<void> {
    await this.#order("disconnectServer");
  }

  /** Lets time pass for the client's heartbeat, which is its only interval; its delays stay real. */
  async passTime(milliseconds: number): Promise<void> {
    await this.#order("passTime", { milliseconds });
  }

  /** Awaits the first event of a type which has these properties. Events of other types stay for later. */
  async next<Type extends ClientEvent["type"]>(type: Type, match: Partial<EventOf<Type>> = {}): Promise<EventOf<Type>> {
    const wanted = { ...match, type };
    return await this.nextLine(Deno.inspect(wanted), (line) => {
      const event = parseEvent(line);
      return has(event, wanted) ? event as EventOf<Type> : undefined;
    });
  }

  async #order(command: string, parameters: Record<string, unknown> = {}): Promise<void> {
    await this.writeLine(JSON.stringify({ command, ...parameters }));
  }
}

/** Starts a released server on a free port. */
export async function startAncestor(
  generation: ServerGeneration,
  options: { env?: Record<string, string> } = {},
): Promise<Listening> {
  await installReleased();
  const { env, ...rest } = nodeOptions("server.mjs", String(generation));
  const server = new Listening(`v${generation} server`, "node", { ...rest, env: { ...env, ...options.env } });
  return await server.listening((line) => line.startsWith('{"port"') ? JSON.parse(line).port : undefined);
}

/** What `msgpackr`, the encoder of generation 4, makes of a value. */
export async function packReleased(value: unknown): Promise<Uint8Array<ArrayBuffer>> {
  await installReleased();
  await using packer = new Child("msgpackr", "node", nodeOptions("pack.mjs", JSON.stringify(value)));
  return await packer.nextLine("the packed bytes", (hex) => Uint8Array.fromHex(hex));
}

/** Installs the released packages unless they are there. Test files that call it together wait for one another. */
export async function installReleased(): Promise<void> {
  if (await isInstalled()) return;
  // The lock is on this very file: it is always there, and nothing has to be cleaned up.
  using file = await Deno.open(new URL(import.meta.url));
  await file.lock(true);
  if (!await isInstalled()) await install();
}

async function isInstalled(): Promise<boolean> {
  const installedFrom = await Deno.readTextFile(INSTALLED).catch(() => undefined);
  return installedFrom === await Deno.readTextFile(LOCK);
}

async function install(): Promise<void> {
  const npm = new Child("npm, which comes with Node 20.11 or later", "npm", { args: ["ci"], cwd: FOLDER });
  const { success } = await npm.exited;
  if (!success) {
    throw new Error(`Cannot install the released clients: \`npm ci\` in ${FOLDER.pathname} failed with ${npm.stderr}`);
  }
  await Deno.copyFile(LOCK, INSTALLED);
}

function nodeOptions(...args: string[]) {
  return { args, cwd: FOLDER, env: { NODE_NO_WARNINGS: "1", NODE_EXTRA_CA_CERTS: CERTIFICATE_FILES.cert } };
}

function parseEvent(line: string): ClientEvent {
  const { text, base64, ...event } = JSON.parse(line);
  if (event.type !== "message") return event;
  return { ...event, data: text ?? Uint8Array.fromBase64(base64) };
}

function has(event: ClientEvent, wanted: Record<string, unknown>): boolean {
  return Object.entries(wanted).every(([name, value]) => (event as Record<string, unknown>)[name] === value);
}
