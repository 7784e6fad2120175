/**
 * One connection socket of a soak peer with its part of the model: what it said, and what it must hear.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { CLOSE, connectionPath } from "../../src/protocol.ts";
import { keyOf } from "../../src/server/core/connection_key.ts";
import { greeterOf, greetingOf, payloadOf, type Said } from "./talk.ts";
import type { TestedRelay } from "./tested_relay.ts";
import type { TestedRelays } from "./tested_relays.ts";
import { type Carrier, type Departure, type Ending, OPCODE, type WireListener, WireSocket } from "./wire_socket.ts";

/** Whom a side is from, whom it is for, and what about. */
export interface ConnectionKey {
  readonly localId: string;
  readonly remoteId: string;
  readonly documentId: string;
}

/** What a side needs of the world. */
export interface SideOptions {
  readonly relays: TestedRelays;
  /** The sides by serial number, also those that are gone: their greeting may arrive after their end. */
  readonly sides: Map<number, Side>;
  readonly violated: (what: string) => void;
  /** A side that stayed was told of its partner's end by a hang-up. Says whether that may be. */
  readonly hungUp: (side: Side) => void;
  /** Whether the peer that is waited for has been there for a while. */
  readonly isThere: (key: ConnectionKey) => boolean;
  readonly ended: (side: Side) => void;
  /** Where it is a stream, instead of a socket of its own to any instance. */
  readonly within?: {
    readonly relay: TestedRelay;
    open(key: ConnectionKey, listener: WireListener): Carrier;
  };
}

/** The codes that we close with are ours alone, so that one that crosses is known. */
const FAREWELL_CODE = 4_200;

/** One side of a conversation. */
export class Side {
  static #serials = 0;
  readonly serial = ++Side.#serials;
  partner: Side | undefined;
  isGone = false;
  /** We have dropped it, or broken it: whatever happens to it now is no violation. */
  isGivenUp = false;
  /** A newer side with the same key has been opened. */
  isSuperseded = false;
  hasSaidFarewell = false;
  readonly said: Said[] = [];
  readonly relay: TestedRelay;
  readonly openedAt = performance.now();
  readonly #options: SideOptions;
  readonly #socket: Carrier;
  readonly #waiting = new Set<() => void>();
  #heard = 0;

  constructor(readonly key: ConnectionKey, options: SideOptions) {
    this.#options = options;
    options.sides.set(this.serial, this);
    this.relay = options.within?.relay ?? options.relays.any();
    const { localId, remoteId, documentId } = key;
    const listener: WireListener = {
      message: (opcode, payload) => this.#hear(opcode, payload),
      ended: (ending) => this.#ended(ending),
    };
    this.#socket = options.within?.open(key, listener) ??
      new WireSocket(this.relay.relay, connectionPath(localId, remoteId, documentId), listener);
    this.#socket.opened.then(() => this.#greet(), (error) => this.#refused(error));
  }

  get isStream(): boolean {
    return this.#options.within !== undefined;
  }

  get opened(): Promise<void> {
    return this.#socket.opened;
  }

  get isLive(): boolean {
    return !this.isGone && !this.isGivenUp && !this.isSuperseded;
  }

  /** Whether both sides live and know it. */
  get isPaired(): boolean {
    return this.isLive && this.partner !== undefined && this.partner.isLive && this.partner.partner === this;
  }

  /** Whether the partner has heard all. */
  get isDelivered(): boolean {
    return this.partner !== undefined && this.partner.#heard === this.said.length;
  }

  say(message: Said): void {
    const index = this.said.push(message) - 1;
    this.#socket.send(message.opcode, payloadOf(this.serial, index, message));
  }

  /** Resolves when the partner has heard all, or one of the two is no more. */
  async delivered(): Promise<void> {
    while (this.isPaired && !this.isDelivered) await this.#change();
  }

  /** Ends it in one of three ways. Not before it is open: a reset handshake is another test. */
  async drop(how: Departure): Promise<void> {
    await this.opened.catch(() => {});
    if (!this.isLive) return;
    this.isGivenUp = true;
    this.hasSaidFarewell = how === "close";
    this.#socket.leave(how, { code: FAREWELL_CODE, reason: `side ${this.serial} leaves` });
    this.wake();
  }

  /** Hangs up, if it is still there although superseded. */
  abandon(): void {
    if (this.isGone) return;
    this.isGivenUp = true;
    this.#socket.leave("FIN");
  }

  /** The socket that it is in is given up. */
  giveUp(): void {
    this.isGivenUp = true;
    this.wake();
  }

  /** Sends a frame that ends it. */
  corrupt(frame: Uint8Array): void {
    this.isGivenUp = true;
    this.#socket.sendRaw(frame);
    this.wake();
  }

  #greet(): void {
    this.said.push({ opcode: OPCODE.text, size: 0 });
    this.#socket.send(OPCODE.text, greetingOf(this.serial));
  }

  #hear(opcode: number, payload: Buffer): void {
    if (this.isGivenUp) return;
    const index = this.#heard++;
    if (index === 0) this.#meet(opcode, payload);
    else this.#compare(index, opcode, payload);
    this.partner?.wake();
  }

  #meet(opcode: number, payload: Buffer): void {
    const partner = this.#options.sides.get(greeterOf(payload) ?? -1);
    if (opcode !== OPCODE.text || partner === undefined) return this.#violate(`was greeted with ${payload}`);
    const { localId, remoteId, documentId } = partner.key;
    const isReciprocal = remoteId === this.key.localId && localId === this.key.remoteId &&
      documentId === this.key.documentId;
    if (isReciprocal) this.partner = partner;
    else this.#violate(`was joined with side ${partner.serial}, which is for somebody else`);
  }

  #compare(index: number, opcode: number, payload: Buffer): void {
    const partner = this.partner;
    const said = partner?.said[index];
    if (partner === undefined || said === undefined) return this.#violate(`heard message ${index}, which nobody said`);
    if (said.opcode === opcode && payload.equals(payloadOf(partner.serial, index, said))) return;
    this.#violate(`heard another message ${index} than side ${partner.serial} said: ${payload.length} bytes`);
  }

  #ended(ending: Ending): void {
    this.isGone = true;
    const problem = this.isGivenUp ? undefined : this.#problemWith(ending);
    if (problem !== undefined) this.#violate(`${problem}, and ended with ${ending.code} ${ending.reason}`);
    this.wake();
    this.#options.ended(this);
  }

  /** Whether a side that stayed may end so. */
  #problemWith({ code, reason }: Ending): string | undefined {
    const partner = this.partner;
    const isBroken = this.#options.relays.mayHaveBroken(this.relay, partner?.relay, this.openedAt);
    switch (code) {
      case FAREWELL_CODE:
        if (!partner?.hasSaidFarewell) return "nobody said farewell";
        return this.#heard === partner.said.length ? undefined : "the farewell overtook a message";
      case CLOSE.superseded.code:
        return this.isSuperseded || this.#isOvertaken() ? undefined : "no newer side was opened";
      case CLOSE.peerLost.code:
        return partner?.isLive && !partner.#isOvertaken() ? "its partner is still there" : undefined;
      case CLOSE.noReciprocal.code:
        // Its peer had left the document for half a minute, or nobody could say that it had not.
        return this.#options.isThere(this.key) && !isBroken ? "its peer is still there" : undefined;
      case CLOSE.backplaneLost.code:
        return reason === CLOSE.backplaneLost.reason && isBroken ? undefined : "nothing had failed";
      case undefined:
        if (this.relay.isDead) return;
        // Its partner may hear of its own end, for whatever reason, a moment later.
        this.#options.hungUp(this);
        return;
      default:
        return "it stayed";
    }
  }

  /** An instance that stood still hears late of a stream that was opened and given up before: it takes that for newer. */
  #isOvertaken(): boolean {
    return this.#options.sides.values().some(({ key, isGivenUp, relay }) =>
      isGivenUp && relay.stoodStillUntil >= this.openedAt && keyOf(key) === keyOf(this.key)
    );
  }

  #refused(error: Error): void {
    if (!this.isGivenUp && !this.relay.isDead) this.#violate(error.message);
  }

  #violate(what: string): void {
    const { localId, remoteId, documentId } = this.key;
    this.#options.violated(`side ${this.serial} (${localId} to ${remoteId} about ${documentId}): ${what}`);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  /** Something has changed for whoever waits for this conversation. */
  wake(): void {
    for (const side of [this, this.partner]) {
      if (side === undefined) continue;
      for (const resume of side.#waiting) resume();
      side.#waiting.clear();
    }
  }
}
