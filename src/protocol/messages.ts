/**
 * What is said on an introduction socket.
 *
 * @module
 */

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

/** Keeps an idle connection alive through proxies. Only a relay that speaks protocol 5 answers it, with the same. */
export interface Heartbeat {
  type: "Heartbeat";
}

/** What a client of any generation may say on its introduction socket. */
export type ClientMessage = Join | Leave | Heartbeat;

/** `userName` shares `documentIds` with you. All that a relay ever says to a client that did not ask for protocol 5. */
export interface Introduction {
  type: "Introduction";
  userName: string;
  documentIds: string[];
}

/** The first message of a relay to a client that asked for protocol 5; comes again after a {@link Token}. */
export interface Welcome {
  type: "Welcome";
  /** The highest protocol that both speak. */
  protocol: number;
  limits: WelcomeLimits;
  /** Seconds without sending anything after which the client says {@link Heartbeat}. */
  heartbeatSeconds: number;
  /** Seconds until the client's token permits nothing more. Left out: never. */
  expiresInSeconds?: number;
}

/** What a relay takes from one client. */
export interface WelcomeLimits {
  /** Bytes of one message in a conversation. */
  messageBytes: number;
  /** Documents that it may be interested in. */
  documents: number;
  /** Streams that may be open at once. */
  streams: number;
  /** Bytes of credit that a paired stream gets: see {@link WIRE_LIMITS.firstWindowBytes} for what it begins with. */
  windowBytes: number;
}

/** Documents that a {@link Join} did not get. */
export interface Refusal {
  type: "Refusal";
  join: string[];
  reason: JoinRefusal;
}

/** The token does not name the document; it is over; there are too many documents. */
export type JoinRefusal = "forbidden" | "expired" | "full";

/** Replaces the client's token by one for the same peer id. Answered by a {@link Welcome}. */
export interface Token {
  type: "Token";
  token: string;
}

/** The relay is going to stop: the client shall close this socket, and connect again at a random moment within. */
export interface GoAway {
  type: "GoAway";
  reconnectWithinSeconds: number;
}

/** What a client says once it was welcomed. */
export type MultiplexClientMessage = ClientMessage | Token;

/** What a relay says to a client that it has welcomed. */
export type RelayMessage = Welcome | Heartbeat | Introduction | Refusal | GoAway;
