/** A peer of the demo: a client of this relay, its copy of the conversation, and nothing that can be seen. */

import { Client } from "../client.js";
import { Conversation } from "./conversation.js";

/** A demo is watched: nobody wants to wait 30 s. */
const RETRY = { minRetryDelay: 400, maxRetryDelay: 4000 };
/** The same for everybody: whoever has another secret has another one, as far as the relay can tell. */
const DOCUMENT = "demo";

/**
 * What a peer is about: `cut` off on purpose, `seeking` the relay, `waiting` for others, or `connected` to some.
 *
 * @typedef {"cut" | "seeking" | "waiting" | "connected"} State
 */

/**
 * Who hears what happens to a peer.
 *
 * @typedef {object} PeerListener
 * @property {() => void} changed Its state, its peers, or what it knows.
 * @property {(message: import("./conversation.js").Message, to: string[]) => void} sent
 * @property {(message: import("./conversation.js").Message, from: string) => void} heard
 * @property {(from: string, text: string) => void} drafted Somebody is typing.
 * @property {(milliseconds: number) => void} timed To another peer and back took this long.
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
  /** The latest question that only asks for an answer. */
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

  /** The ids of those it is connected to. */
  get peers() {
    return [...this.#sockets.keys()];
  }

  get messages() {
    return this.#conversation.messages;
  }

  /**
   * Whether a message of ours was written with nobody there to read it, yet.
   *
   * @param {string} id
   */
  isKept(id) {
    return this.#kept.has(id);
  }

  /**
   * Joins the document, unless it did.
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

  /** Leaves the relay, and with it everybody. */
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
   * Lets the others read along.
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
    // Everything, every time: the other one may have missed any of it.
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

/** Who has the link can send anything. */
function parse(data) {
  try {
    return JSON.parse(data) ?? {};
  } catch {
    return {};
  }
}
