/**
 * What a visitor sees at `/`: that the relay runs.
 *
 * @module
 */

import { accepts } from "@std/http/negotiation";
import { VERSION } from "../../protocol.ts";
import template from "./index.html" with { type: "text" };

/** What the relay tells about itself: numbers, and nobody's name. */
export interface Status {
  readonly status: "running" | "draining";
  /** Seconds. */
  readonly uptime: number;
  /** Sockets that hold a lease. */
  readonly connections: number;
  /** Peer ids with an introduction socket. */
  readonly peers: number;
  /** Documents that somebody is interested in. */
  readonly documents: number;
  /** Connections whose other side has not come. */
  readonly seekers: number;
  /** Connections that are piped, two to a pair. */
  readonly pairs: number;
  /** Bytes that wait for their receivers. */
  readonly bufferedBytes: number;
}

const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "referrer-policy": "no-referrer",
  "vary": "accept",
  "x-content-type-options": "nosniff",
};

/** The page, or the same numbers as JSON for who prefers it. */
export function answerPage(request: Request, status: Status): Response {
  const facts = { name: "@localfirst/relay", version: VERSION, ...status };
  if (accepts(request, "text/html", "application/json") === "application/json") {
    return Response.json(facts, { headers: HEADERS });
  }
  return new Response(fill(template, facts), { headers: { ...HEADERS, "content-type": "text/html; charset=utf-8" } });
}

/** Every value is a number or a constant of ours: nothing here needs escaping. */
function fill(text: string, values: Record<string, string | number>): string {
  return text.replaceAll(/\{(\w+)\}/g, (_, name) => String(values[name]));
}
