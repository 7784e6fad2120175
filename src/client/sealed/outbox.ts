/**
 * What goes out, in the order in which it was said, and no faster than the other side takes it: relays cut off whoever
 * sends much more than was read.
 *
 * @module
 */

/** Under way at a time: a quarter of what a relay keeps for a slow reader. At 200 ms there and back, 20 MiB/s. */
const WINDOW_BYTES = 4 * 1024 * 1024;
/** What a relay counts for a message besides its bytes. */
const RECORD_COST = 1024;
/** How much arrives before the sender is told: often enough that it need not stop. */
const TELL_AFTER_BYTES = WINDOW_BYTES / 4;

/** What a record counts as, on either side. */
function cost({ byteLength }: Uint8Array): number {
  return byteLength + RECORD_COST;
}

/** More than its records count as, and easier to tell. */
function atMost({ size }: Item): number {
  return 2 * (size + RECORD_COST);
}

/** Something to send, which may not be there yet. */
export interface Item {
  /** Bytes. */
  readonly size: number;
  readonly bytes: Uint8Array | Promise<Uint8Array>;
  /** Its records, each made when it is about to be sent. */
  records(bytes: Uint8Array): Iterable<Uint8Array<ArrayBuffer>>;
}

/** Who sends records, and hears of what cannot be sent. */
export interface OutboxListener {
  send(record: Uint8Array<ArrayBuffer>): void;
  failed(error: unknown): void;
}

/** Sends at once what it can. */
export class Outbox {
  readonly #listener: OutboxListener;
  readonly #items: Item[] = [];
  #records: Iterator<Uint8Array<ArrayBuffer>> | undefined;
  #room = WINDOW_BYTES;
  #waiting = 0;
  #isStopped = false;

  constructor(listener: OutboxListener) {
    this.#listener = listener;
  }

  /** All of it has gone out. */
  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  /** Bytes of all that has not gone out whole. */
  get waiting(): number {
    return this.#waiting;
  }

  add(item: Item): void {
    this.#waiting += item.size;
    const { bytes } = item;
    const mustWait = this.#items.length > 0 || atMost(item) > this.#room;
    // Whoever sends may change its bytes as soon as this returns.
    this.#items.push(mustWait && bytes instanceof Uint8Array ? { ...item, bytes: bytes.slice() } : item);
    if (this.#items.length === 1) this.#begin();
  }

  /** The other side has taken this much. Throws a `RangeError` if that is more than was sent. */
  arrived(bytes: number): void {
    if (this.#room + bytes > WINDOW_BYTES) throw new RangeError("Cannot go on: want no more taken than was sent");
    this.#room += bytes;
    this.#flush();
  }

  /** Nothing goes out any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Where it has to wait for bytes, what comes after them waits, too. */
  #begin(): void {
    const [item] = this.#items;
    if (item === undefined) return;
    if (item.bytes instanceof Uint8Array) this.#start(item, item.bytes);
    else item.bytes.then((bytes) => this.#start(item, bytes)).catch((error) => this.#listener.failed(error));
  }

  #start(item: Item, bytes: Uint8Array): void {
    this.#records = item.records(bytes)[Symbol.iterator]();
    this.#flush();
  }

  #flush(): void {
    while (this.#records !== undefined && this.#room > 0 && !this.#isStopped) {
      const { value, done } = this.#records.next();
      if (done) return this.#next();
      this.#room -= cost(value);
      this.#listener.send(value);
    }
  }

  #next(): void {
    this.#records = undefined;
    this.#waiting -= this.#items.shift()!.size;
    this.#begin();
  }
}

/** Counts what arrives, for the other side to be told. */
export class Arrivals {
  #untold = 0;

  /** How much to tell now that this has arrived, or undefined if that can wait. */
  count(record: Uint8Array): number | undefined {
    this.#untold += cost(record);
    if (this.#untold < TELL_AFTER_BYTES) return undefined;
    const bytes = this.#untold;
    this.#untold = 0;
    return bytes;
  }
}
