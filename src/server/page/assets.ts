/**
 * The files of the page, and the client for pages of other sites. They are text imports, so that the compiled binary
 * contains them. An asset's URL is its path in this folder.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { RequestHead } from "../core/request_head.ts";
import { ifNoneMatch } from "@std/http/etag";
import { acceptsEncodings } from "@std/http/negotiation";
import client from "./client.js" with { type: "text" };
import sealed from "./client_sealed.js" with { type: "text" };
import favicon from "./favicon.svg" with { type: "text" };
import style from "./page.css" with { type: "text" };
import page from "./page.js" with { type: "text" };
import conversation from "./scripts/conversation.js" with { type: "text" };
import copy from "./scripts/copy.js" with { type: "text" };
import demo from "./scripts/demo.js" with { type: "text" };
import duration from "./scripts/duration.js" with { type: "text" };
import numbers from "./scripts/numbers.js" with { type: "text" };
import panel from "./scripts/panel.js" with { type: "text" };
import peer from "./scripts/peer.js" with { type: "text" };
import wire from "./scripts/wire.js" with { type: "text" };

/** A static file. */
export interface Asset {
  readonly body: string;
  /** The same, compressed: a third of it. No transport compresses. */
  readonly gzipped: Uint8Array<ArrayBuffer>;
  /** Identifies the content. */
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
}

const SCRIPT = "text/javascript; charset=utf-8";
/** Browsers ask at every visit, so that all parts of the page have one version; mostly the answer has no body. */
const OWN: Record<string, string> = { "cache-control": "no-cache" };
/** For pages of other origins, too. An hour-old copy does: the relay serves clients of any age. */
const PUBLIC: Record<string, string> = {
  "access-control-allow-origin": "*",
  "cache-control": "public, max-age=3600, stale-while-revalidate=86400",
};

/** All assets by path. */
export function makeAssets(): ReadonlyMap<string, Asset> {
  const scripts = { conversation, copy, demo, duration, numbers, panel, peer, wire };
  return new Map([
    ["/client.js", makeAsset(client, SCRIPT, PUBLIC)],
    ["/client_sealed.js", makeAsset(sealed, SCRIPT, PUBLIC)],
    ["/favicon.svg", makeAsset(favicon, "image/svg+xml", OWN)],
    ["/page.css", makeAsset(style, "text/css; charset=utf-8", OWN)],
    ["/page.js", makeAsset(page, SCRIPT, OWN)],
    ...Object.entries(scripts).map(([name, body]): [string, Asset] => [
      `/scripts/${name}.js`,
      makeAsset(body, SCRIPT, OWN),
    ]),
  ]);
}

/** The asset, or 304 if the client has it already. */
export function answerAsset({ headers: asked }: RequestHead, asset: Asset): Response {
  const { body, etag, headers } = asset;
  // A tag is of one encoding.
  const zipped = { ...headers, "etag": etag.replace(/"$/, '-gzip"'), "content-encoding": "gzip" };
  const known = [etag, zipped.etag].find((tag) => !ifNoneMatch(asked.get("if-none-match"), tag));
  if (known !== undefined) return new Response(null, { status: 304, headers: { ...headers, etag: known } });
  const accepted = new Headers({ "accept-encoding": asked.get("accept-encoding") || "identity" });
  const isZipped = acceptsEncodings({ headers: accepted }, "gzip", "identity") === "gzip";
  return isZipped ? new Response(asset.gzipped, { headers: zipped }) : new Response(body, { headers });
}

function makeAsset(body: string, contentType: string, caching: Record<string, string>): Asset {
  const etag = `"${createHash("sha256").update(body).digest("base64url")}"`;
  let gzipped: Uint8Array<ArrayBuffer> | undefined;
  return {
    body,
    // Not before somebody asks: a relay starts at once.
    get gzipped() {
      return gzipped ??= new Uint8Array(gzipSync(body));
    },
    etag,
    headers: {
      ...caching,
      "content-type": contentType,
      etag,
      "vary": "accept-encoding",
      "x-content-type-options": "nosniff",
    },
  };
}
