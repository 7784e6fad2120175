import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { connectionPath, idProblem, introductionPath } from "../../src/protocol.ts";
import { Refusal } from "../../src/server/core/refusal.ts";
import { Router } from "../../src/server/http/router.ts";

const router = new Router();

function route(path: string, init?: RequestInit) {
  return router.route(new Request(`http://relay${path}`, init));
}

function refusalOf(path: string, init?: RequestInit): [number, string] {
  const refusal = route(path, init);
  if (!(refusal instanceof Refusal)) throw new Error(`Expected a refusal of ${path}, got ${JSON.stringify(refusal)}`);
  return [refusal.status, refusal.sentence];
}

Deno.test("ids are percent-decoded path segments", () => {
  assertEquals(route("/introduction/al%2Fice%20%F0%9F%8E%89"), {
    kind: "introduction",
    localId: "al/ice 🎉",
    token: undefined,
  });
  assertEquals(route("/connection/a%3Ab/c/d%3Fe"), {
    kind: "connection",
    localId: "a:b",
    remoteId: "c",
    documentId: "d?e",
    token: undefined,
  });
});

Deno.test("a token may stand before the path, all that released clients can set", () => {
  assertEquals(route("/t/s%2Fe/introduction/alice"), { kind: "introduction", localId: "alice", token: "s/e" });
});

const BAD_IDS: [path: string, sentence: string][] = [
  ["/introduction/", 'Cannot use "" as localId: want at least 1 byte, got none.'],
  ["/connection/a//d", 'Cannot use "" as remoteId: want at least 1 byte, got none.'],
  ["/connection/a/b/", 'Cannot use "" as documentId: want at least 1 byte, got none.'],
  ["/introduction/%zz", 'Cannot decode localId: want valid percent escapes, got "%zz".'],
  ["/introduction/%ff", 'Cannot decode localId: want valid percent escapes, got "%ff".'],
  ["/connection/a/a/d", 'Cannot connect "a" to itself: want two different peer ids.'],
  [`/introduction/${"ü".repeat(257)}`, `Cannot use "${"ü".repeat(40)}…" as localId: want at most 512 bytes, got 514.`],
];

for (const [path, sentence] of BAD_IDS) {
  Deno.test(`${path.slice(0, 40)} is refused with 400`, () => assertEquals(refusalOf(path), [400, sentence]));
}

Deno.test("an id of exactly 512 bytes is an id", () => {
  assertEquals((route(`/introduction/${"ü".repeat(256)}`) as { localId: string }).localId, "ü".repeat(256));
});

for (
  const path of ["/favicon.ico", "/introduction", "/introduction/a/b", "/connection/a/b", "/connection/a/b/c/d", "//"]
) {
  Deno.test(`${path} is no page`, () => assertEquals(refusalOf(path)[0], 404));
}

Deno.test("a page takes GET and HEAD, and nothing else", () => {
  assertEquals(route("/", { method: "HEAD" }), { kind: "page" });
  assertEquals(refusalOf("/healthz", { method: "POST" })[0], 405);
});

Deno.test("any id survives encoding, routing and decoding", () => {
  const id = fc.oneof(
    fc.string({ unit: "binary", maxLength: 120 }),
    fc.constantFrom("a/b", "a:b", "%", "?", "#", "\\", "..."),
  )
    .filter((id) => idProblem(id) === undefined && id !== "." && id !== "..");
  fc.assert(
    fc.property(id, id, id, (localId, remoteId, documentId) => {
      fc.pre(localId !== remoteId);
      assertEquals(route(introductionPath(localId)), { kind: "introduction", localId, token: undefined });
      const path = connectionPath(localId, remoteId, documentId);
      assertEquals(route(path), { kind: "connection", localId, remoteId, documentId, token: undefined });
    }),
    { numRuns: 1_000 },
  );
});
