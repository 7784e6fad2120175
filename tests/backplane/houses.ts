/**
 * Several instances over a bus in memory: real rooms, sockets and time in the test's hands.
 *
 * @module
 */

import { CLOSE } from "../../src/protocol.ts";
import { SharedBackplane } from "../../src/server/backplane/shared_backplane.ts";
import { Broker } from "../../src/server/pairing/broker.ts";
import { MemoryBudget } from "../../src/server/core/memory_budget.ts";
import { Counters } from "../../src/server/metrics/counters.ts";
import { Poll } from "../../src/server/core/scheduling/poll.ts";
import { WorkScheduler } from "../../src/server/core/scheduling/work_scheduler.ts";
import { Introducer } from "../../src/server/discovery/introducer.ts";
import type { ConnectionKey } from "../../src/server/core/connection_key.ts";
import { FakeClock, FakeSocket, silentLog } from "../helpers/fakes.ts";
import { type FakeBus, FakeNetwork } from "./fake_bus.ts";

const MIB = 1024 * 1024;

interface HouseOptions {
  readonly splices?: boolean;
  readonly timeOfDay: () => number;
  /** What the instance may buffer in all. */
  readonly bufferBytes?: number;
}

/** The rooms of one instance. */
export class House {
  readonly counters = new Counters();
  readonly introducer: Introducer;
  readonly broker: Broker;
  readonly backplane: SharedBackplane;
  readonly sockets = new Set<FakeSocket>();

  constructor(
    readonly clock: FakeClock,
    readonly bus: FakeBus,
    { splices = false, timeOfDay, bufferBytes = Infinity }: HouseOptions,
  ) {
    const { counters } = this;
    const shared = { clock, counters, log: silentLog, scheduler: new WorkScheduler(clock, new Poll(clock)) };
    const backplane = this.backplane = new SharedBackplane(bus, {
      ...shared,
      maxMessageBytes: 64 * MIB,
      splices,
      timeOfDay,
    });
    const parts = { ...shared, buffers: new MemoryBudget(bufferBytes, clock), backplane };
    this.introducer = new Introducer(parts);
    const remind = (pending: ConnectionKey) => {
      this.introducer.remind(pending);
      return backplane.status.connected;
    };
    const isInterested = this.introducer.isInterested.bind(this.introducer);
    this.broker = new Broker({ ...parts, holdTimeout: 600, maxBufferedBytes: 16 * MIB, remind, isInterested });
    backplane.open({
      introduce: (...args) => this.introducer.introduce(...args),
      charge: (...args) => this.introducer.charge(...args),
      remind: (waiting) => this.introducer.remindHere(waiting),
      joinRemote: (...args) => this.broker.joinRemote(...args),
      supersede: (key) => this.broker.supersede(key),
      sighted: (...args) => this.broker.sighted(...args),
    });
  }

  enter(peerId: string, ...join: string[]): FakeSocket {
    const socket = this.#open();
    this.introducer.welcome(peerId, socket);
    if (join.length > 0) socket.say({ type: "Join", join });
    return socket;
  }

  /** @param requestedAt When it was asked for, if not just now. */
  connect(localId: string, remoteId: string, documentId = "doc", requestedAt?: number): FakeSocket {
    return this.carry(new FakeSocket(), { localId, remoteId, documentId, requestedAt });
  }

  carry<Socket extends FakeSocket>(socket: Socket, key: ConnectionKey): Socket {
    this.sockets.add(socket);
    this.broker.welcome(key, socket);
    return socket;
  }

  /** The machine is gone. */
  crash(): void {
    this.bus.crash();
    for (const socket of this.sockets) socket.close(CLOSE.restarting);
  }

  #open(): FakeSocket {
    const socket = new FakeSocket();
    this.sockets.add(socket);
    return socket;
  }
}

/** Instances with one time and one network. */
export class Houses {
  readonly clock = new FakeClock();
  readonly network: FakeNetwork;
  readonly all: House[];

  constructor(count: number, options: { random?: () => number; splices?: boolean[]; bufferBytes?: number } = {}) {
    this.network = new FakeNetwork(options.random);
    // Time of day that never stands still: of two arrivals one is newer.
    let arrivals = 0;
    const timeOfDay = () => this.clock.now() + ++arrivals / 1e6;
    this.all = Array.from({ length: count }, (_, i) => {
      const { splices, bufferBytes } = options;
      return new House(this.clock, this.network.bus(), { splices: splices?.[i], timeOfDay, bufferBytes });
    });
    this.network.settle();
  }

  /** Lets time pass in small steps, with all that is said in it. */
  pass(ms: number, step = 50): void {
    for (let left = ms; left > 0; left -= step) {
      this.network.settle();
      this.clock.pass(Math.min(step, left));
    }
    this.network.settle();
    this.clock.pass(0);
    this.network.settle();
  }
}

/** A frame without what tells a `Buffer` from other bytes. */
export function plain(frame: unknown): unknown {
  return frame instanceof Uint8Array ? new Uint8Array(frame) : frame;
}
