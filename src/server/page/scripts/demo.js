/**
 * The live demo: Alice and Bob meet through this relay. A visitor who opens their link is a third peer.
 */

import { createSecret } from "../client.js";
import { listNames, nameOf, Panel, roleOf } from "./panel.js";
import { Peer } from "./peer.js";
import { Wire } from "./wire.js";

const GUESTS = ["carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy"];
/** The peer that each one expects. A guest expects any peer. */
const PARTNERS = { alice: "Bob", bob: "Alice" };
const GREETING = "Hello Bob! Can you hear me through the relay?";
const ANSWER = "Loud and clear, Alice.";
/** Failures in a row after which the page says that the relay cannot be reached. */
const HOPELESS = 2;

/** Shows the demo. */
export class Demo {
  #root;
  #numbers;
  #secret;
  #wire;
  /** @type {Map<string, { peer: Peer, panel: Panel }>} */
  #sides = new Map();
  /** @type {string | undefined} */
  #token;
  /** Own messages that are on their way. @type {Set<string>} */
  #carried = new Set();
  #hasGreeted = false;

  /**
   * @param {HTMLElement} root
   * @param {import("./numbers.js").Numbers} numbers
   */
  constructor(root, numbers) {
    this.#root = root;
    this.#numbers = numbers;
    this.#wire = new Wire(root.querySelector(".wire"));
    const { secret, isGuest } = findSecret();
    this.#secret = secret;
    document.documentElement.dataset.mode = isGuest ? "guest" : "host";
    for (const name of isGuest ? [pick(GUESTS)] : ["alice", "bob"]) this.#addSide(name);
    this.#showLink();
    this.#askForToken(root.querySelector(".token"));
    root.hidden = false;
  }

  /** Connects the peers, unless they need a token first. */
  start() {
    this.#update();
    if (!this.#needsToken || this.#token !== undefined) this.#connectAll();
  }

  get #needsToken() {
    return document.documentElement.dataset.needsToken === "true";
  }

  #addSide(name) {
    const root = this.#root.querySelector("#panel").content.firstElementChild.cloneNode(true);
    const peer = new Peer({ id: `${name}-${randomHex(6)}`, secret: this.#secret }, {
      changed: () => this.#update(),
      sent: (message, to) => this.#sent(message, to),
      heard: (message, from) => this.#heard(peer, message, from),
      drafted: (from, text) => panel.showDraft(from, text),
      timed: (milliseconds) => this.#timed(milliseconds),
    });
    const partner = PARTNERS[name] ?? "others";
    const panel = new Panel(peer, root, { partner, connect: () => peer.connect(this.#token) });
    this.#sides.set(name, { peer, panel });
    this.#root.querySelector(name === "bob" ? ".right" : ".left").append(root);
  }

  #connectAll() {
    for (const { peer } of this.#sides.values()) peer.connect(this.#token);
  }

  #update() {
    for (const { panel } of this.#sides.values()) panel.update();
    this.#showWire();
    this.#showRoster();
    this.#showNote();
    this.#greet();
  }

  #showWire() {
    const [alice, bob] = this.#pair();
    if (bob === undefined) return;
    const isPaired = alice.peers.includes(bob.id) && bob.peers.includes(alice.id);
    this.#wire.update({ alice: alice.state, bob: bob.state, isPaired });
    setText(this.#root.querySelector(".verdict"), verdict(alice, bob, isPaired));
  }

  #pair() {
    return [this.#sides.get("alice")?.peer, this.#sides.get("bob")?.peer];
  }

  /** Peers of other pages that are connected to a peer of this page. */
  #showRoster() {
    const here = [...this.#sides.values()].map(({ peer }) => peer.id);
    const others = new Set([...this.#sides.values()].flatMap(({ peer }) => peer.peers));
    const guests = [...others].filter((id) => !here.includes(id));
    setText(this.#root.querySelector(".roster"), guests.length === 0 ? "" : `${listNames(guests)} joined in.`);
  }

  #showNote() {
    const isHopeless = [...this.#sides.values()].some(({ peer }) => peer.failures >= HOPELESS);
    const isAsking = this.#needsToken && (this.#token === undefined || isHopeless);
    this.#root.querySelector(".token").hidden = !isAsking;
    this.#root.classList.toggle("locked", isAsking && !isHopeless);
    setText(this.#root.querySelector(".note"), this.#note(isAsking, isHopeless));
  }

  #note(isAsking, isHopeless) {
    if (isAsking && isHopeless) {
      return "The relay does not take this token. A token made for one peer id alone is not enough for two.";
    }
    if (isAsking) return "This relay is not open to all: the demo needs a token, too.";
    if (!isHopeless || !this.#numbers.isReachable) return "";
    return "The relay runs, but takes no sockets from this page now: it may be full, or meant for other origins. Trying again.";
  }

  /** The first message shows that the connection works. It is sent once, and only into an empty conversation. */
  #greet() {
    const [alice, bob] = this.#pair();
    if (this.#hasGreeted || !alice?.peers.includes(bob.id) || !bob.peers.includes(alice.id)) return;
    this.#hasGreeted = true;
    if (alice.messages.length === 0) alice.say(GREETING);
  }

  #sent(message, to) {
    const from = roleOf(message.author);
    this.#carried.add(message.id);
    for (const role of new Set(to.map(roleOf))) if (role !== from) this.#wire.carry(from, role);
  }

  #heard(peer, message, from) {
    if (!this.#carried.delete(message.id)) this.#wire.carry(roleOf(from), roleOf(peer.id));
    setText(
      this.#root.querySelector(".announcement"),
      `${nameOf(peer.id)} hears ${nameOf(message.author)}: ${message.text}`,
    );
    if (message.text === GREETING && peer === this.#pair()[1]) peer.say(ANSWER);
  }

  /** The round trip to the other peer and back, through the relay both times. */
  #timed(milliseconds) {
    setText(this.#root.querySelector(".round-trip"), `round trip ${milliseconds.toFixed(1)} ms`);
  }

  #showLink() {
    const link = new URL(`/#${this.#secret}`, location.origin).href;
    this.#root.querySelector("#link").value = link;
    this.#root.querySelector(".open").href = link;
    this.#root.querySelector(".loopback").hidden = !/^(localhost|127\.|\[::1\])/.test(location.hostname);
  }

  #askForToken(form) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#token = form.querySelector("input").value.trim();
      for (const { peer } of this.#sides.values()) peer.cut();
      this.#connectAll();
    });
  }
}

/**
 * The secret is in the address, so that the address is the invitation. It is in the fragment, which browsers do not send.
 * Only the history of this browser tells whose it is.
 */
function findSecret() {
  const given = /^#([\w-]{42}[AEIMQUYcgkosw048])$/.exec(location.hash)?.[1];
  addEventListener("hashchange", () => location.reload());
  if (given !== undefined) return { secret: given, isGuest: history.state?.isOurs !== true };
  const secret = createSecret();
  history.replaceState({ isOurs: true }, "", `#${secret}`);
  return { secret, isGuest: false };
}

function verdict(alice, bob, isPaired) {
  if (isPaired) return "connected";
  const cut = [alice, bob].filter(({ state }) => state === "cut").map(({ id }) => nameOf(id));
  if (cut.length > 0) return `${cut.join(" and ")} cut off`;
  return [alice, bob].some(({ state }) => state === "seeking") ? "reaching the relay" : "waiting";
}

function pick(list) {
  return list[crypto.getRandomValues(new Uint8Array(1))[0] % list.length];
}

/** `crypto.randomUUID` is missing on pages without TLS, as on a local network. */
function randomHex(length) {
  const bytes = crypto.getRandomValues(new Uint8Array(length / 2));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Screen readers do not announce text that stays the same again. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
