/** The handshake against public test vectors, and against those who do not have the same key. */

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Initiator, type NoiseOptions, Responder } from "../../../src/client/sealed/noise_handshake.ts";
import { fromHex, toHex } from "./hex.ts";
import { NOISE_VECTORS, type NoiseVector } from "./noise_vectors.ts";

const PSK = new Uint8Array(32).fill(7);
const PROLOGUE = new TextEncoder().encode("about this");
const NOTHING = new Uint8Array(0);

for (const [index, vector] of NOISE_VECTORS.entries()) {
  Deno.test(`noise: public test vector ${index + 1}, as initiator and responder`, () => check(vector));
}

Deno.test("noise: another key or prologue is not understood, on either side", () => {
  const honest = { psk: PSK, prologue: PROLOGUE };
  for (const other of [{ ...honest, psk: new Uint8Array(32) }, { ...honest, prologue: NOTHING }]) {
    assertThrows(() => new Responder(honest).hear(new Initiator(other).begin(NOTHING)));
    const initiator = new Initiator(honest);
    initiator.begin(NOTHING);
    assertThrows(() => initiator.end(answerTo(new Initiator(other).begin(NOTHING), other)));
  }
});

Deno.test("noise: a handshake with one bit changed, cut short or made longer is not understood", () => {
  const options = { psk: PSK, prologue: PROLOGUE };
  fc.assert(fc.property(fc.boolean(), fc.nat(1000), fc.nat(7), fc.nat(3), (isFirst, where, bit, how) => {
    const initiator = new Initiator(options);
    const first = initiator.begin(NOTHING);
    const message = isFirst ? first : answerTo(first, options);
    const changed = change(message, { where: where % message.byteLength, bit, how });
    assertThrows(() => isFirst ? answerTo(changed, options) : initiator.end(changed));
  }));
});

Deno.test("noise: points that would make any key known are refused", () => {
  const options = { psk: PSK, prologue: PROLOGUE };
  for (const point of [new Uint8Array(32), new Uint8Array(32).fill(1, 0, 1)]) {
    const initiator = new Initiator(options);
    initiator.begin(NOTHING);
    assertThrows(() => initiator.end(new Uint8Array([...point, ...new Uint8Array(16)])));
  }
});

function check({ prologue, psk, hash, messages, ...ephemerals }: NoiseVector): void {
  const options = { prologue: fromHex(prologue), psk: fromHex(psk) };
  const initiator = new Initiator({ ...options, ephemeral: fromHex(ephemerals.initiatorEphemeral) });
  const responder = new Responder({ ...options, ephemeral: fromHex(ephemerals.responderEphemeral) });
  const [first, second, ...others] = messages;
  assertEquals(toHex(initiator.begin(fromHex(first[0]))), first[1]);
  assertEquals(toHex(responder.hear(fromHex(first[1]))), first[0]);
  assertEquals(toHex(responder.answer(fromHex(second[0]))), second[1]);
  assertEquals(toHex(initiator.end(fromHex(second[1]))), second[0]);
  assertEquals(toHex(initiator.hash), toHex(responder.hash));
  if (hash !== undefined) assertEquals(toHex(initiator.hash), hash);
  const sides = [initiator.split(), responder.split()];
  for (const [index, [payload, ciphertext]] of others.entries()) {
    const [from, to] = index % 2 === 0 ? sides : sides.toReversed();
    assertEquals(toHex(from.sending.encrypt(fromHex(payload))), ciphertext);
    assertEquals(toHex(to.receiving.decrypt(fromHex(ciphertext))), payload);
  }
}

function answerTo(message: Uint8Array, options: NoiseOptions): Uint8Array {
  const responder = new Responder(options);
  responder.hear(message);
  return responder.answer(NOTHING);
}

function change(message: Uint8Array, { where, bit, how }: { where: number; bit: number; how: number }): Uint8Array {
  if (how === 0) return message.subarray(0, where);
  if (how === 1) return new Uint8Array([...message, bit]);
  const changed = message.slice();
  changed[where] ^= 1 << bit;
  return changed;
}
