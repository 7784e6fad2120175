/** What instances make each other do, and who pays for it. */

import { assertEquals } from "@std/assert";
import type { LocalServices } from "../../../src/server/backplane/backplane.ts";
import { Interests } from "../../../src/server/backplane/discovery/interests.ts";
import { toMessage } from "../../../src/server/backplane/messages.ts";
import { decode } from "../../../src/server/backplane/codec.ts";
import { WIRE_LIMITS } from "../../../src/protocol.ts";
import { LIMITS } from "../../../src/server/core/limits.ts";
import { Poll } from "../../../src/server/core/scheduling/poll.ts";
import { WorkScheduler } from "../../../src/server/core/scheduling/work_scheduler.ts";
import type { Steps } from "../../../src/server/core/scheduling/work_scheduler.ts";
import { FakeClock, silentLog } from "../../helpers/fakes.ts";
import { type FakeBus, FakeNetwork } from "../fake_bus.ts";

/** LocalServices that write down what is asked of them. */
class Ledger implements LocalServices {
  readonly introduced: string[] = [];
  readonly charged: Record<string, number> = {};
  readonly reminded: string[] = [];

  *introduce(listenerId: string, peerId: string, documentIds: readonly string[]): Steps {
    this.introduced.push(`${listenerId} ${peerId} ${documentIds}`);
    yield;
  }

  charge(peerId: string, work: number): void {
    this.charged[peerId] = (this.charged[peerId] ?? 0) + work;
  }

  remind({ localId, remoteId, documentId }: { localId: string; remoteId: string; documentId: string }): void {
    this.reminded.push(`${localId} ${remoteId} ${documentId}`);
  }

  joinRemote(): boolean {
    return false;
  }

  supersede(): void {}

  sighted(): void {}
}

class Instance {
  readonly services = new Ledger();
  readonly interests: Interests;

  constructor(readonly bus: FakeBus, clock: FakeClock) {
    this.interests = new Interests({
      bus,
      clock,
      services: this.services,
      log: silentLog,
      scheduler: new WorkScheduler(clock, new Poll(clock)),
    });
    bus.open({
      connected: () => this.interests.announceAll(),
      disconnected: () => {},
      received: (data) => this.#received(data),
      unreachable: () => {},
    });
  }

  enter(peerId: string, documentId: string): void {
    this.interests.added(peerId, documentId);
    this.interests.joined(peerId, documentId);
  }

  #received(data: Uint8Array<ArrayBuffer>): void {
    const heard = decode(data);
    const message = heard?.type === "json" ? toMessage(heard.value) : undefined;
    if (message?.kind === "here") this.interests.received(message, data.byteLength);
  }
}

class Instances {
  readonly clock = new FakeClock();
  readonly network = new FakeNetwork();
  readonly one = new Instance(this.network.bus(), this.clock);
  readonly other = new Instance(this.network.bus(), this.clock);

  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 50) {
      this.network.settle();
      this.clock.pass(50);
    }
    this.network.settle();
    this.clock.pass(LIMITS.pollMs);
    this.network.settle();
  }
}

Deno.test("who joins pays for what the answers cost on both instances, for every socket; nobody else does", () => {
  const instances = new Instances();
  const { one, other } = instances;
  other.enter("bob", "doc");
  for (let i = 0; i < 9; i++) other.interests.added("bob", "doc");
  other.enter("carol", "doc");
  instances.pass(3_000);
  one.enter("alice", "doc");
  instances.pass(3_000);
  assertEquals(one.services.introduced.toSorted(), ["alice bob doc", "alice carol doc"]);
  assertEquals(other.services.introduced.toSorted(), ["bob alice doc", "carol alice doc"]);
  const pair = LIMITS.introductionWork / 2;
  const paid = (1 + 10) * pair + (1 + 1) * pair + 2 * LIMITS.introducedDocumentWork;
  assertEquals([one.services.charged, other.services.charged], [{ alice: paid }, {}]);
});

Deno.test("to tell others costs the peer that joined, and a join that is told with the next costs nothing more", () => {
  const { one } = new Instances();
  one.interests.added("alice", "doc");
  const costs = [1, 2, 3, 4].map(() => one.interests.joined("alice", "doc"));
  assertEquals(costs, [LIMITS.announcementWork, LIMITS.announcementWork, 0, 0]);
});

Deno.test("a crowd is introduced in many turns, and all of it, although only so much is gathered", () => {
  const instances = new Instances();
  const { one, other } = instances;
  other.bus.disconnect();
  for (let i = 0; i < 3_000; i++) other.enter(`peer-${i}`, `doc-${i % 3}`);
  for (let i = 0; i < 3; i++) one.enter("alice", `doc-${i}`);
  instances.pass(3_000);
  instances.clock.tickMs = 0.05;
  other.bus.connect();
  instances.network.settle();
  instances.clock.pass(LIMITS.pollMs);
  assertEquals(one.services.introduced.length < 3_000, true);
  instances.pass(3_000);
  assertEquals([one, other].map(({ services }) => new Set(services.introduced).size), [3_000, 3_000]);
});

Deno.test("announcements of any ids fit the smallest payload that NATS may have", () => {
  const { one, network } = new Instances();
  const sizes: number[] = [];
  one.bus.maxPayload = LIMITS.leastPayloadBytes;
  network.observe = (data) => sizes.push(data.byteLength);
  for (let i = 0; i < 20; i++) one.enter(`${i}`.padEnd(WIRE_LIMITS.idBytes, "\u0001"), "doc");
  one.interests.announceAll();
  const [localId, remoteId] = ["\u0002", "\u0003"].map((id) => id.repeat(WIRE_LIMITS.idBytes));
  one.interests.remind({ localId, remoteId, documentId: "doc" });
  network.settle();
  assertEquals(sizes.filter((bytes) => bytes > LIMITS.leastPayloadBytes), []);
  assertEquals(sizes.length > 30, true);
});
