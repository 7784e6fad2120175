/**
 * Spoiled introduction messages on real sockets, in fragments and with control frames between: a relay makes of each just
 * what the decoder does, closes whoever sends too many, and serves everybody else.
 */

import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { CLOSE } from "../../src/protocol.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import { Server } from "../../src/server/mod.ts";
import { CLIENT_GOLDEN } from "../helpers/golden.ts";
import { Peer } from "../helpers/peer.ts";
import { RawConnection, type Target } from "../helpers/raw.ts";
import { type Variant, VARIANTS } from "../helpers/transports.ts";
import { fetchTrusting } from "../helpers/trust.ts";
import { Chance } from "../soak/chance.ts";
import { framesOf } from "../storm/framing.ts";
import { Message } from "../storm/messages.ts";
import { mutated } from "./mutations.ts";
import { type Input, outcomeOf } from "./outcome.ts";

const SOCKETS = 20;
const SEED = 11;

for (const variant of VARIANTS) {
  Deno.test(`${variant.name}: ${SOCKETS} sockets send spoiled messages until they are closed, and each is counted right`, async () => {
    const chance = new Chance(SEED);
    await using relay = await start(variant);
    const expected = new Map<string, number>();
    for (let socket = 0; socket < SOCKETS; socket++) {
      const inputs = untilClosed(chance);
      await send(relay, inputs, chance);
      for (const reason of inputs.map(reasonOf)) {
        if (reason !== undefined) expected.set(reason, (expected.get(reason) ?? 0) + 1);
      }
    }
    assertEquals(await counted(relay.http), expected);
    await using alice = await Peer.open(`${relay.url}/introduction/alice`);
    alice.say({ type: "Join", join: ["doc"] });
    await using bob = await Peer.open(`${relay.url}/introduction/bob`);
    bob.say({ type: "Join", join: ["doc"] });
    assertEquals(await alice.heard(), { type: "Introduction", userName: "bob", documentIds: ["doc"] });
  });
}

/** As many as it takes. */
function untilClosed(chance: Chance): Input[] {
  const seeds = CLIENT_GOLDEN.map(({ frame }) => frame);
  const inputs: Input[] = [];
  for (let malformed = 0; malformed < LIMITS.malformedMessages;) {
    const input = mutated(chance.pick(seeds), chance, chance.pick(seeds));
    inputs.push(input);
    if (reasonOf(input) !== undefined) malformed += 1;
  }
  return inputs;
}

/** Why an input is malformed, if it is. */
function reasonOf(input: Input): string | undefined {
  const outcome = outcomeOf(input).kind.replace(/^.*?: /, "");
  return /^(json|msgpack) /.test(outcome) ? undefined : outcome;
}

async function send(target: Target, inputs: readonly Input[], chance: Chance): Promise<void> {
  using raw = await RawConnection.upgrade(target, "/introduction/mallory");
  const frames = inputs.flatMap((input) =>
    framesOf(new Message(typeof input === "string", [Buffer.from(input as string)]), chance)
  );
  await raw.write(Buffer.concat(frames));
  assertEquals(await raw.readClose(), CLOSE.malformed);
}

async function counted(http: string): Promise<Map<string, number>> {
  const text = await (await fetchTrusting(`${http}/metrics`)).text();
  const lines = text.matchAll(/^relay_malformed_total\{reason="(.*)"\} (\d+)$/gm);
  return new Map(
    Array.from(lines, ([, reason, count]): [string, number] => [reason, Number(count)]).filter(([, count]) =>
      count > 0
    ),
  );
}

async function start({ config, isTls }: Variant) {
  const server = await new Server({ port: 0, host: "127.0.0.1", metrics: true, ...config }).listen();
  const at = `${isTls ? "s" : ""}://127.0.0.1:${server.port}`;
  return { port: server.port, isTls, http: `http${at}`, url: `ws${at}`, [Symbol.asyncDispose]: () => server.close() };
}
