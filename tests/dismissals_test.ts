/** What a relay that drains or is full says to those who still come, with sockets and time that the tests hold. */

import { assertEquals } from "@std/assert";
import { CLOSE } from "../src/protocol.ts";
import type { RelayConfig } from "../src/server/config.ts";
import { LIMITS } from "../src/server/core/limits.ts";
import { Server } from "../src/server/server.ts";
import { type Handler, type Transport, Upgrade } from "../src/server/transport/transport.ts";
import { FakeClock, FakeSocket } from "./helpers/fakes.ts";

/** Carries nothing: tests hand it the requests. */
class FakeTransport implements Transport {
  handle: Handler = () => new Response();

  listen(handler: Handler) {
    this.handle = handler;
    return Promise.resolve({ hostname: "relay", port: 1 });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class Relay {
  readonly clock = new FakeClock();
  readonly transport = new FakeTransport();
  readonly server: Server;

  private constructor(config: Partial<RelayConfig>) {
    this.server = new Server(config, { clock: this.clock, transport: this.transport });
  }

  static async start(config: Partial<RelayConfig> = {}): Promise<Relay> {
    const relay = new Relay(config);
    await relay.server.listen();
    return relay;
  }

  ask(path: string, headers: Record<string, string> = {}): Response | Upgrade {
    const upgrade = { "upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13" };
    const request = new Request(`http://relay${path}`, {
      headers: { ...upgrade, "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", ...headers },
    });
    return this.transport.handle(request, "192.0.2.1");
  }

  open(path: string): FakeSocket {
    const upgrade = this.ask(path);
    if (!(upgrade instanceof Upgrade)) throw new Error(`Cannot open ${path}: got ${upgrade.status}`);
    const socket = new FakeSocket();
    upgrade.opened(socket);
    return socket;
  }

  statusOf(path: string, headers?: Record<string, string>): number | "upgraded" {
    const answer = this.ask(path, headers);
    return answer instanceof Upgrade ? "upgraded" : answer.status;
  }
}

Deno.test("a relay that drains introduces nobody and reminds nobody", async () => {
  const relay = await Relay.start();
  const [alice, bob] = [relay.open("/introduction/alice"), relay.open("/introduction/bob")];
  alice.say({ type: "Join", join: ["doc"] });
  relay.open("/connection/bob/alice/doc");
  relay.server.drain(600);
  bob.say({ type: "Join", join: ["doc"] });
  relay.clock.pass(LIMITS.remindFirstMs + LIMITS.remindEveryMs);
  assertEquals([alice.sent, bob.sent], [[], []]);
});

Deno.test("who connects to a relay that drains hears 1012, a moment after the open", async () => {
  const relay = await Relay.start();
  relay.server.drain(600);
  const late = relay.open("/connection/alice/bob/doc");
  relay.clock.pass(LIMITS.settleMs - 1);
  assertEquals(late.closedWith, undefined);
  relay.clock.pass(1);
  assertEquals(late.closedWith, CLOSE.restarting);
  assertEquals(relay.statusOf("/introduction/alice"), 503);
});

Deno.test("who connects to a full relay hears 1013, and takes no place", async () => {
  const relay = await Relay.start({ maxConnections: 1 });
  relay.open("/introduction/alice");
  const late = relay.open("/connection/alice/bob/doc");
  relay.clock.pass(LIMITS.settleMs);
  assertEquals([late.closedWith, relay.server.status.connections], [CLOSE.full, 1]);
  assertEquals(relay.statusOf("/introduction/bob"), 503);
});

Deno.test("there are 50 sockets for that: beyond, and once they are taken, the refusal is HTTP, until one is gone", async () => {
  const relay = await Relay.start({ maxConnections: 1 });
  relay.open("/introduction/alice");
  const path = (i: number) => `/connection/alice/bob/${i}`;
  const spare = Array.from({ length: LIMITS.spareConnections }, (_, i) => relay.ask(path(i)) as Upgrade);
  assertEquals([spare.every((answer) => answer instanceof Upgrade), relay.statusOf(path(50))], [true, 503]);
  spare[0].ended();
  assertEquals(relay.statusOf(path(51)), "upgraded");
});

Deno.test("who would be refused anyway is refused by HTTP, whatever else the relay is", async () => {
  const relay = await Relay.start({ tokens: ["s3cret"], allowOrigins: ["https://a.example"] });
  relay.server.drain(600);
  const path = "/t/s3cret/connection/alice/bob/doc";
  assertEquals(relay.statusOf(path), "upgraded");
  assertEquals(relay.statusOf("/connection/alice/bob/doc"), 503);
  assertEquals(relay.statusOf(path, { origin: "https://b.example" }), 503);
  assertEquals(relay.statusOf(path, { "sec-websocket-version": "8" }), 503);
});
