/** Our client with the released clients through our relay, and with the released relay 3.6.2. */

import { assertEquals } from "@std/assert";
import { Client } from "../../src/client/mod.ts";
import { NatsServer } from "../helpers/nats.ts";
import { within } from "../helpers/process.ts";
import { withProgram } from "../helpers/programs.ts";
import { type Generation, ReleasedClient, startAncestor } from "../helpers/released.ts";
import { TRANSPORTS } from "../helpers/transports.ts";
import { RelayStage } from "./stage.ts";

const BYTES = new Uint8Array([0, 0xc0, 0xff]);

for (const generation of [3, 4, 4.1] as const) {
  for (const transport of TRANSPORTS) {
    Deno.test(`released: our client with client ${generation}, both ways, on ${transport}`, async () => {
      await using relay = await RelayStage.start(["--transport", transport]);
      await using pair = await Pair.meet(relay, generation);
      await pair.talk();
    });
  }

  Deno.test(`released: client ${generation} leaves and ours is told, and the other way round`, async () => {
    await using relay = await RelayStage.start();
    await using pair = await Pair.meet(relay, generation);
    const { ours, released } = pair;
    await released.leave("doc");
    await pair.parted();
    await released.join("doc");
    await pair.met();
    ours.leave("doc");
    await released.next("peer.disconnect");
    ours.join("doc");
    await pair.met();
    await pair.talk();
  });

  Deno.test(`released: our client and client ${generation} find each other again after drops and restarts`, async () => {
    await using relay = await RelayStage.start(["--drain-timeout", "1"]);
    await using pair = await Pair.meet(relay, generation);
    for (const action of ["cut connections", "cut", "kill", "drain"] as const) {
      await relay.control(action);
      await pair.parted();
      await pair.met();
      await pair.talk();
    }
  });
}

for (const transport of TRANSPORTS) {
  withProgram("nats-server", () => {
    Deno.test(`released: our client with clients 3 and 4 on another instance, both ways, on ${transport}`, async () => {
      await using nats = await NatsServer.start();
      const args = ["--transport", transport, "--nats", nats.url];
      await using one = await RelayStage.start(args);
      await using other = await RelayStage.start(args);
      for (const generation of [3, 4] as const) {
        await using pair = await Pair.meet(one, generation, other);
        await pair.talk();
        await pair.released.leave("doc");
        await pair.parted();
      }
    });
  });
}

Deno.test("released: our client meets client 3 on relay 3.6.2", async () => {
  await using relay = await RelayStage.start([], () => startAncestor(3));
  await using pair = await Pair.meet(relay, 3);
  await pair.talk();
});

Deno.test("released: on relay 3.6.2 our clients find each other, and again when it was restarted or cut off", async () => {
  await using relay = await RelayStage.start([], () => startAncestor(3));
  await using alice = client(relay, "alice");
  await using bob = client(relay, "bob");
  await within(Promise.all([connection(alice, "bob"), connection(bob, "alice")]), "them to meet");
  for (const action of ["kill", "cut connections", "cut"] as const) {
    const again = Promise.all([connection(alice, "bob"), connection(bob, "alice")]);
    await relay.control(action);
    await within(again, `them to meet after "${action}"`);
  }
});

/** Our client "ours" and a released one, "theirs", who are connected about "doc". */
class Pair implements AsyncDisposable {
  #connected: Promise<void>;
  #disconnected: Promise<void>;
  #data = Promise.withResolvers<unknown>();

  /** @param other Where the released client is, if it is elsewhere. */
  static async meet(relay: RelayStage, generation: Generation, other = relay): Promise<Pair> {
    const released = await ReleasedClient.start({ generation, userName: "theirs", url: other.url });
    const pair = new Pair(client(relay, "ours"), released);
    await released.join("doc");
    await pair.met();
    return pair;
  }

  private constructor(readonly ours: Client, readonly released: ReleasedClient) {
    this.#connected = connection(ours, "theirs");
    this.#disconnected = disconnection(ours);
    ours.on("peer.connect", ({ socket }) => socket.on("data", (data) => this.#data.resolve(data)));
  }

  /** Both are told that they are connected. */
  async met(): Promise<void> {
    const both = Promise.all([this.#connected, this.released.next("peer.connect", { userName: "ours" })]);
    await within(both, "ours and theirs to be connected");
    this.#connected = connection(this.ours, "theirs");
  }

  /** Both are told that they are not connected any more. */
  async parted(): Promise<void> {
    const both = Promise.all([this.#disconnected, this.released.next("peer.disconnect", { userName: "ours" })]);
    await within(both, "ours and theirs to be disconnected");
    this.#disconnected = disconnection(this.ours);
  }

  /** Text and binary, both ways. */
  async talk(): Promise<void> {
    for (const data of ["Hello! 🎉", BYTES]) {
      this.ours.get("theirs", "doc")!.write(data);
      assertEquals((await this.released.next("message", { userName: "ours" })).data, data);
      this.#data = Promise.withResolvers();
      await this.released.send("ours", "doc", data);
      const heard = await within(this.#data.promise, "ours to hear theirs");
      assertEquals(typeof heard === "string" ? heard : new Uint8Array(heard as ArrayBuffer), data);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ours[Symbol.asyncDispose]();
    await this.released[Symbol.asyncDispose]();
  }
}

function client(relay: RelayStage, userName: string): Client {
  return new Client({ userName, url: relay.url, documentIds: ["doc"], minRetryDelay: 50, maxRetryDelay: 1000 });
}

function connection(client: Client, peer: string): Promise<void> {
  return new Promise((resolve) => client.on("peer.connect", ({ userName }) => userName === peer && resolve()));
}

function disconnection(client: Client): Promise<void> {
  return new Promise((resolve) => client.once("peer.disconnect", () => resolve()));
}
