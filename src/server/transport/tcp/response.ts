/**
 * Answers of HTTP/1.1 as bytes.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { hash } from "node:crypto";
import type { RequestHead } from "../../core/request_head.ts";
import { STATUS_TEXT, type StatusCode } from "@std/http/status";

/** RFC 6455, 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The whole answer, after which the connection ends. `isHead`: the request wants no body, only its length. */
export async function encodeResponse(response: Response, isHead: boolean): Promise<Uint8Array<ArrayBuffer>> {
  const body = Buffer.from(await response.arrayBuffer());
  const headers = new Headers(response.headers);
  // A 304 speaks of the body that the client has.
  if (response.status !== 304) headers.set("content-length", String(body.byteLength));
  headers.set("date", new Date().toUTCString());
  headers.set("connection", "close");
  const head = Buffer.from(`${statusLine(response.status)}${headerLines(headers)}\r\n`, "latin1");
  return isHead ? head : Buffer.concat([head, body]);
}

/** The answer that makes a WebSocket of the connection (RFC 6455, 4.2.2). `subprotocol`: the one chosen, if any. */
export function encodeUpgrade(headers: RequestHead["headers"], subprotocol?: string): Uint8Array<ArrayBuffer> {
  const accept = hash("sha1", headers.get("sec-websocket-key") + GUID, "base64");
  const fields = `upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n`;
  const protocol = subprotocol === undefined ? "" : `sec-websocket-protocol: ${subprotocol}\r\n`;
  return Buffer.from(`${statusLine(101)}${fields}${protocol}\r\n`);
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_TEXT[status as StatusCode] ?? ""}\r\n`;
}

function headerLines(headers: Headers): string {
  return [...headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
}
