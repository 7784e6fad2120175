/**
 * The relay's process as the soak sees it: its counts, its memory.
 *
 * @module
 */

import type { RelayConfig } from "../../src/server/mod.ts";
import { type Listening, startRelay } from "../helpers/process.ts";

/** What must come back to zero. */
export interface Counts {
  readonly connections: number;
  readonly peers: number;
  readonly documents: number;
  readonly seekers: number;
  readonly pairs: number;
  readonly bufferedBytes: number;
}

/** As `deno task start` sets it. */
const ENV = { DENO_USE_WRITEV: "1", DENO_USR2_MEMORY_TRIM: "1", DENO_V8_FLAGS: "--max-semi-space-size=1" };
/** Memory is at its lowest when it did not fall this often in a row: the first trim frees what the second gives back. */
const STEADY_LOOKS = 3;
const LOOK_MS = 300;

/** A relay in a process of its own. */
export class TestedRelay implements AsyncDisposable {
  private constructor(readonly relay: Listening, readonly transport: RelayConfig["transport"]) {}

  static async start(transport: RelayConfig["transport"]): Promise<TestedRelay> {
    const relay = await startRelay(["--transport", transport, "--drain-timeout", "1"], { env: ENV });
    return new TestedRelay(relay, transport);
  }

  get port(): number {
    return this.relay.port;
  }

  async counts(): Promise<Counts> {
    const response = await fetch(this.relay.http, { headers: { accept: "application/json" } });
    const { connections, peers, documents, seekers, pairs, bufferedBytes } = await response.json();
    return { connections, peers, documents, seekers, pairs, bufferedBytes };
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
  async stop(): Promise<Deno.CommandStatus> {
    this.relay.signal("SIGTERM");
    return await this.relay.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relay[Symbol.asyncDispose]();
  }

  async #residentMib(): Promise<number> {
    const status = await Deno.readTextFile(`/proc/${this.relay.pid}/status`);
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
  }
}
