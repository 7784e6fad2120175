/** The behaviours in Deno: on both transports of the relay, and with the WebSocket of `ws` in place of Deno's. */

import { WebSocket as ws } from "ws";
import { Client, createSecret, type WebSocketClass } from "../../src/client/mod.ts";
import { type Action, behaviours } from "./behaviours.ts";
import { RelayStage } from "./stage.ts";
import { NatsServer } from "../helpers/nats.ts";
import { withProgram } from "../helpers/programs.ts";
import { TRANSPORTS, WITH_TCP } from "../helpers/transports.ts";

interface Setting {
  readonly title: string;
  readonly transport: string;
  readonly WebSocket: WebSocketClass;
  readonly secret?: string;
  readonly multiplex?: boolean;
}

/** On an old Deno, the sockets of `ws` do not tell that nobody listens. */
const OF_WS: Setting[] = WITH_TCP.ignore ? [] : [
  { title: "in Deno, with the WebSocket of ws", transport: "deno", WebSocket: ws },
  { title: "in Deno, sealed, with the WebSocket of ws", transport: "tcp", WebSocket: ws, secret: createSecret() },
];

const SETTINGS: Setting[] = [
  ...TRANSPORTS.map((transport) => ({ title: `in Deno, on ${transport}`, transport, WebSocket })),
  ...TRANSPORTS.map((transport) => ({
    title: `in Deno, with a socket for each conversation, on ${transport}`,
    transport,
    WebSocket,
    multiplex: false,
  })),
  ...TRANSPORTS.map((transport) => ({
    title: `in Deno, sealed, on ${transport}`,
    transport,
    WebSocket,
    secret: createSecret(),
  })),
  ...OF_WS,
];

for (const { title, transport, ...setting } of SETTINGS) {
  Deno.test(title, async (test) => {
    await using relay = await RelayStage.start(["--transport", transport, "--drain-timeout", "1"]);
    const control = relay.control.bind(relay);
    for (const [name, behaviour] of Object.entries(behaviours)) {
      await test.step(name, () => behaviour({ Client, ...setting, url: relay.url, control }));
    }
  });
}

withProgram("nats-server", () => {
  Deno.test("in Deno, clients in turn on one and on the other of two instances", async (test) => {
    await using nats = await NatsServer.start();
    const args = ["--nats", nats.url, "--drain-timeout", "1"];
    await using one = await RelayStage.start(args);
    await using other = await RelayStage.start(args);
    const instances = [one, other];
    const stage = {
      Client,
      /** Each client asks once where its relay is. */
      get url() {
        instances.reverse();
        return instances[0].url;
      },
      control: async (action: Action) => void await Promise.all(instances.map((instance) => instance.control(action))),
    };
    for (const [name, behaviour] of Object.entries(behaviours)) await test.step(name, () => behaviour(stage));

    await test.step("find each other again when NATS was away", () =>
      behaviours["a dropped connection comes back on both sides"]({
        ...stage,
        get url() {
          return stage.url;
        },
        control: async () => {
          while (!await isPaired(one.http));
          await nats.kill();
          await nats.restart();
        },
      }));
  });
});

/** Whether a pair over two instances is there: two who have met may not have been joined yet. */
async function isPaired(http: string): Promise<boolean> {
  const response = await fetch(http, { headers: { accept: "application/json" } });
  return (await response.json()).backplane.remotePairs > 0;
}
