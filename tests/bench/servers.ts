/**
 * The servers that are compared, each a process of its own. A further transport is one more contestant.
 *
 * @module
 */

import { type Listening, RELAY_ENV, startRelay } from "../helpers/process.ts";
import { startAncestor } from "../helpers/released.ts";

/** A server that accepts connections. */
export interface Running {
  readonly port: number;
  readonly pid: number;
  /** For a proxy: the descriptor that listens where it connects to. */
  readonly listener?: number;
  stop(): Promise<void>;
  /** It speaks protocol 5. */
  readonly hasStreams?: boolean;
  /** Further instances that act as one with it. */
  readonly others?: readonly { readonly port: number; readonly pid: number }[];
}

/** One who takes part in the comparison. */
export interface Contestant {
  readonly name: string;
  /** Knows nothing but bytes: it takes part where only bytes matter, and no aim is for it. */
  readonly isProxy?: boolean;
  /** It speaks protocol 5. */
  readonly hasStreams?: boolean;
  start(): Promise<Running>;
}

/** 32 messages of 1 MiB under way are more than the default transport keeps by default; the ancestor has no bound. */
const ROOM = ["--max-buffered-bytes", String(64 * 1024 * 1024)];

/** This relay on its default transport. */
export const RELAY: Contestant = {
  name: "relay",
  hasStreams: true,
  start: async () => ({ ...running(await startRelay(ROOM, { env: RELAY_ENV })), hasStreams: true }),
};

/** This relay on the transport for the internet. */
export const RELAY_TCP: Contestant = {
  name: "relay tcp",
  hasStreams: true,
  start: async () => ({ ...running(await startRelay(["--transport", "tcp"], { env: RELAY_ENV })), hasStreams: true }),
};

/** `@localfirst/relay@4.2.2` on Node, which everything is measured against. */
export const ANCESTOR: Contestant = {
  name: "ancestor",
  start: async () => running(await startAncestor(4)),
};

function running(server: Listening): Running {
  return { port: server.port, pid: server.pid, stop: () => server[Symbol.asyncDispose]() };
}

/** Where a peer comes who shall be as far away as possible. */
export function portOfLast({ port, others = [] }: Running): number {
  return others.at(-1)?.port ?? port;
}

/** All instances. */
export function pidsOf({ pid, others = [] }: Running): number[] {
  return [pid, ...others.map(({ pid }) => pid)];
}
