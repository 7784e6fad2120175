/** The workflow that releases: run as far as it can be without publishing, with stand-ins for the programs that publish. */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { parse } from "@std/yaml";

const ROOT = new URL("..", import.meta.url);
const WORKFLOW = new URL(".github/workflows/release.yml", ROOT);

interface Job {
  needs?: string;
  "runs-on": string;
  strategy?: { matrix: { include: { processor: string; runner: string }[] } };
  steps: { name?: string; run?: string; uses?: string }[];
}

async function jobs(): Promise<Record<string, Job>> {
  return (parse(await Deno.readTextFile(WORKFLOW)) as { jobs: Record<string, Job> }).jobs;
}

/** What a step does, with programs that do nothing but say how they were called; `answers` are shell scripts. */
async function runStep(name: string, tag: string, answers: Record<string, string> = {}) {
  const step = Object.values(await jobs()).flatMap(({ steps }) => steps).find((step) => step.name === name);
  const folder = await Deno.makeTempDir();
  for (const program of ["gh", "npx", "docker"]) {
    const script = `#!/bin/sh\necho "${program} $*" >> ${folder}/calls\n${answers[program] ?? ""}\n`;
    await Deno.writeTextFile(join(folder, program), script, { mode: 0o755 });
  }
  await Deno.writeTextFile(join(folder, "calls"), "");
  const env = { PATH: `${folder}:${Deno.env.get("PATH")}`, GITHUB_REF_NAME: tag, IMAGE: "we/relay" };
  const { code } = await new Deno.Command("bash", { args: ["-ec", step!.run!], cwd: ROOT, env }).output();
  const calls = (await Deno.readTextFile(join(folder, "calls"))).trim().split("\n");
  await Deno.remove(folder, { recursive: true });
  return { code, calls };
}

Deno.test("nothing is published before all tests have passed, on a tag that is the version", async () => {
  const all = await jobs();
  const behind = (name: string): string => all[name].needs === undefined ? name : behind(all[name].needs);
  assertEquals([...new Set(Object.keys(all).map(behind))], ["test"]);
  const [, tagged, tests] = all.test.steps;
  assertEquals([tagged.name, tests.run], ["the tag is the version", ".ci/run"]);
  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const codes = [`v${version}`, version, `v${version}.1`, "v0.0.1"].map(async (tag) =>
    (await runStep("the tag is the version", tag)).code
  );
  assertEquals(await Promise.all(codes), [0, 1, 1, 1]);
});

Deno.test("a run that failed can be run again: what is published is completed, not published twice", async () => {
  const tag = "v9.9.9";
  const again = { gh: "exit 0", npx: `case $* in *view*) echo 9.9.9 ;; esac` };
  const first = { gh: `case $* in *view*) exit 1 ;; esac`, npx: "" };
  assertEquals((await runStep("publish the binaries", tag, first)).calls.map(verb), ["view", "create", "upload"]);
  assertEquals((await runStep("publish the binaries", tag, again)).calls.map(verb), ["view", "upload"]);
  assertEquals((await runStep("publish the package", tag, first)).calls.map(verb), ["view", "publish"]);
  assertEquals((await runStep("publish the package", tag, again)).calls.map(verb), ["view"]);
  const failing = { gh: `case $* in *create*) exit 1 ;; *view*) exit 1 ;; esac`, npx: "exit 1" };
  for (const step of ["publish the binaries", "publish the package"]) {
    assertEquals((await runStep(step, tag, failing)).code, 1, step);
  }
});

Deno.test("the latest version is what users get who name none, and an early one is not", async () => {
  const published = async (tag: string) => [
    (await runStep("publish the package", tag)).calls.at(-1)!.match(/--tag \S+/)?.[0],
    (await runStep("publish the image", tag)).calls[0],
  ];
  const both = (tag: string) => `we/relay:${tag}-amd64 we/relay:${tag}-arm64`;
  const create = "docker buildx imagetools create --tag we/relay";
  assertEquals(await published("v9.9.9"), [
    "--tag latest",
    `${create}:v9.9.9 --tag we/relay:latest ${both("v9.9.9")}`,
  ]);
  assertEquals(await published("v9.9.9-rc.1"), ["--tag next", `${create}:v9.9.9-rc.1 ${both("v9.9.9-rc.1")}`]);
});

Deno.test("each processor's image is built on that processor", async () => {
  const { image } = await jobs();
  assertEquals(image.strategy?.matrix.include, [
    { processor: "amd64", runner: "ubuntu-24.04" },
    { processor: "arm64", runner: "ubuntu-24.04-arm" },
  ]);
  assertEquals(image["runs-on"], "${{ matrix.runner }}");
  assertEquals(image.steps.some(({ uses }) => uses?.includes("qemu")), false);
});

/** What a program was called to do: the first of its words that is one of these. */
function verb(call: string): string | undefined {
  return /\b(view|create|upload|publish)\b/.exec(call)?.[1];
}
