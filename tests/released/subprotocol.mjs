/**
 * Asks a relay for subprotocols, as `ws` and as Node's own undici: `node --experimental-websocket subprotocol.mjs URL`.
 * Prints what each was told, as JSON.
 */
import { createRequire } from "node:module";
import process from "node:process";

const { WebSocket } = createRequire(import.meta.url)("ws");
const classes = { ws: WebSocket, undici: globalThis.WebSocket };
const told = await Promise.all(Object.entries(classes).map(async ([name, Class]) => [name, await ask(Class)]));
console.log(JSON.stringify(Object.fromEntries(told)));
process.exit();

function ask(Class) {
  return new Promise((resolve) => {
    const socket = new Class(process.argv[2], ["chat", "superchat"]);
    socket.addEventListener("open", () => resolve(socket.protocol));
    socket.addEventListener("error", ({ message }) => resolve(`failed: ${message}`));
  });
}
