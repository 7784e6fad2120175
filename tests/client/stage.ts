/**
 * A real relay at the end of a cable, for clients of any platform to be tested with.
 *
 * @module
 */

import { type Listening, startRelay } from "../helpers/process.ts";
import type { Action } from "./behaviours.ts";
import { Cable } from "./cable.ts";

/** A relay process that can be restarted behind an address that stays. */
export class RelayStage implements AsyncDisposable {
  readonly cable: Cable;
  readonly #start: () => Promise<Listening>;
  #relay: Listening;

  /** Starts this repository's relay with these arguments, or whatever `start` starts. */
  static async start(args: string[] = [], start = () => startRelay(args)): Promise<RelayStage> {
    return new RelayStage(start, await start());
  }

  private constructor(start: () => Promise<Listening>, relay: Listening) {
    this.#start = start;
    this.#relay = relay;
    this.cable = new Cable(relay.port);
  }

  get url(): string {
    return this.cable.url;
  }

  /** The address of its pages. */
  get http(): string {
    return this.url.replace("ws:", "http:");
  }

  /** Does to the relay or the network what a behaviour asks for. */
  async control(action: Action): Promise<void> {
    switch (action) {
      case "kill":
        await this.#relay[Symbol.asyncDispose]();
        return await this.#restart();
      case "drain":
        this.#relay.signal("SIGTERM");
        await this.#relay.exited;
        return await this.#restart();
      case "cut":
        this.cable.cut();
        return;
      case "cut connections":
        this.cable.cut("/connection/");
        return;
      case "unplug":
        return this.cable.unplug();
      case "plug":
        return this.cable.plug();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cable[Symbol.asyncDispose]();
    await this.#relay[Symbol.asyncDispose]();
  }

  async #restart(): Promise<void> {
    await this.#relay[Symbol.asyncDispose]();
    this.#relay = await this.#start();
    this.cable.port = this.#relay.port;
  }
}
