/**
 * Ways to spoil an input.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Chance } from "../soak/chance.ts";
import type { Input } from "./outcome.ts";

type Mutation = (bytes: Uint8Array, chance: Chance, other: Uint8Array) => Uint8Array;

/** More would spend the time on what one rule refuses: the bound itself is met by doubling. */
const MOST_BYTES = 2 ** 20 + 2 ** 12;
/** Where numbers turn over, and what MessagePack and JSON give a meaning. */
const MEANINGFUL = [0x00, 0x01, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4, 0xc7, 0xca, 0xd3, 0xd4]
  .concat([0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xff, 0x22, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d]);
const WORDS = [
  ...[
    '{"type":',
    '"Join"',
    '"Leave"',
    '"Heartbeat"',
    '"❤️"',
    '"join":',
    '"leave":',
    '"documentIds":',
    "[",
    "]",
    "{",
    "}",
  ],
  ...['"__proto__":', '"constructor":', "null", "1e999", "-0", '"\\ud800"', '"\\u0000"', ",", '""', '"a"', "\ufeff"],
].map((word) => Buffer.from(word))
  .concat(
    ["a474797065", "a44a6f696e", "a54c65617665", "a9486561727462656174", "ab646f63756d656e74496473", "a46a6f696e"]
      .concat([
        "a56c65617665",
        "a95f5f70726f746f5f5f",
        "81",
        "82",
        "ddffffffff",
        "dfffffffff",
        "dbffffffff",
        "c6ffffffff",
      ])
      .concat(["c70105", "d6ff00000000", "cb7ff8000000000000", "d3ffffffffffffffff", "cfffffffffffffffff", "91", "a0"])
      .map((hex) => Buffer.from(hex, "hex")),
  );

const MUTATIONS: readonly Mutation[] = [
  function flipBit(bytes, chance) {
    const changed = Uint8Array.from(bytes);
    if (changed.length > 0) changed[chance.below(changed.length)] ^= 1 << chance.below(8);
    return changed;
  },
  function setByte(bytes, chance) {
    const changed = Uint8Array.from(bytes);
    if (changed.length > 0) changed[chance.below(changed.length)] = chance.pick(MEANINGFUL);
    return changed;
  },
  function insertWord(bytes, chance) {
    const at = chance.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), chance.pick(WORDS), bytes.subarray(at)]);
  },
  function insertNoise(bytes, chance) {
    const at = chance.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), chance.bytes(1 + chance.below(8)), bytes.subarray(at)]);
  },
  function cutOut(bytes, chance) {
    const [start, end] = span(bytes, chance);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  function cutShort(bytes, chance) {
    return bytes.subarray(0, chance.below(bytes.length + 1));
  },
  function repeat(bytes, chance) {
    const [start, end] = span(bytes, chance);
    // Mostly few times, seldom often enough for the bounds.
    const times = 1 + chance.below(2 ** chance.below(chance.below(50) === 0 ? 16 : 4));
    const most = Math.max(1, Math.floor((MOST_BYTES - bytes.length) / Math.max(1, end - start)));
    const part = bytes.subarray(start, end);
    return Buffer.concat([bytes.subarray(0, start), ...Array(Math.min(times, most)).fill(part), bytes.subarray(start)]);
  },
  function splice(bytes, chance, other) {
    const [start] = span(other, chance);
    return Buffer.concat([bytes.subarray(0, chance.below(bytes.length + 1)), other.subarray(start)]);
  },
];

/** Changes an input a few times. `other` is what parts may be taken from. */
export function mutated(input: Input, chance: Chance, other: Input): Input {
  let bytes = bytesOf(input);
  for (let left = 1 + chance.below(3); left > 0; left--) {
    bytes = chance.pick(MUTATIONS)(bytes, chance, bytesOf(other)).subarray(0, MOST_BYTES);
  }
  const staysText = typeof input === "string";
  const becomesText = chance.below(20) === 0 ? !staysText : staysText;
  // A socket never hands over text that is not well-formed.
  return becomesText ? new TextDecoder().decode(bytes) : Uint8Array.from(bytes);
}

function span(bytes: Uint8Array, chance: Chance): [start: number, end: number] {
  const start = chance.below(bytes.length + 1);
  return [start, start + chance.below(Math.min(64, bytes.length - start) + 1)];
}

function bytesOf(input: Input): Uint8Array {
  return typeof input === "string" ? Buffer.from(input) : input;
}
