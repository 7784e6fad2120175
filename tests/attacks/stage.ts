/**
 * One attack on one relay, watched: whether it lives, what memory it took, what others noticed.
 *
 * @module
 */

import { NatsServer } from "../helpers/nats.ts";
import type { Listening } from "../helpers/process.ts";
import type { Conditions, Contestant } from "./contestants.ts";
import type { RawConnection } from "../helpers/raw.ts";
import { soonest } from "./fate.ts";
import { Innocents, type Noticed } from "./innocents.ts";

/** Something bad to do to a relay. */
export interface Attack {
  readonly name: string;
  readonly conditions?: Conditions;
  /** Only our relay: nothing is learned from the ancestor. */
  readonly oursOnly?: boolean;
  /** It is one of two instances that is attacked; innocents are on both, and what those noticed counts who suffered more. */
  readonly isAcross?: boolean;
  /** Opens what has to be there before; the innocents come when it is done. */
  prepare?(relay: Listening, scene: Scene): Promise<RawConnection[]>;
  /** Does it, and says how the attacker ended. */
  run(relay: Listening, scene: Scene): Promise<string>;
}

/** How long attackers wait for what the relay does at last. */
export interface Patience {
  readonly seconds: number;
}

/** What an attacker finds. */
export interface Scene extends Patience {
  /** The other instance, if there are two. */
  readonly elsewhere?: Listening;
}

/** What came of an attack. */
export interface Outcome {
  readonly attack: string;
  readonly contestant: Contestant["name"];
  /** The exit code, if it ended. */
  readonly exitCode: number | undefined;
  readonly peakMib: number;
  readonly noticed: Noticed;
  readonly attacker: string;
}

const LOOK_MS = 50;
const END_SECONDS = 5;

/** Lets one attack loose on one relay. */
export async function play(attack: Attack, contestant: Contestant, patience: Patience): Promise<Outcome> {
  await using nats = attack.isAcross ? await NatsServer.start() : undefined;
  const { options = [], ...conditions } = attack.conditions ?? {};
  const start = () => contestant.start({ ...conditions, options: [...options, ...nats ? ["--nats", nats.url] : []] });
  await using relay = await start();
  await using elsewhere = nats && await start();
  const exit: { code?: number } = {};
  relay.exited.then(({ code }) => exit.code = code);
  const memory = new PeakMemory(relay.pid);
  const relays = elsewhere === undefined ? [relay] : [relay, elsewhere];
  const scene = { ...patience, elsewhere };
  const prepared = await attack.prepare?.(relay, scene) ?? [];
  const innocents = await Promise.all(
    relays.map(({ url, pid }, i) => Innocents.meet({ url, document: `doc-${i}`, relayPid: pid })),
  );
  const attacker = await attack.run(relay, scene);
  const noticed = worst(await Promise.all(innocents.map((pair) => pair.leave())));
  for (const raw of prepared) raw[Symbol.dispose]();
  // An end that has begun is waited for: a drain takes a second, a crash less.
  if (noticed.end !== undefined) await soonest(relay.exited, END_SECONDS, undefined);
  const result = { exitCode: exit.code, peakMib: memory.stop(), noticed, attacker };
  return { attack: attack.name, contestant: contestant.name, ...result };
}

/** Of those who were closed, or else of all, the one who waited longest. */
function worst(all: readonly Noticed[]): Noticed {
  const closed = all.filter(({ end }) => end !== undefined);
  const one = (closed.length > 0 ? closed : all).toSorted((one, other) => other.slowestMs - one.slowestMs)[0];
  return { ...one, mostWorkMs: Math.max(...all.map(({ mostWorkMs }) => mostWorkMs)) };
}

/** The most resident memory that a process ever had, which the kernel knows as long as it lives. */
class PeakMemory {
  #mib = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(readonly pid: number) {
    this.#look();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  stop(): number {
    clearInterval(this.#timer);
    this.#look();
    return this.#mib;
  }

  #look(): void {
    try {
      const status = Deno.readTextFileSync(`/proc/${this.pid}/status`);
      this.#mib = Math.max(this.#mib, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
    } catch {
      // It is gone; what was seen last counts.
    }
  }
}
