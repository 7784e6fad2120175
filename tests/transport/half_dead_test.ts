/** Peers that are gone without a FIN: noticed within the idle time-out, and their partners told. */

import { assertEquals } from "@std/assert";
import { CLOSE } from "../../src/protocol.ts";
import { Child, Listening, portOf, within } from "../helpers/process.ts";
import { type Variant, VARIANTS } from "../helpers/transports.ts";

const ROOT = new URL("../..", import.meta.url);
/** A quarter of it is all that the partner has for its own answer, on a machine that may be busy. */
const IDLE_SECONDS = 6;
/** How late such a machine may be. */
const SLACK_SECONDS = 10;
/** Longer than the test waits: a relay that ends in less has given back all places. */
const DRAIN_SECONDS = 60;

/** Greets, and says what it hears. What it answers to pings is the runtime's doing. */
const CLIENT = `
  const socket = new WebSocket(Deno.args[0]);
  socket.onopen = () => { socket.send("hello"); console.log("open"); };
  socket.onmessage = ({ data }) => console.log("heard", data);
  socket.onclose = ({ code, reason }) => console.log("closed", code, reason);
`;

/** How programs are started on a machine. */
interface Machine {
  readonly host: string;
  readonly prefix: readonly string[];
}

const THIS_MACHINE: Machine = { host: "127.0.0.1", prefix: [] };

/**
 * Two machines, as far as the network is concerned: namespaces on both ends of a cable, apart from whatever firewall this
 * machine has. Their addresses are in the block that RFC 5737 keeps for documentation: nobody's real network.
 */
class Cable implements AsyncDisposable {
  // A name of an interface has at most 15 characters.
  readonly near: Machine = { host: "192.0.2.1", prefix: ["ip", "netns", "exec", `near${Deno.pid}`] };
  readonly far: Machine = { host: "192.0.2.2", prefix: ["ip", "netns", "exec", `far${Deno.pid}`] };

  static async lay(): Promise<Cable> {
    const cable = new Cable();
    const [near, far] = [`near${Deno.pid}`, `far${Deno.pid}`];
    try {
      for (const name of [near, far]) await ip("netns", "add", name);
      await ip("-n", near, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", far);
      for (const [name, { host }] of [[near, cable.near], [far, cable.far]] as const) {
        await ip("-n", name, "addr", "add", `${host}/30`, "dev", "cable");
        for (const device of ["lo", "cable"]) await ip("-n", name, "link", "set", device, "up");
      }
      return cable;
    } catch (error) {
      await cable[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** From now on nothing crosses, and nobody is told. */
  async cut(): Promise<void> {
    await ip("-n", `far${Deno.pid}`, "link", "set", "cable", "down");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [`near${Deno.pid}`, `far${Deno.pid}`]) await ip("netns", "del", name).catch(() => {});
  }
}

for (const variant of VARIANTS) {
  const { name } = variant;
  Deno.test(`${name}: a peer whose process stops is noticed within the idle time-out; its partner hears 4410`, async () => {
    await assertNoticed(variant, [THIS_MACHINE, THIS_MACHINE], (client) => client.signal("SIGSTOP"));
  });

  Deno.test({
    name: `${name}: a peer whose machine vanishes from the network is noticed within the idle time-out as well`,
    ignore: !await canLayCables(),
    async fn() {
      await using cable = await Cable.lay();
      await assertNoticed(variant, [cable.near, cable.far], () => cable.cut());
    },
  });
}

/** Pairs a client on the far machine with a partner on the near one, where the relay is; then the client vanishes. */
async function assertNoticed(
  variant: Variant,
  [near, far]: [near: Machine, far: Machine],
  vanish: (client: Child) => Promise<void> | void,
): Promise<void> {
  await using relay = await startRelay(near, variant);
  const scheme = variant.isTls ? "wss" : "ws";
  await using client = startClient(far, `${scheme}://${near.host}:${relay.port}/connection/alice/bob/doc`);
  await client.nextLine("the open socket", saying("open"));
  await using partner = startClient(near, `${scheme}://127.0.0.1:${relay.port}/connection/bob/alice/doc`);
  await partner.nextLine("the greeting", saying("heard hello"));
  await vanish(client);
  const told = partner.nextLine("the close", (line) => line.startsWith("closed") ? line : undefined);
  const { code, reason } = CLOSE.peerLost;
  assertEquals(await within(told, "the partner to be told", IDLE_SECONDS + SLACK_SECONDS), `closed ${code} ${reason}`);
  relay.signal("SIGTERM");
  assertEquals((await within(relay.exited, "the relay to be without sockets")).code, 0);
}

async function startRelay({ prefix }: Machine, { flags }: Variant): Promise<Listening> {
  const limits = ["--idle-timeout", `${IDLE_SECONDS}`, "--drain-timeout", `${DRAIN_SECONDS}`];
  const [command, ...args] = [...prefix, Deno.execPath(), "run", "-A", "main.ts"];
  const options = { args: [...args, "--port", "0", ...flags, ...limits], cwd: ROOT };
  return await new Listening("the relay", command, options).listening(portOf);
}

function startClient({ prefix }: Machine, url: string): Child {
  // The address on the cable is in no certificate.
  const trust = "--unsafely-ignore-certificate-errors";
  const [command, ...args] = [...prefix, Deno.execPath(), "eval", trust, CLIENT, url];
  return new Child("a client", command, { args });
}

function saying(words: string): (line: string) => string | undefined {
  return (line) => line === words ? line : undefined;
}

async function ip(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("ip", { args, stdout: "null", stderr: "piped" }).output();
  if (!success) throw new Error(`Cannot run ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** Whether this machine lets us: it takes root, iproute2 and a kernel with namespaces. */
async function canLayCables(): Promise<boolean> {
  try {
    await using _cable = await Cable.lay();
    return true;
  } catch {
    return false;
  }
}
