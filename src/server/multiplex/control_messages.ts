/**
 * What a client says besides streams: one message alone in a text frame, or an array of them.
 *
 * @module
 */

import { WIRE_LIMITS } from "../../protocol.ts";
import { parseJson } from "../core/json.ts";
import { messageBytes } from "../core/message.ts";

/** What discovery counts for a message that is not for it. */
const HEARTBEAT = '{"type":"Heartbeat"}';

/** One message, which is still untrusted. */
export class ControlMessage {
  readonly #value: unknown;
  readonly #text: string | undefined;

  /** @param text The message alone, if that is known. */
  constructor(value: unknown, text: string | undefined) {
    this.#value = value;
    this.#text = text;
  }

  get type(): string | undefined {
    const type = this.#field("type");
    return typeof type === "string" ? type : undefined;
  }

  get token(): string | undefined {
    const token = this.#field("token");
    return typeof token === "string" ? token : undefined;
  }

  /** As discovery hears it, where rates are: also what is not for it counts there. */
  get text(): string {
    const { type } = this;
    const isForDiscovery = type === undefined || type === "Join" || type === "Leave";
    return isForDiscovery ? this.#text ?? JSON.stringify(this.#value) : HEARTBEAT;
  }

  #field(name: string): unknown {
    const value = this.#value;
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  }
}

/** The messages of a text frame, or undefined when it is none. */
export function readMessages(text: string): ControlMessage[] | undefined {
  if (messageBytes(text) > WIRE_LIMITS.introductionBytes) return undefined;
  const value = parse(text);
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) return [new ControlMessage(value, text)];
  // To spell ten thousand documents again would take as long as to read them.
  const only = value.length === 1 ? text.trim().slice(1, -1) : undefined;
  return value.map((message) => new ControlMessage(message, only));
}

function parse(text: string): unknown {
  try {
    return parseJson(text, WIRE_LIMITS.introductionValues);
  } catch {
    return undefined;
  }
}
