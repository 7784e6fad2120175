import { assertEquals } from "@std/assert";
import { Admission, type Lease } from "../../src/server/http/admission.ts";
import { type RelayConfig, withDefaults } from "../../src/server/config.ts";
import { Refusal } from "../../src/server/core/refusal.ts";
import { Tokens } from "../../src/server/http/tokens.ts";
import { FakeClock } from "../helpers/fakes.ts";

const UPGRADE = {
  upgrade: "websocket",
  connection: "keep-alive, Upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

interface Attempt {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  address?: string;
  pathToken?: string;
}

function admissionWith(config: Partial<RelayConfig>, clock = new FakeClock()): Admission {
  const all = withDefaults(config);
  return new Admission(all, new Tokens(all), clock);
}

function attempt(admission: Admission, { method, path = "/", headers, address = "1.1.1.1", pathToken }: Attempt = {}) {
  const request = new Request(`http://relay${path}`, { method, headers: { ...UPGRADE, ...headers } });
  return admission.admit(request, address, { localId: "alice", token: pathToken });
}

function statusOf(outcome: Lease | Refusal): number | "admitted" {
  return outcome instanceof Refusal ? outcome.status : "admitted";
}

function admit(admission: Admission, how?: Attempt): Lease {
  const outcome = attempt(admission, how);
  if (outcome instanceof Refusal) throw new Error(`Expected a lease, got ${outcome.sentence}`);
  return outcome;
}

const NO_UPGRADES: [what: string, how: Attempt, status: number][] = [
  ["a POST", { method: "POST" }, 405],
  ["no upgrade", { headers: { upgrade: "" } }, 426],
  ["an upgrade to h2c", { headers: { upgrade: "h2c" } }, 426],
  ["an upgrade header that the connection header does not name", { headers: { connection: "close" } }, 426],
  ["another version of the protocol", { headers: { "sec-websocket-version": "8" } }, 426],
  ["a key that is no key", { headers: { "sec-websocket-key": "abc" } }, 400],
];

for (const [what, how, status] of NO_UPGRADES) {
  Deno.test(`${what} is refused with ${status} and takes no place`, () => {
    const admission = admissionWith({});
    assertEquals(statusOf(attempt(admission, how)), status);
    assertEquals(admission.connections, 0);
  });
}

Deno.test("a lease is given back exactly once", () => {
  const admission = admissionWith({ maxConnections: 2 });
  const [first] = [admit(admission), admit(admission)];
  assertEquals(statusOf(attempt(admission)), 503);
  first.release();
  first.release();
  assertEquals(admission.connections, 1);
  const last = admit(admission);
  assertEquals(statusOf(attempt(admission)), 503);
  first.release();
  last.release();
  assertEquals(admission.connections, 1);
});

Deno.test("whoever waits for the last lease hears of it", async () => {
  const admission = admissionWith({});
  const lease = admit(admission);
  const emptied = admission.emptied();
  lease.release();
  await emptied;
  await admission.emptied();
});

Deno.test("an address takes only its share, and another address is not touched", () => {
  const admission = admissionWith({ maxConnectionsPerIp: 1 });
  const lease = admit(admission);
  assertEquals(statusOf(attempt(admission)), 429);
  assertEquals(statusOf(attempt(admission, { address: "2.2.2.2" })), "admitted");
  lease.release();
  assertEquals(statusOf(attempt(admission)), "admitted");
});

Deno.test("connects of an address are bounded by the minute, and the refusal says when to come again", () => {
  const clock = new FakeClock();
  const admission = admissionWith({ maxConnectsPerMinute: 2 }, clock);
  admit(admission).release();
  admit(admission).release();
  clock.pass(18_000);
  const refusal = attempt(admission) as Refusal;
  assertEquals([refusal.status, refusal.headers["retry-after"]], [429, "42"]);
  assertEquals(statusOf(attempt(admission, { address: "2.2.2.2" })), "admitted");
  clock.pass(42_000);
  assertEquals(statusOf(attempt(admission)), "admitted");
});

Deno.test("a token is taken from query, header or path, and nothing else opens the door", () => {
  const admission = admissionWith({ tokens: ["s3cret", "other"] });
  const shown: [Attempt, number | "admitted"][] = [
    [{}, 401],
    [{ path: "/?token=s3cret" }, "admitted"],
    [{ path: "/?token=other" }, "admitted"],
    [{ headers: { authorization: "Bearer s3cret" } }, "admitted"],
    [{ headers: { authorization: "Basic s3cret" } }, 401],
    [{ pathToken: "s3cret" }, "admitted"],
    [{ path: "/?token=s3cre" }, 401],
    [{ path: "/?token=s3crets" }, 401],
    [{ path: "/?token=s3cret", pathToken: "wrong" }, 401],
  ];
  for (const [how, status] of shown) assertEquals(statusOf(attempt(admission, how)), status, JSON.stringify(how));
});

Deno.test("a refused token is not echoed", () => {
  const refusal = attempt(admissionWith({ tokens: ["s3cret"] }), { path: "/?token=guess" }) as Refusal;
  assertEquals(refusal.sentence, "Cannot connect: want a valid token, got another one, or an expired one.");
});

Deno.test("origins are exact in scheme, host and port; a wildcard stands for subdomains only", () => {
  const admission = admissionWith({
    allowOrigins: ["https://a.example", "https://*.b.example:8443", "http://localhost:3000"],
  });
  const allowed = [
    "https://a.example",
    "https://x.b.example:8443",
    "https://x.y.b.example:8443",
    "http://localhost:3000",
  ];
  const forbidden = [
    ...["http://a.example", "https://a.example:444", "https://a.example.evil.example", "https://xa.example"],
    ...["https://b.example:8443", "https://x.b.example", "https://xb.example:8443", "null", "garbage"],
  ];
  for (const origin of allowed) assertEquals(statusOf(attempt(admission, { headers: { origin } })), "admitted", origin);
  for (const origin of forbidden) assertEquals(statusOf(attempt(admission, { headers: { origin } })), 403, origin);
  assertEquals(statusOf(attempt(admission)), "admitted", "a program that is no browser sends no origin");
});

Deno.test("behind a trusted proxy only the entry that the proxy appended counts", () => {
  const admission = admissionWith({ maxConnectionsPerIp: 1, trustProxy: true });
  const via = (forwarded: string) => attempt(admission, { headers: { "x-forwarded-for": forwarded } });
  assertEquals(statusOf(via("9.9.9.9")), "admitted");
  assertEquals(statusOf(via("6.6.6.6, 9.9.9.9")), 429);
  assertEquals(statusOf(via("9.9.9.9, 7.7.7.7")), "admitted");
});

Deno.test("behind a trusted proxy a client is its address, however the proxy writes it", () => {
  const spellings = [
    "203.0.113.7",
    "203.0.113.7:50000",
    "203.0.113.7:50001",
    "::ffff:cb00:7107",
    "[::ffff:cb00:7107]:9",
  ];
  for (const spelling of spellings) {
    const admission = admissionWith({ maxConnectionsPerIp: 1, trustProxy: true });
    const via = (entry: string) => attempt(admission, { headers: { "x-forwarded-for": `10.0.0.1, ${entry}` } });
    assertEquals([statusOf(via("203.0.113.7")), statusOf(via(spelling))], ["admitted", 429], spelling);
    assertEquals(statusOf(via("::ffff:cb00:7108")), "admitted");
  }
});

Deno.test("who is hidden by a trusted proxy counts for the proxy", () => {
  const admission = admissionWith({ maxConnectionsPerIp: 1, trustProxy: true });
  const via = (entry: string) => statusOf(attempt(admission, { headers: { "x-forwarded-for": entry } }));
  assertEquals([via("unknown"), via("_one"), via("_two"), via("")], ["admitted", 429, 429, 429]);
});

Deno.test("an IPv6 network counts as one address, and an IPv4 address in IPv6 clothes as itself", () => {
  const admission = admissionWith({ maxConnectionsPerIp: 1 });
  const from = (address: string) => statusOf(attempt(admission, { address }));
  assertEquals([from("2001:db8:1:2::1"), from("2001:db8:1:2:ffff::9"), from("2001:db8:1:3::1")], [
    "admitted",
    429,
    "admitted",
  ]);
  assertEquals([from("::ffff:1.2.3.4"), from("1.2.3.4"), from("::1"), from("::2")], ["admitted", 429, "admitted", 429]);
});

Deno.test("a connection header is read by its tokens", () => {
  assertEquals(statusOf(attempt(admissionWith({}), { headers: { connection: "x-upgrade-y" } })), 426);
});

Deno.test("without a trusted proxy nobody can borrow an address", () => {
  const admission = admissionWith({ maxConnectionsPerIp: 1 });
  admit(admission);
  assertEquals(statusOf(attempt(admission, { headers: { "x-forwarded-for": "9.9.9.9" } })), 429);
});

Deno.test("the first rung that fails answers: draining, method, upgrade, origin, token, total, address, rate", () => {
  const admission = admissionWith({
    tokens: ["t"],
    allowOrigins: ["https://a.example"],
    maxConnections: 2,
    maxConnectionsPerIp: 1,
    maxConnectsPerMinute: 1,
  });
  const wrong = { method: "POST", headers: { upgrade: "h2c", origin: "https://evil.example" } };
  assertEquals(statusOf(attempt(admission, wrong)), 405);
  assertEquals(statusOf(attempt(admission, { headers: wrong.headers })), 426);
  assertEquals(statusOf(attempt(admission, { headers: { origin: "https://evil.example" } })), 403);
  assertEquals(statusOf(attempt(admission, {})), 401);
  const lease = admit(admission, { pathToken: "t" });
  assertEquals((attempt(admission, { pathToken: "t" }) as Refusal).reason, "too many connections");
  lease.release();
  assertEquals((attempt(admission, { pathToken: "t" }) as Refusal).reason, "too many connects");
  [2, 3].forEach((n) => admit(admission, { pathToken: "t", address: `${n}` }));
  assertEquals((attempt(admission, { pathToken: "t" }) as Refusal).reason, "full");
  admission.drain();
  assertEquals((attempt(admission, wrong) as Refusal).reason, "draining");
});
