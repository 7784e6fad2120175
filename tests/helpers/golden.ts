/**
 * Every message of every dialect, byte for byte. Those of 3.x and 4.x are what the released clients and servers put on
 * the wire; `tests/released/golden_test.ts` captures them anew and compares.
 *
 * @module
 */

import type { ClientMessage, Introduction } from "../../src/protocol.ts";

/** Who speaks so: the documented API, relay-client 2 and 3, relay 4, or relay 4.0.1 to 4.1.2 where it differs. */
export type Dialect = "canonical" | "2.x" | "3.x" | "4.x" | "4.1";

/** A frame as it is on the wire, text or binary, and what it means. */
export interface Golden<Message> {
  readonly name: string;
  readonly dialect: Dialect;
  readonly frame: string | Uint8Array<ArrayBuffer>;
  readonly message: Message;
}

const UUID = "123e4567-e89b-12d3-a456-426614174000"; // MessagePack spells strings from 32 bytes on differently
const BEYOND_ASCII = "Grüße 🎉";

const JOIN: ClientMessage = { type: "Join", join: ["doc"] };
const JOIN_UUID: ClientMessage = { type: "Join", join: [UUID] };
const JOIN_BEYOND_ASCII: ClientMessage = { type: "Join", join: [BEYOND_ASCII] };
const LEAVE: ClientMessage = { type: "Leave", leave: ["doc"] };
const HEARTBEAT: ClientMessage = { type: "Heartbeat" };
const INTRODUCTION: Introduction = { type: "Introduction", userName: "bob", documentIds: ["doc"] };

/** What clients say. */
export const CLIENT_GOLDEN: readonly Golden<ClientMessage>[] = [
  canonical("Join", '{"type":"Join","join":["doc"]}', JOIN),
  canonical("Leave", '{"type":"Leave","leave":["doc"]}', LEAVE),
  canonical("Heartbeat", '{"type":"Heartbeat"}', HEARTBEAT),

  v2("Join", '{"type":"Join","documentIds":["doc"]}', JOIN),
  v2("Leave", '{"type":"Leave","documentIds":["doc"]}', LEAVE),
  v2("Heartbeat", '{"type":"Heartbeat"}', HEARTBEAT),

  v3("Join", '{"type":"Join","documentIds":["doc"]}', JOIN),
  v3("Join of a UUID", `{"type":"Join","documentIds":["${UUID}"]}`, JOIN_UUID),
  v3("Join beyond ASCII", `{"type":"Join","documentIds":["${BEYOND_ASCII}"]}`, JOIN_BEYOND_ASCII),
  v3("Leave", '{"type":"Leave","documentIds":["doc"]}', LEAVE),
  v3("Heartbeat", '{"type":"Heartbeat"}', HEARTBEAT),

  v4("Join", "de0002 a474797065 a44a6f696e ab646f63756d656e74496473 91 a3646f63", JOIN),
  v4(
    "Join of a UUID",
    `de0002 a474797065 a44a6f696e ab646f63756d656e74496473 91
     d924 31323365343536372d653839622d313264332d613435362d343236363134313734303030`,
    JOIN_UUID,
  ),
  v4(
    "Join beyond ASCII",
    "de0002 a474797065 a44a6f696e ab646f63756d656e74496473 91 ac4772c3bcc39f6520f09f8e89",
    JOIN_BEYOND_ASCII,
  ),
  v4("Leave", "de0002 a474797065 a54c65617665 ab646f63756d656e74496473 91 a3646f63", LEAVE),
  v4("Heartbeat", "de0001 a474797065 a9486561727462656174", HEARTBEAT),
  v4("❤️", "de0001 a474797065 a6e29da4efb88f", HEARTBEAT), // the types of 4.x promise it, its client never sends it
];

/** What servers say. A 3.x server answers in the canonical dialect. */
export const SERVER_GOLDEN: readonly Golden<Introduction>[] = [
  v3("Introduction", '{"type":"Introduction","userName":"bob","documentIds":["doc"]}', INTRODUCTION),
  v4(
    "Introduction",
    "de0003 a474797065 ac496e74726f64756374696f6e a6706565724964 a3626f62 ab646f63756d656e74496473 91 a3646f63",
    INTRODUCTION,
  ),
  v4(
    "Introduction",
    "de0003 a474797065 ac496e74726f64756374696f6e a8757365724e616d65 a3626f62 ab646f63756d656e74496473 91 a3646f63",
    INTRODUCTION,
    "4.1",
  ),
];

/** The frame of this name, for example "4.x Join". */
export function goldenFrame(name: string): string | Uint8Array<ArrayBuffer> {
  const golden = [...CLIENT_GOLDEN, ...SERVER_GOLDEN].find((golden) => golden.name === name);
  if (golden === undefined) throw new Error(`Cannot find golden frame: want a name in golden.ts, got ${name}`);
  return golden.frame;
}

function canonical<Message>(kind: string, frame: string, message: Message): Golden<Message> {
  return { name: `canonical ${kind}`, dialect: "canonical", frame, message };
}

function v2<Message>(kind: string, json: string, message: Message): Golden<Message> {
  return { name: `2.x ${kind} in binary`, dialect: "2.x", frame: new TextEncoder().encode(json), message };
}

function v3<Message>(kind: string, frame: string, message: Message): Golden<Message> {
  return { name: `3.x ${kind}`, dialect: "3.x", frame, message };
}

function v4<Message>(kind: string, hex: string, message: Message, dialect: Dialect = "4.x"): Golden<Message> {
  const frame = Uint8Array.fromHex(hex.replaceAll(/\s/g, ""));
  return { name: `${dialect} ${kind}`, dialect, frame, message };
}
