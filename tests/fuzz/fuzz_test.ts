/** The fuzzer in its short form: seconds, and every outcome that the decoder has. */

import { assertEquals } from "@std/assert";
import { fuzz } from "./fuzz.ts";

const REASONS = [
  "too big",
  "not JSON",
  "not MessagePack",
  "not an object",
  "unknown type",
  "no list of documents",
  "too many documents",
  "bad document id",
];
const MESSAGES = ["Join", "Leave", "Heartbeat"].flatMap((type) => [`json ${type}`, `msgpack ${type}`]);

Deno.test("50,000 spoiled messages give a message or a reason, and reach every kind of outcome", () => {
  const { outcomes } = fuzz(50_000, 4);
  assertEquals([...REASONS, ...MESSAGES].filter((kind) => !(kind in outcomes)), []);
});
