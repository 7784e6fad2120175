/** What the client manual shows of streams, run as it stands there. */

import { assert, assertEquals } from "@std/assert";
import jwt from "jsonwebtoken";
import * as library from "../../src/client/mod.ts";
import { startRelay, within } from "../helpers/process.ts";
import { block } from "../helpers/readme.ts";

const KEY = "a key of at least thirty-two bytes, for HS256";
const MIB = 1024 * 1024;
const CHUNKS = 64;
const CHUNK = new Uint8Array(256 * 1024);
/** What `ready` promises. */
const READY_BELOW_BYTES = 256 * 1024;

/** What the example exports. */
interface Example {
  sendAll(socket: library.PeerSocket, chunks: Iterable<Uint8Array>): Promise<void>;
  hearRefusals(client: library.Client, refused: (documentIds: string[], reason: string) => void): void;
}

for (const multiplex of [true, false]) {
  Deno.test(`the manual: who waits for ready before it sends keeps little waiting, ${multiplex ? "in a stream" : "in a socket"}`, async () => {
    const { sendAll } = await example();
    await using relay = await startRelay(["--transport", "tcp"]);
    const options = { url: relay.url, documentIds: ["doc"], multiplex };
    await using alice = new library.Client({ ...options, userName: "alice" });
    await using bob = new library.Client({ ...options, userName: "bob" });
    let heard = 0;
    const all = new Promise<void>((resolve) => {
      bob.on("peer.connect", ({ socket }) => {
        socket.on("data", (data) => {
          heard += (data as ArrayBuffer).byteLength;
          if (heard === CHUNKS * CHUNK.length) resolve();
        });
      });
    });
    const socket = await new Promise<library.PeerSocket>((resolve) => {
      alice.on("peer.connect", ({ socket }) => resolve(socket));
    });
    let most = 0;
    const chunks = function* () {
      for (let i = 0; i < CHUNKS; i++) {
        most = Math.max(most, socket.bufferedAmount);
        yield CHUNK;
      }
    };
    await within(sendAll(socket, chunks()), "all to be sent");
    await within(all, "all to be heard");
    assert(most <= READY_BELOW_BYTES + CHUNK.length, `${most / MIB} MiB waited`);
  });
}

Deno.test("the manual: a refused document is heard of by its name, with the reason", async () => {
  const { hearRefusals } = await example();
  await using relay = await startRelay([], { env: { RELAY_JWT_SECRET: KEY } });
  const token = jwt.sign({ sub: "alice", docs: ["mine"] }, KEY);
  await using alice = new library.Client({ url: relay.url, userName: "alice", token, documentIds: ["mine", "theirs"] });
  const refused = new Promise((resolve) => hearRefusals(alice, (...values) => resolve(values)));
  assertEquals(await within(refused, "a refusal"), [["theirs"], "forbidden"]);
});

/** The example is a module, which imports the package by its name: here it gets this client. */
async function example(): Promise<Example> {
  const code = (await block("js")).replace(
    /import \{ RefusalError \} from "@localfirst\/relay\/client";/,
    "const { RefusalError } = globalThis.library;",
  );
  Object.assign(globalThis, { library });
  return await import(`data:text/javascript,${encodeURIComponent(code)}`);
}
