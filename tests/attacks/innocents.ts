/** A pair that only wants to talk, and notices when something keeps it from it. */

import { Inbox } from "../helpers/process.ts";
import type { Meeting, Noticed } from "./conversation.ts";

export type { Noticed };

/** The pair, in another thread. */
export class Innocents {
  readonly #worker = new Worker(new URL("./innocents_worker.ts", import.meta.url), { type: "module" });
  readonly #inbox = new Inbox<unknown>();

  private constructor() {
    this.#worker.onmessage = ({ data }) => this.#inbox.push(data);
  }

  static async meet(meeting: Meeting): Promise<Innocents> {
    const innocents = new Innocents();
    innocents.#worker.postMessage(meeting);
    await innocents.#inbox.next("innocents to meet");
    return innocents;
  }

  /** Ends the conversation and says how it was. A word under way is waited for, however late it is. */
  async leave(): Promise<Noticed> {
    this.#worker.postMessage("leave");
    const noticed = await this.#inbox.next("innocents to leave") as Noticed;
    this.#worker.terminate();
    return noticed;
  }
}
