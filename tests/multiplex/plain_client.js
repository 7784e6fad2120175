/**
 * A client of protocol 5 in plain JavaScript, written from `PROTOCOL.md` alone: it imports nothing of the project, and
 * shows what a second implementation needs. It opens a stream for every introduction.
 */

const [OPEN, OPENED, DATA, WINDOW, CLOSE] = [1, 2, 3, 4, 5];
const [TEXT, MORE] = [0x10, 0x20];
const FIRST_WINDOW = 65_536;
const RECORD_BYTES = 32 * 1024;
const FRAME_BYTES = 64 * 1024;
const RECORD_COST = 64;

/** One peer, on one socket. */
export class PlainClient {
  /** By number. @type {Map<number, PlainStream>} */
  streams = new Map();
  /** What the relay said: messages in order. @type {{ type: string }[]} */
  said = [];
  welcome;
  /** How the socket ended: `{code, reason}`, once it has. */
  closed = Promise.resolve({ code: 0, reason: "" });
  #number = 0;
  #due = [];
  #waiting = [];
  #url;
  #socket;
  #userName;
  #openSocket;

  constructor(url, userName, openSocket = (address) => new WebSocket(address)) {
    this.#url = url;
    this.#userName = userName;
    this.#openSocket = openSocket;
  }

  /** Connects, and asks for everyone interested in these documents. */
  connect(documents) {
    const url = `${this.#url}/introduction/${encodeURIComponent(this.#userName)}?protocol=5`;
    const socket = this.#socket = this.#openSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(JSON.stringify({ type: "Join", join: documents }));
    socket.onmessage = ({ data }) => typeof data === "string" ? this.#hear(JSON.parse(data)) : this.#read(data);
    this.closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason }) => {
        for (const stream of [...this.streams.values()]) stream.ended({ code: 1006, reason: "" });
        this.#tell();
        resolve({ code, reason });
      };
    });
    return this;
  }

  /** Says a control message. */
  say(...messages) {
    this.#socket.send(JSON.stringify(messages));
  }

  /** Opens a stream. */
  open(userName, documentId) {
    const stream = new PlainStream(this, ++this.#number, userName, documentId, this.welcome.limits);
    this.streams.set(stream.number, stream);
    this.record(stream.number, OPEN, new TextEncoder().encode(JSON.stringify({ userName, documentId })));
    return stream;
  }

  /** Resolves as soon as a condition holds, which is asked whenever something has come. */
  async until(condition) {
    while (!condition()) await new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Sends a record at the end of this turn, with all others. */
  record(stream, kind, payload) {
    if (this.#due.length === 0) setTimeout(() => this.#flush(), 0);
    this.#due.push([...varint(stream), kind, ...varint(payload.length)], payload);
  }

  /** Leaves: closes each stream, then the socket. */
  leave() {
    for (const stream of [...this.streams.values()]) stream.close(1000, "");
    this.#flush();
    this.#socket.close();
  }

  /** Vanishes as well as a program can. */
  drop() {
    this.#socket.close();
  }

  #flush() {
    let [pieces, bytes] = [[], 0];
    for (let i = 0; i < this.#due.length; i += 2) {
      const size = this.#due[i].length + this.#due[i + 1].length;
      if (bytes + size > FRAME_BYTES) {
        this.#send(pieces);
        [pieces, bytes] = [[], 0];
      }
      pieces.push(Uint8Array.from(this.#due[i]), this.#due[i + 1]);
      bytes += size;
    }
    this.#due = [];
    if (pieces.length > 0) this.#send(pieces);
  }

  #send(pieces) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(joined(pieces));
  }

  #hear(messages) {
    for (const message of messages) {
      this.said.push(message);
      if (message.type === "Welcome") this.welcome = message;
      if (message.type === "Introduction") this.#meet(message);
    }
    this.#tell();
  }

  #meet({ userName, documentIds }) {
    for (const documentId of documentIds) {
      const known = [...this.streams.values()].some((stream) =>
        stream.userName === userName && stream.documentId === documentId
      );
      if (!known) this.open(userName, documentId);
    }
  }

  #read(data) {
    const bytes = new Uint8Array(data);
    let at = 0;
    const number = () => {
      let [value, factor] = [0, 1];
      for (;; factor *= 128) {
        const byte = bytes[at++];
        value += (byte % 128) * factor;
        if (byte < 128) return value;
      }
    };
    while (at < bytes.length) {
      const [stream, kind, length] = [number(), bytes[at++], number()];
      const payload = bytes.slice(at, at += length);
      this.streams.get(stream)?.hear(kind, payload);
    }
    this.#tell();
  }

  #tell() {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** One side of a conversation. */
export class PlainStream {
  isOpened = false;
  /** Messages that have come. */
  messages = [];
  /** How it ended: `{code, reason}`. */
  close_;
  /** Takes what comes: a test may stop it. */
  isReading = true;
  client;
  #queue = [];
  #credit = FIRST_WINDOW;
  #given = FIRST_WINDOW;
  #window;
  #parts = [];

  constructor(client, number, userName, documentId, { windowBytes }) {
    this.client = client;
    this.#window = windowBytes;
    this.number = number;
    this.userName = userName;
    this.documentId = documentId;
  }

  /** All that was said is on its way. */
  get isFlushed() {
    return this.#queue.length === 0;
  }

  send(message) {
    const isText = typeof message === "string";
    const bytes = isText ? new TextEncoder().encode(message) : message;
    let at = 0;
    do {
      const part = bytes.subarray(at, at + RECORD_BYTES);
      at += part.length;
      this.#queue.push([DATA | (isText ? TEXT : 0) | (at < bytes.length ? MORE : 0), part]);
    } while (at < bytes.length);
    this.#flush();
  }

  close(code, reason) {
    if (this.close_ !== undefined) return;
    this.client.record(this.number, CLOSE, joined([[code >> 8, code & 255], new TextEncoder().encode(reason)]));
    this.ended({ code, reason });
  }

  ended(close) {
    this.close_ ??= close;
    this.#queue = [];
    this.client.streams.delete(this.number);
  }

  /** Takes what comes again. */
  read() {
    this.isReading = true;
    this.#giveBack();
  }

  hear(kind, payload) {
    switch (kind % 16) {
      case OPENED:
        this.isOpened = true;
        this.#giveBack();
        break;
      case DATA:
        this.#given -= payload.length + RECORD_COST;
        this.#parts.push(payload);
        if (!(kind & MORE)) this.#deliver((kind & TEXT) !== 0);
        this.#giveBack();
        break;
      case WINDOW:
        this.#credit += readVarint(payload);
        this.#flush();
        break;
      case CLOSE:
        this.ended({ code: payload[0] * 256 + payload[1], reason: new TextDecoder().decode(payload.subarray(2)) });
    }
  }

  #deliver(isText) {
    const bytes = joined(this.#parts);
    this.#parts = [];
    this.messages.push(isText ? new TextDecoder().decode(bytes) : bytes);
  }

  #flush() {
    while (this.#queue.length > 0) {
      const [kind, part] = this.#queue[0];
      if (part.length + RECORD_COST > this.#credit) return;
      this.#credit -= part.length + RECORD_COST;
      this.#queue.shift();
      this.client.record(this.number, kind, part);
    }
  }

  #giveBack() {
    const due = this.#window - this.#given;
    if (!this.isOpened || !this.isReading || due < this.#window / 2) return;
    this.#given += due;
    this.client.record(this.number, WINDOW, Uint8Array.from(varint(due)));
  }
}

function varint(number) {
  const bytes = [];
  for (; number >= 128; number = Math.floor(number / 128)) bytes.push(number % 128 + 128);
  return [...bytes, number];
}

function readVarint(bytes) {
  return bytes.reduceRight((value, byte) => value * 128 + byte % 128, 0);
}

function joined(pieces) {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
