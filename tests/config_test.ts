import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseCommand, type RelayConfig, variableNames, withDefaults } from "../src/server/config.ts";
import { ConfigError } from "../src/server/core/config_error.ts";

function parse(args: string[], env: Record<string, string> = {}): RelayConfig {
  const command = parseCommand(args, (name) => env[name], "1.2.3");
  if ("print" in command) throw new Error(`Expected a config, got ${command.print}`);
  return command.run;
}

Deno.test("without flags and variables, the defaults hold", () => {
  assertEquals(parse([]), withDefaults());
  const { port, host, maxConnections, maxBufferedBytes, holdTimeout, idleTimeout, drainTimeout } = parse([]);
  assertEquals([port, host, maxConnections, maxBufferedBytes], [8080, "0.0.0.0", 10_000, 16 * 1024 * 1024]);
  assertEquals([holdTimeout, idleTimeout, drainTimeout], [600, 30, 8]);
});

Deno.test("a flag wins over its variable, and an empty variable is none", () => {
  assertEquals(parse([], { PORT: "1" }).port, 1);
  assertEquals(parse(["--port", "2"], { PORT: "1" }).port, 2);
  assertEquals(parse(["--port=0"], { PORT: "1" }).port, 0);
  assertEquals(parse([], { PORT: "" }).port, 8080);
});

Deno.test("lists are repeatable flags or comma-separated variables", () => {
  assertEquals(parse(["--token", "a", "--token", "b"]).tokens, ["a", "b"]);
  assertEquals(parse([], { RELAY_TOKENS: "a, b" }).tokens, ["a", "b"]);
  assertEquals(parse(["--token", "c"], { RELAY_TOKENS: "a,b" }).tokens, ["c"]);
  assertEquals(parse(["--token", "a,b"]).tokens, ["a,b"]);
});

Deno.test("a switch is a flag, or a variable with a word for yes or no", () => {
  assertEquals(parse(["--trust-proxy"]).trustProxy, true);
  assertEquals(parse([], { RELAY_TRUST_PROXY: "1" }).trustProxy, true);
  assertEquals(parse(["--trust-proxy=false"], { RELAY_TRUST_PROXY: "1" }).trustProxy, false);
  assertEquals(
    parse(["--trust-proxy", "--metrics", "--port", "1"]),
    withDefaults({ trustProxy: true, metrics: true, port: 1 }),
  );
});

Deno.test("on Deno Deploy, which kills after 5 s, the drain time is 4 s", () => {
  assertEquals(parse([], { DENO_DEPLOYMENT_ID: "x" }).drainTimeout, 4);
  assertEquals(parse(["--drain-timeout", "2"], { DENO_DEPLOYMENT_ID: "x" }).drainTimeout, 2);
});

Deno.test("an origin has one spelling, and what can be none is refused", () => {
  const origins = ["http://[::1]:3000", "HTTPS://Example.com:443/", "file://", "null"];
  assertEquals(parse([], { RELAY_ALLOW_ORIGINS: origins.join(",") }).allowOrigins, [
    "http://[::1]:3000",
    "https://example.com",
    "file://",
    "null",
  ]);
  for (const origin of ["https://a{b.example", "x://a+b", "http://[::1"]) {
    assertThrows(() => parse(["--allow-origin", origin]), ConfigError, `got ${JSON.stringify(origin)}`);
  }
});

const BAD: [args: string[], env: Record<string, string>, sentence: string][] = [
  [["--port", "80a"], {}, 'Cannot parse --port: want an integer from 0 to 65535, got "80a".'],
  [["--port"], {}, 'Cannot parse --port: want an integer from 0 to 65535, got "".'],
  [["--port", "65536"], {}, 'Cannot parse --port: want an integer from 0 to 65535, got "65536".'],
  [["--port=-1"], {}, 'Cannot parse --port: want an integer from 0 to 65535, got "-1".'],
  [[], { PORT: "http" }, 'Cannot parse PORT: want an integer from 0 to 65535, got "http".'],
  [["--max-connections", "0"], {}, 'Cannot parse --max-connections: want an integer of at least 1, got "0".'],
  [["--hold-timeout", "10m"], {}, 'Cannot parse --hold-timeout: want seconds from 0 to 2000000, got "10m".'],
  [["--log-level", "loud"], {}, 'Cannot parse --log-level: want one of debug, info, warning, error, got "loud".'],
  [[], { RELAY_TRUST_PROXY: "perhaps" }, 'Cannot parse RELAY_TRUST_PROXY: want true or false, got "perhaps".'],
  [["--metrics=perhaps"], {}, 'Cannot parse --metrics: want true or false, got "perhaps".'],
  [["--metrics", "8080"], {}, 'Cannot parse --metrics: want true or false, got "8080".'],
  [[], { RELAY_TOKENS: "a,,b" }, 'Cannot parse RELAY_TOKENS: want no empty entry, got "".'],
  [["--", "--token", "x"], {}, 'Cannot parse --token behind "--": want flags before it.'],
  [["--jwt-secret", "s3cret"], {}, "Cannot parse --jwt-secret: want at least 32 bytes, got 6 characters."],
  [["--cert", "c.pem"], {}, "Cannot use --cert alone: want --key with it, got none."],
  [["--prot", "1"], {}, "Cannot parse --prot: want one of the flags that --help lists."],
  [["serve"], {}, "Cannot parse serve: want one of the flags that --help lists."],
  [
    ["--allow-origin", "example.com"],
    {},
    'Cannot parse --allow-origin: want origins such as https://example.com or https://*.example.com:8443, got "example.com".',
  ],
  [
    ["--allow-origin", "https://example.com/app"],
    {},
    "Cannot parse --allow-origin: want origins such as https://example.com or https://*.example.com:8443, " +
    'got "https://example.com/app".',
  ],
  ...["http://nats", "nats://", "nats://:secret@nats", "nats://a:%ff@nats", "nats://nats/x"].map((
    url,
  ): [string[], Record<string, string>, string] => [
    ["--nats", url],
    {},
    "Cannot parse --nats: want servers such as nats://user:password@nats.example.com:4222, " +
    `got ${url.length} characters.`,
  ]),
  [["--nats-creds", "user.creds"], {}, "Cannot use --nats-creds alone: want --nats with it, got none."],
];

for (const [args, env, sentence] of BAD) {
  Deno.test(`${args.join(" ")}${JSON.stringify(env)} is refused in one sentence`, () => {
    assertThrows(() => parse(args, env), ConfigError, sentence);
  });
}

Deno.test("who embeds a relay is told of a bad value, too", () => {
  for (
    const bad of [{ port: 99_999 }, { maxConnections: -1 }, { allowOrigins: ["example.com"] }, { allowOrigins: ["*"] }]
  ) {
    assertThrows(() => withDefaults(bad), ConfigError, "Cannot parse");
  }
  // A relay must not be open to all because its token was misnamed, or not there.
  for (const bad of [{ tokens: [undefined] }, { tokens: null }, { tokens: [{}] }, { port: null }]) {
    assertThrows(() => withDefaults(bad as unknown as Partial<RelayConfig>), ConfigError, "Cannot parse");
  }
  for (const bad of [{ token: ["s3cret"] }, { allowOrigin: [] }, { toString: "" }]) {
    assertThrows(() => withDefaults(bad as unknown as Partial<RelayConfig>), ConfigError, "want one of port, host,");
  }
  assertEquals(withDefaults({ tokens: undefined }).tokens, []);
  assertEquals(withDefaults({ tokens: ["a,b"], holdTimeout: 0.5, metrics: true }).tokens, ["a,b"]);
});

Deno.test("--help names every flag, every variable and its default; --version prints the version", () => {
  const help = (parseCommand(["--help"], () => undefined, "") as { print: string }).print;
  for (const name of variableNames().filter((name) => name !== "DENO_DEPLOYMENT_ID")) assertStringIncludes(help, name);
  for (const text of ["--port", "8080", "--token", "16777216", "3/4 of the machine", "check"]) {
    assertStringIncludes(help, text);
  }
  assertEquals(parseCommand(["--version"], () => undefined, "1.2.3"), { print: "1.2.3" });
});
