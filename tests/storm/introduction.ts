/**
 * The introduction socket of a peer that has a socket for each conversation: it joins one document, in one of the
 * dialects, and hears of one other.
 *
 * @module
 */

import { decode, encode } from "@std/msgpack";
import { Buffer } from "node:buffer";
import { introductionPath, type Opening } from "../../src/protocol.ts";
import type { Pace } from "../helpers/pace.ts";
import type { Target } from "../helpers/raw.ts";
import type { Chance } from "../soak/chance.ts";
import { framesOf } from "./framing.ts";
import { Message } from "./messages.ts";
import { type Departure, StormSocket } from "./socket.ts";

/** Who joins, and whom it has to hear of, about what. */
export interface IntroductionOptions {
  /** Of several instances, any. */
  readonly target: () => Target;
  readonly id: string;
  readonly opening: Opening;
  readonly chance: Chance;
  readonly pace: Pace;
}

/** What the relay says, in any dialect. */
export interface Introduced {
  readonly type: string;
  readonly userName: string;
  readonly documentIds: readonly string[];
}

const DIALECTS = ["JSON", "JSON in binary", "MessagePack"] as const;
const DEPARTURES: readonly Departure[] = ["close", "FIN", "RST"];

/** Joins the document, and resolves when it is introduced. */
export async function introduced(options: IntroductionOptions): Promise<Introduction> {
  const introduction = await Introduction.open(options);
  await introduction.introduced;
  return introduction;
}

/** One socket, from its request to its end. */
export class Introduction {
  /** Resolves when it is gone. Rejects when it hears what it should not. */
  readonly over: Promise<void>;
  readonly #options: IntroductionOptions;
  readonly #socket: StormSocket;
  readonly #dialect: typeof DIALECTS[number];
  readonly #introduced = Promise.withResolvers<void>();
  /** The other one is there, too. */
  readonly introduced = this.#introduced.promise;
  readonly #leaving = Promise.withResolvers<void>();
  #isText = false;
  #pieces: Buffer[] = [];

  private constructor(connection: Deno.Conn, options: IntroductionOptions) {
    this.#options = options;
    this.#dialect = options.chance.pick(DIALECTS);
    this.#socket = new StormSocket(connection, {
      speak: () => this.#speak(),
      stopped: () => this.#leaving.resolve(),
      began: (isText) => this.#isText = isText,
      came: (bytes) => this.#pieces.push(Buffer.from(bytes)),
      ended: () => this.#hear(Buffer.concat(this.#pieces.splice(0))),
    }, { ...options, path: introductionPath(options.id) });
    this.over = this.#socket.run();
    this.over.then(() => this.#introduced.reject(this.#earlyEnd()), this.#introduced.reject);
    for (const promise of [this.over, this.introduced]) promise.catch(() => {});
  }

  static async open(options: IntroductionOptions): Promise<Introduction> {
    return new Introduction(await StormSocket.connect(options.target()), options);
  }

  /** Resolves when its socket is gone; rejects when it has heard what it should not. */
  async leave(): Promise<void> {
    this.#leaving.resolve();
    await this.over;
  }

  #earlyEnd(): Error {
    const { id, opening: { userName } } = this.#options;
    return new Error(`${id}: want to be introduced to ${userName}, got the end: ${this.#socket.code ?? "hung up on"}`);
  }

  async #speak(): Promise<void> {
    const { chance, opening: { documentId } } = this.#options;
    await this.#say({ type: "Join", join: [documentId], documentIds: [documentId] });
    await this.#leaving.promise;
    if (chance.below(2) === 0) await this.#say({ type: "Leave", leave: [documentId], documentIds: [documentId] });
    const how = chance.pick(DEPARTURES);
    if (!this.#socket.isStopped) await this.#socket.leave(how, () => []);
  }

  async #say(message: Record<string, unknown>): Promise<void> {
    const isPacked = this.#dialect === "MessagePack";
    const bytes = isPacked ? encode(message as Parameters<typeof encode>[0]) : Buffer.from(JSON.stringify(message));
    const frames = framesOf(new Message(this.#dialect === "JSON", [bytes]), this.#options.chance);
    await this.#socket.write(Buffer.concat([...this.#socket.takeAnswers(), ...frames]));
  }

  #hear(payload: Buffer): void {
    const isPacked = this.#dialect === "MessagePack";
    if (this.#isText === isPacked) throw new Error(`${this.#dialect}: want an answer in it, got ${payload}`);
    const said = (isPacked ? decode(payload) : JSON.parse(payload.toString())) as Introduced;
    const { userName, documentId } = this.#options.opening;
    if (said.type !== "Introduction" || said.userName !== userName || `${said.documentIds}` !== documentId) {
      throw new Error(`want to be introduced to ${userName} about ${documentId}, got ${Deno.inspect(said)}`);
    }
    this.#introduced.resolve();
  }
}
