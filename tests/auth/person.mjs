/** Somebody with keys, a device and a client. */
import { EventEmitter, on } from "node:events";
import { Client } from "@localfirst/relay/client";
import { WebSocket } from "ws";
import { createDevice, createUser } from "./library.mjs";

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

/** A class of WebSockets that keeps all binary messages sent: what goes to the relay itself is text. */
function recorder(frames) {
  return class extends WebSocket {
    send(data) {
      if (typeof data !== "string") frames.push(data);
      super.send(data);
    }
  };
}

async function next(events) {
  return (await events.next()).value[0];
}
