import { assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { encode } from "../../src/server/discovery/dialects.ts";
import { IntroductionEncoder } from "../../src/server/discovery/introduction_encoder.ts";

Deno.test("introductions: what was encoded before is never that of another peer, other documents, or another dialect", () => {
  const asked = fc.record({
    userName: fc.constantFrom("alice", "bob", "😀"),
    // Long ones are more than is remembered.
    documentIds: fc.array(fc.constantFrom("a", "b", "c".repeat(600_000)), { minLength: 1, maxLength: 3 }),
    dialect: fc.constantFrom("json" as const, "msgpack" as const),
  });
  fc.assert(
    fc.property(fc.array(asked, { maxLength: 30 }), (all) => {
      const encoder = new IntroductionEncoder();
      for (const { userName, documentIds, dialect } of all) {
        const expected = encode({ type: "Introduction", userName, documentIds }, dialect);
        assertEquals(encoder.encode(userName, documentIds, dialect) === expected || dialect === "msgpack", true);
        if (dialect === "msgpack") assertEquals(encoder.encode(userName, documentIds, dialect), expected);
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
