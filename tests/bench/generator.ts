/**
 * The load generator: raw websocket clients, thousands in one loop, that know no more of a frame than its length.
 *
 * @module
 */

import { CLOSE_FRAME, handshake } from "./frames.ts";
import { Libc, NOTHING_YET, READABLE, WRITABLE } from "./libc.ts";
import { OpenSsl } from "./openssl.ts";

/** Connections begun at once: below the accept backlog of any server. */
const OPENING_AT_ONCE = 64;
const OPEN_DEADLINE_MS = 60_000;
const CLOSE_DEADLINE_MS = 3_000;
const POLL_MS = 50;

/** Who hears that a socket is ready. */
export interface Listener {
  readable(socket: RawSocket): void;
  writable?(socket: RawSocket): void;
}

/** Reads away whatever comes. */
export const IGNORE: Listener = { readable: (socket) => void socket.discard(1 << 20) };

/** What carries a socket's bytes: TCP, or TLS over it. */
type Carrier = Pick<Libc, "read" | "discard" | "write" | "pending" | "close">;

/** A connection to the server under test. */
export class RawSocket {
  /** The server hung up. */
  gone = false;
  /** What came behind the answer to the handshake. */
  unread: Uint8Array<ArrayBuffer> = new Uint8Array();
  listener: Listener = IGNORE;

  constructor(readonly fd: number, readonly libc: Libc, readonly carrier: Carrier) {}

  /** What is there of what the kernel will not tell of again. */
  get pending(): number {
    return this.carrier.pending(this.fd);
  }

  read(into: Uint8Array<ArrayBuffer>): number {
    return this.#unlessGone(this.carrier.read(this.fd, into));
  }

  discard(atMost: number): number {
    return this.#unlessGone(this.carrier.discard(this.fd, atMost));
  }

  /** How many bytes the kernel took, from none to all. */
  write(bytes: Uint8Array<ArrayBuffer>): number {
    return Math.max(0, this.carrier.write(this.fd, bytes));
  }

  /** What comes stays in the kernel, until that takes no more. */
  stopReading(): void {
    this.libc.rewatch(this.fd, 0);
  }

  awaitWritable(wanted: boolean): void {
    this.libc.rewatch(this.fd, wanted ? READABLE | WRITABLE : READABLE);
  }

  #unlessGone(bytes: number): number {
    if (bytes < NOTHING_YET) this.gone = true;
    return Math.max(0, bytes);
  }
}

/** All sockets of one scenario, and the one loop that serves them. */
export class Generator implements Disposable {
  readonly #libc = new Libc();
  readonly #openSsl: OpenSsl | undefined;
  readonly #sockets = new Map<number, RawSocket>();

  /** For one server, which is spoken to as it wants. */
  constructor({ isTls = false }: { readonly isTls?: boolean }) {
    if (isTls) this.#openSsl = new OpenSsl(this.#libc);
  }

  /** How many sockets are open, on our side. */
  get size(): number {
    return this.#sockets.size;
  }

  /** Opens one websocket per path, in order. */
  open(port: number, paths: string[]): RawSocket[] {
    const opened: RawSocket[] = [];
    for (let i = 0; i < paths.length; i += OPENING_AT_ONCE) {
      opened.push(...this.#openSome(port, paths.slice(i, i + OPENING_AT_ONCE)));
    }
    return opened;
  }

  /** Begins to open one, and goes on: `opened` gets it, and may say that it is gone, which hangs up. */
  begin(port: number, path: string, opened: (socket: RawSocket) => void): void {
    this.#connect(port, new Opening(path, opened));
  }

  /** Connects through a proxy to a listener of our own: who connected and who was accepted, in turn. */
  bridge(port: number, listener: number, count: number): RawSocket[] {
    return Array.from({ length: count }, () => {
      const connected = this.#adopt(this.#libc.connect(port));
      return [connected, this.#adopt(this.#libc.accept(listener))];
    }).flat();
  }

  /** Serves the sockets until `done`, or until the time is over; says whether it was done. */
  run(done: () => boolean, milliseconds: number): boolean {
    const end = performance.now() + milliseconds;
    while (!done()) {
      const left = end - performance.now();
      if (left <= 0) return false;
      this.turn(Math.min(POLL_MS, Math.ceil(left)));
    }
    return true;
  }

  /** Serves the sockets that are ready, and waits at most this long for the first. */
  turn(milliseconds: number): void {
    this.#libc.poll(milliseconds, this.#ready);
  }

  /** Ends every socket as a client would, with a close frame. */
  closeAll(): void {
    for (const socket of this.#sockets.values()) {
      socket.listener = IGNORE;
      socket.write(CLOSE_FRAME);
    }
    this.run(() => this.size === 0, CLOSE_DEADLINE_MS);
    for (const socket of this.#sockets.values()) this.#forget(socket);
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets.values()) this.#forget(socket);
    this.#openSsl?.[Symbol.dispose]();
    this.#libc[Symbol.dispose]();
  }

  #openSome(port: number, paths: string[]): RawSocket[] {
    const openings = paths.map((path) => new Opening(path));
    const sockets = openings.map((opening) => this.#connect(port, opening));
    const open = this.run(() => openings.every((opening) => opening.done), OPEN_DEADLINE_MS);
    if (!open) throw new Error(`Cannot open ${paths[0]} and those after it: no answer in ${OPEN_DEADLINE_MS / 1000} s`);
    for (const socket of sockets) socket.listener = IGNORE;
    return sockets;
  }

  #connect(port: number, opening: Opening): RawSocket {
    const socket = this.#adopt(this.#libc.connect(port));
    socket.listener = opening;
    opening.write(socket);
    return socket;
  }

  #adopt(fd: number): RawSocket {
    const socket = new RawSocket(fd, this.#libc, this.#openSsl ?? this.#libc);
    this.#sockets.set(fd, socket);
    this.#libc.watch(fd);
    return socket;
  }

  readonly #ready = (fd: number, readiness: number): void => {
    const socket = this.#sockets.get(fd);
    if (!socket) return;
    if (readiness !== WRITABLE) { do socket.listener.readable(socket); while (!socket.gone && socket.pending > 0); }
    if (readiness & WRITABLE) socket.listener.writable?.(socket);
    if (socket.gone) this.#forget(socket);
  };

  #forget(socket: RawSocket): void {
    socket.gone = true;
    this.#sockets.delete(socket.fd);
    socket.carrier.close(socket.fd);
  }
}

/** Waits for the answer to one handshake. */
class Opening implements Listener {
  done = false;
  #unsent: Uint8Array<ArrayBuffer>;
  #answer = "";
  readonly #buffer = new Uint8Array(4096);

  constructor(readonly path: string, readonly opened: (socket: RawSocket) => void = () => {}) {
    this.#unsent = handshake(path);
  }

  /** With TLS, the first writes only exchange its own handshake. */
  write(socket: RawSocket): void {
    if (this.#unsent.length > 0) this.#unsent = this.#unsent.subarray(socket.write(this.#unsent));
  }

  readable(socket: RawSocket): void {
    this.write(socket);
    const length = socket.read(this.#buffer);
    this.#answer += String.fromCharCode(...this.#buffer.subarray(0, length));
    const end = this.#answer.indexOf("\r\n\r\n") + 4;
    this.done = end >= 4;
    // A relay that speaks first is understood later.
    if (this.done) socket.unread = Uint8Array.from(this.#answer.slice(end), (byte) => byte.charCodeAt(0));
    if (socket.gone || (this.done && !this.#answer.startsWith("HTTP/1.1 101"))) {
      throw new Error(`Cannot open ${this.path}: want 101, got ${this.#answer.split("\r\n")[0] || "a hang-up"}`);
    }
    if (this.done) this.opened(socket);
  }
}
