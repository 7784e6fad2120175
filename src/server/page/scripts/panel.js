/** The view of a peer of the demo: its side of the conversation, and the button that disconnects it. */

import { LONGEST } from "./conversation.js";

const STATES = { cut: "cut off", seeking: "reaching the relay…" };

/**
 * The name in a peer's id: `"alice-1f3a9c"` is Alice. Another kind of id is not one of the demo.
 *
 * @param {string} id
 */
export function nameOf(id) {
  const name = /^([a-z]{2,12})-[0-9a-f]+$/.exec(id)?.[1] ?? "somebody";
  return name[0].toUpperCase() + name.slice(1);
}

/**
 * The names of peers, for a sentence.
 *
 * @param {string[]} ids
 */
export function listNames(ids) {
  return new Intl.ListFormat("en").format(ids.map(nameOf).sort());
}

/**
 * The colour of a peer in the palette.
 *
 * @param {string} id
 */
export function roleOf(id) {
  const name = nameOf(id).toLowerCase();
  return name === "alice" || name === "bob" ? name : "guest";
}

/** Shows one peer. */
export class Panel {
  #peer;
  #root;
  #partner;
  #list;
  /** @type {Map<string, HTMLElement>} */
  #bubbles = new Map();
  /** @type {Map<string, HTMLElement>} */
  #drafts = new Map();

  /**
   * @param {import("./peer.js").Peer} peer
   * @param {HTMLElement} root A copy of the panel's template.
   * @param {{ partner: string, connect(): void }} options The peer that it expects, and how it connects again.
   */
  constructor(peer, root, { partner, connect }) {
    this.#peer = peer;
    this.#root = root;
    this.#partner = partner;
    this.#list = this.#find(".log");
    this.#label(nameOf(peer.id));
    this.#find(".cut").addEventListener("click", () => peer.state === "cut" ? connect() : peer.cut());
    this.#listen(this.#find("form"), this.#find("input"));
  }

  /** Shows what has changed. */
  update() {
    const { state, id } = this.#peer;
    this.#root.dataset.state = state;
    setText(this.#find(".state"), this.#describeState());
    setText(this.#find(".cut"), state === "cut" ? "Bring back" : "Cut off");
    this.#find(".cut").setAttribute(
      "aria-label",
      state === "cut" ? `Bring ${nameOf(id)} back` : `Cut ${nameOf(id)} off`,
    );
    this.#showMessages();
  }

  /**
   * Shows what another peer is typing.
   *
   * @param {string} from
   * @param {string} text
   */
  showDraft(from, text) {
    this.#drafts.get(from)?.remove();
    this.#drafts.delete(from);
    if (text === "") return;
    const bubble = makeBubble(from, text.slice(0, LONGEST));
    bubble.classList.add("draft");
    // A screen reader announces the message when it is complete.
    bubble.setAttribute("aria-hidden", "true");
    this.#drafts.set(from, bubble);
    this.#list.append(bubble);
    this.#scroll();
  }

  #describeState() {
    const { state, peers } = this.#peer;
    if (state === "waiting") return `waiting for ${this.#partner}`;
    return STATES[state] ?? `connected to ${listNames(peers)}`;
  }

  /** @param {string} name */
  #label(name) {
    this.#root.dataset.role = roleOf(this.#peer.id);
    this.#root.setAttribute("aria-label", `${name}’s window`);
    setText(this.#find(".name"), name);
    setText(this.#find(".avatar"), name[0]);
    this.#list.setAttribute("aria-label", `What ${name} sees`);
    this.#find("input").setAttribute("aria-label", `Write as ${name}`);
    this.#find("input").setAttribute("placeholder", `Write as ${name}…`);
    this.#find(".send").setAttribute("aria-label", `Send as ${name}`);
  }

  /**
   * @param {HTMLFormElement} form
   * @param {HTMLInputElement} input
   */
  #listen(form, input) {
    input.maxLength = LONGEST;
    input.addEventListener("input", () => this.#peer.draft(input.value));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (text === "") return;
      input.value = "";
      this.#peer.draft("");
      this.#peer.say(text);
    });
  }

  #showMessages() {
    this.#dropForgotten();
    this.#peer.messages.forEach((message, index) => {
      const bubble = this.#bubbleOf(message);
      // Moves only what is out of place: otherwise everything would appear anew.
      if (this.#list.children[index] !== bubble) this.#list.insertBefore(bubble, this.#list.children[index] ?? null);
      bubble.classList.toggle("kept", this.#peer.isKept(message.id));
    });
    this.#scroll();
  }

  #dropForgotten() {
    const ids = new Set(this.#peer.messages.map(({ id }) => id));
    for (const [id, bubble] of this.#bubbles) {
      if (ids.has(id)) continue;
      bubble.remove();
      this.#bubbles.delete(id);
    }
  }

  #bubbleOf({ id, author, text }) {
    if (!this.#bubbles.has(id)) {
      const bubble = makeBubble(author, text);
      bubble.classList.toggle("own", author === this.#peer.id);
      this.#bubbles.set(id, bubble);
    }
    return this.#bubbles.get(id);
  }

  #scroll() {
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** @param {string} selector */
  #find(selector) {
    return /** @type {HTMLElement} */ (this.#root.querySelector(selector));
  }
}

function makeBubble(author, text) {
  const [item, name, words] = ["li", "span", "span"].map((tag) => document.createElement(tag));
  item.dataset.role = roleOf(author);
  name.className = "author";
  name.textContent = nameOf(author);
  words.className = "words";
  words.textContent = text;
  item.append(name, words);
  return item;
}

/** Screen readers do not announce text that stays the same again. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
