/** Who asks for a subprotocol can connect: with `ws`, with undici, and in Chromium, which hang up when none is chosen. */

import { assertEquals } from "@std/assert";
import { Browser, findChromium } from "../client/browser.ts";
import { Child, startRelay } from "../helpers/process.ts";
import { installReleased } from "../helpers/released.ts";
import { TRANSPORTS } from "../helpers/transports.ts";

const FOLDER = new URL("../released/", import.meta.url);
const PATHS = ["/introduction/alice", "/connection/alice/bob/doc"];
const chromium = findChromium();

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

  Deno.test({
    name: `${transport}: Chromium gets the first subprotocol that it asks for`,
    ignore: chromium === undefined,
    async fn() {
      await using relay = await startRelay(["--transport", transport]);
      await using browser = await Browser.launch(chromium!);
      const { page } = await browser.open(relay.http);
      for (const path of PATHS) assertEquals(await page.evaluate(askInPage, relay.url + path), "chat");
    },
  });
}

/** Runs in the page. */
function askInPage(url: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, ["chat", "superchat"]);
    socket.onopen = () => resolve(socket.protocol);
    socket.onerror = () => resolve("failed");
  });
}
