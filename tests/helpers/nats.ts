/**
 * A real NATS server on a free port of this machine.
 *
 * @module
 */

import { Child } from "./process.ts";
import { findProgram } from "./programs.ts";

/** Another server may have taken a port that was drawn. */
const TRIES = 20;
/** Below the ports that the system gives by itself, here and by default elsewhere, and above those of well-known services. */
const [LOWEST_PORT, PORTS] = [20_000, 12_000];

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
    const port = freePort();
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

/**
 * One that is still free when a server that was killed comes again. One of those that the system gives may be gone then: to
 * any connection of another test.
 */
function freePort(): number {
  for (let tries = 1;; tries++) {
    const port = LOWEST_PORT + Math.floor(Math.random() * PORTS);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (tries === TRIES) throw error;
    }
  }
}
