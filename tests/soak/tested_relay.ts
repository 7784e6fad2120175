/**
 * The relay's process as the soak sees it: its counts, its memory.
 *
 * @module
 */

import { type Listening, RELAY_ENV, startRelay } from "../helpers/process.ts";
import type { Variant } from "../helpers/transports.ts";
import { fetchTrusting } from "../helpers/trust.ts";

/** What must come back to zero. */
export interface Counts {
  readonly connections: number;
  readonly streams: number;
  readonly peers: number;
  readonly documents: number;
  readonly seekers: number;
  readonly pairs: number;
  /** Those with a half on another instance. */
  readonly remotePairs: number;
  readonly bufferedBytes: number;
}

/** As `deno task start` sets it. */
const ENV = { ...RELAY_ENV, DENO_USR2_MEMORY_TRIM: "1" };
/** Who reads memory that went back to its pool is found out. */
const PRELOAD = "tests/helpers/poisoned_memory.ts";
/** Memory is at its lowest when it did not fall this often in a row: the first trim frees what the second gives back. */
const STEADY_LOOKS = 3;
const LOOK_MS = 300;
/** Characters of a log that tell why it ended. */
const LAST_WORDS = 1_000;

/** A relay in a process of its own. */
export class TestedRelay implements AsyncDisposable {
  /** It was killed. */
  isDead = false;
  /** Until when it may have broken pairs with other instances, in milliseconds of the soak's clock. */
  brokenUntil = -Infinity;
  /** Until when it stood still, if ever, on the same clock. */
  stoodStillUntil = -Infinity;

  /** How it ended, if nobody ended it, and what it said last. */
  fall: string | undefined;

  private constructor(readonly relay: Listening) {
    relay.exited.then(({ code, signal }) => {
      if (!this.isDead) this.fall = `${signal ?? `exit code ${code}`}: ${relay.stderr.slice(-LAST_WORDS)}`;
    });
  }

  static async start({ flags }: Variant, args: string[] = []): Promise<TestedRelay> {
    const relay = await startRelay([...flags, "--drain-timeout", "1", ...args], { env: ENV, preload: PRELOAD });
    return new TestedRelay(relay);
  }

  get port(): number {
    return this.relay.port;
  }

  async counts(): Promise<Counts> {
    const response = await fetchTrusting(this.relay.http, { headers: { accept: "application/json" } });
    const { connections, streams, peers, documents, seekers, pairs, bufferedBytes, backplane } = await response.json();
    const { remotePairs = 0 } = backplane ?? {};
    return { connections, streams, peers, documents, seekers, pairs, remotePairs, bufferedBytes };
  }

  /** MiB of resident memory when the runtime has given back what it does not need (DESIGN 5.5). */
  async trimmedMib(): Promise<number> {
    let lowest = Infinity;
    for (let steady = 0; steady < STEADY_LOOKS; steady++) {
      this.relay.signal("SIGUSR2");
      // What the trim does shows nowhere but in the memory itself.
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      const mib = await this.#residentMib();
      if (mib < lowest * 0.99) steady = 0;
      lowest = Math.min(lowest, mib);
    }
    return lowest;
  }

  /** Ends it as an operator does; a relay that cannot end was not healthy. */
  async stop(): Promise<void> {
    this.relay.signal("SIGTERM");
    const { code } = await this.relay.exited;
    if (code !== 0) throw new Error(`Cannot pass the soak: want exit code 0, got ${code}: ${this.relay.stderr}`);
  }

  async kill(): Promise<void> {
    this.isDead = true;
    await this.relay[Symbol.asyncDispose]();
  }

  /** Lets it stand still for a while. */
  async freeze(ms: number): Promise<void> {
    this.relay.signal("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, ms));
    if (!this.isDead) this.relay.signal("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relay[Symbol.asyncDispose]();
  }

  /** Files and sockets that its process has open. */
  get descriptors(): number {
    return Array.from(Deno.readDirSync(`/proc/${this.relay.pid}/fd`)).length;
  }

  async #residentMib(): Promise<number> {
    const status = await Deno.readTextFile(`/proc/${this.relay.pid}/status`);
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
  }
}
