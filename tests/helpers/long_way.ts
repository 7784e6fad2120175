/**
 * A long way to a relay: bytes arrive, in order, some time after they were sent, whatever they are.
 *
 * @module
 */

/** Passes TCP connections on. To open one takes no time: the first byte is late like all others. */
export class LongWay implements AsyncDisposable {
  readonly #target: number;
  readonly #delayMs: number;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.Conn>();
  readonly #running = new Set<Promise<void>>();

  /** @param roundTripMs There and back. */
  constructor(target: number, roundTripMs: number) {
    this.#target = target;
    this.#delayMs = roundTripMs / 2;
    this.#run(this.#accept());
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
    await Promise.all(this.#running);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      const relay = await Deno.connect({ hostname: "127.0.0.1", port: this.#target });
      for (const connection of [client, relay]) {
        connection.setNoDelay();
        this.#connections.add(connection);
      }
      this.#run(this.#carry(client, relay));
      this.#run(this.#carry(relay, client));
    }
  }

  /** What comes while something is on its way is on its way, too. */
  async #carry(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    let last = Promise.resolve();
    const buffer = new Uint8Array(65_536);
    for (let size = await read(from, buffer); size !== null; size = await read(from, buffer)) {
      const bytes = buffer.slice(0, size);
      const arrival = wait(this.#delayMs);
      last = last.then(() => arrival).then(() => writeAll(to, bytes));
    }
    await last;
    close(to);
  }

  #run(task: Promise<void>): void {
    this.#running.add(task);
    task.finally(() => this.#running.delete(task));
  }
}

async function read(from: Deno.Conn, buffer: Uint8Array): Promise<number | null> {
  return await from.read(buffer).catch(() => null);
}

async function writeAll(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  try {
    for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
  } catch {
    // It was closed meanwhile: what is on its way arrives nowhere.
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // The other end was first.
  }
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
