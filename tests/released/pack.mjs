/** Prints what the encoder of generation 4 makes of a JSON value, in hex: `node pack.mjs '{"type":"Heartbeat"}'`. */
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import process from "node:process";

const { pack } = createRequire(import.meta.url)("msgpackr");
console.log(Buffer.from(pack(JSON.parse(process.argv[2]))).toString("hex"));
