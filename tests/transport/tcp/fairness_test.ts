/** Pairs that all send as fast as they can get the same share. */

import { Pace } from "../../helpers/pace.ts";
import { startRelay } from "../../helpers/process.ts";
import { frameOf, RawConnection, type Target } from "../../helpers/raw.ts";
import { TCP_VARIANTS } from "../../helpers/transports.ts";

const KIB = 1024;
const PAIRS = 50;
const MESSAGE_BYTES = 64 * KIB;
/** Messages under way in each pair. */
const WINDOW = 32;
/** Of each pair, in the middle: until all are at full speed, and then. TLS is read in larger shares, which even out later. */
const MESSAGES = { before: WINDOW, counted: 3 * WINDOW, countedWithTls: 12 * WINDOW };
/**
 * One of so many has to be fair. On loopback a segment is as large as a window, and when the window opens by less, the
 * system may let a sender wait for 200 ms, again and again: that slows some pairs in every second round.
 */
const ROUNDS = 10;
const MOST_RATIO = 1.5;

/** A client's frame. On its way it loses its mask. */
const FRAME = frameOf(2, new Uint8Array(MESSAGE_BYTES));
const FRAME_BYTES = FRAME.byteLength - 4;

/** One pair, in which a new message is sent for each that comes. */
class Pair {
  messages = 0;
  #bytes = 0;
  #mayBeSent = WINDOW;
  #isStopped = false;
  #wake: () => void = () => {};

  private constructor(readonly sender: RawConnection, readonly reader: RawConnection, readonly pace: Pace) {}

  static async open(target: Target, document: string, pace: Pace): Promise<Pair> {
    const sender = await RawConnection.upgrade(target, `/connection/a/b/${document}`);
    return new Pair(sender, await RawConnection.upgrade(target, `/connection/b/a/${document}`), pace);
  }

  async play(counted: () => void): Promise<void> {
    await Promise.all([this.#send(), this.#count(counted)]);
    for (const raw of [this.sender, this.reader]) raw[Symbol.dispose]();
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  async #send(): Promise<void> {
    while (!this.#isStopped || this.#mayBeSent < WINDOW) {
      if (this.#isStopped || this.#mayBeSent === 0) {
        await new Promise<void>((resolve) => this.#wake = resolve);
      } else {
        this.#mayBeSent -= 1;
        await this.sender.write(FRAME);
        await this.pace.after(MESSAGE_BYTES);
      }
    }
  }

  async #count(counted: () => void): Promise<void> {
    const room = new Uint8Array(MESSAGE_BYTES);
    while (!this.#isStopped || this.#mayBeSent < WINDOW) {
      this.#bytes += await this.reader.connection.read(room) ?? 0;
      await this.pace.after(MESSAGE_BYTES / 2);
      for (; this.#bytes >= FRAME_BYTES; this.#bytes -= FRAME_BYTES) {
        this.messages += 1;
        this.#mayBeSent += 1;
        counted();
      }
      this.#wake();
    }
  }
}

for (const { name, flags, isTls } of TCP_VARIANTS) {
  Deno.test(`${name}: the fastest of ${PAIRS} busy pairs gets at most ${MOST_RATIO} times what the slowest gets`, async () => {
    const seen: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await using relay = await startRelay([...flags]);
      const counts = await play(relay, isTls ? MESSAGES.countedWithTls : MESSAGES.counted);
      const [least, most] = [Math.min(...counts), Math.max(...counts)];
      if (most / least <= MOST_RATIO) return;
      seen.push(`from ${least} to ${most} messages`);
    }
    throw new Error(`Cannot be fair: want a ratio of at most ${MOST_RATIO}, got ${seen.join(", ")}`);
  });
}

/** How many messages each pair got, while all of them got so many on average. */
async function play(target: Target, messages: number): Promise<number[]> {
  const pace = new Pace();
  const pairs = await Promise.all(Array.from({ length: PAIRS }, (_, i) => Pair.open(target, `doc${i}`, pace)));
  const atFullSpeed = PAIRS * MESSAGES.before;
  let total = 0;
  let before: number[] = [];
  let counts: number[] | undefined;
  const counted = () => {
    if (++total === atFullSpeed) before = pairs.map(({ messages }) => messages);
    if (total < atFullSpeed + PAIRS * messages || counts !== undefined) return;
    counts = pairs.map(({ messages }, i) => messages - before[i]);
    for (const pair of pairs) pair.stop();
  };
  await Promise.all(pairs.map((pair) => pair.play(counted)));
  return counts!;
}
