/** Sealed messages are as large as unsealed ones may be, on every transport. */

import { assertEquals } from "@std/assert";
import { Client, createSecret } from "../../../src/client/mod.ts";
import { startRelay, within } from "../../helpers/process.ts";
import { TRANSPORTS } from "../../helpers/transports.ts";

/** More than a relay keeps for a slow reader. */
const BIG = 40 * 1024 * 1024;

for (const transport of TRANSPORTS) {
  Deno.test(`sealed on ${transport}: one message of 40 MiB, and 20,000 small ones behind it`, async () => {
    await using relay = await startRelay(["--transport", transport]);
    const options = { url: relay.url, documentIds: ["doc"], secret: createSecret() };
    await using alice = new Client({ ...options, userName: "alice" });
    await using bob = new Client({ ...options, userName: "bob" });
    alice.on("peer.connect", ({ socket }) => {
      socket.send(new Uint8Array(BIG).fill(1));
      for (let i = 0; i < 20_000; i++) socket.send(String(i));
      socket.close(4000);
    });
    const heard: unknown[] = [];
    const close = new Promise<number>((resolve) => {
      bob.on("peer.connect", ({ socket }) => {
        socket.on("data", (data) => heard.push(typeof data === "string" ? data : data.byteLength));
        socket.on("close", ({ code }) => resolve(code));
      });
    });
    assertEquals(await within(close, "the end"), 4000);
    assertEquals(heard.length, 20_001);
    assertEquals(heard, [BIG, ...Array.from({ length: 20_000 }, (_, i) => String(i))]);
  });
}
