/**
 * An operator of NATS with one account, as `nsc` would set them up: makes the server's configuration and credentials files.
 *
 * @module
 */

import { nkeys } from "@nats-io/transport-node";

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** Everything a user of the account may do is to use what belongs to relays. */
const PERMISSIONS = { pub: { allow: ["relay1.>"] }, sub: { allow: ["relay1.>"] } };
const LIMITS = { subs: -1, data: -1, payload: -1 };
const ACCOUNT_LIMITS = { ...LIMITS, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };

/** Signs who may connect. */
export class NatsOperator {
  readonly #operator = nkeys.createOperator();
  readonly #account = nkeys.createAccount();

  /** The configuration of a server of this operator. */
  get configuration(): string {
    const operator = sign(this.#operator, this.#operator, { type: "operator" });
    const account = sign(this.#account, this.#operator, { type: "account", limits: ACCOUNT_LIMITS });
    return `operator: ${operator}\nresolver: MEMORY\nresolver_preload: { ${this.#account.getPublicKey()}: ${account} }\n`;
  }

  /** A credentials file of a new user. */
  credentials(): string {
    const user = nkeys.createUser();
    const jwt = sign(user, this.#account, { type: "user", ...LIMITS, ...PERMISSIONS });
    return block("NATS USER JWT", jwt) + block("USER NKEY SEED", new TextDecoder().decode(user.getSeed()));
  }
}

function sign(subject: KeyPair, issuer: KeyPair, claims: Record<string, unknown>): string {
  const [iss, sub] = [issuer.getPublicKey(), subject.getPublicKey()];
  const payload = {
    jti: sub,
    iat: Math.floor(Date.now() / 1000),
    iss,
    sub,
    name: "test",
    nats: { ...claims, version: 2 },
  };
  const text = [{ typ: "JWT", alg: "ed25519-nkey" }, payload].map((part) => base64(JSON.stringify(part))).join(".");
  return `${text}.${
    issuer.sign(new TextEncoder().encode(text)).toBase64({ alphabet: "base64url", omitPadding: true })
  }`;
}

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64({ alphabet: "base64url", omitPadding: true });
}

function block(label: string, content: string): string {
  return `-----BEGIN ${label}-----\n${content}\n------END ${label}------\n\n`;
}
