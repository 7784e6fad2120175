/**
 * Runs behaviours in Node or Bun, one for each name that comes as a line on stdin:
 * `node node_runner.mjs URL ws|platform|jsdom [sealed|sockets]`. After an empty line it only ends when nothing else keeps it. What is
 * wanted of the relay, and how each ended, goes as JSON lines to stdout. `runtimes_test.ts` is the other end.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";

const [url, source, way] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { behaviours, window, createSecret, ...stage } = source === "jsdom" ? await inWindow() : await here();
if (way === "sealed") stage.secret = createSecret();
if (way === "sockets") stage.multiplex = false;

for (let name = await nextLine(); name !== ""; name = await nextLine()) {
  await behaviours[name]({ ...stage, url, control }).then(() => report({}), (error) => report({ error: error.stack }));
}
process.stdin.destroy();
window?.close();

/** The packed package, on this platform. */
async function here() {
  const { Client, createSecret } = await import("@localfirst/relay/client");
  const { behaviours } = await import(new URL("behaviours.mjs", import.meta.url).href); // made by the test
  return { Client, createSecret, behaviours, ...(source === "ws" && { WebSocket: (await import("ws")).WebSocket }) };
}

/** The same code with the globals of a window that is none. */
async function inWindow() {
  const { JSDOM } = await import("jsdom");
  const { window } = new JSDOM("", { url: "http://localhost", runScripts: "outside-only" });
  window.eval(readFileSync(new URL("window.js", import.meta.url), "utf8"));
  const { Client, createSecret, behaviours } = window;
  return { window, Client, createSecret, behaviours };
}

async function control(action) {
  report({ action });
  await nextLine();
}

async function nextLine() {
  return (await lines.next()).value;
}

function report(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
