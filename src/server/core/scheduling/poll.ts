/**
 * Makes the runtime poll the system for events.
 *
 * The runtime polls only when it has nothing else to do. An operation that is ready at once ends in the same turn of
 * the event loop. If the next one begins in that turn, and so on, the runtime never polls (measured: 3 s without one
 * `epoll_wait`). `setImmediate` does not help, since it runs before the poll. A byte that the process sends to itself
 * does, since the runtime has to poll for it. That takes 50 us, where the shortest timer takes more than 1 ms.
 *
 * @module
 */

import { type Clock, within } from "../clock.ts";
import { LIMITS } from "../limits.ts";

/**
 * Polls on request. Until it is open, and where the process may not connect to itself, it uses a timer, which is
 * slower.
 */
export class Poll {
  readonly #clock: Clock;
  #pipe: Pipe | undefined;
  #isClosed = false;
  #actions: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when it is open, or when that takes too long: a host may not let the process connect to itself. */
  async open(): Promise<void> {
    const opened = Pipe.open().then((pipe) => this.#take(pipe), () => {});
    await within(this.#clock, LIMITS.pollOpenMs, opened);
  }

  /** Runs `action` after the next poll. */
  after(action: () => void): void {
    if (this.#actions.push(action) > 1) return;
    if (this.#pipe === undefined) this.#runSoon();
    else this.#pipe.signal();
  }

  /** What waits, and what comes later, is run by a timer. */
  close(): void {
    this.#isClosed = true;
    this.#pipe?.close();
    this.#pipe = undefined;
    if (this.#actions.length > 0) this.#runSoon();
  }

  #take(pipe: Pipe): void {
    if (this.#isClosed) return pipe.close();
    this.#pipe = pipe;
    pipe.listen(() => this.#run());
  }

  #runSoon(): void {
    this.#clock.after(LIMITS.pollMs, () => this.#run());
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

  /** Rejects where the process may not connect to itself; it never prompts for the permission. */
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

  /** Calls `signaled` for each signal. The read is pending before the byte is written, so only a poll can end it. */
  listen(signaled: () => void): void {
    const byte = new Uint8Array(1);
    const next = () => {
      this.#far.read(byte).then((count) => {
        if (count === null) return;
        next();
        signaled();
      }, () => {});
    };
    next();
  }

  close(): void {
    this.#near.close();
    this.#far.close();
  }
}

/** The connection from this port: another process of the machine may have connected first. */
async function acceptFrom(listener: Deno.TcpListener, port: number): Promise<Deno.TcpConn> {
  for (;;) {
    const connection = await listener.accept();
    if (connection.remoteAddr.port === port) return connection;
    connection.close();
  }
}
