/**
 * The landing page at `/`, and the same numbers as JSON.
 *
 * @module
 */

import { accepts } from "@std/http/negotiation";
import type { RequestHead } from "../core/request_head.ts";
import { VERSION } from "../../protocol.ts";
import type { BackplaneStatus } from "../backplane/backplane.ts";
import template from "./index.html" with { type: "text" };
import { duration } from "./scripts/duration.js";

/** What the relay publishes about itself: numbers, and no peer's id. */
export interface Status {
  readonly status: "running" | "draining";
  /** Seconds. */
  readonly uptime: number;
  /** Sockets that hold a lease. */
  readonly connections: number;
  /** Conversations inside introduction sockets, one for each side. */
  readonly streams: number;
  /** Peer ids with an introduction socket. */
  readonly peers: number;
  /** Documents that a peer is interested in. */
  readonly documents: number;
  /** Pending connections: their other side has not come. */
  readonly seekers: number;
  /** Connections that are piped, two to a pair. */
  readonly pairs: number;
  /** Bytes that wait for their receivers. */
  readonly bufferedBytes: number;
  /** Frames passed from peer to peer since the start. */
  readonly frames: number;
  /** The way to other instances, if there are any. */
  readonly backplane?: BackplaneStatus;
  /** Whether a socket has to show a token. */
  readonly needsToken: boolean;
}

/** The page loads and connects only to its own relay, and runs no script that stands in it. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'", // its sockets too: a browser since 2022 takes ws and wss of the same host for 'self'
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "vary": "accept",
  "x-content-type-options": "nosniff",
};

/** The page, or the numbers as JSON if the client prefers that. */
export function answerPage({ headers }: RequestHead, status: Status): Response {
  const facts = { name: "@localfirst/relay", version: VERSION, ...status };
  const accept = new Headers({ accept: headers.get("accept") ?? "*/*" });
  if (accepts({ headers: accept }, "text/html", "application/json") === "application/json") {
    return Response.json(facts, { headers: HEADERS });
  }
  const text = fill(template, { ...facts, uptime: duration(status.uptime) });
  return new Response(text, { headers: { ...HEADERS, "content-type": "text/html; charset=utf-8" } });
}

/** Replaces each name in braces with its value. Braces around anything else stay. */
export function fill(template: string, values: Readonly<Record<string, unknown>>): string {
  return template.replaceAll(/\{(\w+)\}/g, (braces, name) => Object.hasOwn(values, name) ? show(values[name]) : braces);
}

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function show(value: unknown): string {
  const text = typeof value === "number" ? value.toLocaleString("en") : String(value);
  return text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character]);
}
