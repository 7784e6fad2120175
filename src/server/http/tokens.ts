/**
 * What the token of a socket permits: one of the relay's own tokens permits everything; a JWT permits one peer id and
 * some documents, for a while.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type KeyObject, timingSafeEqual } from "node:crypto";
import type { RelayConfig } from "../config.ts";
import { ConfigError } from "../core/config_error.ts";
import { readPublicKey } from "../core/pem.ts";

/** What the holder of a token may do. */
export interface Grant {
  /** Whether it may use this peer id. */
  allowsPeer(id: string): boolean;
  /** Whether it may join this document, or connect about it, now. */
  allowsDocument(id: string): boolean;
  /** Milliseconds since 1970 from which on it permits nothing; left out: it does not expire. */
  readonly expiresAt?: number;
}

/** The grant where no token is needed. */
export const EVERYTHING: Grant = { allowsPeer: () => true, allowsDocument: () => true };

/** The options that decide which tokens are valid. */
export type TokenConfig = Pick<RelayConfig, "tokens" | "jwtSecret" | "jwtKey">;

/** The claims of a JWT that the relay reads. */
interface Claims {
  /** The only local id that the holder may use. */
  readonly sub: string;
  /** Documents that the holder may use: exact ids, or prefixes that end in `*`. Left out: all. */
  readonly docs?: readonly string[];
  /** Seconds since 1970. Left out: never. */
  readonly exp?: number;
}

/** Verifies a token's signature and time; throws when either is wrong. */
type Verify = (token: string) => unknown;

/** Checks tokens. */
export class Tokens {
  readonly #config: TokenConfig;
  readonly #tokens: readonly Buffer[];
  #verifiers: readonly Verify[] = [];

  constructor(config: TokenConfig) {
    this.#config = config;
    this.#tokens = config.tokens.map((token) => Buffer.from(token));
  }

  /** Whether a socket has to show a token at all. */
  get areNeeded(): boolean {
    const { jwtSecret, jwtKey } = this.#config;
    return this.#tokens.length > 0 || jwtSecret !== undefined || jwtKey !== undefined;
  }

  /** Reads the key, and loads the library only if JWTs are configured. */
  async load(): Promise<void> {
    const { jwtSecret, jwtKey } = this.#config;
    if (jwtSecret === undefined && jwtKey === undefined) return;
    // @ts-types="@types/jsonwebtoken"
    const { default: { verify } } = await import("jsonwebtoken");
    const verifiers: Verify[] = [];
    // The key decides the algorithm: a token must not choose how it is verified.
    if (jwtSecret !== undefined) verifiers.push((token) => verify(token, jwtSecret, { algorithms: ["HS256"] }));
    if (jwtKey !== undefined) {
      const key = readEs256Key(jwtKey);
      verifiers.push((token) => verify(token, key, { algorithms: ["ES256"] }));
    }
    this.#verifiers = verifiers;
  }

  /** What `shown` permits, or undefined when it is no valid token. */
  grantOf(shown: string): Grant | undefined {
    if (this.#isOwn(shown)) return EVERYTHING;
    for (const verify of this.#verifiers) {
      try {
        const claims = verify(shown);
        if (areClaims(claims)) return scopedGrant(claims);
      } catch {
        // Another key may fit. What the token says about its key is not trusted.
      }
    }
  }

  /** Compares with all tokens, each in constant time, so that the time reveals only a length. */
  #isOwn(shown: string): boolean {
    const bytes = Buffer.from(shown);
    return this.#tokens.map((token) => token.byteLength === bytes.byteLength && timingSafeEqual(token, bytes))
      .includes(true);
  }
}

const ES256_KEY = "a public key of the curve prime256v1, for ES256";

/** With any other key the relay would refuse all tokens, and no message would say why. */
function readEs256Key(path: string): KeyObject {
  const key = readPublicKey({ flag: "--jwt-key", path }, ES256_KEY);
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === "prime256v1") return key;
  throw new ConfigError(`Cannot use --jwt-key: want ${ES256_KEY}, got ${curve ?? key.asymmetricKeyType}.`);
}

function areClaims(value: unknown): value is Claims {
  if (typeof value !== "object" || value === null) return false;
  const { sub, docs } = value as Record<string, unknown>;
  const isList = docs === undefined || (Array.isArray(docs) && docs.every((id) => typeof id === "string"));
  return typeof sub === "string" && isList;
}

function scopedGrant({ sub, docs, exp }: Claims): Grant {
  const expiresAt = exp === undefined ? undefined : exp * 1000;
  const allows = (id: string) =>
    docs === undefined || docs.some((rule) => rule.endsWith("*") ? id.startsWith(rule.slice(0, -1)) : id === rule);
  return {
    allowsPeer: (id) => id === sub,
    allowsDocument: (id) => Date.now() < (expiresAt ?? Infinity) && allows(id),
    expiresAt,
  };
}
