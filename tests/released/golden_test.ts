/** The golden frames are those of the released clients and servers themselves: captured here anew, and compared. */
import { assertEquals } from "@std/assert";
import { goldenFrame } from "../helpers/golden.ts";
import { Inbox, within } from "../helpers/process.ts";
import { type Data, packReleased, ReleasedClient, startAncestor } from "../helpers/released.ts";

const HEARTBEAT_INTERVAL = 55_000;

const SAYINGS: [kind: string, say: (client: ReleasedClient) => Promise<void>][] = [
  ["Join", (client) => client.join("doc")],
  ["Join of a UUID", (client) => client.join("123e4567-e89b-12d3-a456-426614174000")],
  ["Join beyond ASCII", (client) => client.join("Grüße 🎉")],
  ["Leave", (client) => client.leave("doc")],
  ["Heartbeat", (client) => client.passTime(HEARTBEAT_INTERVAL)],
];

for (const [generation, dialect] of [[3, "3.x"], [4, "4.x"], [4.1, "4.x"]] as const) {
  Deno.test(`golden frames are what the v${generation} client sends`, async () => {
    await using recorder = startRecorder();
    await using client = await ReleasedClient.start({ generation, userName: "alice", url: recorder.url });
    await client.next("server.connect");
    for (const [kind, say] of SAYINGS) {
      await say(client);
      assertEquals(await recorder.frames.next(kind), goldenFrame(`${dialect} ${kind}`));
    }
  });
}

for (const generation of [3, 4] as const) {
  Deno.test(`golden frames are what the v${generation} server sends`, async () => {
    await using server = await startAncestor(generation);
    await using alice = await openIntroduction(server.url, "alice");
    await using bob = await openIntroduction(server.url, "bob");
    alice.send(goldenFrame(`${generation}.x Join`));
    bob.send(goldenFrame(`${generation}.x Join`));
    assertEquals(await alice.frames.next("Introduction"), goldenFrame(`${generation}.x Introduction`));
  });
}

Deno.test("golden heartbeat of the 4.x types is what its encoder makes of it", async () => {
  assertEquals(await packReleased({ type: "❤️" }), goldenFrame("4.x ❤️"));
});

Deno.test("golden introduction of 4.0.1 to 4.1.2 is what their encoder makes of it", async () => {
  const introduction = { type: "Introduction", userName: "bob", documentIds: ["doc"] };
  assertEquals(await packReleased(introduction), goldenFrame("4.1 Introduction"));
});

/** A server that says nothing and keeps every frame. */
function startRecorder() {
  const frames = new Inbox<Data>();
  const record = (request: Request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => frames.push(asData(data));
    return response;
  };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, record);
  return { frames, url: `ws://127.0.0.1:${server.addr.port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}

async function openIntroduction(url: string, userName: string) {
  const frames = new Inbox<Data>();
  const socket = new WebSocket(`${url}/introduction/${userName}`);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => frames.push(asData(data));
  const closed = new Promise((resolve) => socket.onclose = resolve);
  await within(new Promise((resolve) => socket.onopen = resolve), `the introduction socket of ${userName}`);
  const hangUp = async () => {
    socket.close();
    await closed;
  };
  return { frames, send: (frame: Data) => socket.send(frame), [Symbol.asyncDispose]: hangUp };
}

function asData(data: string | ArrayBuffer): Data {
  return typeof data === "string" ? data : new Uint8Array(data);
}
