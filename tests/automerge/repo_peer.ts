/**
 * Repos in processes of their own, as whoever installs the package has them.
 *
 * @module
 */

import { equal } from "@std/assert";
import type { NodeProject } from "../helpers/node_project.ts";
import type { Child } from "../helpers/process.ts";

type Doc = Record<string, unknown>;

interface Event {
  type: "peer" | "peer-disconnected" | "doc" | "broadcast" | "error";
  peerId?: string;
  document?: string;
  doc?: Doc;
  message?: unknown;
}

/** A repo of the real library, that does what it is told. */
export class RepoPeer implements AsyncDisposable {
  readonly #child: Child;

  /** Starts it, connected to a relay. Without a channel it meets only those with whom it shares a document. */
  constructor(project: NodeProject, readonly peerId: string, url: string, channel?: string, secret?: string) {
    const options = [channel, secret].filter((option) => option !== undefined);
    this.#child = project.node("peer.mjs", peerId, url, ...options);
  }

  /** Makes an empty document, and tells its URL. */
  async create(): Promise<string> {
    await this.#order("create");
    const { document } = await this.#next("doc");
    return document!;
  }

  /** Opens a document that a peer has whom it has met. Returns how it looks then. */
  async find(document: string): Promise<Doc> {
    await this.#order("find", { document });
    const { doc } = await this.#next("doc", { document });
    return doc!;
  }

  async change(document: string, key: string, value: unknown): Promise<void> {
    await this.#order("change", { document, key, value });
  }

  /** Puts random bytes into a document. Returns how the document looks then. */
  async fill(document: string, key: string, bytes: number): Promise<Doc> {
    await this.#order("fill", { document, key, bytes });
    const { doc } = await this.#child.nextLine(`${key} in the document`, (line) => {
      const event: Event = JSON.parse(line);
      return event.doc !== undefined && key in event.doc ? event : undefined;
    });
    return doc!;
  }

  async broadcast(document: string, message: unknown): Promise<void> {
    await this.#order("broadcast", { document, message });
  }

  async join(document: string): Promise<void> {
    await this.#order("join", { document });
  }

  async leave(document: string): Promise<void> {
    await this.#order("leave", { document });
  }

  /** Waits until it is connected to this peer, or to anyone. */
  async meets(peerId?: string): Promise<void> {
    await this.#next("peer", peerId === undefined ? {} : { peerId });
  }

  /** Waits until it is not any more. */
  async loses(peerId: string): Promise<void> {
    await this.#next("peer-disconnected", { peerId });
  }

  /** Waits until a document looks like this. */
  async shows(document: string, doc: Doc): Promise<void> {
    await this.#next("doc", { document, doc });
  }

  /** Waits for what a peer broadcasts. */
  async hears(peerId: string, message: unknown): Promise<void> {
    await this.#next("broadcast", { peerId, message });
  }

  /** Everybody of whom it was told so far. */
  get acquaintances(): Set<string> {
    const events: Event[] = this.#child.stdout.split("\n").filter((line) => line !== "").map((line) =>
      JSON.parse(line)
    );
    return new Set(events.flatMap(({ type, peerId }) => type === "peer" ? [peerId!] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }

  async #order(order: string, parameters: object = {}): Promise<void> {
    await this.#child.writeLine(JSON.stringify({ order, ...parameters }));
  }

  async #next(type: Event["type"], wanted: Partial<Event> = {}): Promise<Event> {
    const entries = Object.entries({ type, ...wanted });
    return await this.#child.nextLine(`${Deno.inspect(wanted)} (${type}) for ${this.peerId}`, (line) => {
      const event: Event = JSON.parse(line);
      return entries.every(([name, value]) => equal(event[name as keyof Event], value)) ? event : undefined;
    });
  }
}
