/** A WebSocket client that sends any bytes it is told to, on a raw connection. */

import { deadline } from "@std/async/deadline";
import { Buffer } from "node:buffer";
import { trusting } from "./trust.ts";

/** Long enough for a busy machine, short enough that a hanging test is noticed. */
const PATIENCE_MS = 60_000;

/** A frame as it came. */
export interface RawFrame {
  readonly opcode: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** Where a relay listens, and how. */
export interface Target {
  readonly port: number;
  readonly isTls: boolean;
}

/** One connection, TCP or TLS. */
export class RawConnection implements Disposable {
  #buffer = new Uint8Array(0);

  private constructor(readonly connection: Deno.TcpConn | Deno.TlsConn) {}

  /** @param target A port is one without TLS. */
  static async open(target: number | Target): Promise<RawConnection> {
    return new RawConnection(await connect(target));
  }

  /** Connects and finishes the handshake. */
  static async upgrade(
    target: number | Target,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<RawConnection> {
    return await RawConnection.upgradeOn(await connect(target), path, headers);
  }

  /** Finishes the handshake on a connection. */
  static async upgradeOn(
    connection: Deno.TcpConn | Deno.TlsConn,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<RawConnection> {
    const raw = new RawConnection(connection);
    await raw.write(handshake(path, headers));
    const head = await raw.readHead();
    if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(`Cannot upgrade ${path}: want status 101, got ${head}`);
    return raw;
  }

  async write(data: string | Uint8Array): Promise<void> {
    let bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    while (bytes.byteLength > 0) bytes = bytes.subarray(await this.connection.write(bytes));
  }

  async sendText(text: string): Promise<void> {
    await this.write(frameOf(1, new TextEncoder().encode(text)));
  }

  /** The payload of the next frame, as text. */
  async readText(): Promise<string> {
    return new TextDecoder().decode((await this.readFrame())?.payload);
  }

  /** All up to the end of the response's headers. */
  async readHead(): Promise<string> {
    for (;;) {
      const end = new TextDecoder("latin1").decode(this.#buffer).indexOf("\r\n\r\n");
      if (end >= 0) return new TextDecoder().decode(this.#take(end + 4));
      if (!await this.#more()) throw new Error("Cannot read the response: the relay hung up");
    }
  }

  /** The status of an answer of HTTP/1.1; undefined for any other answer, or none. */
  async readStatus(): Promise<number | undefined> {
    const START = "HTTP/1.1 200";
    const text = () => new TextDecoder("latin1").decode(this.#buffer);
    while (text().length < START.length && START.startsWith(text().slice(0, "HTTP/1.".length)) && await this.#more());
    return Number(/^HTTP\/1.[01] (\d{3})/.exec(text())?.[1]) || undefined;
  }

  /** The body that the response's headers announce. */
  async readBody(head: string): Promise<string> {
    const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0);
    while (this.#buffer.byteLength < length && await this.#more());
    return new TextDecoder().decode(this.#take(length));
  }

  /** Reads so many bytes, whatever they are. */
  async skip(length: number): Promise<void> {
    while (this.#buffer.byteLength < length) {
      if (!await this.#more()) throw new Error(`Cannot read ${length} bytes: the relay hung up`);
    }
    this.#take(length);
  }

  /** The next unmasked frame; undefined when the relay hung up. */
  async readFrame(): Promise<RawFrame | undefined> {
    for (;;) {
      const frame = this.#parse();
      if (frame !== undefined) return frame;
      if (!await this.#more()) return;
    }
  }

  /** The code of the close frame, skipping what comes before it; undefined when the relay hung up without one. */
  async readClose(): Promise<{ code: number; reason: string } | undefined> {
    for (let frame = await this.readFrame(); frame !== undefined; frame = await this.readFrame()) {
      if (frame.opcode !== 8) continue;
      const code = frame.payload.byteLength < 2 ? 1005 : Buffer.from(frame.payload).readUInt16BE(0);
      return { code, reason: new TextDecoder().decode(frame.payload.subarray(2)) };
    }
  }

  /** Waits until the relay hangs up. */
  async hungUp(): Promise<void> {
    while (await this.#more()) this.#buffer = new Uint8Array(0);
  }

  /** Drops the connection without a word. */
  [Symbol.dispose](): void {
    try {
      this.connection.close();
    } catch {
      // Already closed by the test.
    }
  }

  async #more(): Promise<boolean> {
    const chunk = new Uint8Array(64 * 1024);
    const read = await deadline(this.connection.read(chunk).catch(() => null), PATIENCE_MS) as number | null;
    if (read === null) return false;
    this.#buffer = joined(this.#buffer, chunk.subarray(0, read));
    return true;
  }

  #take(length: number): Uint8Array<ArrayBuffer> {
    const taken = this.#buffer.slice(0, length);
    this.#buffer = this.#buffer.slice(length);
    return taken;
  }

  #parse(): RawFrame | undefined {
    const view = new DataView(this.#buffer.buffer);
    if (view.byteLength < 2) return;
    const short = view.getUint8(1) & 0x7f;
    const header = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (view.byteLength < header) return;
    const length = short === 127 ? Number(view.getBigUint64(2)) : short === 126 ? view.getUint16(2) : short;
    if (view.byteLength < header + length) return;
    const opcode = view.getUint8(0) & 0x0f;
    return { opcode, payload: this.#take(header + length).slice(header) };
  }
}

function connect(target: number | Target): Promise<Deno.TcpConn | Deno.TlsConn> {
  const { port, isTls } = typeof target === "number" ? { port: target, isTls: false } : target;
  const address = { port, hostname: "127.0.0.1" };
  return isTls ? Deno.connectTls({ ...address, ...trusting() }) : Deno.connect(address);
}

/** The request that asks for an upgrade. */
export function handshake(path: string, headers: Record<string, string> = {}): string {
  const all = {
    host: "relay",
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  };
  return `GET ${path} HTTP/1.1\r\n${Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

/** A client's frame. The mask is zero, so that the payload stays readable. `first` may carry FIN and reserved bits. */
export function frameOf(
  opcode: number,
  payload: Uint8Array,
  { first = 0x80 | opcode, masked = true } = {},
): Uint8Array {
  const length = payload.byteLength;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = new Uint8Array(2 + extended + (masked ? 4 : 0) + length);
  const view = new DataView(frame.buffer);
  view.setUint8(0, first);
  view.setUint8(1, (masked ? 0x80 : 0) | (extended === 0 ? length : extended === 2 ? 126 : 127));
  if (extended === 2) view.setUint16(2, length);
  if (extended === 8) view.setBigUint64(2, BigInt(length));
  frame.set(payload, frame.byteLength - length);
  return frame;
}

/** One behind the other. */
export function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.byteLength + b.byteLength);
  both.set(a);
  both.set(b, a.byteLength);
  return both;
}
