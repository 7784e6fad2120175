/** A relay that speaks protocol 5, in the hands of a test. */

import { type Close, KIND, RecordReader, RecordWriter, type RelayMessage } from "../../../src/protocol.ts";
import type { Client, ClientOptions, PeerSocket } from "../../../src/client/mod.ts";
import { FakeRelay, turn } from "../fake_relay.ts";

/** Soon enough to answer a heartbeat. */
const STEP_MS = 5_000;
const HEARTBEAT = JSON.stringify({ type: "Heartbeat" });
const MIB = 1024 * 1024;

/** Something that a client said in a binary frame. */
export interface Said {
  readonly stream: number;
  readonly kind: "open" | "data" | "window" | "close";
  readonly open?: { readonly userName: string; readonly documentId: string };
  readonly data?: Uint8Array;
  readonly isText?: boolean;
  readonly hasMore?: boolean;
  readonly window?: number;
  readonly close?: Close;
}

export class WelcomingRelay extends FakeRelay {
  /** What it says of its limits. */
  limits = { messageBytes: 64 * MIB, documents: 10_000, streams: 16_384, windowBytes: 256 * 1024 };
  expiresInSeconds: number | undefined;
  /** It answers no heartbeats. */
  isSilent = false;

  override async connected(options: Partial<ClientOptions> = {}): Promise<Client> {
    const client = this.client(options);
    await turn();
    await this.welcome();
    return client;
  }

  /** A client with a stream to bob about "doc". */
  override async paired(options: Partial<ClientOptions> = {}): Promise<Client> {
    const client = await this.connected(options);
    await this.introduce("bob");
    await this.write((frame) => frame.opened(1));
    return client;
  }

  override async pass(milliseconds: number): Promise<void> {
    for (let left = milliseconds; left > 0 || left === milliseconds; left -= STEP_MS) {
      const heartbeats = this.#heartbeats;
      await super.pass(Math.min(left, STEP_MS));
      if (!this.isSilent && this.#heartbeats > heartbeats) await this.say({ type: "Heartbeat" });
    }
  }

  /** Lets the latest introduction socket in. */
  async welcome(): Promise<void> {
    this.introduction.open();
    const { limits, expiresInSeconds } = this;
    await this.say({ type: "Welcome", protocol: 5, limits, heartbeatSeconds: 15, expiresInSeconds });
  }

  override async introduce(userName: string, ...documentIds: string[]): Promise<void> {
    await this.say({ type: "Introduction", userName, documentIds: documentIds.length > 0 ? documentIds : ["doc"] });
  }

  /** Says control messages in one frame. */
  async say(...messages: RelayMessage[]): Promise<void> {
    this.introduction.receive(JSON.stringify(messages));
    await turn();
  }

  /** Says records in one frame. */
  async write(write: (frame: RecordWriter) => void): Promise<void> {
    const frame = new RecordWriter();
    write(frame);
    this.introduction.receive(frame.take().buffer);
    await turn();
  }

  /** All records on the latest introduction socket. */
  get said(): Said[] {
    return this.introduction.frames.flatMap(read);
  }

  /** The same in words, one line a record. */
  get lines(): string[] {
    return this.said.map(inWords);
  }

  get #heartbeats(): number {
    return this.introductions.reduce((sum, { sent }) => sum + sent.filter((text) => text === HEARTBEAT).length, 0);
  }

  /** Bytes of data that were said on a stream, and how many records they were. */
  dataOf(stream: number): { bytes: number; records: number } {
    const data = this.said.filter((record) => record.stream === stream && record.kind === "data");
    return { bytes: data.reduce((sum, record) => sum + record.data!.byteLength, 0), records: data.length };
  }
}

/** The stream to a peer about "doc". */
export function streamOf(client: Client, userName = "bob", documentId = "doc"): PeerSocket {
  return client.get(userName, documentId)!;
}

/** The records of a frame. */
export function read(frame: Uint8Array<ArrayBuffer>): Said[] {
  const record = new RecordReader(frame);
  const said: Said[] = [];
  while (record.next()) said.push(take(record));
  return said;
}

function take(record: RecordReader): Said {
  const { stream, kind } = record;
  if (kind === KIND.open) return { stream, kind: "open", open: record.opening };
  if (kind === KIND.window) return { stream, kind: "window", window: record.windowBytes };
  if (kind === KIND.close) return { stream, kind: "close", close: record.close };
  if (kind !== KIND.data) throw new Error(`want no kind ${kind} from a client`);
  return { stream, kind: "data", data: record.payload, isText: record.isText, hasMore: record.hasMore };
}

function inWords({ stream, kind, open, data, isText, hasMore, window, close }: Said): string {
  if (kind === "open") return `open ${stream} ${open!.userName} ${open!.documentId}`;
  if (kind === "window") return `window ${stream} ${window}`;
  if (kind === "close") return `close ${stream} ${close!.code} ${close!.reason}`.trimEnd();
  const content = isText ? JSON.stringify(new TextDecoder().decode(data)) : `${data!.byteLength} bytes`;
  return `data ${stream} ${content}${hasMore ? " and more" : ""}`;
}
