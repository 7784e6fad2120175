/**
 * Makes the runtime ask the system for events.
 *
 * The runtime asks only when it has nothing else to do. An operation that is ready at once ends in the same turn of the
 * event loop, and whoever begins the next one there keeps everybody else from being heard (measured: 3 s without one
 * `epoll_wait`); `setImmediate` does not help, for it runs before the question. A byte that the process sends to itself
 * does: until it is there, nothing else is done. It costs 50 us, where the shortest timer costs more than 1 ms.
 *
 * @module
 */

import { type Clock, within } from "./clock.ts";
import { LIMITS } from "./limits.ts";

/**
 * Asks the system for events whenever it is told to. Until it is open, and where the process may not connect to itself, a
 * timer stands in: slower, but nobody waits longer for it.
 */
export class Poll {
  readonly #clock: Clock;
  #pipe: Pipe | undefined;
  #isClosed = false;
  #actions: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when it is open, or when that takes too long: a host may not let the process hear itself. */
  async open(): Promise<void> {
    const opened = Pipe.open().then((pipe) => this.#take(pipe), () => {});
    await within(this.#clock, LIMITS.pollOpenMs, opened);
  }

  /** Runs `action` behind the next question. */
  after(action: () => void): void {
    if (this.#actions.push(action) > 1) return;
    if (this.#pipe === undefined) this.#clock.after(LIMITS.pollMs, () => this.#run());
    else this.#pipe.signal();
  }

  close(): void {
    this.#isClosed = true;
    this.#pipe?.close();
    this.#pipe = undefined;
  }

  #take(pipe: Pipe): void {
    if (this.#isClosed) return pipe.close();
    this.#pipe = pipe;
    pipe.listen(() => this.#run());
  }

  #run(): void {
    for (const action of this.#actions.splice(0)) action();
  }
}

/** A connection of the process with itself. */
class Pipe {
  readonly #near: Deno.TcpConn;
  readonly #far: Deno.TcpConn;
  readonly #byte = new Uint8Array(1);

  private constructor(near: Deno.TcpConn, far: Deno.TcpConn) {
    this.#near = near;
    this.#far = far;
  }

  /** Rejects where the process may not connect to itself; it never asks somebody for the permission. */
  static async open(): Promise<Pipe> {
    const { state } = await Deno.permissions.query({ name: "net", host: "127.0.0.1" });
    if (state !== "granted") throw new Deno.errors.NotCapable("Cannot connect to 127.0.0.1: want --allow-net");
    using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const near = await Deno.connect({ port: listener.addr.port, hostname: "127.0.0.1" });
    const far = await acceptFrom(listener, near.localAddr.port);
    near.setNoDelay(true);
    return new Pipe(near, far);
  }

  signal(): void {
    // It fails only once it is closed.
    this.#near.write(this.#byte).catch(() => {});
  }

  /** Hears each signal. The read is pending before the byte is written, so that only the system can end it. */
  listen(heard: () => void): void {
    const byte = new Uint8Array(1);
    const next = () => {
      this.#far.read(byte).then((count) => {
        if (count === null) return;
        next();
        heard();
      }, () => {});
    };
    next();
  }

  close(): void {
    this.#near.close();
    this.#far.close();
  }
}

/** The connection from this port: anybody on the machine could have come first. */
async function acceptFrom(listener: Deno.TcpListener, port: number): Promise<Deno.TcpConn> {
  for (;;) {
    const connection = await listener.accept();
    if (connection.remoteAddr.port === port) return connection;
    connection.close();
  }
}
