/**
 * A peer that does what a client library does: joins, connects to whom it is introduced, and joins again when it loses
 * somebody.
 *
 * @module
 */

import { decode, encode } from "@std/msgpack";
import { Buffer } from "node:buffer";
import { introductionPath } from "../../src/protocol.ts";
import type { Malformed } from "./garbage.ts";
import { Side, type SideOptions } from "./side.ts";
import type { TestedRelay } from "./tested_relay.ts";
import { type Departure, type Ending, OPCODE, WireSocket } from "./wire_socket.ts";
import { WireStreams } from "./wire_streams.ts";

/** What a peer needs of the world. */
export type PeerOptions = Omit<SideOptions, "ended" | "within">;

/** How peers spell the introduction messages: the three ways that are in use. */
export const DIALECTS = ["json", "json in binary", "msgpack"] as const;
/** Protocol 5: what is said in one turn is an array, and conversations are streams. */
const STREAMS = "streams";

export type Dialect = typeof DIALECTS[number] | typeof STREAMS;

/** Malformed messages that one socket may send and live on: 99 of them. */
const MALFORMED_MOST = 99;

interface Link {
  readonly relay: TestedRelay;
  readonly socket: WireSocket;
  malformed: number;
  /** Whether it is open and has joined. */
  isOpen: boolean;
  isGivenUp: boolean;
  /** With protocol 5. */
  readonly streams: WireStreams | undefined;
}

/** One peer. */
export class SoakPeer {
  /** With the moment since when, in milliseconds of `performance`. */
  readonly interests = new Map<string, number>();
  readonly #options: PeerOptions;
  readonly #sides = new Map<string, Side>();
  #link: Link | undefined;

  constructor(
    readonly id: string,
    readonly documents: readonly string[],
    readonly dialect: Dialect,
    options: PeerOptions,
  ) {
    this.#options = options;
  }

  /** Whether it is connected and has joined. */
  get isPresent(): boolean {
    return this.#link?.isOpen === true;
  }

  /** Where it is present. */
  get relay(): TestedRelay | undefined {
    return this.isPresent ? this.#link?.relay : undefined;
  }

  get sides(): Side[] {
    return [...this.#sides.values()].filter(({ isLive }) => isLive);
  }

  sideFor(remoteId: string, documentId: string): Side | undefined {
    return this.#sides.get(keyOf(remoteId, documentId));
  }

  /** Connects and joins all its documents. */
  async arrive(): Promise<void> {
    if (this.#link !== undefined) return;
    const relay = this.#options.relays.any();
    const link: Link = {
      relay,
      malformed: 0,
      isOpen: false,
      isGivenUp: false,
      streams: this.#speaksStreams ? this.#streamsOn(() => link.socket) : undefined,
      socket: new WireSocket(relay.relay, introductionPath(this.id) + (this.#speaksStreams ? "?protocol=5" : ""), {
        message: (opcode, payload) => this.#hear(link, opcode, payload),
        ended: (ending) => this.#linkEnded(link, ending),
      }),
    };
    this.#link = link;
    await link.socket.opened.catch((error) => relay.isDead || this.#violate(error.message));
    link.isOpen = true;
    if (link === this.#link) this.join(this.documents);
  }

  join(documents: readonly string[]): void {
    for (const id of documents) if (!this.interests.has(id)) this.interests.set(id, performance.now());
    this.#tell("Join", documents);
  }

  /** Takes back its interest, and its connections. */
  async leave(documentId: string, how: Departure): Promise<void> {
    this.interests.delete(documentId);
    this.#tell("Leave", [documentId]);
    await Promise.all(this.sides.filter(({ key }) => key.documentId === documentId).map((side) => side.drop(how)));
  }

  /** Drops everything. */
  async vanish(how: Departure): Promise<void> {
    await this.dropLink(how);
    await Promise.all(this.sides.map((side) => side.drop(how)));
  }

  /** Drops its introduction socket alone. */
  async dropLink(how: Departure): Promise<void> {
    (await this.#giveUp())?.socket.leave(how);
  }

  /** Sends a frame that ends its introduction socket. */
  async corruptLink(frame: Uint8Array): Promise<void> {
    (await this.#giveUp())?.socket.sendRaw(frame);
  }

  /** Says something that is no message. The socket lives on; at the hundredth it is closed, so that one is not sent. */
  babble({ opcode, payload }: Malformed): void {
    // With protocol 5 binary frames are records, which are right or the end.
    if (this.#speaksStreams && opcode === OPCODE.binary) return;
    if (this.#link?.isOpen !== true || this.#link.malformed >= MALFORMED_MOST) return;
    this.#link.malformed += 1;
    this.#link.socket.send(opcode, payload);
  }

  /** Opens a connection, also over one that is there. */
  open(remoteId: string, documentId: string): void {
    const older = this.sideFor(remoteId, documentId);
    const link = this.#link;
    if (older !== undefined) older.isSuperseded = true;
    const side = new Side({ localId: this.id, remoteId, documentId }, {
      ...this.#options,
      within: link?.streams && { relay: link.relay, open: (key, listener) => link.streams!.open(key, listener) },
      ended: () => {
        // A newer side that comes and goes while instances cannot hear each other is unknown where the older one is.
        older?.abandon();
        this.#sideEnded(side);
      },
    });
    this.#sides.set(keyOf(remoteId, documentId), side);
  }

  /** The introduction socket, open, and nobody's any more. */
  async #giveUp(): Promise<Link | undefined> {
    const link = this.#link;
    await link?.socket.opened.catch(() => {});
    // Another action may have been faster.
    return link === this.#link ? this.#forgetLink() : undefined;
  }

  #forgetLink(): Link | undefined {
    const link = this.#link;
    if (link !== undefined) link.isGivenUp = true;
    if (link?.streams !== undefined) this.sides.forEach((side) => side.giveUp());
    this.#link = undefined;
    this.interests.clear();
    return link;
  }

  #tell(type: "Join" | "Leave", documentIds: readonly string[]): void {
    const json = { type, [type.toLowerCase()]: documentIds };
    if (this.#speaksStreams) return this.#link?.socket.send(OPCODE.text, Buffer.from(JSON.stringify([json])));
    if (this.dialect === "msgpack") {
      this.#link?.socket.send(OPCODE.binary, encode({ type, documentIds: [...documentIds] }));
    } else {this.#link?.socket.send(
        this.dialect === "json" ? OPCODE.text : OPCODE.binary,
        Buffer.from(JSON.stringify(json)),
      );}
  }

  #hear(link: Link, opcode: number, payload: Buffer): void {
    if (link.streams !== undefined && opcode === OPCODE.binary) return link.streams.take(payload);
    if (link !== this.#link) return;
    if (link.streams !== undefined) {
      return (JSON.parse(payload.toString()) as Heard[]).forEach((one) => this.#take(one));
    }
    const wanted = this.dialect === "msgpack" ? OPCODE.binary : OPCODE.text;
    if (opcode !== wanted) return this.#violate(`speaks ${this.dialect} and was answered with opcode ${opcode}`);
    this.#take(read(opcode, payload));
  }

  #take({ type, userName, peerId, documentIds }: Heard): void {
    if (this.#speaksStreams && (type === "Welcome" || type === "Heartbeat")) return;
    if (type !== "Introduction") return this.#violate(`heard ${type} on its introduction socket`);
    for (const id of documentIds) this.#meet(userName ?? peerId ?? "", id);
  }

  #meet(remoteId: string, documentId: string): void {
    if (remoteId === this.id) return this.#violate("was introduced to itself");
    if (!this.documents.includes(documentId)) return this.#violate(`was introduced about ${documentId}`);
    // An introduction may cross a `Leave`.
    if (this.interests.has(documentId) && !this.sideFor(remoteId, documentId)?.isLive) this.open(remoteId, documentId);
  }

  /** Whoever lost somebody asks to be introduced again. */
  #sideEnded(side: Side): void {
    const { remoteId, documentId } = side.key;
    if (this.sideFor(remoteId, documentId) !== side) return;
    this.#sides.delete(keyOf(remoteId, documentId));
    if (this.interests.has(documentId)) this.#tell("Join", [documentId]);
  }

  get #speaksStreams(): boolean {
    return this.dialect === STREAMS;
  }

  #streamsOn(socket: () => WireSocket): WireStreams {
    return new WireStreams({
      write: (frame) => socket().send(OPCODE.binary, frame),
      corrupt: (frame) => void this.corruptLink(frame),
    });
  }

  #linkEnded(link: Link, { code, reason }: Ending): void {
    link.streams?.ended();
    if (link.isGivenUp) return;
    this.#forgetLink();
    // As clients do, it comes again, to another instance.
    if (link.relay.isDead) this.arrive();
    else this.#violate(`lost its introduction socket: ${code} ${reason}`);
  }

  #violate(what: string): void {
    this.#options.violated(`${this.id} ${what}`);
  }
}

interface Heard {
  type?: string;
  userName?: string;
  peerId?: string;
  documentIds: string[];
}

function read(opcode: number, payload: Buffer): Heard {
  return (opcode === OPCODE.text ? JSON.parse(payload.toString()) : decode(payload)) as Heard;
}

function keyOf(remoteId: string, documentId: string): string {
  return JSON.stringify([remoteId, documentId]);
}
