/**
 * The servers that are compared, each a process of its own. A further transport is one more contestant.
 *
 * @module
 */

import { type Listening, RELAY_ENV, startRelay } from "../helpers/process.ts";
import { startAncestor } from "../helpers/released.ts";
import { CERTIFICATE_FILES } from "../helpers/trust.ts";

/** A server that accepts connections. */
export interface Running {
  readonly port: number;
  readonly pid: number;
  /** For a proxy: the descriptor that listens where it connects to. */
  readonly listener?: number;
  stop(): Promise<void>;
  readonly isTls?: boolean;
  /** What carries TLS for it, counted with it. */
  readonly proxyPid?: number;
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

/** Both sides of 100,000 conversations. */
const STREAMS = ["--max-streams", "200000"];

const WITH_TLS = ["--cert", CERTIFICATE_FILES.cert, "--key", CERTIFICATE_FILES.key];

/** This relay on its default transport. */
export const RELAY = relay("relay", ROOM);

/** This relay on the transport for the internet. */
export const RELAY_TCP = relay("relay tcp", ["--transport", "tcp"]);

/** Both with TLS of their own. */
export const RELAY_TLS = relay("relay TLS", [...ROOM, ...WITH_TLS]);
export const RELAY_TCP_TLS = relay("relay tcp TLS", ["--transport", "tcp", ...WITH_TLS]);

function relay(name: string, options: string[]): Contestant {
  return {
    name,
    hasStreams: true,
    start: async () => {
      const server = await startRelay([...options, ...STREAMS], { env: RELAY_ENV });
      return { ...running(server), hasStreams: true, isTls: server.isTls };
    },
  };
}

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

/** All instances, and what stands before them. */
export function pidsOf({ pid, others = [], proxyPid }: Running): number[] {
  return [pid, ...others.map(({ pid }) => pid), ...(proxyPid === undefined ? [] : [proxyPid])];
}
