/** The behaviours in Deno: on both transports of the relay, and with the WebSocket of `ws` in place of Deno's. */

import { WebSocket as ws } from "ws";
import { Client, type WebSocketClass } from "../../src/client/mod.ts";
import { behaviours } from "./behaviours.ts";
import { RelayStage } from "./stage.ts";
import { TRANSPORTS } from "../helpers/transports.ts";

const STAGES: [title: string, transport: string, WebSocketClass: WebSocketClass][] = [
  ...TRANSPORTS.map((
    transport,
  ): [string, string, WebSocketClass] => [`in Deno, on ${transport}`, transport, WebSocket]),
  ["in Deno, with the WebSocket of ws", "deno", ws],
];

for (const [title, transport, WebSocketClass] of STAGES) {
  Deno.test(title, async (test) => {
    await using relay = await RelayStage.start(["--transport", transport, "--drain-timeout", "1"]);
    const control = relay.control.bind(relay);
    for (const [name, behaviour] of Object.entries(behaviours)) {
      await test.step(name, () => behaviour({ Client, WebSocket: WebSocketClass, url: relay.url, control }));
    }
  });
}
