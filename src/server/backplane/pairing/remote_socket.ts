/**
 * The other half of a pair, on another instance: a socket like any other to the pipe.
 *
 * Its backlog is what the other instance has not said was taken by its own socket, so that the pipe's bounds hold from
 * end to end. What it has received, but its socket not taken, does not hold up other pairs: see `neighbor.ts`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { CLOSE, type Close } from "../../../protocol.ts";
import type { Clock, Timer } from "../../core/clock.ts";
import { encodePong } from "../../websocket/encode.ts";
import { PartReader } from "../../websocket/part_reader.ts";
import { LIMITS } from "../../core/limits.ts";
import { asBytes, type Message, Part } from "../../core/message.ts";
import {
  type Frame,
  NOBODY,
  type PeerSocket,
  sendable,
  type SocketListener,
  Splice,
  type SpliceContents,
} from "../../transport/transport.ts";
import type { LossReason } from "./loss.ts";
import type { Neighbor, Sender } from "./neighbor.ts";
import { encode, type HalfMessage, WIRE_OVERHEAD } from "../codec.ts";

/** Where the other half is. */
export interface Partner {
  readonly neighbor: Neighbor;
  /** Its instance's name for it. */
  readonly handle: number;
  /** Whether it takes frames as bytes. */
  readonly splices: boolean;
}

/** What a remote socket needs. */
export interface RemoteSocketOptions {
  readonly clock: Clock;
  /** Bytes of payload in one message on the bus. */
  readonly chunkBytes: number;
  /** Bytes of one message between peers. */
  readonly maxMessageBytes: number;
  /** Whether the half here takes frames as bytes. */
  readonly splices: boolean;
  /** Says something to the other instance. */
  readonly publish: (data: Uint8Array) => void;
  /** It is gone; with a reason if something was or may be lost. Called exactly once. */
  readonly gone: (loss: LossReason | undefined) => void;
}

const NO_CONTENTS: SpliceContents = {
  ...{ messages: 0, emptyFrames: 0, text: 0, binary: 0, textBytes: 0, binaryBytes: 0 },
};

/** One message to the other instance, and where frames end in it. */
interface Queued {
  readonly bytes: Uint8Array;
  /** As of a {@link Splice}, and of its length. */
  readonly tail: number;
  readonly length: number;
}

/** Bytes that a part of a message has at least, unless it is the last: no instance makes many out of little. */
const LEAST_PART_BYTES = LIMITS.leastPayloadBytes - WIRE_OVERHEAD;

/** Losses of which the other instance knows, or cannot hear. */
const UNTOLD: ReadonlySet<LossReason> = new Set(["disconnected", "unreachable", "reset"]);

/** One half of a pair, seen from the other's instance. */
export class RemoteSocket implements PeerSocket, Sender {
  readonly #partner: Partner;
  readonly #options: RemoteSocketOptions;
  readonly #reader = new PartReader();
  #listener: SocketListener = NOBODY;
  #isGone = false;
  /** What this side closes with, and what the other side has. */
  #closing: Close | undefined;
  #heardClose: Close | undefined;
  #isCloseQueued = false;
  /** What was queued, was sent, and was heard ends within a frame: a close waits for its end, as on one instance. */
  #isMidFrame = false;
  #isSentMidFrame = false;
  #isHeardMidFrame = false;
  #patience: Timer | undefined;

  /** What waits for its turn. */
  readonly #queue: Queued[] = [];
  #queuedBytes = 0;
  #nextSequence = 0;
  /** Bytes since the start: sent, and what the other instance has told of them. */
  #sent = 0;
  #received = 0;
  #taken = 0;
  /** When the other instance last told of something received, or had nothing to tell of. */
  #progressAt: number;

  #expectedSequence = 0;
  /** Bytes that have come of a message that has not ended. */
  #partBytes: number | undefined;
  /** The end of what was said of a message that has not ended, too little to go alone. */
  #rest: Uint8Array<ArrayBuffer> | undefined;
  /** Bytes of spliced frames that came, and what was said to be in them. */
  readonly #spliced = { bytes: 0, told: 0 };
  /** Bytes since the start: heard from the other instance, and what it was told of them. */
  #heard = 0;
  #heardWhenPaused: number | undefined;
  #toldReceived = 0;
  #toldTaken = 0;
  #confirmation: Timer | undefined;
  #heardAt: number;
  #probedAt = -Infinity;

  /** @param handle This instance's name for it. */
  constructor(readonly handle: number, partner: Partner, options: RemoteSocketOptions) {
    this.#partner = partner;
    this.#options = options;
    this.#progressAt = this.#heardAt = options.clock.now();
  }

  get neighbor(): Neighbor {
    return this.#partner.neighbor;
  }

  get backlog(): number {
    return this.#queuedBytes + this.#sent - this.#taken;
  }

  send(frame: Frame): void {
    if (this.#isGone || (this.#isClosing && !this.#isMidFrame)) return;
    if (frame instanceof Part) this.#sendPart(frame);
    else if (!(frame instanceof Splice)) this.#sendMessage(frame);
    else if (this.#partner.splices) this.#sendSplice(frame);
    else this.#sendUnspliced(frame);
    if (this.#isClosing) this.#proceed();
  }

  close(close: Close, isCut = false): void {
    if (this.#isClosing || this.#isGone) return;
    this.#closing = sendable(close);
    if (isCut) this.#isMidFrame = false;
    this.#lingerOn();
    this.#proceed();
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  /** The socket that gets what this one says is slow: the other instance hears of nothing taken for a while. */
  pause(): void {
    this.#heardWhenPaused ??= this.#heard;
  }

  resume(): void {
    this.#heardWhenPaused = undefined;
    this.#confirm();
  }

  terminate(): void {
    this.lose("reset");
  }

  sendNext(): boolean {
    const next = this.#queue.shift();
    if (next === undefined) return false;
    const { bytes } = next;
    this.#isSentMidFrame = next.tail > 0;
    this.#queuedBytes -= bytes.byteLength;
    if (this.#sent === this.#received) this.#progressAt = this.#options.clock.now();
    this.#sent += bytes.byteLength;
    this.neighbor.sent(bytes.byteLength);
    this.#options.publish(bytes);
    if (this.#queue.length > 0) return true;
    if (this.#isClosing) this.#proceed();
    return false;
  }

  /** Takes what the other instance said; `size` is its length on the bus. */
  hear(message: HalfMessage, size: number): void {
    this.#heardAt = this.#options.clock.now();
    if (message.type === "ack") return this.#acknowledged(message.received, message.taken);
    if (message.type === "reset") return this.lose("reset");
    if (message.sequence !== this.#expectedSequence) return this.lose("gap");
    if (message.type === "probe") return this.#confirm();
    this.#expectedSequence = (this.#expectedSequence + 1) >>> 0;
    this.#heard += size;
    if (message.type === "close") return this.#closed(message.close);
    this.#deliver(message);
    this.#confirmSoon();
    if (this.#isClosing) this.#proceed();
  }

  /** Asks whether the other half is still there and has heard all, and gives it up when it does not answer. */
  inspect(): void {
    const now = this.#options.clock.now();
    const waitedMs = this.#sent === this.#received ? 0 : now - this.#progressAt;
    const silentMs = now - this.#heardAt;
    if (waitedMs >= LIMITS.receiptMs) return this.lose("stalled");
    if (silentMs >= LIMITS.remoteSilenceMs) return this.lose("silent");
    const isDue = waitedMs >= LIMITS.doubtMs || silentMs >= LIMITS.remoteProbeMs;
    if (isDue && now - this.#probedAt >= LIMITS.doubtMs) this.#probe(now);
  }

  /** Ends both ends of the pair: something did not arrive, or may not have. */
  lose(reason: LossReason): void {
    if (!UNTOLD.has(reason)) this.#options.publish(encode({ type: "reset", handle: this.#partner.handle }));
    this.#end(CLOSE.backplaneLost, reason);
  }

  get #isClosing(): boolean {
    return this.#closing !== undefined || this.#heardClose !== undefined;
  }

  /** Nobody waits for the end of a frame for ever. */
  #lingerOn(): void {
    this.#patience ??= this.#options.clock.after(LIMITS.lingerMs, () => {
      this.#isMidFrame = this.#isHeardMidFrame = false;
      this.#proceed();
    });
  }

  /** The other half has ended. Whoever gets what this one says gets the frame under way to its end, and no more. */
  #closed(close: Close): void {
    this.#heardClose = close;
    this.#isHeardMidFrame = false;
    const last = this.#isSentMidFrame ? this.#queue.findIndex(({ tail, length }) => tail < length) : -1;
    if (!this.#isSentMidFrame || last >= 0) this.#drop(last + 1);
    this.#lingerOn();
    if (this.#isMidFrame) this.#listener.ending(close);
    this.#proceed();
  }

  /** Throws away what waits from here on, which ends no frame that was begun. */
  #drop(from: number): void {
    const dropped = this.#queue.splice(from);
    for (const { bytes } of dropped) this.#queuedBytes -= bytes.byteLength;
    this.#nextSequence = (this.#nextSequence - dropped.length) >>> 0;
    this.#isMidFrame = false;
  }

  /** Goes on with the end as far as frames under way let it. */
  #proceed(): void {
    if (this.#isGone || this.#isMidFrame) return;
    if (this.#heardClose === undefined && !this.#isCloseQueued) return this.#queueClose();
    if (this.#queue.length > 0 || this.#isHeardMidFrame) return;
    this.#end(this.#heardClose ?? this.#closing!);
  }

  #queueClose(): void {
    this.#isCloseQueued = true;
    this.#enqueue({
      ...{ type: "close", handle: this.#partner.handle, sequence: this.#sequence(), close: this.#closing! },
    });
  }

  #sendMessage(message: Message): void {
    const isText = typeof message === "string";
    this.#sendPart(new Part(isText ? Buffer.from(message) : asBytes(message), isText, true, true));
  }

  /** Of a message that goes on no part is smaller than another instance takes: what is too little goes with the next. */
  #sendPart({ bytes, isText, ends }: Part): void {
    const whole = this.#rest === undefined ? bytes : Buffer.concat([this.#rest, bytes]);
    const tail = whole.byteLength % this.#options.chunkBytes;
    const end = ends || tail >= LEAST_PART_BYTES ? whole.byteLength : whole.byteLength - tail;
    this.#rest = end < whole.byteLength ? new Uint8Array(whole.subarray(end)) : undefined;
    if (end === 0 && !ends) return;
    this.#split(whole.subarray(0, end), (payload, hasMore) => ({
      ...{ type: "data", handle: this.#partner.handle, sequence: this.#sequence() },
      ...{ isText, hasMore: hasMore || !ends, payload },
    }));
  }

  #sendSplice(splice: Splice): void {
    // Behind the close nothing may begin.
    const { bytes, contents, tail, byteLength } = this.#isClosing ? wholeFrames(splice) : splice;
    const wholeBytes = byteLength - tail;
    let end = 0;
    this.#split(bytes, (payload, hasMore) => {
      end += payload.byteLength;
      return {
        ...{ type: "splice", handle: this.#partner.handle, sequence: this.#sequence(), payload },
        // Where frames end before the last end of all is not known here.
        ...{ tail: end < wholeBytes ? Infinity : end - wholeBytes, contents: hasMore ? NO_CONTENTS : contents },
      };
    });
    this.#isMidFrame = tail > 0;
    // What was queued is a copy.
    splice.release();
  }

  /** To an instance that knows only messages. Pings are answered for it. */
  #sendUnspliced({ bytes }: Splice): void {
    const { parts, pings } = this.#reader.read(bytes);
    for (const part of parts) this.#sendPart(part);
    for (const ping of pings) this.#listener.message(new Splice(encodePong(ping), NO_CONTENTS, 0));
  }

  /** At least one part: an empty message is one, too. */
  #split(bytes: Uint8Array<ArrayBuffer>, part: (payload: Uint8Array<ArrayBuffer>, hasMore: boolean) => HalfMessage) {
    const { chunkBytes } = this.#options;
    let at = 0;
    for (; at + chunkBytes < bytes.byteLength; at += chunkBytes) {
      this.#enqueue(part(bytes.subarray(at, at + chunkBytes), true));
    }
    this.#enqueue(part(bytes.subarray(at), false));
  }

  #sequence(): number {
    const sequence = this.#nextSequence;
    this.#nextSequence = (sequence + 1) >>> 0;
    return sequence;
  }

  #enqueue(message: HalfMessage): void {
    const bytes = encode(message);
    const [tail, length] = message.type === "splice" ? [message.tail, message.payload.byteLength] : [0, Infinity];
    this.#queue.push({ bytes, tail, length });
    this.#queuedBytes += bytes.byteLength;
    this.neighbor.queue(this);
  }

  #deliver(message: HalfMessage): void {
    if (message.type === "splice") {
      if (!this.#isPlausible(message.contents, message.payload.byteLength)) return this.lose("malformed");
      this.#isHeardMidFrame = this.#isMidFrameBehind(message.tail, message.payload.byteLength);
      this.#listener.message(new Splice(message.payload, message.contents, message.tail));
    } else if (message.type === "data") {
      this.#deliverPart(message.payload, message.isText, message.hasMore);
    }
  }

  /** What comes while it closes counts only up to the end of the frame that was under way. */
  #isMidFrameBehind(tail: number, length: number): boolean {
    return this.#isClosing ? this.#isHeardMidFrame && tail >= length : tail > 0;
  }

  /** There cannot be more in frames than they are long. Only who takes frames as bytes is sent them so. */
  #isPlausible(
    { messages, emptyFrames, text, binary, textBytes, binaryBytes }: SpliceContents,
    bytes: number,
  ): boolean {
    this.#spliced.bytes += bytes;
    this.#spliced.told += Math.max(messages, emptyFrames, text + binary, textBytes + binaryBytes);
    return this.#options.splices && this.#spliced.told <= this.#spliced.bytes;
  }

  /** Messages that came in one piece are passed on as such, others part by part: nothing is kept here. */
  #deliverPart(payload: Uint8Array<ArrayBuffer>, isText: boolean, hasMore: boolean): void {
    if (hasMore && payload.byteLength < LEAST_PART_BYTES) return this.lose("malformed");
    const begins = this.#partBytes === undefined;
    const bytes = (this.#partBytes ?? 0) + payload.byteLength;
    if (bytes > this.#options.maxMessageBytes) return this.lose("too big");
    this.#partBytes = hasMore ? bytes : undefined;
    const isWhole = begins && !hasMore;
    this.#listener.message(isWhole ? toMessage(payload, isText) : new Part(payload, isText, begins, !hasMore));
  }

  #acknowledged(received: number, taken: number): void {
    const arrived = Math.min(received, this.#sent) - this.#received;
    if (arrived > 0) {
      this.#received += arrived;
      this.#progressAt = this.#options.clock.now();
      this.neighbor.received(arrived);
    }
    this.#taken = Math.max(this.#taken, Math.min(taken, this.#sent));
    this.#listener.drained?.();
  }

  #confirmSoon(): void {
    if (this.#isGone) return;
    if (this.#heard - this.#toldReceived >= LIMITS.confirmBytes) return this.#confirm();
    this.#confirmation ??= this.#options.clock.after(LIMITS.confirmMs, () => this.#confirm());
  }

  #confirm(): void {
    this.#confirmation?.cancel();
    this.#confirmation = undefined;
    if (this.#isGone) return;
    this.#toldReceived = this.#heard;
    this.#toldTaken = Math.max(this.#toldTaken, this.#heardWhenPaused ?? this.#heard);
    const { handle } = this.#partner;
    this.#options.publish(encode({ type: "ack", handle, received: this.#toldReceived, taken: this.#toldTaken }));
  }

  #probe(now: number): void {
    this.#probedAt = now;
    // What waits here for its turn has a number, but is not on its way.
    const sequence = (this.#nextSequence - this.#queue.length) >>> 0;
    this.#options.publish(encode({ type: "probe", handle: this.#partner.handle, sequence, from: this.handle }));
  }

  #end(close: Close, loss?: LossReason): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#confirmation?.cancel();
    this.#patience?.cancel();
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    this.neighbor.forget(this);
    this.neighbor.received(this.#sent - this.#received);
    this.#options.gone(loss);
    this.#listener.closed(close);
  }
}

/** Without the frame that has begun at the end, if another has ended. What that frame has of the contents is not known. */
function wholeFrames(splice: Splice): Splice {
  const { bytes, contents, tail } = splice;
  if (tail >= splice.byteLength) return splice;
  const whole = bytes.subarray(0, splice.byteLength - tail);
  const textBytes = Math.min(contents.textBytes, whole.byteLength);
  const binaryBytes = Math.min(contents.binaryBytes, whole.byteLength - textBytes);
  return new Splice(whole, { ...contents, textBytes, binaryBytes }, 0);
}

function toMessage(bytes: Uint8Array<ArrayBuffer>, isText: boolean): Message {
  return isText ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString() : bytes;
}
