/** What becomes of a relay whose output nobody takes: it serves on, and it ends when it is told to. */

import { assertEquals } from "@std/assert";
import { Peer } from "../helpers/peer.ts";
import { Listening, portOf, within } from "../helpers/process.ts";

const ROOT = new URL("../..", import.meta.url);
/** More than a pipe takes (64 KiB), at 200 bytes a line. */
const LOGGED_REQUESTS = 1_000;
/** On Deno Deploy there is a line in the log behind the one on stdout. */
const DEPLOYED = { DENO_DEPLOYMENT_ID: "x" };
const SOON_SECONDS = 20;

/** A relay with its output redirected as the shell is told. */
function relayTo(redirection: string, ...args: string[]): Listening {
  const start = `exec "${Deno.execPath()}" run -A main.ts --port 0 ${args.join(" ")} ${redirection}`;
  return new Listening("the relay", "sh", { args: ["-c", start], cwd: ROOT, env: DEPLOYED });
}

Deno.test("the line on stdout finds a full disk: the relay runs all the same, and a signal ends it", async () => {
  await using relay = relayTo(">/dev/full");
  await relay.nextErrorLine(/instances do not see each other/);
  relay.signal("SIGTERM");
  assertEquals((await within(relay.exited, "the relay to end", SOON_SECONDS)).code, 0);
});

Deno.test("the same, and the watchdog ends it", async () => {
  await using relay = relayTo(">/dev/full", "--max-memory", "1000000");
  assertEquals((await within(relay.exited, "the relay to end", SOON_SECONDS)).code, 75);
});

Deno.test("the log finds a full disk: pairs talk, and a signal ends the relay", async () => {
  await using relay = await relayTo("2>/dev/full").listening(portOf);
  await assertPairs(relay.url);
  relay.signal("SIGTERM");
  assertEquals((await within(relay.exited, "the relay to end", SOON_SECONDS)).code, 0);
});

Deno.test("a log that nobody reads stops nobody: pairs talk, and a signal ends the relay", async () => {
  const args = ["run", "-A", "main.ts", "--port", "0", "--log-level", "debug"];
  const command = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdout: "piped", stderr: "piped" });
  const relay = command.spawn();
  await using _end = { [Symbol.asyncDispose]: () => end(relay) };
  const port = await firstPort(relay.stdout);
  for (let i = 0; i < LOGGED_REQUESTS; i++) {
    const answer = await within(fetch(`http://127.0.0.1:${port}/nope`), "an answer", SOON_SECONDS);
    assertEquals(answer.status, 404);
    await answer.body?.cancel();
  }
  await assertPairs(`ws://127.0.0.1:${port}`);
  relay.kill("SIGTERM");
  assertEquals((await within(relay.status, "the relay to end", SOON_SECONDS)).code, 0);
  // How much a pipe takes depends on the pieces that it is given. What found no room was dropped.
  const lines = (await new Response(relay.stderr).text()).split("\n").length;
  assertEquals(lines > 10 && lines < LOGGED_REQUESTS, true, `the pipe was never full: ${lines} lines`);
});

/** Also one that hears no other signal. */
async function end(relay: Deno.ChildProcess): Promise<void> {
  try {
    relay.kill("SIGKILL");
  } catch {
    // It ended by itself.
  }
  await relay.status;
}

async function assertPairs(url: string): Promise<void> {
  const [alice, bob] = await Promise.all([
    Peer.open(`${url}/connection/a/b/doc`),
    Peer.open(`${url}/connection/b/a/doc`),
  ]);
  alice.send("hello");
  assertEquals(await within(bob.next(), "a word", SOON_SECONDS), "hello");
  alice.socket.close();
  await Promise.all([alice.closed, bob.closed]);
}

async function firstPort(stdout: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<number> {
  let text = "";
  for await (const piece of stdout.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const port = portOf(text.trimEnd());
    if (port !== undefined) return port;
  }
  throw new Error(`want the line with the port, got ${JSON.stringify(text)}`);
}
