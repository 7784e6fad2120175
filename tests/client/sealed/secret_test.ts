/** Secrets, and what follows from them. */

import { assertEquals, assertMatch, assertNotEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Keys } from "../../../src/client/sealed/keys.ts";
import { createSecret, readSecret } from "../../../src/client/sealed/secret.ts";
import { toHex } from "./hex.ts";

const COUNTING = Uint8Array.from({ length: 32 }, (_, i) => i);
const COUNTING_TEXT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

Deno.test("secret: each is another, fits a link as it is, and is read as 32 bytes", () => {
  const secrets = Array.from({ length: 100 }, createSecret);
  assertEquals(new Set(secrets).size, 100);
  for (const secret of secrets) {
    assertMatch(secret, /^[\w-]{43}$/);
    assertEquals(encodeURIComponent(secret), secret);
    assertEquals(new URL(`https://app.example/#${secret}`).hash, `#${secret}`);
    assertEquals(readSecret(secret).byteLength, 32);
  }
});

Deno.test("secret: text and bytes say the same, and the bytes are a copy", () => {
  const bytes = COUNTING.slice();
  const read = readSecret(bytes);
  bytes.fill(0);
  assertEquals([read, readSecret(COUNTING_TEXT)], [COUNTING, COUNTING]);
});

Deno.test("secret: anything else is refused, and never repeated", () => {
  const wrong = [
    ["", "a string of 0 characters"],
    ["correct horse battery staple", "a string of 28 characters"],
    [`${COUNTING_TEXT}=`, "a string of 44 characters"],
    [COUNTING_TEXT.replace(/8$/, "9"), "a string of 43 characters"], // the last two bits say nothing, and must be zero
    [COUNTING_TEXT.replace("A", "+"), "a string of 43 characters"],
    [new Uint8Array(31), "31 bytes"],
    [new Uint8Array(33), "33 bytes"],
    [COUNTING.buffer, "object"],
    [[...COUNTING], "object"],
    [null, "null"],
    [undefined, "undefined"],
    [7, "number"],
  ] as const;
  for (const [secret, got] of wrong) {
    const { message } = assertThrows(() => readSecret(secret), TypeError);
    assertStringIncludes(message, "want a secret that createSecret() gave, or 32 bytes");
    assertStringIncludes(message, `got ${got}`);
    if (typeof secret === "string" && secret !== "") assertEquals(message.includes(secret), false);
  }
});

Deno.test("secret: without secure randomness there is none, and nothing is sealed", () => {
  const own = Object.getOwnPropertyDescriptor(globalThis, "crypto")!;
  Object.defineProperty(globalThis, "crypto", { value: {}, configurable: true });
  try {
    for (const action of [createSecret, () => readSecret(COUNTING)]) assertThrows(action, TypeError, "getRandomValues");
  } finally {
    Object.defineProperty(globalThis, "crypto", own);
  }
});

Deno.test("keys: what follows from a secret stays as it is", () => {
  const keys = new Keys(COUNTING);
  // Made with OpenSSL: `openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:000102...1f -kdfopt info:psk HKDF`,
  // and with the key for `info:id`, `openssl dgst -sha256 -mac HMAC -macopt hexkey:...`.
  assertEquals(toHex(keys.psk), "86d742703d06d3f9bca83b3e6977c53bdf27ce28ddc51b07c372dc61dd7543f4");
  assertEquals(keys.wireId("user", "alice"), "M9prXObl16Zp0DJVW6zoE3jUzxodGsscf3bJZ4x6e9c");
  assertEquals(keys.wireId("document", "alice"), "_ZBeQTy7-meE_aMtX7p_BNUbPNKLEisRfCFM1bU38bY");
  assertEquals(keys.wireId("user", "Ünï/códe 🐟"), "MX9JNcUdZ6lNrUmlPF6wvbX1bzCY9IyBen3rOKLj654");
});

Deno.test("keys: another secret, kind or id gives another wire id, and only the right one is one", () => {
  const [keys, others] = [new Keys(COUNTING), new Keys(new Uint8Array(32))];
  const ids = [
    keys.wireId("user", "alice"),
    keys.wireId("document", "alice"),
    keys.wireId("user", "bob"),
    others.wireId("user", "alice"),
  ];
  assertEquals(new Set(ids).size, 4);
  for (const id of ids) assertMatch(id, /^[\w-]{43}$/);
  assertEquals(ids.map((id) => keys.isWireId(id, "user", "alice")), [true, false, false, false]);
  assertEquals(keys.isWireId("alice", "user", "alice"), false);
  assertNotEquals(toHex(keys.psk), toHex(others.psk));
});
