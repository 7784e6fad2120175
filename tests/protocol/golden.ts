/** Every record and message of protocol 5, byte for byte. `PROTOCOL.md` shows the same bytes; a test compares. */

import type { RecordWriter } from "../../src/protocol.ts";

/** A record as it is on the wire, and how it is written. */
export interface GoldenRecord {
  readonly name: string;
  readonly hex: string;
  readonly write: (frame: RecordWriter) => void;
}

/** What records say. */
export const RECORDS: readonly GoldenRecord[] = [
  {
    name: "open 1: with bob, about doc",
    hex: "01 01 25 7b22757365724e616d65223a22626f62222c22646f63756d656e744964223a22646f63227d",
    write: (frame) => frame.open(1, { userName: "bob", documentId: "doc" }),
  },
  { name: "opened 1", hex: "01 02 00", write: (frame) => frame.opened(1) },
  {
    name: 'data 1: the text message "hi"',
    hex: "01 13 02 6869",
    write: (frame) => frame.data(1, bytes("6869"), { text: true, more: false }),
  },
  {
    name: "data 300: the binary message 00 ff",
    hex: "ac02 03 02 00ff",
    write: (frame) => frame.data(300, bytes("00ff"), { text: false, more: false }),
  },
  {
    name: "data 1: an empty binary message",
    hex: "01 03 00",
    write: (frame) => frame.data(1, bytes(""), { text: false, more: false }),
  },
  {
    name: "data 1: a text message in two parts, cut in the middle of ü: the first",
    hex: "01 33 01 c3",
    write: (frame) => frame.data(1, bytes("c3"), { text: true, more: true }),
  },
  {
    name: "data 1: the second",
    hex: "01 13 01 bc",
    write: (frame) => frame.data(1, bytes("bc"), { text: true, more: false }),
  },
  {
    name: "data 1: a part of a binary message",
    hex: "01 23 01 00",
    write: (frame) => frame.data(1, bytes("00"), { text: false, more: true }),
  },
  { name: "window 1: 128 bytes", hex: "01 04 02 8001", write: (frame) => frame.window(1, 128) },
  {
    name: "window 4294967295: 2147483647 bytes",
    hex: "ffffffff0f 04 05 ffffffff07",
    write: (frame) => frame.window(2 ** 32 - 1, 2 ** 31 - 1),
  },
  {
    name: "close 1: 4410, peer connection was lost",
    hex: "01 05 1a 113a 7065657220636f6e6e656374696f6e20776173206c6f7374",
    write: (frame) => frame.close(1, { code: 4410, reason: "peer connection was lost" }),
  },
  {
    name: "close 1: 1000, without a reason",
    hex: "01 05 02 03e8",
    write: (frame) => frame.close(1, { code: 1000, reason: "" }),
  },
];

/** Frames that break the protocol, and the reason with which the socket is closed. */
export const BROKEN: readonly (readonly [hex: string, reason: string])[] = [
  ["00 02 00", "stream is 0"],
  ["01", "record is cut off"],
  ["01 02", "record is cut off"],
  ["80", "record is cut off"],
  ["01 03 02 00", "record is cut off"],
  ["01 03 80", "record is cut off"],
  ["8100 02 00", "number is longer than it must be"],
  ["01 03 8000", "number is longer than it must be"],
  ["8080808010 02 00", "number is beyond 32 bits"],
  ["ffffffffff01 02 00", "number is beyond 32 bits"],
  ["01 00 00", "kind is unknown"],
  ["01 06 00", "kind is unknown"],
  ["01 0f 00", "kind is unknown"],
  ["01 43 00", "flag is unknown"],
  ["01 83 00", "flag is unknown"],
  ["01 12 00", "flag is unknown"],
  ["01 25 02 03e8", "flag is unknown"],
  ["01 02 01 00", "opened has a payload"],
  ["01 03 818002", "record is too long"],
  ["01 04 00", "record is cut off"],
  ["01 04 01 00", "window is 0 or beyond 2^31-1"],
  ["01 04 05 8080808008", "window is 0 or beyond 2^31-1"],
  ["01 04 02 0100", "window has more than a number"],
  ["01 05 01 03", "close has no code"],
  ["01 05 03 03e8 ff", "close reason is not UTF-8"],
  ["01 01 00", "open is not JSON"],
  ["01 01 01 ff", "open is not UTF-8"],
  ["01 01 02 7b7d", "open has no valid userName"],
  ["01 01 04 6e756c6c", "open has no valid userName"],
];

/** Bytes as hexadecimal digits, with spaces where they help. */
export function bytes(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (digits) => parseInt(digits, 16));
}
