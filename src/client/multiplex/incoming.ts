/**
 * What comes in on one stream: parts that become messages, and the credit for more.
 *
 * @module
 */

import { type Close, creditCost, Violation, WIRE_LIMITS } from "../../protocol.ts";
import { Assembler, type PartType } from "./assembler.ts";

/** How much may come. */
export interface IncomingLimits {
  /** Bytes of one message. */
  readonly messageBytes: number;
  /** Bytes of credit that a paired stream gets. */
  readonly windowBytes: number;
}

/** Gives no more credit than that for the first window until the other side is there. */
export class Incoming {
  readonly #limits: IncomingLimits;
  readonly #assembler = new Assembler();
  #isPaired = false;
  /** Bytes that may still come. */
  #credit: number = WIRE_LIMITS.firstWindowBytes;

  constructor(limits: IncomingLimits) {
    this.#limits = limits;
  }

  /** So much is used up that the relay should get more. */
  get isCreditDue(): boolean {
    return this.#isPaired && this.#credit <= this.#limits.windowBytes / 2;
  }

  /** The other side is there. */
  paired(): void {
    this.#isPaired = true;
  }

  /** Takes a part: see {@link Assembler.add}. Throws a {@link Violation} for more than there was credit for, too. */
  add(payload: Uint8Array, type: PartType): string | ArrayBuffer | Close | undefined {
    this.#credit -= creditCost(payload.byteLength);
    if (this.#credit < 0) throw new Violation("more data than credit");
    return this.#assembler.add(payload, type, this.#limits.messageBytes);
  }

  /** Bytes of credit that the relay gets now. */
  takeCredit(): number {
    const due = this.#isPaired ? Math.max(0, this.#limits.windowBytes - this.#credit) : 0;
    this.#credit += due;
    return due;
  }

  /** Gives up what is unfinished. */
  clear(): void {
    this.#assembler.clear();
  }
}
