import { assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { encode } from "../../src/server/discovery/dialects.ts";
import { IntroductionEncoder } from "../../src/server/discovery/introduction_encoder.ts";

Deno.test("introductions: what was encoded before is never that of another peer, other documents, or another dialect", () => {
  const long = Array.from({ length: 1_000 }, (_, i) => `${i}`.padEnd(500));
  const asked = fc.record({
    userName: fc.constantFrom("alice", "bob", "😀"),
    // Some of the long ones are more than is remembered.
    documentIds: fc.constantFrom(["a"], ["b"], ["a", "b"], ["b", "a"], long, [...long, "a"]),
    dialect: fc.constantFrom("json" as const, "msgpack" as const),
  });
  fc.assert(
    fc.property(fc.array(asked, { maxLength: 30 }), (all) => {
      const encoder = new IntroductionEncoder();
      for (const { userName, documentIds, dialect } of all) {
        const expected = encode({ type: "Introduction", userName, documentIds }, dialect);
        assertEquals(encoder.encode(userName, documentIds, dialect), expected);
      }
    }),
    { numRuns: 30 },
  );
});

Deno.test("introductions: of ten thousand peers in one document each is encoded once", () => {
  const encoder = new IntroductionEncoder();
  const introductions = () => Array.from({ length: 10_000 }, (_, i) => encoder.encode(`peer-${i}`, ["d"], "msgpack"));
  const first = introductions();
  for (const [i, again] of introductions().entries()) assertStrictEquals(again, first[i]);
});
