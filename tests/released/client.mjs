/**
 * Runs one released client in Node: `node client.mjs GENERATION USER_NAME URL`. Commands come as JSON lines on stdin,
 * what the client hears goes as JSON lines to stdout. `tests/helpers/released.ts` is the other end.
 */
import { Buffer } from "node:buffer";
import { createRequire, register } from "node:module";
import process from "node:process";
import { createInterface } from "node:readline";
import { mock } from "node:test";

const GENERATIONS = {
  3: { path: "relay-client-3", userName: "userName", separator: "." },
  4.1: { path: "relay-4.1", userName: "userName", separator: "." },
  4: { path: "relay-4/Client.js", userName: "peerId", separator: "-" },
};

// Not an import: these packages are Node's alone, and the type check of the project would look for them.
const { WebSocket } = createRequire(import.meta.url)("ws");
const [generation, userName, url] = process.argv.slice(2);
const dialect = GENERATIONS[generation];

becomeBrowser();
mock.timers.enable({ apis: ["setInterval"] }); // only the heartbeat uses it
register("./hooks.mjs", import.meta.url);
const { Client } = await import(dialect.path);
const client = new Client({ [dialect.userName]: userName, url });

const commands = {
  join: ({ documentId }) => client.join(documentId),
  leave: ({ documentId }) => client.leave(documentId),
  send: ({ userName, documentId, text, base64 }) =>
    socketOf(userName, documentId).send(text ?? Buffer.from(base64, "base64")),
  disconnectPeer: ({ userName }) => client.disconnectPeer(userName),
  disconnectServer: () => client.disconnectServer(),
  passTime: ({ milliseconds }) => mock.timers.tick(milliseconds),
};

hearServer();
hearPeers();
createInterface({ input: process.stdin }).on("line", obey).on("close", () => process.exit());

/** Both generations were written for browsers; where Node's environment differs, it must not decide the outcome. */
function becomeBrowser() {
  globalThis.WebSocket = WebSocket;
  const emit = WebSocket.prototype.emit;
  // Frames that share a TCP segment with the 101 come before the promises of an open handler in Node, after them in a
  // browser. The clients await in that handler before they tell the application, which would miss those frames.
  WebSocket.prototype.emit = function (event, ...values) {
    if (event === "open") {
      this.pause();
      setImmediate(() => this.resume());
    }
    return emit.call(this, event, ...values);
  };
}

function hearServer() {
  on("server", "connect", () => {
    report({ type: "server.connect" });
    hearClose(client.serverConnection, { type: "server.close" });
  });
  on("server", "disconnect", () => report({ type: "server.disconnect" }));
  client.on("error", (error) => report({ type: "error", message: String(error?.message ?? error) }));
}

function hearPeers() {
  on("peer", "connect", (event) => {
    const conversation = conversationOf(event);
    event.socket.binaryType = "arraybuffer";
    report({ type: "peer.connect", ...conversation });
    const hear = ({ data }) => report({ type: "message", ...conversation, ...encode(data) });
    event.socket.addEventListener("message", hear);
    hearClose(event.socket, { type: "peer.close", ...conversation });
  });
  on("peer", "disconnect", (event) => report({ type: "peer.disconnect", ...conversationOf(event) }));
}

function on(whose, what, listener) {
  client.on(`${whose}${dialect.separator}${what}`, listener);
}

function hearClose(socket, event) {
  socket.addEventListener("close", ({ code, reason }) => report({ ...event, code, reason }));
}

function conversationOf(event) {
  return { userName: event[dialect.userName], documentId: event.documentId };
}

function socketOf(userName, documentId) {
  const socket = client.get(userName, documentId);
  if (!socket) throw new Error(`Cannot send to ${userName} about ${documentId}: want a connected peer`);
  return socket;
}

function encode(data) {
  return typeof data === "string" ? { text: data } : { base64: Buffer.from(data).toString("base64") };
}

function obey(line) {
  const { command, ...parameters } = JSON.parse(line);
  try {
    commands[command](parameters);
  } catch (error) {
    report({ type: "error", message: error.message });
  }
}

function report(event) {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}
