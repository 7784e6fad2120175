/** A relay whose requests, sockets and time tests hold in their hands. */

import type { RelayConfig } from "../../src/server/config.ts";
import { Server } from "../../src/server/server.ts";
import { type Handler, type Transport, Upgrade } from "../../src/server/transport/transport.ts";
import { FakeClock, FakeSocket } from "./fakes.ts";

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

/** A relay that listens to nobody but the test. */
export class HeldRelay {
  readonly clock = new FakeClock();
  readonly transport = new FakeTransport();
  readonly server: Server;

  private constructor(config: Partial<RelayConfig>) {
    this.server = new Server(config, { clock: this.clock, transport: this.transport });
  }

  static async start(config: Partial<RelayConfig> = {}): Promise<HeldRelay> {
    const relay = new HeldRelay(config);
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
