/**
 * Everything that relay and clients have to agree on.
 *
 * The conversation, with Alice and Bob as peers and R as the relay:
 *
 *     Alice → R   GET /introduction/alice                        (WebSocket)
 *     Alice → R   {"type":"Join","join":["doc"]}
 *     Bob   → R   GET /introduction/bob, Join "doc"
 *     R → Alice   {"type":"Introduction","userName":"bob","documentIds":["doc"]}
 *     R → Bob     {"type":"Introduction","userName":"alice","documentIds":["doc"]}
 *     Alice → R   GET /connection/alice/bob/doc                   (WebSocket)
 *                 held, with whatever she sends, until
 *     Bob   → R   GET /connection/bob/alice/doc                   (WebSocket)
 *     Alice ↔ Bob their own frames, unchanged, and nothing else
 *
 * These are the canonical messages. How released clients of other generations spell them is the business of
 * `server/dialects.ts`.
 *
 * @module
 */

/** The version of this package, and what the relay says it is. */
export const VERSION = "5.0.0";

/** Asks to be introduced to everyone who is interested in one of these documents. Joins add up. */
export interface Join {
  type: "Join";
  join: string[];
}

/** Takes back the interest in these documents. Connections that exist live on. */
export interface Leave {
  type: "Leave";
  leave: string[];
}

/** Keeps an idle connection alive through proxies. Nothing answers it. */
export interface Heartbeat {
  type: "Heartbeat";
}

/** What a client may say on its introduction socket. */
export type ClientMessage = Join | Leave | Heartbeat;

/** The only thing the relay ever says: `userName` shares `documentIds` with you. */
export interface Introduction {
  type: "Introduction";
  userName: string;
  documentIds: string[];
}

/** Bounds of the wire itself. Bounds that protect one relay are in `server/limits.ts`. */
export const WIRE_LIMITS = {
  /** UTF-8 bytes of a peer or document id. Three ids, percent-encoded, fit the 8 KiB line that proxies allow. */
  idBytes: 512,
  /** Documents one introduction socket may be interested in. */
  documentsPerPeer: 10_000,
  /** UTF-8 bytes of one introduction message: 10,000 UUIDs take 0.4 MiB. */
  introductionBytes: 1024 * 1024,
  /** UTF-8 bytes of a close reason (RFC 6455, 5.5: 125 with the code). */
  closeReasonBytes: 123,
} as const;

/** Bounds of sealed conversations, on which peers have to agree. The relay knows nothing of them. */
export const SEAL_LIMITS = {
  /** Bytes of one record with its tag: one message for the relay, and small enough for every way there. */
  recordBytes: 32 * 1024,
  /** Bytes of a message, put together from its records: what a relay takes in one piece if it is not told otherwise. */
  messageBytes: 64 * 1024 * 1024,
} as const;

/** A close code with its reason text. */
export interface Close {
  readonly code: number;
  readonly reason: string;
}

/**
 * Every close the relay itself starts, and the one that peers start when their seal is broken. 4408 to 4411 are ours; the
 * others have the meaning of RFC 6455.
 */
export const CLOSE = {
  restarting: { code: 1012, reason: "relay is restarting" },
  backplaneLost: { code: 1012, reason: "relay lost its backplane" },
  malformed: { code: 1008, reason: "too many malformed messages" },
  flooding: { code: 1008, reason: "too many messages" },
  tooBig: { code: 1009, reason: "message too big" },
  relayFailed: { code: 1011, reason: "relay failed" },
  full: { code: 1013, reason: "relay is full" },
  slowReader: { code: 1013, reason: "peer reads too slowly" },
  holdFull: { code: 1013, reason: "hold buffer is full" },
  outOfBuffers: { code: 1013, reason: "relay is out of buffer space" },
  noReciprocal: { code: 4408, reason: "no reciprocal connection in time" },
  superseded: { code: 4409, reason: "superseded by a newer connection" },
  peerLost: { code: 4410, reason: "peer connection was lost" },
  sealBroken: { code: 4411, reason: "seal is broken" },
} as const satisfies Record<string, Close>;

/** Socket paths in `URLPattern` syntax. An empty segment matches, so that it can be refused with a reason. */
export const SOCKET_PATHS = {
  introduction: "/introduction/:localId([^/]*)",
  connection: "/connection/:localId([^/]*)/:remoteId([^/]*)/:documentId([^/]*)",
} as const;

/** The path of a peer's introduction socket. Throws a `TypeError` for an id that no URL can carry. */
export function introductionPath(localId: string): string {
  return `/introduction/${encodeId(localId)}`;
}

/** The path of one side of a conversation. Throws a `TypeError` for an id that no URL can carry. */
export function connectionPath(localId: string, remoteId: string, documentId: string): string {
  return `/connection/${[localId, remoteId, documentId].map(encodeId).join("/")}`;
}

/** What is wrong with a peer or document id, as the rest of the sentence "want an id of ...", or undefined. */
export function idProblem(id: unknown): string | undefined {
  if (typeof id !== "string") return `want a string, got ${id === null ? "null" : typeof id}`;
  if (id === "") return "want at least 1 byte, got none";
  // A UTF-16 unit takes at most 3 bytes of UTF-8: most ids need no measuring.
  const bytes = id.length * 3 <= WIRE_LIMITS.idBytes ? 0 : utf8Length(id);
  if (bytes > WIRE_LIMITS.idBytes) return `want at most ${WIRE_LIMITS.idBytes} bytes, got ${bytes}`;
  // Few ids have surrogates at all, and to look for lone ones takes ten times as long.
  if (/[\ud800-\udfff]/.test(id) && /[\ud800-\udfff]/u.test(id)) {
    return "want well-formed Unicode, got a lone surrogate";
  }
}

/** How many bytes a text takes in UTF-8. The oldest platforms of the client have no `TextEncoder`. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

function encodeId(id: string): string {
  const problem = idProblem(id) ?? (id === "." || id === ".." ? "want no dot segment, which URLs drop" : undefined);
  if (problem !== undefined) throw new TypeError(`Cannot use ${JSON.stringify(id)} as an id: ${problem}`);
  return encodeURIComponent(id);
}
