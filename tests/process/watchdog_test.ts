import { assertEquals, assertMatch } from "@std/assert";
import { Watchdog } from "../../src/server/process/watchdog.ts";
import { FakeClock } from "../helpers/fakes.ts";

const ROOT = new URL("../..", import.meta.url);
const NO_LIMITS = { memory: 0, descriptors: undefined };

function watch(limits: { memory: number; descriptors: number | undefined }) {
  const clock = new FakeClock();
  const now = { memory: 100, descriptors: 10 as number | undefined };
  const reasons: string[] = [];
  const vitals = { memory: () => now.memory, descriptors: () => now.descriptors };
  const watchdog = new Watchdog(vitals, limits, clock, (reason) => reasons.push(reason));
  watchdog.start();
  return { clock, now, reasons, watchdog };
}

Deno.test("past the memory limit it says so within a second, once", () => {
  const { clock, now, reasons } = watch({ memory: 1_000, descriptors: undefined });
  clock.pass(60_000);
  assertEquals(reasons, []);
  now.memory = 1_001;
  clock.pass(1_000);
  assertEquals(reasons, ["want at most 1000 bytes of resident memory, got 1001"]);
  clock.pass(60_000);
  assertEquals([reasons.length, clock.pending], [1, 0]);
});

Deno.test("past the limit of descriptors it says so; where they cannot be told it does not", () => {
  const { clock, now, reasons } = watch({ memory: 0, descriptors: 90 });
  now.descriptors = undefined;
  clock.pass(2_000);
  now.descriptors = 91;
  clock.pass(1_000);
  assertEquals(reasons, ["want at most 90 open descriptors, got 91"]);
});

Deno.test("without limits it watches in vain, and ends when told to", () => {
  const { clock, now, reasons, watchdog } = watch(NO_LIMITS);
  now.memory = Infinity;
  clock.pass(60_000);
  watchdog.stop();
  assertEquals([reasons, clock.pending], [[], 0]);
});

Deno.test("open descriptors are told within a few, and the limit is found by trying", async () => {
  const script = `
    const before = machine.openDescriptors();
    for (let i = 0; i < 50; i++) Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const after = machine.openDescriptors();
    console.log(after - before, machine.triedDescriptorLimit(after + 100) - after);
    Deno.exit();`;
  assertMatch(await printed(script), /^5\d 100\n$/);
});

Deno.test("descriptors that were opened and closed again are not open, whatever numbers the runtime gives them", async () => {
  const script = `
    machine.triedDescriptorLimit(2_000);
    const open = machine.triedOpenDescriptors();
    console.log(open === undefined || open < 200 ? "few" : open);`;
  assertEquals(await printed(script), "few\n");
});

for (const [how, name] of [["asking", "descriptorLimit"], ["trying", "triedDescriptorLimit"]]) {
  Deno.test(`a process that may open few descriptors finds out how many by ${how}`, async () => {
    assertMatch(await printed(`console.log(machine.${name}(5_000))`, "ulimit -n 300;"), /^(2[89]\d|300)\n$/);
  });
}

/** What a script prints in a process of its own: tests that run in parallel share one, with its descriptors. */
async function printed(script: string, preparation = ""): Promise<string> {
  const program = `import * as machine from "./src/server/process/machine.ts"; ${script}`;
  const command = `${preparation} exec "${Deno.execPath()}" eval '${program}'`;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", command], cwd: ROOT }).output();
  return new TextDecoder().decode(stdout);
}
