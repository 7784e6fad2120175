import { assertEquals, assertRejects } from "@std/assert";
// @ts-types="@types/jsonwebtoken"
import jwt from "jsonwebtoken";
import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import { Admission } from "../../src/server/http/admission.ts";
import { type RelayConfig, withDefaults } from "../../src/server/config.ts";
import { ConfigError } from "../../src/server/core/config_error.ts";
import { Refusal } from "../../src/server/core/refusal.ts";
import { Tokens } from "../../src/server/http/tokens.ts";
import { Server } from "../../src/server/mod.ts";
import { FakeClock } from "../helpers/fakes.ts";
import { WITHOUT_LEAKS } from "../helpers/transports.ts";
import { Peer } from "../helpers/peer.ts";
import { handshake } from "../helpers/raw.ts";

const SECRET = "a secret of at least thirty-two bytes";
const OTHER_SECRET = "another secret of thirty-two bytes....";
const CLAIMS = { sub: "alice", docs: ["doc", "team-*"] };

/** Before Deno 2.7 the curve had another name, which `jsonwebtoken` does not take. */
const WITH_ES256 = {
  ignore:
    generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.asymmetricKeyDetails?.namedCurve !== "prime256v1",
};

function sign(claims: object, { secret = SECRET, ...options }: jwt.SignOptions & { secret?: string } = {}): string {
  return jwt.sign(claims, secret, options);
}

async function admissionWith(config: Partial<RelayConfig>): Promise<Admission> {
  const all = withDefaults(config);
  const tokens = new Tokens(all);
  await tokens.load();
  return new Admission(all, tokens, new FakeClock());
}

/** The status of the refusal, or "admitted". */
function statusOf(admission: Admission, token: string, localId = "alice", documentId?: string): number | "admitted" {
  const [, ...lines] = handshake("/").trim().split("\r\n");
  const headers = lines.map((line) => line.split(": ") as [string, string]);
  const outcome = admission.admit(new Request("http://relay/", { headers }), "1.1.1.1", { localId, documentId, token });
  return outcome instanceof Refusal ? outcome.status : "admitted";
}

Deno.test("a JWT admits its subject to its documents, exact or by prefix, and to no others", async () => {
  const admission = await admissionWith({ jwtSecret: SECRET });
  const token = sign(CLAIMS);
  assertEquals(statusOf(admission, token), "admitted");
  assertEquals(statusOf(admission, token, "mallory"), 403);
  for (const document of ["doc", "team-", "team-1"]) {
    assertEquals(statusOf(admission, token, "alice", document), "admitted", document);
  }
  for (const document of ["doc2", "do", "team", "*"]) {
    assertEquals(statusOf(admission, token, "alice", document), 403, document);
  }
});

const INVALID: [what: string, token: string][] = [
  ["signed with another secret", sign(CLAIMS, { secret: OTHER_SECRET })],
  ["expired", sign({ ...CLAIMS, exp: Math.floor(Date.now() / 1000) - 1 })],
  ["not valid yet", sign(CLAIMS, { notBefore: 60 })],
  ["with another hash", sign(CLAIMS, { algorithm: "HS512" })],
  ["without a signature", jwt.sign(CLAIMS, null, { algorithm: "none" })],
  ["without a subject", sign({ docs: ["doc"] })],
  ["with documents that are no list", sign({ sub: "alice", docs: "doc" })],
  ["changed", sign(CLAIMS).replace(/\.(.)/, (_, letter) => `.${letter === "a" ? "b" : "a"}`)],
  ["no JWT at all", "garbage"],
];

for (const [what, token] of INVALID) {
  Deno.test(`a JWT ${what} is refused with 401`, async () => {
    assertEquals(statusOf(await admissionWith({ jwtSecret: SECRET }), token), 401);
  });
}

Deno.test("a public key verifies ES256, and cannot be used as a secret", WITH_ES256, async () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, pem);
  const admission = await admissionWith({ jwtKey: path });
  await Deno.remove(path);
  const signed = jwt.sign(CLAIMS, privateKey.export({ type: "pkcs8", format: "pem" }), { algorithm: "ES256" });
  assertEquals(statusOf(admission, signed), "admitted");
  const [header, payload] = [{ alg: "HS256", typ: "JWT" }, CLAIMS].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url")
  );
  assertEquals(statusOf(admission, `${header}.${payload}.${"a".repeat(43)}`), 401);
  assertEquals(statusOf(admission, sign(CLAIMS)), 401);
});

Deno.test("a relay's own token beside JWTs permits everything", async () => {
  const admission = await admissionWith({ jwtSecret: SECRET, tokens: ["master"] });
  assertEquals(statusOf(admission, "master", "anybody", "anything"), "admitted");
  assertEquals(statusOf(admission, "wrong"), 401);
});

Deno.test("a key that can verify no ES256 is one sentence", WITH_ES256, async () => {
  const spki = { type: "spki", format: "pem" } as const;
  const keys = {
    secp384r1: generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey.export(spki).toString(),
    rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export(spki).toString(),
    "": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
  };
  const path = await Deno.makeTempFile();
  for (const [got, pem] of Object.entries(keys)) {
    await Deno.writeTextFile(path, pem);
    await assertRejects(() => admissionWith({ jwtKey: path }), ConfigError, `prime256v1, for ES256, got ${got}`);
  }
  await Deno.remove(path);
});

Deno.test("a key file that cannot be read is one sentence", async () => {
  await assertRejects(
    () => admissionWith({ jwtKey: "/nowhere" }),
    ConfigError,
    "Cannot read --jwt-key: want a readable",
  );
});

Deno.test("each Join is held to what the token names, from outside", WITHOUT_LEAKS, async () => {
  const server = await new Server({ port: 0, host: "127.0.0.1", jwtSecret: SECRET }).listen();
  const open = (id: string, claims: object) => {
    const token = encodeURIComponent(sign({ sub: id, ...claims }));
    return Peer.open(`ws://127.0.0.1:${server.port}/introduction/${id}?token=${token}`);
  };
  const alice = await open("alice", { docs: ["doc"] });
  const bob = await open("bob", {});
  bob.say({ type: "Join", join: ["doc", "secret"] });
  alice.say({ type: "Join", join: ["secret", "doc"] });
  assertEquals(await bob.heard(), { type: "Introduction", userName: "alice", documentIds: ["doc"] });
  assertEquals(await alice.heard(), { type: "Introduction", userName: "bob", documentIds: ["doc"] });
  await server.close();
  await Promise.all([alice.closed, bob.closed]);
});
