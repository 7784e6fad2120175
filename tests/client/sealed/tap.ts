/**
 * Somebody who sees all that a relay sees: what crosses its sockets in both directions, with the addresses that were asked
 * for, what it logs, and its memory.
 *
 * @module
 */

import type { WebSocketClass } from "../../../src/client/mod.ts";
import { type Listening, startRelay } from "../../helpers/process.ts";

/** Bytes of memory that are searched at a time. */
const CHUNK_BYTES = 16 * 1024 * 1024;

/** A relay that is listened to. */
export class TappedRelay implements AsyncDisposable {
  readonly #relay: Listening;
  readonly #heard: Uint8Array[] = [];
  readonly #encoder = new TextEncoder();

  static async start(args: string[]): Promise<TappedRelay> {
    return new TappedRelay(await startRelay([...args, "--log-level", "debug", "--log-format", "json"]));
  }

  private constructor(relay: Listening) {
    this.#relay = relay;
  }

  get url(): string {
    return this.#relay.url;
  }

  /** WebSockets of the platform's kind, on whose way somebody listens. */
  get WebSocket(): WebSocketClass {
    const hear = (data: unknown) => this.#hear(data);
    return class extends WebSocket {
      constructor(url: string) {
        super(url);
        hear(decodeURIComponent(url));
        this.addEventListener("message", ({ data }) => hear(data));
        this.addEventListener("close", ({ reason }) => hear(reason));
      }

      override send(data: Parameters<WebSocket["send"]>[0]): void {
        hear(data);
        super.send(data);
      }

      override close(code?: number, reason?: string): void {
        hear(reason ?? "");
        super.close(code, reason);
      }
    } as unknown as WebSocketClass;
  }

  /** How many bytes came by. */
  get bytes(): number {
    return this.#heard.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Those of these words that somebody could read on the wire. */
  onTheWire(words: readonly string[]): string[] {
    const wire = this.#heard.map(toLatin);
    return words.filter((word) => wire.some((text) => text.includes(word)));
  }

  /** Those that are in the relay's log, at its most talkative, once all that has happened is written there. */
  async inTheLog(words: readonly string[]): Promise<string[]> {
    await (await fetch(`${this.#relay.http}/nowhere`)).body?.cancel();
    await this.#relay.nextErrorLine(/no such page/);
    const log = this.#relay.stdout + this.#relay.stderr;
    return words.filter((word) => log.includes(word));
  }

  /** Those that are anywhere in its memory, as UTF-8 or as the UTF-16 of strings. */
  inMemory(words: readonly string[]): string[] {
    const found = new Set<string>();
    for (const bytes of memoryOf(this.#relay.pid)) {
      const text = toLatin(bytes);
      for (const word of words) if (text.includes(word) || text.includes(utf16(word))) found.add(word);
    }
    return words.filter((word) => found.has(word));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay[Symbol.asyncDispose]();
  }

  #hear(data: unknown): void {
    if (typeof data === "string") this.#heard.push(this.#encoder.encode(data));
    else if (ArrayBuffer.isView(data)) {
      this.#heard.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice());
    } else this.#heard.push(new Uint8Array(data as ArrayBuffer).slice());
  }
}

/** Whether the memory of other processes can be read here. */
export function canReadMemory(): boolean {
  return Deno.build.os === "linux" && Deno.uid() === 0;
}

/** All that a process can write to. */
function* memoryOf(pid: number): Iterable<Uint8Array> {
  using memory = Deno.openSync(`/proc/${pid}/mem`);
  for (const line of Deno.readTextFileSync(`/proc/${pid}/maps`).split("\n")) {
    const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (start !== undefined) yield* regionOf(memory, parseInt(start, 16), parseInt(end, 16));
  }
}

/** In pieces that overlap by a little: a word may lie across their border. */
function* regionOf(memory: Deno.FsFile, start: number, end: number): Iterable<Uint8Array> {
  for (let at = start; at < end; at += CHUNK_BYTES) {
    const bytes = new Uint8Array(Math.min(CHUNK_BYTES + 512, end - at));
    try {
      memory.seekSync(at, Deno.SeekMode.Start);
      const length = memory.readSync(bytes) ?? 0;
      yield bytes.subarray(0, length);
    } catch {
      return; // reserved, and never used
    }
  }
}

/** Searching text is the fastest there is. Words are of ASCII only. */
function toLatin(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function utf16(word: string): string {
  return Array.from(word, (character) => `${character}\0`).join("");
}
