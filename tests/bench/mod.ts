/**
 * Compares this relay with its ancestor, side by side: `deno run -A tests/bench/mod.ts --help`.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { FULL, GROUPS, type Plan, QUICK, README } from "./plan.ts";
import { behindTls, findProxy } from "./proxy.ts";
import { asJson, type Row, table } from "./report.ts";
import { ANCESTOR, type Contestant, RELAY, RELAY_TCP, RELAY_TCP_TLS, RELAY_TLS } from "./servers.ts";

const HELP =
  `Compares this relay with @localfirst/relay@4.2.2, both as processes on this machine. Linux only. Where only bytes
matter, HAProxy as a plain TCP proxy is measured beside them, if it is installed.

Usage: deno run -A tests/bench/mod.ts [--quick | --readme] [--tls] [--only ${Object.keys(GROUPS).join(",")}]
                                       [--json]

  --quick   the scenarios that tell most, in under a minute; figures are rough
  --readme  what the README states, in ten minutes
  --tls     everything with TLS: the relay with its own beside relay and ancestor behind HAProxy, which ends TLS for
            them; for the ancestor, which has none, somebody must. The time of both processes is added
  --only    just these groups of scenarios, separated by commas
  --json    prints the rows as JSON instead of a table
  --help    prints this

A ratio is this relay's value divided by the ancestor's, or that of several instances by that of fewer. Progress is
told on stderr.`;

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: string[]): Promise<number> {
  const { quick, readme, tls, only, json, help, _: extra } = parseArgs(args, {
    boolean: ["quick", "readme", "tls", "json", "help"],
    string: ["only"],
    default: { only: Object.keys(GROUPS).join(",") },
  });
  const names = only.split(",");
  const problem = problemWith(names, extra);
  if (help) console.log(HELP);
  else if (problem) console.error(`${problem}\n\n${HELP}`);
  else {await run(tls ? withTls() : withoutTls(), names, {
      plan: quick ? QUICK : readme ? README : FULL,
      write: json ? asJson : table,
    });}
  return problem && !help ? 2 : 0;
}

function withoutTls(): Contestant[] {
  const proxy = findProxy();
  if (proxy === undefined) console.error("No haproxy on PATH: measured without a plain TCP proxy beside the relays");
  return [RELAY, RELAY_TCP, ...(proxy ? [proxy] : []), ANCESTOR];
}

function withTls(): Contestant[] {
  return [RELAY_TLS, RELAY_TCP_TLS, behindTls(RELAY_TCP), behindTls(ANCESTOR)];
}

function problemWith(names: string[], extra: unknown[]): string | undefined {
  if (Deno.build.os !== "linux") return `Cannot measure on ${Deno.build.os}: want Linux, for its /proc and epoll`;
  const unknown = names.find((name) => !Object.hasOwn(GROUPS, name)) ?? extra[0];
  return unknown === undefined ? undefined : `Unknown argument ${unknown}`;
}

async function run(
  contestants: Contestant[],
  names: string[],
  { plan, write }: { plan: Plan; write: (rows: Row[]) => string },
): Promise<void> {
  const rows: Row[] = [];
  for (const name of names) {
    for await (const measured of GROUPS[name](contestants, plan)) {
      rows.push(...measured);
      console.error(table(measured).split("\n").slice(2).join("\n"));
    }
  }
  console.log(write(rows));
}
