/** A peer of the demo: a client of this relay, and its copy of the conversation, without a view. */

import { Client } from "../client.js";
import { Conversation } from "./conversation.js";

/** Milliseconds between two tries: in a demo, 30 s would be too long. */
const RETRY = { minRetryDelay: 400, maxRetryDelay: 4000 };
/** The same for all visitors: for the relay it is another document with every secret. */
const DOCUMENT = "demo";

/**
 * The state of a peer: `cut` off on purpose, `seeking` the relay, `waiting` for others, or `connected` to some.
 *
 * @typedef {"cut" | "seeking" | "waiting" | "connected"} State
 */

/**
 * Gets what happens to a peer.
 *
 * @typedef {object} PeerListener
 * @property {() => void} changed Its state, its peers, or what it knows.
 * @property {(message: import("./conversation.js").Message, to: string[]) => void} sent
 * @property {(message: import("./conversation.js").Message, from: string) => void} heard
 * @property {(from: string, text: string) => void} drafted Another peer is typing.
 * @property {(milliseconds: number) => void} timed The time of a round trip to another peer.
 */

/** One side of the demo. */
export class Peer {
  /** @type {Client | undefined} */
  #client;
  #conversation = new Conversation();
  /** @type {Map<string, { write(data: string): void }>} */
  #sockets = new Map();
  /** @type {Set<string>} */
  #kept = new Set();
  #secret;
  /** The latest ping. */
  #ping = { count: 0, at: 0 };
  /** @type {PeerListener} */
  #listener;
  /** How often in a row the relay could not be reached. */
  failures = 0;

  /**
   * @param {{ id: string, secret: string }} who
   * @param {PeerListener} listener
   */
  constructor({ id, secret }, listener) {
    this.id = id;
    this.#secret = secret;
    this.#listener = listener;
  }

  /** @returns {State} */
  get state() {
    if (this.#client === undefined) return "cut";
    if (this.#sockets.size > 0) return "connected";
    return this.#client.open ? "waiting" : "seeking";
  }

  /** The ids of the peers that it is connected to. */
  get peers() {
    return [...this.#sockets.keys()];
  }

  get messages() {
    return this.#conversation.messages;
  }

  /**
   * Whether an own message has not reached any peer yet.
   *
   * @param {string} id
   */
  isKept(id) {
    return this.#kept.has(id);
  }

  /**
   * Joins the document, unless it has joined already.
   *
   * @param {string} [token]
   */
  connect(token) {
    if (this.#client !== undefined) return;
    this.failures = 0;
    this.#client = new Client({
      ...RETRY,
      userName: this.id,
      url: location.origin,
      documentIds: [DOCUMENT],
      secret: this.#secret,
      token,
    })
      .on("server.connect", () => this.#reached())
      .on("server.disconnect", () => this.#listener.changed())
      .on("peer.connect", ({ userName, socket }) => this.#met(userName, socket))
      .on("peer.disconnect", ({ userName }) => this.#lost(userName))
      .on("error", () => this.#failed());
    this.#listener.changed();
  }

  /** Leaves the relay, and all peers. */
  cut() {
    this.#client?.disconnectServer();
    this.#client = undefined;
    this.#sockets.clear();
    this.#listener.changed();
  }

  /** @param {string} text */
  say(text) {
    const message = this.#conversation.say(this.id, text);
    if (this.#sockets.size === 0) this.#kept.add(message.id);
    this.#tellAll({ messages: [message] });
    this.#tellAll({ ping: this.#nextPing() });
    this.#listener.sent(message, this.peers);
    this.#listener.changed();
  }

  /**
   * Sends the others what is being typed.
   *
   * @param {string} text
   */
  draft(text) {
    this.#tellAll({ draft: text });
  }

  #reached() {
    this.failures = 0;
    this.#listener.changed();
  }

  #failed() {
    if (this.state === "seeking") this.failures += 1;
    this.#listener.changed();
  }

  #met(userName, socket) {
    this.#sockets.set(userName, socket);
    socket.on("data", (data) => this.#hear(userName, socket, data));
    for (const message of this.messages) if (this.#kept.delete(message.id)) this.#listener.sent(message, [userName]);
    // All messages, every time: the other peer may have missed any of them.
    socket.write(JSON.stringify({ messages: this.messages }));
    socket.write(JSON.stringify({ ping: this.#nextPing() }));
    this.#listener.changed();
  }

  #lost(userName) {
    this.#sockets.delete(userName);
    this.#listener.drafted(userName, "");
    this.#listener.changed();
  }

  #tellAll(what) {
    const text = JSON.stringify(what);
    for (const socket of this.#sockets.values()) socket.write(text);
  }

  #nextPing() {
    this.#ping = { count: this.#ping.count + 1, at: performance.now() };
    return this.#ping.count;
  }

  #hear(userName, socket, data) {
    const { messages, draft, ping, pong } = parse(data);
    if (typeof draft === "string") this.#listener.drafted(userName, draft);
    if (Number.isSafeInteger(ping)) socket.write(JSON.stringify({ pong: ping }));
    if (pong === this.#ping.count) this.#listener.timed(performance.now() - this.#ping.at);
    const fresh = this.#conversation.merge(messages);
    for (const message of fresh) this.#listener.heard(message, userName);
    if (fresh.length > 0) this.#listener.changed();
  }
}

/** Everyone with the link can send anything. */
function parse(data) {
  try {
    return JSON.parse(data) ?? {};
  } catch {
    return {};
  }
}
