/**
 * The other side of a pair, on another instance: a socket like any other to the pipe.
 *
 * Its backlog is what the socket on the other instance has not taken, so that the pipe's bounds hold from end to end. A
 * slow reader there does not hold up other pairs: see `neighbor.ts`.
 *
 * @module
 */

import { CLOSE, type Close } from "../../../protocol.ts";
import type { Clock, Timer } from "../../core/clock.ts";
import { LIMITS } from "../../core/limits.ts";
import { Part } from "../../core/message.ts";
import {
  type Chunk,
  NOBODY,
  type PeerSocket,
  sendable,
  type SocketListener,
  Splice,
} from "../../transport/transport.ts";
import { encodePong } from "../../websocket/encode.ts";
import { PartReader } from "../../websocket/part_reader.ts";
import { encode, type LinkMessage } from "../codec.ts";
import { FailureDetector } from "./failure_detector.ts";
import type { LossReason } from "./loss.ts";
import type { Neighbor } from "./neighbor.ts";
import { ReceivingHalf } from "./receiving_half.ts";
import { NO_CONTENTS, SendingHalf } from "./sending_half.ts";

/** The socket on the other instance. */
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
  /** Whether the socket here takes frames as bytes. */
  readonly splices: boolean;
  /** Sends a message to the other instance. */
  readonly publish: (data: Uint8Array) => void;
  /** It is gone; with a reason if something was or may be lost. Called exactly once. */
  readonly gone: (loss: LossReason | undefined) => void;
}

/** Losses that the other instance knows of, or cannot be told. */
const UNTOLD: ReadonlySet<LossReason> = new Set(["disconnected", "unreachable", "reset"]);

/** One side of a pair, as the other side's instance sees it. */
export class RemoteSocket implements PeerSocket {
  readonly #partner: Partner;
  readonly #options: RemoteSocketOptions;
  readonly #sending: SendingHalf;
  readonly #receiving: ReceivingHalf;
  readonly #failures: FailureDetector;
  readonly #reader = new PartReader();
  #listener: SocketListener = NOBODY;
  #isGone = false;
  /** What this side closes with, and what the other side has closed with. */
  #ownClose: Close | undefined;
  #partnerClose: Close | undefined;
  #isCloseSent = false;
  /** Until the end of a frame is waited for no longer. */
  #patience: Timer | undefined;

  /** @param handle This instance's name for it. */
  constructor(readonly handle: number, partner: Partner, options: RemoteSocketOptions) {
    this.#partner = partner;
    this.#options = options;
    this.#sending = new SendingHalf({
      ...options,
      ...partner,
      emptied: () => {
        if (this.#isClosing) this.#proceed();
      },
    });
    this.#receiving = new ReceivingHalf({
      ...options,
      acknowledge: (received, taken) => this.#publish({ type: "ack", handle: partner.handle, received, taken }),
      deliver: (chunk) => this.#listener.message(chunk),
      lose: (reason) => this.lose(reason),
    });
    this.#failures = new FailureDetector(options.clock);
  }

  get neighbor(): Neighbor {
    return this.#partner.neighbor;
  }

  get backlog(): number {
    return this.#sending.backlog;
  }

  send(chunk: Chunk): void {
    if (this.#isGone || (this.#isClosing && !this.#sending.isMidFrame)) return;
    if (chunk instanceof Part) this.#sending.sendPart(chunk);
    else if (!(chunk instanceof Splice)) this.#sending.sendPart(Part.of(chunk));
    else if (this.#partner.splices) this.#sendSplice(chunk);
    else this.#sendUnspliced(chunk);
    if (this.#isClosing) this.#proceed();
  }

  close(close: Close, isCut = false): void {
    if (this.#isClosing || this.#isGone) return;
    this.#ownClose = sendable(close);
    if (isCut) this.#sending.abandonFrame();
    this.#limitPatience();
    this.#proceed();
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  pause(): void {
    this.#receiving.pause();
  }

  resume(): void {
    this.#receiving.resume();
  }

  /** The close may still wait: for the end of a frame, or for what the other instance has to take before. */
  terminate(): void {
    if (this.#isGone) return;
    this.#publish({ type: "reset", handle: this.#partner.handle });
    this.#end(this.#ownClose ?? CLOSE.backplaneLost);
  }

  /** Takes a message of the other instance; `size` is its length on the bus. */
  receive(message: LinkMessage, size: number): void {
    this.#failures.heard();
    if (message.type === "ack") return this.#acknowledged(message.received, message.taken);
    if (message.type === "reset") return this.#wasReset();
    if (!this.#receiving.isNext(message)) return this.lose("gap");
    if (message.type === "probe") return this.#receiving.acknowledge();
    this.#receiving.count(size);
    if (message.type === "close") return this.#closed(message.close);
    this.#receiving.deliver(message, this.#isClosing);
    this.#receiving.acknowledgeSoon();
    if (this.#isClosing) this.#proceed();
  }

  /** Asks whether the other side is still there and has received all, and gives it up when it does not answer. */
  inspect(): void {
    const verdict = this.#failures.inspect(this.#sending.waitedMs);
    if (verdict === "probe") this.#probe();
    else if (verdict !== undefined) this.lose(verdict);
  }

  /** Ends both sides of the pair: something did not arrive, or may not have. */
  lose(reason: LossReason): void {
    if (!UNTOLD.has(reason)) this.#publish({ type: "reset", handle: this.#partner.handle });
    this.#end(CLOSE.backplaneLost, reason);
  }

  /** Nothing is lost with one that has closed: it was only asked after the end of a frame. */
  #wasReset(): void {
    if (this.#partnerClose === undefined) this.lose("reset");
    else this.#end(this.#partnerClose);
  }

  get #isClosing(): boolean {
    return this.#ownClose !== undefined || this.#partnerClose !== undefined;
  }

  /** The end of a frame is not waited for without end. */
  #limitPatience(): void {
    this.#patience ??= this.#options.clock.after(LIMITS.lingerMs, () => {
      this.#sending.abandonFrame();
      this.#receiving.abandonFrame();
      this.#proceed();
    });
  }

  /** The other side has ended. The partner of this one gets the frame under way to its end, and no more. */
  #closed(close: Close): void {
    this.#partnerClose = close;
    this.#receiving.abandonFrame();
    this.#sending.dropQueue();
    this.#limitPatience();
    if (this.#sending.isMidFrame) this.#listener.ending(close);
    this.#proceed();
  }

  /** Goes on with the close as far as frames under way let it. */
  #proceed(): void {
    if (this.#isGone || this.#sending.isMidFrame) return;
    if (this.#partnerClose === undefined && !this.#isCloseSent) return this.#sendClose(this.#ownClose!);
    if (!this.#sending.isEmpty || this.#receiving.isMidFrame) return;
    this.#end(this.#partnerClose ?? this.#ownClose!);
  }

  #sendClose(close: Close): void {
    this.#isCloseSent = true;
    this.#sending.sendClose(close);
  }

  #sendSplice(splice: Splice): void {
    // Behind the close no frame may begin.
    this.#sending.sendSplice(this.#isClosing ? wholeFrames(splice) : splice);
    splice.release();
  }

  /** To an instance that takes only messages. Pings are answered in its place. */
  #sendUnspliced({ bytes }: Splice): void {
    const { parts, pings } = this.#reader.read(bytes);
    for (const part of parts) this.#sending.sendPart(part);
    for (const ping of pings) this.#listener.message(new Splice(encodePong(ping), NO_CONTENTS, 0));
  }

  #acknowledged(received: number, taken: number): void {
    this.#sending.acknowledged(received, taken);
    this.#listener.drained?.();
  }

  #probe(): void {
    const { handle } = this.#partner;
    this.#publish({ type: "probe", handle, sequence: this.#sending.sequence, from: this.handle });
  }

  #publish(message: LinkMessage): void {
    this.#options.publish(encode(message));
  }

  #end(close: Close, loss?: LossReason): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#patience?.cancel();
    this.#receiving.end();
    this.#sending.end();
    this.#options.gone(loss);
    this.#listener.closed(close);
  }
}

/**
 * Without the frame that has begun at the end, if another has ended. What that frame has of the contents is not known.
 */
function wholeFrames(splice: Splice): Splice {
  const { bytes, contents, tail } = splice;
  if (tail >= splice.byteLength) return splice;
  const whole = bytes.subarray(0, splice.byteLength - tail);
  const textBytes = Math.min(contents.textBytes, whole.byteLength);
  const binaryBytes = Math.min(contents.binaryBytes, whole.byteLength - textBytes);
  return new Splice(whole, { ...contents, textBytes, binaryBytes }, 0);
}
