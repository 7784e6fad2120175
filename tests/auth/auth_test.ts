/** The security section's example, in Node, with the packed package and the library as published. */

import { assertEquals } from "@std/assert";
import { NodeProject } from "../helpers/node_project.ts";
import { startRelay, within } from "../helpers/process.ts";
import { snippet } from "../helpers/readme.ts";

Deno.test("with @localfirst/auth, in Node, packed", async (test) => {
  await using project = await NodeProject.copy(new URL("./", import.meta.url));
  await project.write("meet.mjs", await snippet("@localfirst/auth"));
  const settings = [["deno"], ["tcp"], ["tcp", "sealed"]];
  for (const [transport, ...options] of settings) {
    await test.step([transport, ...options].join(", "), async () => {
      await using relay = await startRelay(["--transport", transport]);
      await using node = project.node("--test-force-exit", "invitation.mjs", relay.url, ...options);
      const { code } = await within(node.exited, "the tests in Node", 60);
      assertEquals(code, 0, node.stdout);
    });
  }
});
