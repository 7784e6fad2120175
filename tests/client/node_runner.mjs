/**
 * Runs behaviours in Node, one for each name that comes as a line on stdin: `node node_runner.mjs URL ws|platform`. After
 * an empty line it only ends when nothing else keeps it. What is wanted of the relay, and how each ended, goes as JSON lines to stdout. `node_test.ts` is the other end.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { Client } from "@localfirst/relay/client";
import { WebSocket as ws } from "ws";

const { behaviours } = await import(new URL("behaviours.mjs", import.meta.url).href); // made by the test
const [url, source] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const stage = { Client, url, control, ...(source === "ws" && { WebSocket: ws }) };

for (let name = await nextLine(); name !== ""; name = await nextLine()) {
  await behaviours[name](stage).then(() => report({}), (error) => report({ error: error.stack }));
}
process.stdin.destroy();

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
