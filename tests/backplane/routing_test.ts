/** Load balancers with the README's configurations, three relay processes behind each: who has to meet, meets. */

import { assert, assertEquals } from "@std/assert";
import { lastingPort } from "../helpers/lasting_port.ts";
import { NatsServer } from "../helpers/nats.ts";
import { Peer } from "../helpers/peer.ts";
import { type Listening, startRelay, within } from "../helpers/process.ts";
import { withProgram } from "../helpers/programs.ts";
import { Proxy } from "../helpers/proxy.ts";

const PAIRS = 600;
/** Pairs that are made at the same time. */
const AT_ONCE = 50;
/** What ids may contain that a path cannot, or that a proxy may see otherwise than the relay. */
const SPECIALS = ["", "/", " a b ", "%", "%2F", "?&#", "ü 日本 🐟", "+", "a//b", "/..", "'(!*)'", "\n", '"\\'];

withProgram("haproxy", () => {
  declareTests("haproxy");

  Deno.test("haproxy: when the first instance is back, those who were introduced elsewhere are sent there", async () => {
    await using relays = await Relays.start(3);
    await using proxy = await Proxy.start("haproxy", relays.ports);
    relays.all[0].signal("SIGKILL");
    await proxy.child.nextErrorLine(/Server introduction\/one is DOWN/);
    const elsewhere = await introduced(proxy);
    await relays.restart(0);
    await within(Promise.all(elsewhere.map((peer) => peer.closed)), "those elsewhere to be sent away");
    const back = await introduced(proxy);
    assertEquals((await counts(relays.all[0])).peers, 2);
    await hangUp(...back);
  });

  withProgram("nats-server", () => {
    Deno.test("haproxy with NATS: who waits elsewhere when an instance comes back is joined with who comes to it", async () => {
      await using nats = await NatsServer.start();
      await using relays = await Relays.start(3, ["--nats", nats.url]);
      await using proxy = await Proxy.start("haproxy", relays.ports);
      const document = await documentAt(relays.all[0], proxy);
      relays.all[0].signal("SIGKILL");
      await proxy.child.nextErrorLine(/Server connection\/one is DOWN/);
      const alice = await Peer.open(`${proxy.url}/connection/alice/bob/${document}`);
      alice.send("I was here before");
      await relays.restart(0);
      await proxy.child.nextErrorLine(/Server connection\/one is UP/);
      const bob = await Peer.open(`${proxy.url}/connection/bob/alice/${document}`);
      assertEquals(await bob.next(), "I was here before");
      assertEquals((await counts(relays.all[0])).pairs, 1);
      await hangUp(...await talk([alice, bob]));
    });
  });
});

withProgram("nginx", () => declareTests("nginx"));

/** What holds behind any of them. */
function declareTests(balancer: "haproxy" | "nginx"): void {
  Deno.test(`${balancer}: 600 of 600 pairs meet behind it, over three instances, whatever their ids contain`, async () => {
    await using relays = await Relays.start(3);
    await using proxy = await Proxy.start(balancer, relays.ports);
    const pairs: Peer[][] = [];
    for (let i = 0; i < PAIRS; i += AT_ONCE) {
      const numbers = Array.from({ length: AT_ONCE }, (_, j) => i + j);
      pairs.push(...await Promise.all(numbers.map((number) => pairThat(proxy, number))));
    }
    const shares = await Promise.all(relays.all.map(async (relay) => (await counts(relay)).pairs));
    assertEquals(shares.reduce((sum, share) => sum + share), PAIRS);
    for (const share of shares) assert(share > PAIRS / 10, `want work for all instances, got ${shares}`);
    await hangUp(...pairs.flat());
  });

  Deno.test(`${balancer}: both sides of a pair meet, though one spells the document otherwise, or shows a token in its path`, async () => {
    await using relays = await Relays.start(3, ["--token", "s3cret"]);
    await using proxy = await Proxy.start(balancer, relays.ports);
    for (let i = 0; i < 20; i++) {
      const spelled = `/connection/alice/bob/automerge:${i}(')%20%C3%BC?token=s3cret`;
      const escaped = `/t/s3cret/connection/bob/alice/automerge%3A${i}%28%27%29%20%c3%bc`;
      await hangUp(...await talk(await Promise.all([spelled, escaped].map((path) => Peer.open(proxy.url + path)))));
    }
  });

  Deno.test(`${balancer}: peers are introduced behind it, also after their instance has died`, async () => {
    await using relays = await Relays.start(3);
    await using proxy = await Proxy.start(balancer, relays.ports);
    const before = await introduced(proxy);
    const peers = await Promise.all(relays.all.map(async (relay) => (await counts(relay)).peers));
    assertEquals(peers.toSorted(), [0, 0, 2]);
    relays.all[peers.indexOf(2)].signal("SIGKILL");
    await within(Promise.all(before.map((peer) => peer.closed)), "the peers of a dead instance to be told");
    await hangUp(...await introduced(proxy));
  });
}

/** Instances that can come back where they were. */
class Relays implements AsyncDisposable {
  readonly ports: readonly number[];

  private constructor(readonly all: Listening[], readonly args: readonly string[]) {
    this.ports = all.map(({ port }) => port);
  }

  static async start(count: number, args: readonly string[] = []): Promise<Relays> {
    const ports = Array.from({ length: count }, () => lastingPort());
    return new Relays(await Promise.all(ports.map((port) => startAt(port, args))), args);
  }

  async restart(index: number): Promise<void> {
    await this.all[index][Symbol.asyncDispose]();
    this.all[index] = await startAt(this.ports[index], this.args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((relay) => relay[Symbol.asyncDispose]()));
  }
}

function startAt(port: number, args: readonly string[]): Promise<Listening> {
  return startRelay(["--port", `${port}`, ...args]);
}

/** Two who connect to each other at the same time, and have talked. */
async function pairThat(proxy: Proxy, number: number): Promise<Peer[]> {
  const special = SPECIALS[number % SPECIALS.length];
  const [alice, bob, document] = [`alice${special}`, `${special}bob`, `${special}${number}${special}`].map(
    encodeURIComponent,
  );
  const paths = [`${alice}/${bob}/${document}`, `${bob}/${alice}/${document}`];
  return await talk(await Promise.all(paths.map((path) => Peer.open(`${proxy.url}/connection/${path}`))));
}

async function talk(pair: Peer[]): Promise<Peer[]> {
  const [alice, bob] = pair;
  alice.send("from alice");
  bob.send("from bob");
  assertEquals([await alice.next(), await bob.next()], ["from bob", "from alice"]);
  return pair;
}

/** Two who are introduced to each other. */
async function introduced(proxy: Proxy): Promise<Peer[]> {
  const peers = await Promise.all(["alice/a", "bob b"].map((id) => comes(proxy, id)));
  for (const peer of peers) peer.say({ type: "Join", join: ["doc"] });
  for (const [i, userName] of ["bob b", "alice/a"].entries()) {
    assertEquals(await peers[i].heard(), { type: "Introduction", userName, documentIds: ["doc"] });
  }
  return peers;
}

/** Like any client, until it is let in. */
async function comes(proxy: Proxy, id: string): Promise<Peer> {
  const insist = async (): Promise<Peer> => {
    try {
      return await Peer.open(`${proxy.url}/introduction/${encodeURIComponent(id)}`);
    } catch {
      return await insist();
    }
  };
  return await within(insist(), `${id} to be let in`);
}

/** A document about which connections come to this instance. */
async function documentAt(relay: Listening, proxy: Proxy): Promise<string> {
  for (let i = 0;; i++) {
    await using _peer = await Peer.open(`${proxy.url}/connection/eve/mallory/doc-${i}`);
    if ((await counts(relay)).seekers === 1) return `doc-${i}`;
  }
}

async function counts(relay: Listening): Promise<{ peers: number; seekers: number; pairs: number }> {
  return await (await fetch(relay.http, { headers: { accept: "application/json" } })).json();
}

async function hangUp(...peers: Peer[]): Promise<void> {
  await Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]()));
}
