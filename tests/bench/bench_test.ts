import { assertAlmostEquals, assertEquals } from "@std/assert";
import { median } from "./contest.ts";
import { IntroductionCounter, maskedFrame, MessageCounter, plainFrame } from "./frames.ts";
import { Latencies } from "./latencies.ts";
import { behindTls, findProxy } from "./proxy.ts";
import { met, ratio, type Row, table } from "./report.ts";
import { type Contestant, RELAY_TCP } from "./servers.ts";
import { type Game, play } from "./throughput.ts";

const ROW: Row = {
  scenario: "64 B x 50",
  metric: "messages",
  unit: "perSecond",
  server: "relay",
  value: 120_000,
  baseline: "ancestor",
  baselineValue: 100_000,
  aim: { atLeast: 1.2 },
  notes: ["ancestor: it hung up"],
};

Deno.test("a message counter counts whole messages, however the stream is cut", () => {
  const sizes = [0, 1, 125, 126, 65_535, 65_536];
  const stream = new Uint8Array(sizes.flatMap((size) => [...plainFrame(new Uint8Array(size).fill(0x82), "binary")]));
  for (const step of [1, 2, 3, 7, 1_000, stream.length]) {
    const tally = { messages: 0 };
    const counter = new MessageCounter(tally);
    for (let at = 0; at < stream.length; at += step) {
      const chunk = stream.subarray(at, at + step);
      counter.push(chunk, chunk.length);
    }
    assertEquals(tally.messages, sizes.length, `in steps of ${step}`);
  }
});

Deno.test("introductions of protocol 5 are counted, however many a frame has and however the stream is cut", () => {
  const message = (userName: string) => ({ type: "Introduction", userName, documentIds: ["doc"] });
  const frames = [["alice"], ["bob", "\u{1f600}"], []].map((names) => JSON.stringify(names.map(message)));
  const stream = new Uint8Array(frames.flatMap((text) => [...plainFrame(new TextEncoder().encode(text), "text")]));
  for (const step of [1, 2, 3, 7, 20, stream.length]) {
    const tally = { messages: 0 };
    const counter = new IntroductionCounter(tally);
    for (let at = 0; at < stream.length; at += step) {
      const chunk = stream.subarray(at, at + step);
      counter.push(chunk, chunk.length);
    }
    assertEquals(tally.messages, 3, `in steps of ${step}`);
  }
});

Deno.test("a masked frame is what RFC 6455 gives as its example", () => {
  const hello = new TextEncoder().encode("Hello");
  assertEquals(maskedFrame(hello, "text").toHex(), "818537fa213d7f9f4d5158");
  assertEquals(plainFrame(hello, "text").toHex(), "810548656c6c6f");
});

Deno.test("quantiles are exact to about one per cent", () => {
  const latencies = new Latencies();
  for (let i = 1; i <= 1_000; i++) latencies.add(i / 100);
  assertAlmostEquals(latencies.quantile(0.99), 9.9, 0.1);
  assertAlmostEquals(latencies.quantile(0.5), 5, 0.05);
});

Deno.test("a median is the middle one, or the mean of two", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 2, 3]), 2.5);
  assertEquals(median([]), NaN);
});

Deno.test("an aim is met by the ratio, by the value where there is none, and by nothing that was not measured", () => {
  assertEquals(ratio(ROW), 1.2);
  assertEquals(met(ROW), true);
  assertEquals(met({ ...ROW, value: 119_000 }), false);
  assertEquals(met({ ...ROW, aim: { atMost: 1 } }), false);
  assertEquals(met({ ...ROW, absolute: true, value: 0.9, aim: { atMost: 1 } }), true);
  assertEquals(met({ ...ROW, baselineValue: NaN }), undefined);
  assertEquals(met({ ...ROW, aim: undefined }), undefined);
});

Deno.test("the table shows figures, ratio and verdict, and below it the notes", () => {
  const lines = table([ROW, { ...ROW, baselineValue: NaN }]).split("\n");
  assertEquals(lines[0].split(/ {2,}/), ["scenario", "metric", "relay", "ancestor", "ratio", "aim", "met"]);
  assertEquals(lines[2].split(/ {2,}/), ["64 B x 50", "messages", "120,000/s", "100,000/s", "1.20", ">= 1.2", "yes"]);
  assertEquals(lines[3].split(/ {2,}/), ["64 B x 50", "messages", "120,000/s", "-", "-", ">= 1.2", "?"]);
  assertEquals(lines.slice(4), ["", "64 B x 50: ancestor: it hung up"]);
});

const proxy = Deno.build.os === "linux" ? findProxy() : undefined;

Deno.test("a plain proxy carries a game, message by message", { ignore: proxy === undefined }, async () => {
  await playShortly(proxy!, { bytes: 1024, kind: "binary", pairs: 2, window: 4 });
});

Deno.test("a game is played with TLS, in messages of many records", { ignore: proxy === undefined }, async () => {
  await playShortly(behindTls(RELAY_TCP), { bytes: 100_000, kind: "binary", pairs: 2, window: 4 });
});

async function playShortly(contestant: Contestant, game: Game): Promise<void> {
  const server = await contestant.start();
  try {
    const { messages, p99Seconds } = play(server, game, { rounds: 1, warmUpSeconds: 0.05, seconds: 0.1 });
    assertEquals([messages > 0, p99Seconds > 0], [true, true]);
  } finally {
    await server.stop();
  }
}
