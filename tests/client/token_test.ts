/** Relays that want a token. */

import { assertMatch } from "@std/assert";
import { Client, type ClientOptions } from "../../src/client/mod.ts";
import { startRelay, within } from "../helpers/process.ts";

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
