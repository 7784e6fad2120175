/** A pair that only wants to talk, and notices when something keeps it from it. */

import { Peer } from "../helpers/peer.ts";

/** What the pair noticed. */
export interface Noticed {
  readonly roundTrips: number;
  /** Milliseconds from a word to its echo: of the middle one, of the slowest of a hundred, and the longest. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly slowestMs: number;
  /** How the relay ended the conversation, if it did. */
  readonly end: string | undefined;
}

/** A conversation of one word and its echo after the other. */
export class Conversation {
  readonly #times: number[] = [];
  #end: string | undefined;
  #isStopped = false;
  readonly #talk: Promise<void>;

  private constructor(readonly alice: Peer, readonly bob: Peer) {
    alice.closed.then(({ code, reason }) => this.#isStopped || (this.#end ??= `${code} ${reason}`.trim()));
    this.#talk = this.#run().catch(({ message }) => void (this.#end ??= shortened(message)));
  }

  static async meet(url: string, document = "doc"): Promise<Conversation> {
    const alice = await Peer.open(`${url}/connection/innocent-alice/innocent-bob/${document}`);
    return new Conversation(alice, await Peer.open(`${url}/connection/innocent-bob/innocent-alice/${document}`));
  }

  /** Ends the conversation and says how it was. A word under way is waited for, however late it is. */
  async leave(): Promise<Noticed> {
    await this.#oneMore();
    this.#isStopped = true;
    await this.#talk;
    for (const { socket } of [this.alice, this.bob]) socket.close();
    return { ...summary(this.#times), end: this.#end };
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const startedAt = performance.now();
      this.alice.send("word");
      this.bob.send(await this.bob.next() as string);
      await this.alice.next();
      this.#times.push(performance.now() - startedAt);
      // A pair that never pauses would take the processor from the attacker.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Something that was sent after the attack has arrived, or never will. */
  async #oneMore(): Promise<void> {
    const wanted = this.#times.length + 2;
    while (this.#times.length < wanted && this.#end === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

function summary(times: number[]): Omit<Noticed, "end"> {
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { roundTrips: times.length, medianMs: at(0.5), p99Ms: at(0.99), slowestMs: at(1) };
}

/** The end alone of "Waited for a frame: the socket was closed: 1012 ...", which may come before `closed`. */
function shortened(message: string): string {
  return message.split("\n")[0].replace(/^.*was closed: /, "").trim();
}
