/**
 * What a seal costs: the same messages plain and sealed, from one process to another through a relay, in turns.
 *
 *     deno run -A tests/bench/sealed.ts [ROUNDS]
 *
 * @module
 */

import { createSecret } from "../../src/client/mod.ts";
import { Child, startRelay } from "../helpers/process.ts";
import { median } from "./contest.ts";
import type { Effort } from "./sealed_end.ts";

const ROUNDS = 3;

/** Each takes about a second. */
const GAMES = [
  { bytes: 64, messages: 100_000 },
  { bytes: 64 * 1024, messages: 4_000 },
];
type Game = typeof GAMES[number];

if (import.meta.main) await run(Number(Deno.args[0] ?? ROUNDS));

async function run(rounds: number): Promise<void> {
  await using relay = await startRelay(["--transport", "tcp"]);
  for (const game of GAMES) {
    const efforts: Record<string, [Effort, Effort][]> = { plain: [], sealed: [] };
    for (let round = 0; round < rounds; round++) {
      efforts.plain.push(await play(relay.url, "-", game));
      efforts.sealed.push(await play(relay.url, createSecret(), game));
    }
    for (const [kind, all] of Object.entries(efforts)) console.log(`${game.bytes} B ${kind}: ${describe(all, game)}`);
  }
}

/** What the sender took, and the receiver. */
async function play(url: string, secret: string, { bytes, messages }: Game): Promise<[Effort, Effort]> {
  const start = (role: string) => {
    const args = ["run", "-A", "tests/bench/sealed_end.ts", role, url, secret, `${bytes}`, `${messages}`];
    return new Child(role, Deno.execPath(), { args, cwd: new URL("../../", import.meta.url) });
  };
  await using receiver = start("receiver");
  await using sender = start("sender");
  return await Promise.all([effortOf(sender), effortOf(receiver)]);
}

async function effortOf(end: Child): Promise<Effort> {
  return await end.nextLine("its effort", (line) => line.startsWith("{") ? JSON.parse(line) : undefined);
}

function describe(efforts: [Effort, Effort][], { bytes, messages }: Game): string {
  const seconds = median(efforts.map(([{ seconds }]) => seconds));
  const [sender, receiver] = [0, 1].map((end) => {
    return `${(median(efforts.map((both) => both[end].cpuSeconds)) / messages * 1e6).toFixed(1)} µs`;
  });
  const mebibytes = bytes * messages / seconds / 2 ** 20;
  return `${Math.round(messages / seconds)} messages/s, ${mebibytes.toFixed(1)} MiB/s, ` +
    `processor time a message: sender ${sender}, receiver ${receiver}`;
}
