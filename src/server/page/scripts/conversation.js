/**
 * The messages of a document: a grow-only set, so that any two copies can be merged, in any order and repeatedly. So a peer
 * can write while the other one is away.
 */

/** Characters of one message. */
export const LONGEST = 280;
const MOST = 200;
const LONGEST_NAME = 80;

/** @typedef {{ id: string, time: number, author: string, text: string }} Message */

/** One peer's copy. */
export class Conversation {
  /** @type {Map<string, Message>} */
  #messages = new Map();
  #time = 0;

  /**
   * All messages in an order on which all peers agree: by Lamport's clock, and where that is equal, by id.
   *
   * @returns {Message[]}
   */
  get messages() {
    return [...this.#messages.values()].sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1));
  }

  /**
   * Adds an own message.
   *
   * @param {string} author
   * @param {string} text
   * @returns {Message}
   */
  say(author, text) {
    const message = { id: `${author}/${this.#time + 1}`, time: this.#time + 1, author, text: text.slice(0, LONGEST) };
    this.merge([message]);
    return message;
  }

  /**
   * Adds messages of other peers. They are untrusted: everyone with the link can send anything.
   *
   * @param {unknown} messages
   * @returns {Message[]} The new ones.
   */
  merge(messages) {
    if (!Array.isArray(messages)) return [];
    const fresh = messages.filter(isMessage).filter(({ id }) => !this.#messages.has(id));
    for (const { id, time, author, text } of fresh) {
      this.#messages.set(id, { id, time, author, text });
      this.#time = Math.max(this.#time, time);
    }
    for (const { id } of this.messages.slice(0, -MOST)) this.#messages.delete(id);
    return fresh;
  }
}

/** @param {unknown} value */
function isMessage(value) {
  const { id, time, author, text } = /** @type {Record<string, unknown>} */ (value ?? {});
  const isTime = Number.isSafeInteger(time) && time > 0 && time < 2 ** 32;
  return isTime && isText(id, LONGEST_NAME + 20) && isText(author, LONGEST_NAME) && isText(text, LONGEST);
}

/**
 * @param {unknown} value
 * @param {number} longest
 */
function isText(value, longest) {
  return typeof value === "string" && value.length > 0 && value.length <= longest;
}
