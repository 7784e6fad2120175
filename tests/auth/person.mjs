/** Somebody with keys, a device and a client. */
import { EventEmitter, on } from "node:events";
import { Client } from "@localfirst/relay/client";
import { WebSocket } from "ws";
import { createDevice, createUser } from "./library.mjs";

/** The kind of a record, in the low four bits of its second field, and that of data. */
const KIND_BITS = 0x0f;
const DATA = 3;

export class Person {
  /** All that was sent to peers. */
  frames = [];
  /** The connections that both sides have authenticated. */
  connections = [];

  /** @param secret Of the client, if its conversations are to be sealed. */
  constructor(userName, url, secret) {
    const user = createUser(userName);
    this.self = { user, device: createDevice({ userId: user.userId, deviceName: `the laptop of ${userName}` }) };
    this.client = new Client({ userName, url, secret, WebSocket: recorder(this.frames) });
  }

  /** Returns a function that awaits the next authenticated connection. */
  meets(how, seed, context) {
    const authenticated = new EventEmitter();
    const connections = on(authenticated, "connection");
    how(this.client, seed, { ...this.self, ...context }, (connection) => {
      const messages = on(connection, "message");
      this.connections.push(connection);
      authenticated.emit("connection", { connection, hear: () => next(messages) });
    });
    return () => next(connections);
  }

  /** Resolves when a connection to a peer is over. */
  hungUp() {
    return new Promise((resolve) => this.client.once("peer.disconnect", resolve));
  }
}

/** A class of WebSockets that keeps all that is sent to peers: what goes to the relay itself is text. */
function recorder(frames) {
  return class extends WebSocket {
    send(data) {
      if (typeof data !== "string") frames.push(...(this.url.includes("/introduction/") ? payloads(data) : [data]));
      super.send(data);
    }
  };
}

/** What is for peers in a frame of streams: the payloads of its data records. */
function* payloads(frame) {
  for (let at = 0; at < frame.length;) {
    const kindAt = varint(frame, at).end;
    const { value: length, end: from } = varint(frame, kindAt + 1);
    at = from + length;
    if ((frame[kindAt] & KIND_BITS) === DATA && length > 0) yield frame.slice(from, at);
  }
}

function varint(bytes, at) {
  let value = 0;
  for (let factor = 1;; factor *= 128) {
    const byte = bytes[at++];
    value += (byte & 127) * factor;
    if (byte < 128) return { value, end: at };
  }
}

async function next(events) {
  return (await events.next()).value[0];
}
