import { assertEquals } from "@std/assert";
import { by, counter, exposition, gauge, one } from "../../src/server/metrics/exposition.ts";
import { Histogram } from "../../src/server/metrics/histogram.ts";

Deno.test("a family has its help, its type, and a line for each value", () => {
  const kinds = new Map([["introduction", 2], ["connection", 0]]);
  const families = [
    gauge("relay_peers", "Peers.", one(() => 1.5)),
    counter("relay_opened_total", "Sockets, by kind.", by("kind", () => kinds)),
  ];
  assertEquals(
    exposition(families),
    [
      "# HELP relay_peers Peers.",
      "# TYPE relay_peers gauge",
      "relay_peers 1.5",
      "# HELP relay_opened_total Sockets, by kind.",
      "# TYPE relay_opened_total counter",
      'relay_opened_total{kind="introduction"} 2',
      'relay_opened_total{kind="connection"} 0',
      "",
    ].join("\n"),
  );
});

Deno.test("what would end a line or a label is escaped", () => {
  const text = exposition([gauge("x", 'a\\b\n"c"', by("label", () => [['a\\b\n"c"', 1]]))]);
  assertEquals(text, '# HELP x a\\\\b\\n"c"\n# TYPE x gauge\nx{label="a\\\\b\\n\\"c\\""} 1\n');
});

Deno.test("a value that is not known has no line; one that is no number has Prometheus' word", () => {
  const lines = (value: number | undefined) =>
    exposition([gauge("x", "X.", one(() => value))]).split("\n").slice(2, -1);
  assertEquals([undefined, NaN, Infinity, -Infinity, 1e21].map(lines), [
    [],
    ["x NaN"],
    ["x Inf"],
    ["x -Inf"],
    ["x 1e+21"],
  ]);
});

Deno.test("a bucket holds what is at most its bound, and all lower buckets", () => {
  const histogram = new Histogram([0.5, 1]);
  for (const value of [0, 0.5, 0.75, 1, 2]) histogram.observe(value);
  const lines = Array.from(histogram.samples(), ({ suffix, labels, value }) => [suffix, labels?.le, value]);
  assertEquals(lines, [
    ["_bucket", "0.5", 2],
    ["_bucket", "1", 4],
    ["_bucket", "+Inf", 5],
    ["_sum", undefined, 4.25],
    ["_count", undefined, 5],
  ]);
});
