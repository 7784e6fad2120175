/** A reader of protocol 5 that takes all off its socket, and gives no credit. */

import { KIND, RecordReader, WIRE_LIMITS } from "../../src/protocol.ts";
import { frameOf, type RawConnection } from "../helpers/raw.ts";
import { soonest } from "./fate.ts";
import type { Attack } from "./stage.ts";
import { frame, multiplexed } from "./streams.ts";

const [TEXT, BINARY] = [1, 2];
/** Its reader goes on without credit; it is closed behind what has no credit; it goes on beside the two. */
const [WITHHELD, CLOSED, SERVED] = [1, 2, 3];
const FAREWELL = 4_200;
/** Two of them are all of the first credit: a third has none. */
const PART = new Uint8Array(WIRE_LIMITS.firstWindowBytes / 2 - WIRE_LIMITS.recordCost);
const PARTS = 3;
/** A sign of life, which the relay answers. */
const HEARTBEAT = new TextEncoder().encode('[{"type":"Heartbeat"}]');
const HEARTBEAT_MS = 5_000;

/** After 60 s the first is closed for both sides, and the close of the second is heard; until then both are borne. */
export const withheldCredit: Attack = {
  name: "Protocol 5: two streams, one of them closed, whose reader gives no credit",
  oursOnly: true,
  async run(relay, { seconds }) {
    using reader = new StreamClient(await multiplexed(relay, "reader"));
    using sender = new StreamClient(await multiplexed(relay, "mallory"));
    await reader.open("mallory");
    await sender.open("reader");
    await sender.until(() => sender.opened === SERVED, seconds);
    for (const stream of [WITHHELD, CLOSED]) await sender.say(stream, PARTS);
    await sender.raw.write(frame((records) => records.close(CLOSED, { code: FAREWELL, reason: "" })));
    const startedAt = performance.now();
    await reader.until(() => reader.closes.size === 2, seconds);
    const took = Math.round((performance.now() - startedAt) / 1000);
    await sender.say(SERVED, 1);
    const isServed = await reader.until(() => reader.heard.has(SERVED), seconds);
    const codes = [sender.closes.get(WITHHELD), reader.closes.get(WITHHELD), reader.closes.get(CLOSED)];
    if (!isServed) return "another stream is stuck";
    return reader.closes.size === 0 ? "left open" : `closed with ${[...new Set(codes)].join(" and ")} after ${took} s`;
  },
};

/** A client with three streams that gives no credit for what comes. */
class StreamClient implements Disposable {
  opened = 0;
  readonly heard = new Set<number>();
  readonly closes = new Map<number, number>();
  readonly #heartbeat: ReturnType<typeof setInterval>;
  #moved = Promise.withResolvers<void>();

  constructor(readonly raw: RawConnection) {
    this.#heartbeat = setInterval(() => raw.write(frameOf(TEXT, HEARTBEAT)).catch(() => {}), HEARTBEAT_MS);
    this.#hear().catch(() => {}); // hung up on
  }

  async open(userName: string): Promise<void> {
    for (let stream = 1; stream <= SERVED; stream++) {
      await this.raw.write(frame((records) => records.open(stream, { userName, documentId: `doc ${stream}` })));
    }
  }

  async say(stream: number, parts: number): Promise<void> {
    const part = frame((records) => records.data(stream, PART, { text: false, more: false }));
    for (let i = 0; i < parts; i++) await this.raw.write(part);
  }

  /** Says whether the condition came to hold within the time. */
  async until(condition: () => boolean, seconds: number): Promise<boolean> {
    const holds = async () => {
      while (!condition()) {
        this.#moved = Promise.withResolvers();
        await this.#moved.promise;
      }
      return true;
    };
    return await soonest(holds(), seconds, false);
  }

  async #hear(): Promise<void> {
    for (let frame = await this.raw.readFrame(); frame !== undefined; frame = await this.raw.readFrame()) {
      if (frame.opcode !== BINARY) continue;
      const record = new RecordReader(frame.payload);
      while (record.next()) this.#take(record);
      this.#moved.resolve();
    }
  }

  #take(record: RecordReader): void {
    const { kind, stream } = record;
    if (kind === KIND.opened) this.opened += 1;
    else if (kind === KIND.data) this.heard.add(stream);
    else if (kind === KIND.close) this.closes.set(stream, record.close.code);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#heartbeat);
    this.raw[Symbol.dispose]();
  }
}
