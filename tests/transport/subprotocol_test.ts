/** Who asks for a subprotocol can connect: with `ws`, with undici, and in browsers, which hang up when none is chosen. */

import { assertEquals } from "@std/assert";
import { testInEngines } from "../browsers/engines.ts";
import { Child, startRelay } from "../helpers/process.ts";
import { installReleased } from "../helpers/released.ts";
import { TRANSPORTS } from "../helpers/transports.ts";

const FOLDER = new URL("../released/", import.meta.url);
const PATHS = ["/introduction/alice", "/connection/alice/bob/doc"];

for (const transport of TRANSPORTS) {
  Deno.test(`${transport}: ws and undici get the first subprotocol that they ask for`, async () => {
    await installReleased();
    await using relay = await startRelay(["--transport", transport]);
    for (const path of PATHS) {
      const args = ["--experimental-websocket", "--no-warnings", "subprotocol.mjs", relay.url + path];
      await using node = new Child("Node", "node", { args, cwd: FOLDER });
      assertEquals(JSON.parse(await node.nextLine("the subprotocols", (line) => line)), { ws: "chat", undici: "chat" });
    }
  });
}

testInEngines("a page gets the first subprotocol that it asks for", async (engine) => {
  await using browser = await engine.launch();
  for (const transport of TRANSPORTS) {
    await using relay = await startRelay(["--transport", transport]);
    const tab = await browser.open(relay.http);
    for (const path of PATHS) assertEquals(await tab.evaluate(askInPage, relay.url + path), "chat", transport);
  }
});

/** Runs in the page. */
function askInPage(url: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, ["chat", "superchat"]);
    socket.onopen = () => resolve(socket.protocol);
    socket.onerror = () => resolve("failed");
  });
}
