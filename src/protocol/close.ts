/**
 * How sockets and streams end.
 *
 * @module
 */

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
  forbidden: { code: 1008, reason: "token does not permit this" },
  badToken: { code: 1008, reason: "token is not valid" },
  notUtf8: { code: 1007, reason: "text is not UTF-8" },
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
