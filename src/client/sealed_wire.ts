/**
 * Tells the relay nothing but ids that mean something only to those who have the same secret, and seals what is said.
 *
 * @module
 */

import { introductionPath } from "../protocol.ts";
import type { Environment } from "./environment.ts";
import type { DocumentId, UserName } from "./events.ts";
import type { PlatformSocket } from "./peer_socket.ts";
import type { IdKind, Seal, SealedSocket } from "./sealed/mod.ts";
import { readSecret, type Secret } from "./sealed/secret.ts";
import type { Conversation, Wire } from "./wire.ts";

/** Loads what it takes to seal when it is first needed, and again if that failed. */
export class SealedWire implements Wire {
  readonly #secret: Uint8Array;
  readonly #userName: UserName;
  readonly #environment: Environment;
  readonly #wireIds = new Map<DocumentId, string>();
  readonly #documents = new Map<string, DocumentId>();
  #seal: Seal | undefined;

  /** @param secret 32 bytes. */
  constructor(secret: Uint8Array, userName: UserName, environment: Environment) {
    this.#secret = secret;
    this.#userName = userName;
    this.#environment = environment;
  }

  readonly introductionPath = async (): Promise<string> => {
    this.#seal ??= await loadSeal(this.#secret);
    return introductionPath(this.localId);
  };

  get localId(): string {
    return this.userId(this.#userName);
  }

  userId(userName: UserName): string {
    return this.#loaded.wireId("user", userName);
  }

  documentId(documentId: DocumentId): string {
    const known = this.#wireIds.get(documentId);
    if (known !== undefined) return known;
    const wireId = this.#loaded.wireId("document", documentId);
    this.#wireIds.set(documentId, wireId);
    this.#documents.set(wireId, documentId);
    return wireId;
  }

  documentOf(wireId: string): DocumentId | undefined {
    return this.#documents.get(wireId);
  }

  forget(documentId: DocumentId): void {
    this.#documents.delete(this.#wireIds.get(documentId) ?? "");
    this.#wireIds.delete(documentId);
  }

  wrap(socket: PlatformSocket, conversation: Conversation): PlatformSocket {
    const { after } = this.#environment;
    return this.#loaded.wrap(socket, conversation, { userName: this.#userName, after }) as unknown as PlatformSocket;
  }

  nameOf(_conversation: Conversation, socket?: PlatformSocket): UserName | undefined {
    return (socket as SealedSocket | undefined)?.userName;
  }

  get #loaded(): Seal {
    if (this.#seal === undefined) throw new Error("Cannot seal: want what it takes to be loaded first");
    return this.#seal;
  }
}

/** What the relay calls a peer or a document of those who share a secret: for the `sub` and `docs` of its tokens. */
export async function sealedId(secret: Secret, kind: IdKind, id: string): Promise<string> {
  if (kind !== "user" && kind !== "document") {
    throw new TypeError(`Cannot seal an id: want "user" or "document", got ${JSON.stringify(kind)}`);
  }
  introductionPath(id); // what cannot be an id is refused as everywhere
  return (await loadSeal(readSecret(secret))).wireId(kind, id);
}

async function loadSeal(secret: Uint8Array): Promise<Seal> {
  const { Seal } = await import("./sealed/mod.ts");
  return new Seal(secret);
}
