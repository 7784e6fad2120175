/**
 * Bounds of the wire itself.
 *
 * @module
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Bounds of the wire itself. Bounds that protect one relay are in `server/core/limits.ts`. */
export const WIRE_LIMITS = {
  /** UTF-8 bytes of a peer or document id. Three ids, percent-encoded, fit the 8 KiB line that proxies allow. */
  idBytes: 512,
  /** Documents one introduction socket may be interested in. */
  documentsPerPeer: 10_000,
  /** UTF-8 bytes of one introduction message, and of a text frame of a client: 10,000 UUIDs take 0.4 MiB. */
  introductionBytes: MIB,
  /**
   * Values in the same: 10,000 documents, which this project's client names twice to older relays, and some more. 1 MiB
   * of tiny values would take 0.1 s to read as JSON, and 2 s as MessagePack.
   */
  introductionValues: 22_000,
  /** UTF-8 bytes of a close reason (RFC 6455, 5.5: 125 with the code). */
  closeReasonBytes: 123,

  /** UTF-8 bytes of a text frame of a relay that speaks protocol 5: others have their turn in between. */
  controlFrameBytes: 64 * KIB,
  /** Bytes of a binary frame of records, for the same reason. */
  recordFrameBytes: 64 * KIB,
  /** Bytes of one record's payload: two largest data records do not fit one frame, so that small ones get in between. */
  recordBytes: 32 * KIB,
  /** The number of a stream fits 32 bits. */
  streamNumber: 2 ** 32 - 1,
  /** What a data record costs of the credit beside its payload: what keeping it costs, so that an empty one is not free. */
  recordCost: 64,
  /** Bytes of credit that a stream begins with, in each direction: a greeting and a first sync message. */
  firstWindowBytes: 64 * KIB,
  /** Bytes of credit that a sender may ever hold: what fits 31 bits. */
  creditBytes: 2 ** 31 - 1,
} as const;

/** Bounds of sealed conversations, on which peers have to agree. The relay knows nothing of them. */
export const SEAL_LIMITS = {
  /** Bytes of one record with its tag: one message for the relay, and small enough for every way there. */
  recordBytes: 32 * KIB,
  /** Bytes of a message, put together from its records: what a relay takes in one piece if it is not told otherwise. */
  messageBytes: 64 * MIB,
} as const;

/** The protocol in which conversations are streams inside the introduction socket. */
export const MULTIPLEX_PROTOCOL = 5;
