/**
 * Somebody who listens on the way between pages and a relay.
 *
 * @module
 */

/** Passes connections on, and remembers all that crosses them. */
export class Tap implements AsyncDisposable {
  readonly #port: number;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #ends = new Set<Deno.Conn>();
  readonly #heard: Uint8Array[] = [];
  readonly #accepting: Promise<void>;

  /** @param port Of the relay. */
  constructor(port: number) {
    this.#port = port;
    this.#accepting = this.#accept();
  }

  /** Where pages find the relay that is behind it. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Those of these words, of ASCII, that it could read. What browsers say on sockets is masked; what they hear is not. */
  heard(words: readonly string[]): string[] {
    const decoder = new TextDecoder("latin1");
    const text = this.#heard.map((bytes) => decoder.decode(bytes)).join("");
    return words.filter((word) => text.includes(word));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const end of this.#ends) close(end);
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    for await (const page of this.#listener) this.#join(page).catch(() => close(page));
  }

  async #join(page: Deno.Conn): Promise<void> {
    const relay = await Deno.connect({ hostname: "127.0.0.1", port: this.#port });
    for (const end of [page, relay]) this.#ends.add(end);
    await Promise.allSettled([this.#pass(page, relay), this.#pass(relay, page)]);
  }

  async #pass(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    try {
      const buffer = new Uint8Array(65_536);
      for (let size = await from.read(buffer); size !== null; size = await from.read(buffer)) {
        this.#heard.push(buffer.slice(0, size));
        for (let sent = 0; sent < size;) sent += await to.write(buffer.subarray(sent, size));
      }
    } finally {
      for (const end of [from, to]) close(end);
    }
  }
}

function close(end: Deno.Conn): void {
  try {
    end.close();
  } catch {
    // The other side was first.
  }
}
