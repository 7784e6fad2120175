/**
 * The adapter: what a repo sees of a relay.
 *
 * @module
 */

import { EventEmitter } from "eventemitter3";
import { Client, type ClientOptions, type PeerEvent, type PeerSocket } from "../client/mod.ts";
import { type Environment, platform } from "../client/environment.ts";
import { checkId, checkJoin, settle } from "../client/options.ts";
import { Flush } from "../flush.ts";
import { Line } from "./line.ts";
import { Readiness } from "./readiness.ts";
import type { Message, NetworkAdapterEvents, PeerId, PeerMetadata } from "./repo_types.ts";

/** How an adapter is made: as a client is, whose name will be the repo's peer id. */
export interface RelayNetworkAdapterOptions extends Omit<ClientOptions, "userName" | "documentIds"> {
  /** Where repos meet that have it in common, whatever their documents. Hard to guess, as documents' ids are. */
  channel?: string;
  /** Hears what went wrong: what the client mends by itself, and peers that were sent away for what they said. */
  onError?: (error: Error) => void;
}

/**
 * Connects a repo with all others that share its channel, or one of the documents it has joined, through a relay.
 *
 * What is lost is made again, as the client does it, and repos then tell each other what they have missed.
 */
export class RelayNetworkAdapter extends EventEmitter<NetworkAdapterEvents> {
  /** Our repo's. */
  peerId?: PeerId;
  /** What other repos are told of ours. */
  peerMetadata?: PeerMetadata;
  readonly #options: ClientOptions;
  readonly #onError: (error: Error) => void;
  readonly #topics: Set<string>;
  readonly #readiness: Readiness;
  readonly #environment: Environment;
  readonly #lines = new Map<PeerSocket, Line>();
  /** Those on which a peer has greeted us. The oldest to each peer is in use, as order holds on a single line only. */
  readonly #greeted = new Map<PeerId, Line[]>();
  #client: Client | undefined;
  /** Of what the client before still had to say. */
  #flush: Flush | undefined;

  /**
   * Throws a `TypeError` when an option cannot be used.
   *
   * @param environment Only for tests: another clock, chance and network.
   */
  constructor(options: RelayNetworkAdapterOptions, environment: Environment = platform()) {
    super();
    const { channel, onError = () => {}, ...clientOptions } = options;
    this.#topics = new Set(channel === undefined ? [] : [channel]);
    this.#topics.forEach(checkId);
    settle(clientOptions);
    this.#options = clientOptions;
    this.#onError = onError;
    this.#environment = environment;
    this.#readiness = new Readiness(environment);
  }

  /** Whether the repo may ask its peers for documents. */
  isReady(): boolean {
    return this.#readiness.hasCome;
  }

  /** Resolves when all repos that were there before us are connected, and in 3 seconds at most. */
  whenReady(): Promise<void> {
    return this.#readiness.come;
  }

  /** Called by the repo. */
  connect(peerId: PeerId, peerMetadata: PeerMetadata = this.peerMetadata ?? {}): void {
    this.disconnect();
    this.#flush?.stop();
    this.peerId = peerId;
    this.peerMetadata = peerMetadata;
    this.#readiness.expect();
    const options = { ...this.#options, userName: peerId, documentIds: this.#topics };
    this.#client = new Client(options, this.#environment)
      .on("peer.connect", (event) => this.#connected(event))
      .on("peer.disconnect", ({ socket }) => this.#disconnected(socket))
      .on("error", this.#onError);
  }

  /** Called by the repo. `connect()` takes it back. What was sent before still goes out. */
  disconnect(): void {
    const client = this.#client?.off("peer.connect").off("peer.disconnect").off("error");
    if (client === undefined) return;
    this.#client = undefined;
    this.#readiness.declare();
    const [lines, peerIds] = [[...this.#lines.values()], [...this.#greeted.keys()]];
    this.#lines.forEach((line) => line.end());
    this.#lines.clear();
    this.#greeted.clear();
    this.#flush = new Flush(client, lines, this.#environment);
    // Last: a listener may throw.
    for (const peerId of peerIds) this.emit("peer-disconnected", { peerId });
  }

  /** Called by the repo. */
  send(message: Message): void {
    try {
      this.#greeted.get(message.targetId)?.[0].send(message);
    } catch (error) {
      this.#onError(error as Error);
    }
  }

  /** Meets everyone else who has joined this document, by its id or URL. Throws a `TypeError` for what cannot be an id. */
  join(document: string): this {
    const topic = topicOf(document);
    checkJoin(this.#topics, topic);
    this.#client?.join(topic);
    this.#topics.add(topic);
    return this;
  }

  /** Meets nobody about this document any more. */
  leave(document: string): this {
    this.#topics.delete(topicOf(document));
    this.#client?.leave(topicOf(document));
    return this;
  }

  #connected({ userName, socket }: PeerEvent): void {
    const line = new Line(userName as PeerId, socket, {
      greeted: (line) => this.#met(line),
      message: (message) => this.emit("message", message),
      failed: (error) => this.#sendAway(userName, error),
      drained: () => this.#flush?.check(),
    });
    this.#lines.set(socket, line);
    line.greet(this.peerMetadata ?? {});
  }

  #met(line: Line): void {
    const lines = [...this.#greeted.get(line.peerId) ?? [], line];
    this.#greeted.set(line.peerId, lines);
    if (lines.length === 1) this.#announce(line);
    if (this.#isSettled) this.#readiness.declare();
  }

  #disconnected(socket: PeerSocket): void {
    const line = this.#lines.get(socket);
    this.#lines.delete(socket);
    line?.end();
    if (line?.peerMetadata !== undefined) this.#lost(line);
  }

  #lost(line: Line): void {
    const others = (this.#greeted.get(line.peerId) ?? []).filter((other) => other !== line);
    if (others.length > 0) this.#greeted.set(line.peerId, others);
    else this.#greeted.delete(line.peerId);
    this.emit("peer-disconnected", { peerId: line.peerId });
    // What was under way on the lost line is lost, from either side: the repos have to begin anew on another one.
    const [next] = this.#greeted.get(line.peerId) ?? [];
    if (next !== undefined) this.#announce(next);
  }

  #announce({ peerId, peerMetadata = {} }: Line): void {
    this.emit("peer-candidate", { peerId, peerMetadata });
  }

  #sendAway(userName: string, error: Error): void {
    this.#client?.disconnectPeer(userName);
    this.#onError(error);
  }

  /** Everyone to whom we were introduced has greeted us. */
  get #isSettled(): boolean {
    const lines = [...this.#lines.values()];
    return (this.#client?.pending ?? 0) === 0 && lines.every(({ peerMetadata }) => peerMetadata !== undefined);
  }
}

/** A document's id, from its id or URL, with or without heads. */
function topicOf(document: string): string {
  return document.replace(/^automerge:([^#]*).*$/, "$1");
}
