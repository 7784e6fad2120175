/** SIGHUP: with a certificate it asks for a new one (`tls_test.ts`); without, the terminal is gone. */

import { assertEquals } from "@std/assert";
import { CLOSE } from "../../src/protocol.ts";
import { LIMITS } from "../../src/server/core/limits.ts";
import { Peer } from "../helpers/peer.ts";
import { Listening, portOf, startRelay, within } from "../helpers/process.ts";

const ROOT = new URL("../..", import.meta.url);
const SOON_SECONDS = 20;

Deno.test("SIGHUP drains a relay without a certificate, however often it comes", async () => {
  await using relay = await startRelay(["--drain-timeout", "3"]);
  const alice = await Peer.open(`${relay.url}/connection/a/b/doc`);
  relay.signal("SIGHUP");
  await relay.nextErrorLine(/the terminal is gone/);
  relay.signal("SIGHUP");
  assertEquals(await alice.closed, CLOSE.restarting);
  assertEquals((await within(relay.exited, "the relay to end", SOON_SECONDS)).code, 0);
});

Deno.test("a signal behind SIGHUP is the second one: it ends the relay at once", async () => {
  await using relay = await startRelay(["--drain-timeout", "60"]);
  const alice = await Peer.open(`${relay.url}/connection/a/b/doc`);
  relay.signal("SIGHUP");
  await relay.nextErrorLine(/the terminal is gone/);
  assertEquals(await relay.signalToTheEnd("SIGTERM", LIMITS.sameSignalMs), 130);
  await alice.closed;
});

Deno.test("SIGHUP ends a relay that may not see how it was started", async () => {
  const args = ["run", "--no-prompt", "--allow-net", "--allow-env", "main.ts", "--port", "0"];
  await using relay = await new Listening("the relay", Deno.execPath(), { args, cwd: ROOT }).listening(portOf);
  relay.signal("SIGHUP");
  assertEquals((await within(relay.exited, "the relay to end", SOON_SECONDS)).code, 0);
});

Deno.test("a relay that was started with nohup outlives its terminal", async () => {
  const start = `trap "" HUP; exec "${Deno.execPath()}" run -A main.ts --port 0`;
  await using relay = await new Listening("the relay", "sh", { args: ["-c", start], cwd: ROOT }).listening(portOf);
  relay.signal("SIGHUP");
  assertEquals(await (await fetch(`${relay.http}/readyz`)).text(), "ready\n");
  relay.signal("SIGTERM");
  assertEquals((await within(relay.exited, "the relay to end", SOON_SECONDS)).code, 0);
  assertEquals(relay.stderr.includes("terminal"), false);
});
