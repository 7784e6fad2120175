/** Discovery, pairing and multiplexer with fake sockets and fake time, and clients that speak protocol 5 to them. */

import { assertEquals } from "@std/assert";
import {
  type Close,
  creditCost,
  KIND,
  RecordReader,
  RecordWriter,
  type RelayMessage,
  unpackMessages,
  WIRE_LIMITS,
} from "../../src/protocol.ts";
import { ALONE } from "../../src/server/backplane/backplane.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import { MemoryBudget } from "../../src/server/core/memory_budget.ts";
import { Poll } from "../../src/server/core/scheduling/poll.ts";
import { WorkScheduler } from "../../src/server/core/scheduling/work_scheduler.ts";
import { Introducer } from "../../src/server/discovery/introducer.ts";
import { Counters } from "../../src/server/metrics/counters.ts";
import { Multiplexer } from "../../src/server/multiplex/multiplexer.ts";
import type { Permit } from "../../src/server/multiplex/session.ts";
import { Broker } from "../../src/server/pairing/broker.ts";
import { FakeClock, FakeSocket, FramedSocket, silentLog } from "../helpers/fakes.ts";

const MIB = 1024 * 1024;

export const EVERYTHING: Permit = { allowsPeer: () => true, allowsDocument: () => true };

/** What may be different. */
export interface MuxHouseOptions {
  readonly maxStreams?: number;
  readonly maxMessageBytes?: number;
  readonly maxBufferedTotal?: number;
  readonly permitOf?: (token: string) => Permit | undefined;
  /** The transport gives frames, as `tcp` does. */
  readonly givesFrames?: boolean;
}

export class MuxHouse {
  readonly clock = new FakeClock();
  readonly counters = new Counters();
  readonly buffers: MemoryBudget;
  readonly introducer: Introducer;
  readonly broker: Broker;
  readonly multiplexer: Multiplexer;
  readonly #givesFrames: boolean;
  readonly #framed: FramedSocket[] = [];

  constructor({
    maxStreams = 100_000,
    maxMessageBytes = 64 * MIB,
    maxBufferedTotal = 512 * MIB,
    permitOf = () => undefined,
    givesFrames = true,
  }: MuxHouseOptions = {}) {
    this.#givesFrames = givesFrames;
    const { clock, counters } = this;
    const buffers = this.buffers = new MemoryBudget(maxBufferedTotal, clock);
    const parts = { buffers, clock, counters, log: silentLog, backplane: ALONE };
    const poll = new Poll(clock);
    const scheduler = new WorkScheduler(clock, poll);
    this.introducer = new Introducer({ ...parts, scheduler });
    this.broker = new Broker({
      ...{ ...parts, holdTimeout: 600, maxBufferedBytes: 16 * MIB, remind: () => true },
      isInterested: (peerId, documentId) => this.introducer.isInterested(peerId, documentId),
    });
    this.multiplexer = new Multiplexer({
      ...{ ...parts, scheduler, poll, maxStreams, maxMessageBytes, permitOf, budget: buffers },
      introduce: (...args) => this.introducer.welcome(...args),
      connect: (...args) => this.broker.welcome(...args),
    });
  }

  /** A client on a socket of its own, welcomed. */
  client(peerId: string, permit: Permit = EVERYTHING): MuxClient {
    const client = new MuxClient(this.clock, this.#givesFrames ? this.#framedSocket() : new FakeSocket());
    this.multiplexer.welcome(peerId, client.socket, permit);
    this.turn();
    return client;
  }

  #framedSocket(): FramedSocket {
    const socket = new FramedSocket();
    this.#framed.push(socket);
    return socket;
  }

  /** A connection socket that has settled. */
  connect(localId: string, remoteId: string, documentId = "doc"): FakeSocket {
    const socket = new FakeSocket();
    this.broker.welcome({ localId, remoteId, documentId }, socket);
    this.clock.pass(LIMITS.settleMs);
    return socket;
  }

  /** Two clients with a conversation about each of these documents, under the numbers 1, 2, 3... */
  pair(...documents: string[]): [alice: MuxClient, bob: MuxClient] {
    const [alice, bob] = [this.client("alice"), this.client("bob")];
    for (const documentId of documents.length === 0 ? ["doc"] : documents) {
      alice.open({ userName: "bob", documentId });
      bob.open({ userName: "alice", documentId });
    }
    this.turn();
    return [alice, bob];
  }

  /** The event loop goes round until nothing is left to do at once. */
  turn(): void {
    for (let i = 0; i < 5; i++) this.clock.pass(0);
  }

  assertEmpty(): void {
    this.turn();
    const { seekers, pairs } = this.broker.counts;
    const left = { seekers, pairs, streams: this.multiplexer.streams, bytes: this.buffers.total };
    assertEquals({ ...left, timers: this.clock.pending }, { seekers: 0, pairs: 0, streams: 0, bytes: 0, timers: 0 });
    assertEquals(this.#framed.map(({ held }) => held), this.#framed.map(() => 0));
  }
}

/** What a client heard on one stream. */
export class Heard {
  isOpened = false;
  /** Messages that have ended. */
  readonly messages: (string | Uint8Array)[] = [];
  /** Parts of messages that have come. */
  parts = 0;
  close: Close | undefined;
  #pieces: number[] = [];

  take(payload: Uint8Array, isText: boolean, hasMore: boolean): void {
    this.parts += 1;
    for (const byte of payload) this.#pieces.push(byte);
    if (hasMore) return;
    const bytes = Uint8Array.from(this.#pieces);
    this.#pieces = [];
    this.messages.push(isText ? new TextDecoder().decode(bytes) : bytes);
  }
}

/** A client in the hands of a test: it sends what it is told to, and reads what came. */
export class MuxClient {
  /** Messages of the relay that are not about streams. */
  readonly said: RelayMessage[] = [];
  /** Control frames that came. */
  controlFrames = 0;
  /** Binary frames that came. */
  recordFrames = 0;
  /** Kinds and streams of all records, in order. */
  readonly records: (readonly [kind: number, stream: number])[] = [];
  /** Whether credit is given back as data comes. */
  gives = true;
  readonly #clock: FakeClock;
  readonly #heard = new Map<number, Heard>();
  readonly #credit = new Map<number, number>();
  #read = 0;
  #number = 0;

  constructor(clock: FakeClock, readonly socket: FakeSocket) {
    this.#clock = clock;
  }

  say(...messages: unknown[]): void {
    this.socket.receive(JSON.stringify(messages));
    this.#turn();
  }

  open(opening: { userName: string; documentId: string }): number {
    const number = ++this.#number;
    this.write((frame) => frame.open(number, opening));
    return number;
  }

  /** Sends one frame of records. */
  write(...records: ((frame: RecordWriter) => void)[]): void {
    this.begin(...records);
    this.#turn();
  }

  /** The same, and this turn of the event loop goes on. */
  begin(...records: ((frame: RecordWriter) => void)[]): void {
    const frame = new RecordWriter();
    for (const record of records) record(frame);
    this.socket.receive(frame.take());
  }

  text(stream: number, text: string, more = false): void {
    this.write((frame) => frame.data(stream, new TextEncoder().encode(text), { text: true, more }));
  }

  bytes(stream: number, length: number, more = false): void {
    this.write((frame) => frame.data(stream, new Uint8Array(length), { text: false, more }));
  }

  window(stream: number, bytes: number): void {
    this.write((frame) => frame.window(stream, bytes));
  }

  close(stream: number, code = 1000, reason = ""): void {
    this.write((frame) => frame.close(stream, { code, reason }));
  }

  /** What came on a stream. */
  on(stream: number): Heard {
    this.read();
    return this.#heardOn(stream);
  }

  /** Bytes that this client may send on a stream. */
  credit(stream: number): number {
    this.read();
    return this.#credit.get(stream) ?? WIRE_LIMITS.firstWindowBytes;
  }

  /** Reads what has come since. */
  read(): void {
    while (this.#read < this.socket.sent.length) {
      const frame = this.socket.sent[this.#read++];
      if (typeof frame === "string") this.#hear(frame);
      else this.#readRecords(frame as Uint8Array<ArrayBuffer>);
    }
  }

  #hear(text: string): void {
    this.controlFrames += 1;
    this.said.push(...unpackMessages(text) as RelayMessage[]);
  }

  #readRecords(frame: Uint8Array<ArrayBuffer>): void {
    this.recordFrames += 1;
    const record = new RecordReader(frame);
    while (record.next()) this.#take(record);
  }

  #take(record: RecordReader): void {
    const { kind, stream } = record;
    const heard = this.#heardOn(stream);
    this.records.push([kind, stream]);
    if (kind === KIND.opened) heard.isOpened = true;
    else if (kind === KIND.close) heard.close = record.close;
    else if (kind === KIND.window) this.#credit.set(stream, this.#creditOf(stream) + record.windowBytes);
    else {
      heard.take(record.payload, record.isText, record.hasMore);
      if (this.gives) this.window(stream, creditCost(record.length));
    }
  }

  #creditOf(stream: number): number {
    return this.#credit.get(stream) ?? WIRE_LIMITS.firstWindowBytes;
  }

  #heardOn(stream: number): Heard {
    const heard = this.#heard.get(stream) ?? new Heard();
    this.#heard.set(stream, heard);
    return heard;
  }

  #turn(): void {
    for (let i = 0; i < 3; i++) this.#clock.pass(0);
  }
}
