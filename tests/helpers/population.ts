/**
 * Several relays in processes of their own, which act as one over a NATS server.
 *
 * @module
 */

import { NatsServer } from "./nats.ts";
import { type Listening, startRelay, within } from "./process.ts";

/** Instances and what they share. */
export class Population implements AsyncDisposable {
  private constructor(readonly nats: NatsServer, readonly relays: Listening[], readonly args: string[]) {}

  /** @param args Flags of every instance. */
  static async start(instances: number, args: string[] = []): Promise<Population> {
    const nats = await NatsServer.start();
    const population = new Population(nats, [], ["--nats", nats.url, ...args]);
    await Promise.all(Array.from({ length: instances }, () => population.add()));
    return population;
  }

  /** Starts one more. */
  async add(): Promise<Listening> {
    const relay = await startRelay(this.args);
    this.relays.push(relay);
    return relay;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.relays, this.nats].map((process) => process[Symbol.asyncDispose]()));
  }
}

/** Waits until a relay can, or cannot, serve the population. */
export async function untilReady(relay: Listening, status: number): Promise<void> {
  const ask = async () => {
    const response = await fetch(`${relay.http}/readyz`);
    await response.body?.cancel();
    return response.status;
  };
  const reached = async () => {
    while (await ask() !== status);
  };
  await within(reached(), `/readyz to answer ${status}`);
}
