/** A pair that only wants to talk, and notices when something keeps it from it. */

import { Peer } from "../helpers/peer.ts";

/** What the pair noticed. */
export interface Noticed {
  readonly roundTrips: number;
  /** Milliseconds from a word to its echo: of the middle one, of the slowest of a hundred, and the longest. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly slowestMs: number;
  /** Milliseconds of work that the relay did between a word and its echo, at most: other programs do not add to them. */
  readonly mostWorkMs: number;
  /** How the relay ended the conversation, if it did. */
  readonly end: string | undefined;
}

/** Where a pair meets. */
export interface Meeting {
  readonly url: string;
  readonly document: string;
  /** The relay's process. */
  readonly relayPid: number;
}

/** A conversation of one word and its echo after the other. */
export class Conversation {
  readonly #times: number[] = [];
  #end: string | undefined;
  #isStopped = false;
  #mostWorkMs = 0;
  readonly #talk: Promise<void>;

  private constructor(readonly alice: Peer, readonly bob: Peer, readonly relayPid: number) {
    alice.closed.then(({ code, reason }) => this.#isStopped || (this.#end ??= `${code} ${reason}`.trim()));
    this.#talk = this.#run().catch(({ message }) => void (this.#end ??= shortened(message)));
  }

  static async meet({ url, document, relayPid }: Meeting): Promise<Conversation> {
    const alice = await Peer.open(`${url}/connection/innocent-alice/innocent-bob/${document}`);
    const bob = await Peer.open(`${url}/connection/innocent-bob/innocent-alice/${document}`);
    return new Conversation(alice, bob, relayPid);
  }

  /** Ends the conversation and says how it was. A word under way is waited for, however late it is. */
  async leave(): Promise<Noticed> {
    await this.#oneMore();
    this.#isStopped = true;
    await this.#talk;
    for (const { socket } of [this.alice, this.bob]) socket.close();
    return { ...summary(this.#times), mostWorkMs: this.#mostWorkMs, end: this.#end };
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const startedAt = performance.now();
      const workBefore = workOf(this.relayPid);
      this.alice.send("word");
      this.bob.send(await this.bob.next() as string);
      await this.alice.next();
      this.#times.push(performance.now() - startedAt);
      this.#mostWorkMs = Math.max(this.#mostWorkMs, workOf(this.relayPid) - workBefore);
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

/** Milliseconds of a processor that the thread has had in which a process began, where everything of a relay is done. */
function workOf(pid: number): number {
  try {
    return Number(Deno.readTextFileSync(`/proc/${pid}/schedstat`).split(" ")[0]) / 1e6;
  } catch {
    return 0; // It is gone.
  }
}

function summary(times: number[]): Pick<Noticed, "roundTrips" | "medianMs" | "p99Ms" | "slowestMs"> {
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { roundTrips: times.length, medianMs: at(0.5), p99Ms: at(0.99), slowestMs: at(1) };
}

/** The end alone of "Waited for a frame: the socket was closed: 1012 ...", which may come before `closed`. */
function shortened(message: string): string {
  return message.split("\n")[0].replace(/^.*was closed: /, "").trim();
}
