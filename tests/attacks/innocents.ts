/** A pair that only wants to talk, and notices when something keeps it from it. */

import { Peer } from "../helpers/peer.ts";

/** What the pair noticed. */
export interface Noticed {
  readonly roundTrips: number;
  readonly slowestMs: number;
  /** How the relay ended the conversation, if it did. */
  readonly end: string | undefined;
}

/** A conversation of one word and its echo after the other. */
export class Innocents {
  #roundTrips = 0;
  #slowestMs = 0;
  #end: string | undefined;
  #isStopped = false;
  readonly #talk: Promise<void>;

  private constructor(readonly alice: Peer, readonly bob: Peer) {
    alice.closed.then(({ code, reason }) => this.#isStopped || (this.#end ??= `${code} ${reason}`.trim()));
    this.#talk = this.#run().catch(({ message }) => void (this.#end ??= shortened(message)));
  }

  static async meet(url: string): Promise<Innocents> {
    const alice = await Peer.open(`${url}/connection/innocent-alice/innocent-bob/doc`);
    return new Innocents(alice, await Peer.open(`${url}/connection/innocent-bob/innocent-alice/doc`));
  }

  /** Ends the conversation and says how it was. A word under way is waited for, however late it is. */
  async leave(): Promise<Noticed> {
    await this.#oneMore();
    this.#isStopped = true;
    await this.#talk;
    for (const { socket } of [this.alice, this.bob]) socket.close();
    return { roundTrips: this.#roundTrips, slowestMs: this.#slowestMs, end: this.#end };
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const startedAt = performance.now();
      this.alice.send("word");
      this.bob.send(await this.bob.next() as string);
      await this.alice.next();
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedAt);
      this.#roundTrips += 1;
      // A pair that never pauses would take the processor from the attacker.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Something that was sent after the attack has arrived, or never will. */
  async #oneMore(): Promise<void> {
    const wanted = this.#roundTrips + 2;
    while (this.#roundTrips < wanted && this.#end === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The end alone of "Waited for a frame: the socket was closed: 1012 ...", which may come before `closed`. */
function shortened(message: string): string {
  return message.split("\n")[0].replace(/^.*was closed: /, "").trim();
}
