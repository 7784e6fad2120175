/**
 * Everything that relay and clients have to agree on: the door to `protocol/`. `PROTOCOL.md` has it for people.
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
 * `server/discovery/dialects.ts`.
 *
 * With protocol 5 one socket carries everything. A client asks for it, and goes on as ever if no `Welcome` answers:
 *
 *     Alice → R   GET /introduction/alice?protocol=5              (WebSocket)
 *     Alice → R   {"type":"Join","join":["doc"]}
 *     R → Alice   [{"type":"Welcome","protocol":5,...}]
 *     R → Alice   [{"type":"Introduction","userName":"bob","documentIds":["doc"]}]
 *     Alice → R   open 1 {"userName":"bob","documentId":"doc"}, data 1, data 1   (one binary frame of three records)
 *     R → Alice   opened 1, data 1, window 1
 *
 * @module
 */

/** The version of this package, and what the relay says it is. */
export const VERSION = "5.0.0";

export { CLOSE, type Close } from "./protocol/close.ts";
export { packMessages, readRelayMessage, splitIntroduction, unpackMessages } from "./protocol/control.ts";
export { idProblem, utf8Length } from "./protocol/ids.ts";
export { MULTIPLEX_PROTOCOL, SEAL_LIMITS, WIRE_LIMITS } from "./protocol/limits.ts";
export type {
  ClientMessage,
  GoAway,
  Heartbeat,
  Introduction,
  Join,
  JoinRefusal,
  Leave,
  MultiplexClientMessage,
  Refusal,
  RelayMessage,
  Token,
  Welcome,
  WelcomeLimits,
} from "./protocol/messages.ts";
export {
  connectionPath,
  introductionPath,
  PROTOCOL_PARAMETER,
  segmentProblem,
  SOCKET_PATHS,
} from "./protocol/paths.ts";
export { type PartFlags, RecordWriter } from "./protocol/record_writer.ts";
export { creditCost, FLAG, KIND, type Opening, recordLength, RecordReader } from "./protocol/records.ts";
export { varintLength, writeVarint } from "./protocol/varint.ts";
export { Violation } from "./protocol/violation.ts";
