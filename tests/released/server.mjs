/** Runs one released server on a free port: `node server.mjs GENERATION`. Prints the port, as JSON, once it listens. */
import { register } from "node:module";
import net from "node:net";
import process from "node:process";

const PATHS = { 3: "relay-3", 4: "relay-4/Server.js" };

// Both servers would tell only the port they were given, not the one they got.
const { listen } = net.Server.prototype;
net.Server.prototype.listen = function (...options) {
  this.once("listening", () => console.log(JSON.stringify({ port: this.address().port })));
  return listen.apply(this, options);
};

register("./hooks.mjs", import.meta.url);
const released = await import(PATHS[process.argv[2]]);
const { Server } = released.default ?? released;
process.stdin.on("end", () => process.exit()).resume(); // whoever started it is gone
await new Server({ port: 0 }).listen({ silent: true });
