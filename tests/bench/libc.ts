/**
 * The few calls of the C library that the load generator is made of.
 *
 * It shares two processors with the relay it measures, so it has to be cheaper than any relay. Measured at 64 B x 50 pairs
 * against the ancestor: with `Deno.connect` or `node:net` it was as busy as the relay itself (90 to 96 % of a processor),
 * so that half of what it saw was its own limit; with these it is at 76 to 80 %, and large messages are not even copied.
 *
 * @module
 */

const FAMILY_INET = 2;
const STREAM = 1;
const CLOSE_ON_EXEC = 0o2000000;
const SOL_SOCKET = 1;
const RECEIVE_TIMEOUT = 20;
const SEND_TIMEOUT = 21;
const IPPROTO_TCP = 6;
const NO_DELAY = 1;
const MSG_DISCARD = 0x20;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const EPOLL_ADD = 1;
const EPOLL_CHANGE = 3;
const SET_FLAGS = 4;
const NON_BLOCKING = 0o4000;
export const READABLE = 0x1;
export const WRITABLE = 0x4;

/** What a read gives when no bytes are there, and the socket has not ended. */
export const NOTHING_YET = 0;

/** `struct epoll_event` is packed on x86 alone. */
const EVENT_BYTES = Deno.build.arch === "x86_64" ? 12 : 16;
const EVENT_FD = EVENT_BYTES - 8;
const EVENTS_PER_POLL = 512;
/** A server that no longer accepts must not hold `connect` for the two minutes the kernel would, nor `accept` for ever. */
const CONNECT_SECONDS = 10n;
const BACKLOG = 128;

/** Lengths and results are declared 32 bits wide, which they fit, because wider ones would be bigints. */
function open() {
  return Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "i32"], result: "i32" },
    connect: { parameters: ["i32", "buffer", "i32"], result: "i32" },
    bind: { parameters: ["i32", "buffer", "i32"], result: "i32" },
    getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    listen: { parameters: ["i32", "i32"], result: "i32" },
    accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
    recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
    send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
    epoll_create1: { parameters: ["i32"], result: "i32" },
    epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
    epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  });
}

/** Sockets and readiness, as the kernel has them. */
export class Libc {
  readonly #library = open();
  readonly #c = this.#library.symbols;
  readonly #events = new Uint8Array(EVENT_BYTES * EVENTS_PER_POLL);
  readonly #eventView = new DataView(this.#events.buffer);
  readonly #epoll = this.#c.epoll_create1(CLOSE_ON_EXEC);

  /** A connected socket to a port of this machine. */
  connect(port: number): number {
    const fd = this.#c.socket(FAMILY_INET, STREAM | CLOSE_ON_EXEC, 0);
    if (fd < 0) throw new Error("Cannot open a socket: want a free descriptor, raise `ulimit -n`");
    this.#c.setsockopt(fd, SOL_SOCKET, SEND_TIMEOUT, new BigInt64Array([CONNECT_SECONDS, 0n]), 16);
    this.#c.setsockopt(fd, IPPROTO_TCP, NO_DELAY, new Int32Array([1]), 4);
    const address = loopback(port);
    if (this.#c.connect(fd, address, address.length) === 0) return fd;
    this.#c.close(fd);
    throw new Error(`Cannot connect to port ${port}: the server does not accept`);
  }

  /** A socket that listens on a free port. */
  listen(): { fd: number; port: number } {
    const fd = this.#c.socket(FAMILY_INET, STREAM | CLOSE_ON_EXEC, 0);
    this.#c.setsockopt(fd, SOL_SOCKET, RECEIVE_TIMEOUT, new BigInt64Array([CONNECT_SECONDS, 0n]), 16);
    const address = loopback(0);
    const isListening = this.#c.bind(fd, address, address.length) === 0 && this.#c.listen(fd, BACKLOG) === 0 &&
      this.#c.getsockname(fd, address, new Int32Array([address.length])) === 0;
    if (!isListening) throw new Error("Cannot listen: want a free port on the loopback");
    return { fd, port: address[2] << 8 | address[3] };
  }

  /** The next connection to a socket that listens. */
  accept(listener: number): number {
    const fd = this.#c.accept4(listener, null, null, CLOSE_ON_EXEC);
    if (fd < 0) throw new Error(`Cannot accept: want a connection within ${CONNECT_SECONDS} s`);
    this.#c.setsockopt(fd, IPPROTO_TCP, NO_DELAY, new Int32Array([1]), 4);
    return fd;
  }

  /** Bytes read, or less than 0 when the socket has ended. Call when it is readable. */
  read(fd: number, into: Uint8Array<ArrayBuffer>): number {
    return this.#c.recv(fd, into, into.length, MSG_DONTWAIT) || -1;
  }

  /** Like `read`, but the kernel throws the bytes away without a copy. */
  discard(fd: number, atMost: number): number {
    return this.#c.recv(fd, null, atMost, MSG_DISCARD | MSG_DONTWAIT) || -1;
  }

  /** Nothing is read that nobody asked for. */
  pending(_fd: number): number {
    return 0;
  }

  /** Bytes taken; less than 0 when the socket takes none now. */
  write(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
    return this.#c.send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  /** For calls that do not say so themselves. */
  neverBlock(fd: number): void {
    this.#c.fcntl(fd, SET_FLAGS, NON_BLOCKING);
  }

  /** Forgets the socket everywhere. */
  close(fd: number): void {
    this.#c.close(fd);
  }

  watch(fd: number): void {
    this.#c.epoll_ctl(this.#epoll, EPOLL_ADD, fd, event(fd, READABLE));
  }

  /** Changes what a watched socket is watched for. */
  rewatch(fd: number, interest: number): void {
    this.#c.epoll_ctl(this.#epoll, EPOLL_CHANGE, fd, event(fd, interest));
  }

  /** Waits at most `milliseconds` and hands over every socket that is ready. */
  poll(milliseconds: number, ready: (fd: number, readiness: number) => void): void {
    const count = this.#c.epoll_wait(this.#epoll, this.#events, EVENTS_PER_POLL, milliseconds);
    for (let i = 0; i < count; i++) {
      const at = i * EVENT_BYTES;
      ready(this.#eventView.getInt32(at + EVENT_FD, true), this.#eventView.getUint32(at, true));
    }
  }

  [Symbol.dispose](): void {
    this.#c.close(this.#epoll);
    this.#library.close();
  }
}

function loopback(port: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array([FAMILY_INET, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
}

function event(fd: number, interest: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(EVENT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, interest, true);
  view.setInt32(EVENT_FD, fd, true);
  return bytes;
}
