/**
 * The network between clients and a relay, with a knife and a plug: connections can be cut, and kept from coming back.
 *
 * @module
 */

/** Passes TCP connections on to a port that may change. */
export class Cable implements AsyncDisposable {
  /** Where connections go to from now on. */
  port: number;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #lines = new Set<Line>();
  readonly #accepting: Promise<void>;
  #isPlugged = true;
  #barred: string | undefined;

  constructor(port: number) {
    this.port = port;
    this.#accepting = this.#accept();
  }

  /** The base URL of the relay at its other end. */
  get url(): string {
    return `ws://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Cuts all connections whose path contains this, without a word to either end. Returns how many they were. */
  cut(path = "/"): number {
    const cut = [...this.#lines].filter((line) => line.path.includes(path));
    cut.forEach((line) => line.close());
    return cut.length;
  }

  /** Lets nothing pass any more on connections whose path contains this: their ends cannot know. */
  freeze(path: string): void {
    for (const line of this.#lines) if (line.path.includes(path)) line.isFrozen = true;
  }

  /** Cuts connections whose path contains this, and lets none of them through any more. */
  bar(path: string): void {
    this.#barred = path;
    this.cut(path);
  }

  unbar(): void {
    this.#barred = undefined;
  }

  /** Cuts everything and lets nothing new through. */
  unplug(): void {
    this.#isPlugged = false;
    this.cut();
  }

  plug(): void {
    this.#isPlugged = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.cut("");
    await this.#accepting;
    await Promise.all([...this.#lines].map(({ ended }) => ended));
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      if (!this.#isPlugged) client.close();
      else this.#add(new Line(client, this.port, (path) => this.#barred === undefined || !path.includes(this.#barred)));
    }
  }

  #add(line: Line): void {
    this.#lines.add(line);
    line.ended.then(() => this.#lines.delete(line));
  }
}

/** One connection through the cable. */
class Line {
  /** The first line of its request, once that has come. */
  path = "";
  isFrozen = false;
  readonly ended: Promise<void>;
  readonly #client: Deno.Conn;
  readonly #mayPass: (path: string) => boolean;
  #relay: Deno.Conn | undefined;

  constructor(client: Deno.Conn, port: number, mayPass: (path: string) => boolean) {
    this.#client = client;
    this.#mayPass = mayPass;
    this.ended = this.#run(port).catch(() => {}).finally(() => this.close());
  }

  close(): void {
    for (const end of [this.#client, this.#relay]) {
      try {
        end?.close();
      } catch {
        // The other end was first.
      }
    }
  }

  async #run(port: number): Promise<void> {
    this.#relay = await Deno.connect({ hostname: "127.0.0.1", port });
    await Promise.all([this.#pump(this.#client, this.#relay), this.#pump(this.#relay, this.#client)]);
  }

  async #pump(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (let size = await read(from, buffer); size !== null; size = await read(from, buffer)) {
      const bytes = buffer.subarray(0, size);
      if (this.path === "") this.path = new TextDecoder().decode(bytes).split("\r\n", 1)[0];
      if (!this.#mayPass(this.path)) break;
      for (let sent = 0; sent < size && !this.isFrozen;) sent += await to.write(bytes.subarray(sent));
    }
    if (!this.isFrozen) this.close();
  }
}

/** Null at the end, however it came. */
async function read(from: Deno.Conn, buffer: Uint8Array): Promise<number | null> {
  return await from.read(buffer).catch(() => null);
}
