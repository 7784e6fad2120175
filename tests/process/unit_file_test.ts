/** The README's unit file, as systemd reads it. */

import { assertEquals } from "@std/assert";
import { withProgram } from "../helpers/programs.ts";
import { block } from "../helpers/readme.ts";

/** In tenths, of 100: what is left open is the network, and memory that is both written and run, which V8 needs. */
const MOST_EXPOSED = 20;
const PROGRAM = "/usr/local/bin/relay";

/** With what stands there as a comment, too. */
const UNITS: [what: string, read: () => Promise<string>][] = [
  ["as it is", () => block("ini")],
  ["with a certificate", async () => (await block("ini")).replace(/^#(?=[A-Z])/gm, "")],
];

withProgram("systemd-analyze", () => {
  for (const [what, read] of UNITS) {
    Deno.test(`systemd understands the unit file, ${what}, and takes away what it can`, async () => {
      const folder = await Deno.makeTempDir();
      const path = `${folder}/relay.service`;
      await Deno.writeTextFile(path, (await read()).replaceAll(PROGRAM, "/bin/true"));
      assertEquals(await systemdAnalyze("verify", path), { code: 0, stderr: "" });
      const security = ["security", "--offline=true", "--no-pager", `--threshold=${MOST_EXPOSED}`, path];
      assertEquals(await systemdAnalyze(...security), { code: 0, stderr: "" });
      await Deno.remove(folder, { recursive: true });
    });
  }
});

async function systemdAnalyze(...args: string[]): Promise<{ code: number; stderr: string }> {
  const { code, stderr } = await new Deno.Command("systemd-analyze", { args }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}
