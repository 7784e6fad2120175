/**
 * A real NATS server on a free port of this machine.
 *
 * @module
 */

import { lastingPort } from "./lasting_port.ts";
import { Child } from "./process.ts";
import { findProgram } from "./programs.ts";

/** A server that can be killed, frozen and started again. */
export class NatsServer implements AsyncDisposable {
  readonly #args: string[];
  #child: Child;
  #port: number;

  private constructor(child: Child, port: number, args: string[]) {
    this.#child = child;
    this.#port = port;
    this.#args = args;
  }

  static async start(args: string[] = []): Promise<NatsServer> {
    const port = lastingPort();
    const child = spawn(port, args);
    await isListening(child);
    return new NatsServer(child, port, args);
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.#port}`;
  }

  signal(signal: Deno.Signal): void {
    this.#child.signal(signal);
  }

  async kill(): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }

  /** Starts it again where it was. */
  async restart(): Promise<void> {
    this.#child = spawn(this.#port, this.#args);
    await isListening(this.#child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

function spawn(port: number, args: string[]): Child {
  return new Child("nats-server", findProgram("nats-server")!, { args: ["-a", "127.0.0.1", "-p", `${port}`, ...args] });
}

async function isListening(child: Child): Promise<void> {
  await child.nextErrorLine(/Server is ready/);
}
