/** A relay, its network and time, all in the hands of a test. */

import { Client, type ClientOptions } from "../../src/client/mod.ts";
import type { Environment } from "../../src/client/environment.ts";
import type { WebSocketClass } from "../../src/client/peer_socket.ts";
import { FakeClock } from "../helpers/fakes.ts";

/** A WebSocket whose other end is the test. */
export class FakeSocket extends EventTarget {
  readyState = 0;
  binaryType = "blob";
  /** All that was sent, in order. */
  readonly said: (string | Uint8Array<ArrayBuffer>)[] = [];
  bufferedAmount = 0;
  /** The code our side closed it with. */
  closedWith: number | undefined;

  constructor(readonly url: string) {
    super();
  }

  /** The text among what was sent. */
  get sent(): string[] {
    return this.said.filter((data) => typeof data === "string");
  }

  /** The binary frames among it. */
  get frames(): Uint8Array<ArrayBuffer>[] {
    return this.said.filter((data) => typeof data !== "string");
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    if (this.readyState === 0) throw new DOMException("still connecting", "InvalidStateError");
    this.said.push(data);
  }

  close(code = 1005): void {
    if (this.readyState > 1) return;
    this.readyState = 2;
    this.closedWith = code;
  }

  /** The relay accepts it. */
  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  /** The other side says this. */
  receive(data: unknown): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  /** It failed, as Node 22 tells it: nothing follows. */
  fail(message = ""): void {
    this.dispatchEvent(new ErrorEvent("error", { message }));
  }

  /** It is really closed, and tells how: by default as browsers do when it was lost. */
  end(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.dispatchEvent(new CloseEvent("close", { code, reason }));
  }
}

/** Clients of one relay. */
export class FakeRelay {
  readonly clock = new FakeClock();
  readonly network = new ListenerCount();
  /** All sockets ever made, oldest first. */
  readonly sockets: FakeSocket[] = [];
  /** What chance gives: by default the longest delays. */
  random: () => number = () => 0.999999;

  /** A client that is about to connect, as alice about "doc" if not told otherwise. */
  client(options: Partial<ClientOptions> = {}): Client {
    const alice = { userName: "alice", url: "ws://relay", documentIds: ["doc"] };
    return new Client({ ...alice, WebSocket: this.WebSocket, ...options }, this.environment);
  }

  /** A client with its introduction socket open. */
  async connected(options: Partial<ClientOptions> = {}): Promise<Client> {
    const client = this.client(options);
    await turn();
    this.introduction.open();
    await turn();
    return client;
  }

  /** A client that is connected to bob about "doc". */
  async paired(options: Partial<ClientOptions> = {}): Promise<Client> {
    const client = await this.connected(options);
    await this.introduce("bob");
    this.connection.open();
    await turn();
    return client;
  }

  /** The class of its sockets. */
  get WebSocket(): WebSocketClass {
    const { sockets } = this;
    return class extends FakeSocket {
      constructor(url: string) {
        super(url);
        sockets.push(this);
      }
    };
  }

  get environment(): Environment {
    return {
      random: () => this.random(),
      now: () => this.clock.now(),
      after: (milliseconds, action) => {
        const timer = this.clock.after(milliseconds, action);
        return () => timer.cancel();
      },
      network: this.network,
    };
  }

  /** The latest introduction socket. */
  get introduction(): FakeSocket {
    return this.#all("introduction").at(-1)!;
  }

  /** The latest connection socket. */
  get connection(): FakeSocket {
    return this.connections.at(-1)!;
  }

  get introductions(): FakeSocket[] {
    return this.#all("introduction");
  }

  get connections(): FakeSocket[] {
    return this.#all("connection");
  }

  /** What the client said on its latest introduction socket. */
  get heard(): Record<string, unknown>[] {
    return this.introduction.sent.flatMap((text) => JSON.parse(text));
  }

  /** How many Joins it said there. */
  get joins(): number {
    return this.heard.filter(({ type }) => type === "Join").length;
  }

  async introduce(userName: string, ...documentIds: string[]): Promise<void> {
    const documents = documentIds.length > 0 ? documentIds : ["doc"];
    this.introduction.receive(JSON.stringify({ type: "Introduction", userName, documentIds: documents }));
    await turn();
  }

  /** Lets time pass, and what follows from it happen. */
  async pass(milliseconds: number): Promise<void> {
    this.clock.pass(milliseconds);
    await turn();
  }

  #all(kind: string): FakeSocket[] {
    return this.sockets.filter(({ url }) => new URL(url).pathname.includes(`/${kind}/`));
  }
}

/** Lets everything that waits for a microtask happen. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 20; i++) await undefined;
}

/** Everything a client tells, one line each. */
export function diary(client: Client): string[] {
  const lines: string[] = [];
  client
    .on("server.connect", () => lines.push("server.connect"))
    .on("server.disconnect", () => lines.push("server.disconnect"))
    .on("peer.connect", ({ userName, documentId }) => lines.push(`peer.connect ${userName} ${documentId}`))
    .on("peer.disconnect", ({ userName, documentId }) => lines.push(`peer.disconnect ${userName} ${documentId}`))
    .on("error", ({ message }) => lines.push(`error ${message}`));
  return lines;
}

/** A network whose listeners can be counted. */
class ListenerCount extends EventTarget {
  count = 0;
  readonly #known = new Set<unknown>();

  override addEventListener(type: string, listener: EventListener): void {
    super.addEventListener(type, listener);
    this.#known.add(type);
    this.count = this.#known.size;
  }

  override removeEventListener(type: string, listener: EventListener): void {
    super.removeEventListener(type, listener);
    this.#known.delete(type);
    this.count = this.#known.size;
  }
}
