/** Relays that want a token. */

import { assertEquals, assertMatch } from "@std/assert";
import jwt from "jsonwebtoken";
import { Client, type ClientOptions, createSecret, RefusalError, sealedId } from "../../src/client/mod.ts";
import { startRelay, within } from "../helpers/process.ts";

const KEY = "a key of at least thirty-two bytes, for HS256";
const GUARDED = ["--token", "secret"];

const WAYS: Record<string, (url: string) => Pick<ClientOptions, "url" | "token">> = {
  "as an option": (url) => ({ url, token: "secret" }),
  "from a function": (url) => ({ url, token: () => Promise.resolve("secret") }),
  "in the path of the url": (url) => ({ url: `${url}/t/secret/` }),
  "in the query of the url": (url) => ({ url: `${url}?token=secret` }),
};

for (const [way, options] of Object.entries(WAYS)) {
  Deno.test(`token: ${way}`, async () => {
    await using relay = await startRelay(GUARDED);
    await using alice = new Client({ ...options(relay.url), userName: "alice", documentIds: ["doc"] });
    await using bob = new Client({ ...options(relay.url), userName: "bob", documentIds: ["doc"] });
    const connected = [alice, bob].map((client) => new Promise<unknown>((done) => client.on("peer.connect", done)));
    await within(Promise.all(connected), "two who know the token to meet");
  });
}

Deno.test("token: who has a wrong one is told, and served once it is right", async () => {
  await using relay = await startRelay(GUARDED);
  const tokens = ["wrong", "secret"];
  await using client = new Client({ url: relay.url, token: () => tokens.shift(), minRetryDelay: 1 });
  const error = new Promise<Error>((done) => client.once("error", done));
  const connected = new Promise<void>((done) => client.on("server.connect", done));
  assertMatch((await within(error, "an error")).message, /^Connection to ws:.* failed: .*401/);
  await within(connected, "the second try");
});

Deno.test("token: documents that it does not name are an error that names them, and all others are joined", async () => {
  await using relay = await startRelay([], { env: { RELAY_JWT_SECRET: KEY } });
  await using alice = new Client({ url: relay.url, userName: "alice", token: grant("alice", "mine", "ours") });
  await using bob = new Client({ url: relay.url, userName: "bob", token: grant("bob", "ours"), documentIds: ["ours"] });
  const refused = refusalOf(alice);
  const connected = [alice, bob].map((client) => new Promise((done) => client.on("peer.connect", done)));
  alice.join("theirs").join("ours").join("his").join("mine");
  const error = await within(refused, "a refusal");
  assertEquals([error.documentIds, error.reason], [["theirs", "his"], "forbidden"]);
  assertEquals(error.message, 'Cannot join "theirs", "his": want a token that names it, got "forbidden"');
  await within(Promise.all(connected), "those whose token names the document to meet");
});

Deno.test("token: who has a secret hears of refused documents by their own names", async () => {
  const secret = createSecret();
  const [user, mine] = [await sealedId(secret, "user", "alice"), await sealedId(secret, "document", "mine")];
  await using relay = await startRelay([], { env: { RELAY_JWT_SECRET: KEY } });
  await using alice = new Client({ url: relay.url, userName: "alice", secret, token: grant(user, mine) });
  const refused = refusalOf(alice);
  alice.join("mine").join("theirs");
  const error = await within(refused, "a refusal");
  assertEquals(error.documentIds, ["theirs"]);
});

function grant(sub: string, ...docs: string[]): string {
  return jwt.sign({ sub, docs }, KEY);
}

function refusalOf(client: Client): Promise<RefusalError> {
  return new Promise((resolve) => client.on("error", (error) => error instanceof RefusalError && resolve(error)));
}
