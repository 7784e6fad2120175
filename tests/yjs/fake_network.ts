/** A relay in memory with any number of clients, their network and time, all in the hands of a test. */

import type { Environment } from "../../src/client/environment.ts";
import type { WebSocketClass } from "../../src/client/peer_socket.ts";
import { FakeSocket, turn } from "../client/fake_relay.ts";
import { FakeClock } from "../helpers/fakes.ts";

/** Whatever is said takes this long, in milliseconds, and keeps its order. */
export type Delay = () => number;

/** Introduces and connects. It knows of no more than the Joins that providers say. */
export class FakeNetwork {
  readonly clock = new FakeClock();
  readonly #delay: Delay;
  readonly #sockets = new Set<NetworkSocket>();
  #isAway = false;

  constructor(delay: Delay = () => 10) {
    this.#delay = delay;
  }

  get environment(): Environment {
    return {
      random: () => 0.5,
      now: () => this.clock.now(),
      after: (milliseconds, action) => {
        const timer = this.clock.after(milliseconds, action);
        return () => timer.cancel();
      },
      network: undefined,
    };
  }

  /** The class of its sockets. */
  get WebSocket(): WebSocketClass {
    // deno-lint-ignore no-this-alias -- of the class below, `this` is another
    const network = this;
    return class extends NetworkSocket {
      constructor(url: string) {
        super(url, network);
        network.#dialled(this);
      }
    };
  }

  /** Lets time pass, and what follows from it happen. */
  async pass(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 5) {
      this.clock.pass(5);
      await turn();
    }
  }

  /** The relay is killed, and everything with it; it stays away until `comeBack()`. */
  goAway(): void {
    this.#isAway = true;
    for (const socket of [...this.#sockets]) this.ended(socket, 1006);
  }

  comeBack(): void {
    this.#isAway = false;
  }

  /** A socket says something. */
  said(from: NetworkSocket, data: string | Uint8Array): void {
    if (from.kind === "connection") return this.#pass(from, data);
    const { type, join } = JSON.parse(data as string);
    if (type === "Join") this.#later(from, () => this.#introduce(from, join));
  }

  /** A socket is closed by its client, or was lost. */
  ended(socket: NetworkSocket, code: number): void {
    if (!this.#sockets.delete(socket)) return;
    const { partner } = socket;
    this.#later(socket, () => socket.end(code));
    if (partner !== undefined) this.#later(socket, () => this.ended(partner, code === 1006 ? 4410 : code));
  }

  #dialled(socket: NetworkSocket): void {
    this.#later(socket, () => this.#isAway ? socket.end() : this.#open(socket));
  }

  #open(socket: NetworkSocket): void {
    if (socket.readyState > 1) return socket.end();
    this.#sockets.add(socket);
    socket.open();
    const [local, remote, documentId] = socket.ids;
    const reciprocal = [remote, local, documentId].join();
    const partner = [...this.#sockets].find((other) => other.kind === "connection" && other.ids.join() === reciprocal);
    if (socket.kind !== "connection" || partner === undefined) return;
    [socket.partner, partner.partner] = [partner, socket];
    for (const from of [socket, partner]) for (const data of from.held.splice(0)) this.#pass(from, data);
  }

  #introduce(newcomer: NetworkSocket, documentIds: string[]): void {
    newcomer.joined = new Set(documentIds);
    for (const other of this.#sockets) {
      const shared = documentIds.filter((id) => other.joined.has(id));
      if (other === newcomer || shared.length === 0) continue;
      for (const [to, about] of [[newcomer, other], [other, newcomer]]) {
        const message = JSON.stringify({ type: "Introduction", userName: about.ids[0], documentIds: shared });
        this.#later(to, () => to.receive(message));
      }
    }
  }

  #pass(from: NetworkSocket, data: string | Uint8Array): void {
    const to = from.partner;
    if (to === undefined) from.held.push(data);
    else this.#later(to, () => to.receive(typeof data === "string" ? data : data.slice().buffer));
  }

  #later(socket: NetworkSocket, action: () => void): void {
    socket.busyUntil = Math.max(socket.busyUntil, this.clock.now() + this.#delay());
    this.clock.after(socket.busyUntil - this.clock.now(), action);
  }
}

/** One client's socket. */
export class NetworkSocket extends FakeSocket {
  readonly kind: string;
  readonly ids: string[];
  joined = new Set<string>();
  partner: NetworkSocket | undefined;
  /** What waits for the partner. */
  readonly held: (string | Uint8Array)[] = [];
  busyUntil = 0;
  readonly #network: FakeNetwork;

  constructor(url: string, network: FakeNetwork) {
    super(url);
    [, this.kind, ...this.ids] = new URL(url).pathname.split("/").map(decodeURIComponent);
    this.#network = network;
  }

  override send(data: string): void {
    super.send(data);
    if (this.readyState === 1) this.#network.said(this, data);
  }

  override close(code = 1005): void {
    super.close(code);
    this.#network.ended(this, code);
  }
}
