/** Ten clients on three documents in a storm: when it ends, those who share a document are connected, and no others. */

import { assertEquals, equal } from "@std/assert";
import { Client } from "../../src/client/mod.ts";
import { chance } from "./chance.ts";
import { RelayStage } from "./stage.ts";
import { TRANSPORTS } from "../helpers/transports.ts";

const SEED = 20_26;
const STEPS = 150;
const DOCUMENTS = ["one", "two", "three"];
const CALM_WITHIN_MS = 60_000;

/** How the conversations of the sailors are carried, each in turn. */
const CARRIERS = { "streams": [true], "sockets": [false], "streams and sockets": [true, false] };

const SETTINGS = TRANSPORTS.flatMap((transport) =>
  Object.entries(CARRIERS).map(([name, carriers]) => ({ transport, name, carriers }))
);

for (const { transport, name, carriers } of SETTINGS) {
  Deno.test(`storm: joins, leaves, drops and relay restarts, on transport ${transport}, ${name}`, async () => {
    // Who leaves while another is on the way is waited for, until the relay gives up.
    const args = ["--transport", transport, "--drain-timeout", "1", "--hold-timeout", "3"];
    await using relay = await RelayStage.start(args);
    await using storm = new Storm(relay, carriers);
    for (let step = 0; step < STEPS; step++) await storm.step();
    await storm.calm();
  });
}

class Storm implements AsyncDisposable {
  readonly #relay: RelayStage;
  readonly #random = chance(SEED);
  readonly #sailors: Sailor[];

  constructor(relay: RelayStage, carriers: boolean[]) {
    this.#relay = relay;
    this.#sailors = Array.from(
      { length: 10 },
      (_, i) => new Sailor(`sailor${i}`, relay.url, carriers[i % carriers.length]),
    );
  }

  /** One thing happens to somebody, and then nothing for at most 30 ms. */
  async step(): Promise<void> {
    const sailor = this.#pick(this.#sailors);
    const { client } = sailor;
    const dice = this.#random();
    if (dice < 0.45) client.join(this.#pick(DOCUMENTS));
    else if (dice < 0.65) client.leave(this.#pick(DOCUMENTS));
    else if (dice < 0.8) this.#relay.cable.cut(`/connection/${client.userName}/`);
    else if (dice < 0.9) this.#relay.cable.cut(`/${client.userName}`);
    else if (dice < 0.96) sailor.reconnect();
    else await this.#relay.control(dice < 0.98 ? "kill" : "drain");
    await pause(this.#random() * 30);
  }

  /** Waits until everyone is connected to whom they should be, and nobody else. */
  async calm(): Promise<void> {
    const deadline = Date.now() + CALM_WITHIN_MS;
    const wanted = this.#sailors.map((sailor) => this.#wanted(sailor));
    let got = await this.#state();
    while (!equal(got, [wanted, wanted]) && Date.now() < deadline) got = await this.#state();
    assertEquals(got, [wanted, wanted], "who is connected, and who is heard");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client } of this.#sailors) client.disconnectServer();
    await Promise.all(this.#sailors.map(({ client }) => client[Symbol.asyncDispose]()));
  }

  async #state(): Promise<[connected: string[][], reached: string[][]]> {
    return [this.#connected(), await this.#reached()];
  }

  #wanted({ client }: Sailor): string[] {
    const others = this.#sailors.filter((other) => other.client !== client);
    return others.flatMap(({ client: { userName, documentIds } }) =>
      [...documentIds.intersection(client.documentIds)].map((documentId) => `${userName} about ${documentId}`)
    ).sort();
  }

  #connected(): string[][] {
    return this.#sailors.map(({ client }) =>
      [...client.peers].flatMap(([userName, sockets]) =>
        [...sockets].map(([documentId, socket]) => `${userName} about ${documentId}${socket ? "" : ", almost"}`)
      ).sort()
    );
  }

  /** Whom each of them hears when everyone calls once on every open connection. */
  async #reached(): Promise<string[][]> {
    for (const sailor of this.#sailors) sailor.heard = [];
    for (const { client } of this.#sailors) {
      for (const sockets of client.peers.values()) {
        for (const socket of sockets.values()) if (socket?.readyState === WebSocket.OPEN) socket.write("ahoy");
      }
    }
    await pause(300);
    return this.#sailors.map(({ heard }) => heard.toSorted());
  }

  #pick<T>(list: T[]): T {
    return list[Math.floor(this.#random() * list.length)];
  }
}

/** A client that notes whom it hears. */
class Sailor {
  readonly client: Client;
  heard: string[] = [];

  constructor(userName: string, url: string, multiplex: boolean) {
    this.client = new Client({ userName, url, multiplex, minRetryDelay: 50, maxRetryDelay: 1000 });
    this.client.on("peer.connect", ({ userName, documentId, socket }) => {
      socket.on("data", () => this.heard.push(`${userName} about ${documentId}`));
    });
  }

  reconnect(): void {
    this.client.disconnectServer().connectToServer();
  }
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
