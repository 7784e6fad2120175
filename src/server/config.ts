/**
 * Every option, once: its flag, its variable, and its default with unit and reason. Parsing fails at the first bad
 * value.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { ConfigError } from "./core/config_error.ts";
import { LOG_FORMATS, LOG_LEVELS } from "./core/log.ts";
import { canonicalOrigin } from "./config/origins.ts";

/** Reads one environment variable. */
export type Environment = (name: string) => string | undefined;

interface Option<T> {
  readonly flag: string;
  readonly variable: string;
  readonly kind: "value" | "list" | "switch";
  /** The default for `--help`, where `initial` does not show it. */
  readonly shown?: string;
  readonly help: string;
  /** Whether errors must not show the value. */
  readonly isSecret?: boolean;
  readonly initial: (env: Environment) => T;
  /** Parses the text, or returns the rule that it breaks. */
  readonly read: (text: string) => T | Wanted;
}

/** The rule that a value breaks. */
class Wanted {
  constructor(readonly rule: string) {}
}

const MIB = 1024 * 1024;
/** What `--transport` takes. */
const TRANSPORTS = ["deno", "tcp"] as const;
/** Set where the relay runs on Deno Deploy. */
export const DEPLOY_VARIABLE = "DENO_DEPLOYMENT_ID";

/**
 * How a relay is set up. Durations are in seconds, sizes in bytes. Every default, once, with its flag and variable, is
 * below.
 */
export interface RelayConfig {
  /** TCP port; 0 picks a free one. */
  port: number;
  /** Address to listen on. */
  host: string;
  /** Path of a PEM file. */
  cert: string | undefined;
  /** Path of a PEM file. */
  key: string | undefined;
  /** Tokens, one of which every socket needs; none: open to all. */
  tokens: string[];
  /** Shared secret of JWTs (HS256), at least 32 bytes: as long as the hash. */
  jwtSecret: string | undefined;
  /** Path of a PEM file with a public key, for JWTs (ES256). */
  jwtKey: string | undefined;
  /** Origins whose pages may connect; none: all. Programs that send no origin always may. */
  allowOrigins: string[];
  /** Believe the last `x-forwarded-for` entry. Only behind a proxy that appends it. */
  trustProxy: boolean;
  /** Sockets in all. At 23 KB for an idle one, 10,000 take 230 MB. */
  maxConnections: number;
  /** Sockets per address; 0: no bound, since whole offices share one address. */
  maxConnectionsPerIp: number;
  /** New sockets per address and minute; 0: no bound. */
  maxConnectsPerMinute: number;
  /** Bytes of one message. The runtime takes no frame of more than 64 MiB. */
  maxMessageBytes: number;
  /** Bytes that one receiving socket may leave unread. */
  maxBufferedBytes: number;
  /** The memory budget: bytes that the relay keeps for all sockets. */
  maxBufferedTotal: number;
  /** Seconds that a connection may be pending; 0: without a bound. */
  holdTimeout: number;
  /** Seconds of silence after which a socket is closed; it is pinged at half of them. */
  idleTimeout: number;
  /** Seconds for the drain; the last 2 are for closing. Docker and Cloud Run kill after 10, Deno Deploy after 5. */
  drainTimeout: number;
  /**
   * Bytes of resident memory past which the relay restarts; 0: no bound. Undefined: three quarters of what there is.
   */
  maxMemory: number | undefined;
  /** Whether `/metrics` answers. */
  metrics: boolean;
  /** Streams in all: conversations inside introduction sockets. At 1 KB for an idle one, 100,000 take 100 MB. */
  maxStreams: number;
  /** The transport of the sockets: `tcp` for a relay that faces the internet. */
  transport: typeof TRANSPORTS[number];
  /** URLs of NATS servers over which several instances act as one; none: this one is alone. */
  nats: string[];
  /** Path of a NATS credentials file. */
  natsCreds: string | undefined;
  /** Path of a PEM file with the authority that signs the certificates of the NATS servers. */
  natsCa: string | undefined;
  /** How much is logged. */
  logLevel: typeof LOG_LEVELS[number];
  /** The format of the log. Undefined: pretty on a terminal, JSON lines elsewhere. */
  logFormat: typeof LOG_FORMATS[number] | undefined;
}

/** Every option. */
const OPTIONS: { readonly [Name in keyof RelayConfig]: Option<RelayConfig[Name]> } = {
  port: integer("port", "PORT", 8080, { max: 65_535, help: "TCP port; 0 picks a free one" }),
  host: text("host", "HOST", "0.0.0.0", "address to listen on"),
  cert: optionalText("cert", "RELAY_CERT", "PEM file with the certificate chain, for TLS; needs --key"),
  key: optionalText("key", "RELAY_KEY", "PEM file with the private key, for TLS; needs --cert"),
  tokens: list(
    "token",
    "RELAY_TOKENS",
    (token) => token,
    "accept only sockets with this token; none: open to all",
  ),
  jwtSecret: {
    ...optionalText("jwt-secret", "RELAY_JWT_SECRET", "accept JWTs signed with this secret (HS256)"),
    read: (text: string) => new TextEncoder().encode(text).byteLength >= 32 ? text : new Wanted("at least 32 bytes"),
    isSecret: true,
  },
  jwtKey: optionalText("jwt-key", "RELAY_JWT_KEY", "PEM file with the public key of JWTs (ES256)"),
  allowOrigins: list(
    "allow-origin",
    "RELAY_ALLOW_ORIGINS",
    readOrigin,
    "accept only pages of this origin; none: of any",
  ),
  trustProxy: toggle("trust-proxy", "RELAY_TRUST_PROXY", "take addresses from the last x-forwarded-for entry"),
  maxConnections: integer("max-connections", "RELAY_MAX_CONNECTIONS", 10_000, { min: 1, help: "sockets in all" }),
  maxConnectionsPerIp: integer("max-connections-per-ip", "RELAY_MAX_CONNECTIONS_PER_IP", 0, {
    help: "sockets per address; 0 = no bound",
  }),
  maxConnectsPerMinute: integer("max-connects-per-minute", "RELAY_MAX_CONNECTS_PER_MINUTE", 0, {
    help: "new sockets per address and minute; 0 = no bound",
  }),
  maxMessageBytes: integer("max-message-bytes", "RELAY_MAX_MESSAGE_BYTES", 64 * MIB, {
    min: 1,
    max: 64 * MIB,
    help: "bytes of one message",
  }),
  maxBufferedBytes: integer("max-buffered-bytes", "RELAY_MAX_BUFFERED_BYTES", 16 * MIB, {
    help: "bytes that one slow receiver may leave unread",
  }),
  maxBufferedTotal: integer("max-buffered-total", "RELAY_MAX_BUFFERED_TOTAL", 512 * MIB, {
    help: "bytes that the relay keeps for all sockets",
  }),
  holdTimeout: seconds(
    "hold-timeout",
    "RELAY_HOLD_TIMEOUT",
    600,
    "seconds a connection may wait for its other side; 0 = no bound",
  ),
  idleTimeout: seconds("idle-timeout", "RELAY_IDLE_TIMEOUT", 30, "seconds until a silent socket is closed; 0 = never"),
  drainTimeout: {
    ...seconds("drain-timeout", "RELAY_DRAIN_TIMEOUT", 8, "seconds to drain; pairs may finish until 2 before the end"),
    initial: (env: Environment) => env(DEPLOY_VARIABLE) === undefined ? 8 : 4,
  },
  maxMemory: {
    ...integer("max-memory", "RELAY_MAX_MEMORY", 0, { help: "bytes of memory at which it restarts; 0 = no bound" }),
    initial: () => undefined,
    shown: "3/4 of the machine",
  },
  metrics: toggle("metrics", "RELAY_METRICS", "serve /metrics, for Prometheus"),
  maxStreams: integer("max-streams", "RELAY_MAX_STREAMS", 100_000, {
    help: "conversations inside introduction sockets, in all",
  }),
  transport: choice("transport", "RELAY_TRANSPORT", TRANSPORTS, {
    initial: "deno",
    help: "deno runs everywhere; tcp has backpressure, for the internet",
  }),
  nats: {
    ...list("nats", "RELAY_NATS_URL", readNatsUrl, "act as one with other instances over these NATS servers"),
    read: (text: string) => readEach(text.split(","), readNatsUrl),
    // A URL may hold a password.
    isSecret: true,
  },
  natsCreds: optionalText("nats-creds", "RELAY_NATS_CREDS", "credentials file for NATS; needs --nats"),
  natsCa: optionalText("nats-ca", "RELAY_NATS_CA", "PEM file with the authority of NATS' certificates; needs --nats"),
  logLevel: choice("log-level", "RELAY_LOG_LEVEL", LOG_LEVELS, {
    initial: "info",
    help: "the least that is logged: debug, info, warning, error",
  }),
  logFormat: {
    ...choice("log-format", "RELAY_LOG_FORMAT", LOG_FORMATS, {
      initial: "pretty",
      help: "pretty for people, json for programs",
    }),
    initial: () => undefined,
    shown: "pretty on a terminal",
  },
};

/** What to do: run a relay, or print a text. */
export type Command = { run: RelayConfig } | { print: string };

const NO_ENVIRONMENT: Environment = () => undefined;

function textOf(value: unknown, name: string): string {
  if (["string", "number", "boolean"].includes(typeof value)) return String(value);
  throw new ConfigError(`Cannot parse ${name}: want text, a number or a boolean, got ${value}.`);
}

/** The configuration with all defaults, for programs that embed a relay. Throws a {@link ConfigError}. */
export function withDefaults(given: Partial<RelayConfig> = {}): RelayConfig {
  // A relay must not be open to all because its tokens were called `token`, as the flag is, or were not there.
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(OPTIONS, name));
  if (unknown !== undefined) {
    throw new ConfigError(`Cannot use ${unknown}: want one of ${Object.keys(OPTIONS).join(", ")}.`);
  }
  return checkPairs(mapOptions((option, name) => {
    const value = (given as Record<string, unknown>)[name];
    if (value === undefined) return option.initial(NO_ENVIRONMENT);
    const values: unknown[] = Array.isArray(value) ? value : [value];
    return read(option, name, values.map((one) => textOf(one, name)));
  }));
}

/** Parses flags and variables; a flag wins. Throws a {@link ConfigError} at the first value that cannot be used. */
export function parseCommand(args: readonly string[], env: Environment, version: string): Command {
  const flags = parseFlags(args);
  if (flags.help) return { print: helpText() };
  if (flags.version) return { print: version };
  return { run: resolveAll(flags, env) };
}

/** The configuration alone, for `relay check`. Throws a {@link ConfigError} like {@link parseCommand}. */
export function readConfig(args: readonly string[], env: Environment): RelayConfig {
  return resolveAll(parseFlags(args), env);
}

/** The names of all variables of the environment that the relay reads. */
export function variableNames(): string[] {
  return [...Object.values(OPTIONS).map((option) => option.variable), DEPLOY_VARIABLE];
}

type Flags = Record<string, string | string[] | boolean | undefined>;

function parseFlags(args: readonly string[]): Flags {
  const flagsOf = (...kinds: string[]) =>
    Object.values(OPTIONS).filter(({ kind }) => kinds.includes(kind)).map(({ flag }) => flag);
  const flags: Flags & { _: string[] } = parseArgs([...args], {
    // Switches, too: for booleans the parser takes any value as true.
    string: flagsOf("value", "list", "switch"),
    collect: flagsOf("list"),
    boolean: ["help", "version"],
    unknown: (arg: string) => {
      throw new ConfigError(`Cannot parse ${arg || "an empty argument"}: want one of the flags that --help lists.`);
    },
  });
  // npm users write "--". If flags behind it were ignored, a relay would start without its token.
  if (flags._.length > 0) throw new ConfigError(`Cannot parse ${flags._[0]} behind "--": want flags before it.`);
  return flags;
}

function resolveAll(flags: Flags, env: Environment): RelayConfig {
  return checkPairs(mapOptions((option) => resolve(option, flags, env)));
}

function resolve<T>(option: Option<T>, flags: Flags, env: Environment): T {
  const flag = flags[option.flag];
  // The parser returns an empty list for a collected flag that is missing.
  if (flag !== undefined && !(Array.isArray(flag) && flag.length === 0)) {
    return read(option, `--${option.flag}`, Array.isArray(flag) ? flag : [String(flag)]);
  }
  const variable = env(option.variable);
  if (variable !== undefined && variable !== "") {
    return read(option, option.variable, option.kind === "list" ? variable.split(",") : [variable]);
  }
  return option.initial(env);
}

/** Reads one text, or those of a list. */
function read<T>(option: Option<T>, name: string, texts: readonly string[]): T {
  const values = texts.map((text) => {
    const value = option.read(text);
    if (!(value instanceof Wanted)) return value;
    const got = option.isSecret ? `${text.length} characters` : JSON.stringify(text);
    throw new ConfigError(`Cannot parse ${name}: want ${value.rule}, got ${got}.`);
  });
  return option.kind === "list" ? values.flat() as T : values[0];
}

/** Options that need another one. */
const NEEDS = [["cert", "key"], ["key", "cert"], ["natsCreds", "nats"], ["natsCa", "nats"]] as const;

function checkPairs(config: RelayConfig): RelayConfig {
  const isGiven = (name: keyof RelayConfig) => config[name] !== undefined && `${config[name]}` !== "";
  for (const [given, needed] of NEEDS) {
    if (!isGiven(given) || isGiven(needed)) continue;
    const [flag, missing] = [OPTIONS[given].flag, OPTIONS[needed].flag];
    throw new ConfigError(`Cannot use --${flag} alone: want --${missing} with it, got none.`);
  }
  return config;
}

function mapOptions(value: (option: Option<unknown>, name: string) => unknown): RelayConfig {
  const entries = Object.entries(OPTIONS).map(([name, option]) => [name, value(option as Option<unknown>, name)]);
  return Object.fromEntries(entries) as RelayConfig;
}

const USAGE = [
  "Usage: relay [options]      run a relay",
  "       relay check [URL]    check whether a relay works (relay check --help)",
  "",
  "A flag wins over its variable. Defaults are in brackets.",
  "",
];

function helpText(): string {
  const rows = Object.values(OPTIONS).map((option) => [
    `--${option.flag}${option.kind === "switch" ? "" : ` <${option.kind === "list" ? "text, repeatable" : "value"}>`}`,
    option.variable,
    `${option.help} (${option.shown ?? defaultText(option.initial(NO_ENVIRONMENT))})`,
  ]);
  rows.push(["--help", "", "print this"], ["--version", "", "print the version"]);
  const [first, second] = [0, 1].map((column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map(([flag, variable, help]) => `  ${flag.padEnd(first)}  ${variable.padEnd(second)}  ${help}`);
  return [...USAGE, ...lines].join("\n");
}

function defaultText(value: unknown): string {
  if (value === undefined || Array.isArray(value)) return "none";
  return typeof value === "boolean" ? "off" : String(value);
}

function integer(
  flag: string,
  variable: string,
  initial: number,
  { min = 0, max = Number.MAX_SAFE_INTEGER, help }: { min?: number; max?: number; help: string },
): Option<number> {
  const rule = max === Number.MAX_SAFE_INTEGER ? `an integer of at least ${min}` : `an integer from ${min} to ${max}`;
  const read = (text: string) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    return value >= min && value <= max ? value : new Wanted(rule);
  };
  return { flag, variable, kind: "value", help, initial: () => initial, read };
}

function seconds(flag: string, variable: string, initial: number, help: string): Option<number> {
  // A timer's delay has 31 bits of milliseconds.
  const MOST = 2_000_000;
  const read = (text: string) => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
    return value <= MOST ? value : new Wanted(`seconds from 0 to ${MOST}`);
  };
  return { flag, variable, kind: "value", help, initial: () => initial, read };
}

function text(flag: string, variable: string, initial: string, help: string): Option<string> {
  return { flag, variable, kind: "value", help, initial: () => initial, read: nonEmpty };
}

function optionalText(flag: string, variable: string, help: string): Option<string | undefined> {
  return { flag, variable, kind: "value", help, initial: () => undefined, read: nonEmpty };
}

function nonEmpty(text: string): string | Wanted {
  return text === "" ? new Wanted("a value") : text;
}

function toggle(flag: string, variable: string, help: string): Option<boolean> {
  const read = (text: string) => {
    // A flag without a value is true.
    if (/^(1|true|yes|on|)$/i.test(text)) return true;
    return /^(0|false|no|off)$/i.test(text) ? false : new Wanted("true or false");
  };
  return { flag, variable, kind: "switch", help, initial: () => false, read };
}

function choice<const T extends string>(
  flag: string,
  variable: string,
  choices: readonly T[],
  { initial, help }: { initial: T; help: string },
): Option<T> {
  const read = (text: string) =>
    choices.find((choice) => choice === text) ?? new Wanted(`one of ${choices.join(", ")}`);
  return { flag, variable, kind: "value", help, initial: () => initial, read };
}

/** Each text is one entry; a variable has several, separated by commas. */
function list(
  flag: string,
  variable: string,
  readItem: (text: string) => string | Wanted,
  help: string,
): Option<string[]> {
  return { flag, variable, kind: "list", help, initial: () => [], read: (text) => readEach([text], readItem) };
}

function readEach(texts: readonly string[], readItem: (text: string) => string | Wanted): string[] | Wanted {
  const items = texts.map((text) => text.trim() === "" ? new Wanted("no empty entry") : readItem(text.trim()));
  return items.find((item) => item instanceof Wanted) ?? items as string[];
}

function readNatsUrl(text: string): string | Wanted {
  const isServer = /^(nats|tls):\/\/(?!:)[^/?#\s]+\/?$/.test(text) && URL.canParse(text) && canDecode(text);
  return isServer ? text : new Wanted("servers such as nats://user:password@nats.example.com:4222");
}

function canDecode(text: string): boolean {
  try {
    return decodeURIComponent(text) !== "";
  } catch {
    return false;
  }
}

function readOrigin(text: string): string | Wanted {
  return canonicalOrigin(text) ?? new Wanted("origins such as https://example.com or https://*.example.com:8443");
}
