/**
 * The counters as Prometheus text. Loaded only when `--metrics` is on.
 *
 * @module
 */

import type { Counters, Traffic } from "./counters.ts";
import { by, CONTENT_TYPE, counter, exposition, type Family, gauge, one } from "./exposition.ts";
import { Histogram } from "./histogram.ts";
import { processMetrics } from "./process.ts";

/** What the metrics are made of: counts since the start, and numbers of the present. */
export interface MetricsSource {
  readonly counters: Counters;
  /** Numbers of the present, by the rest of their metric's name. */
  present(): Readonly<Record<Present, number | boolean>>;
}

type Present =
  | "connections"
  | "streams"
  | "peers"
  | "documents"
  | "seekers"
  | "pairs"
  | "bufferedBytes"
  | "connected"
  | "remotePairs";

const PRESENT: readonly [present: Present, name: string, help: string][] = [
  ["connections", "relay_connections", "Sockets that hold a place among the limits."],
  ["streams", "relay_streams", "Conversations inside introduction sockets, one for each side."],
  ["peers", "relay_peers", "Peer ids with an introduction socket."],
  ["documents", "relay_documents", "Documents that a peer is interested in."],
  ["seekers", "relay_seekers", "Pending connections: their other side has not come."],
  ["pairs", "relay_pairs", "Pairs of connections that are piped."],
  ["bufferedBytes", "relay_buffered_bytes", "Bytes that wait for their receivers."],
  ["connected", "relay_backplane_connected", "Whether other instances can be reached: 1 or 0."],
  ["remotePairs", "relay_remote_pairs", "Pairs whose other side is on another instance."],
];

/** Bounds of the event loop's delay, in seconds. */
const DELAYS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];

/** The metrics of one relay. Labels are closed sets: no id, address or token is ever one. */
export class Metrics {
  readonly #delay = new Histogram(DELAYS);
  readonly #families: readonly Family[];

  constructor(source: MetricsSource) {
    this.#families = [
      {
        name: "relay_event_loop_delay_seconds",
        type: "histogram",
        help: "How late timers are.",
        samples: this.#delays,
      },
      ...presentOf(source),
      ...countsOf(source.counters),
      ...processMetrics(),
    ];
  }

  /** Observes how late the event loop was. */
  readonly late = (seconds: number): void => this.#delay.observe(seconds);

  /** Answers a scrape. */
  answer(): Response {
    const headers = { "content-type": CONTENT_TYPE, "cache-control": "no-store" };
    return new Response(exposition(this.#families), { headers });
  }

  readonly #delays = () => this.#delay.samples();
}

function presentOf({ present }: MetricsSource): Family[] {
  return PRESENT.map(([key, name, help]) => gauge(name, help, one(() => Number(present()[key]))));
}

function countsOf(counters: Counters): Family[] {
  const { opened, refused, malformed, closes, resets } = counters;
  return [
    counter(
      "relay_opened_total",
      "Sockets and streams that opened, by kind.",
      by("kind", () => Object.entries(opened)),
    ),
    counter("relay_refused_total", "Requests refused, by reason.", by("reason", () => refused)),
    counter("relay_malformed_total", "Messages not understood, by reason.", by("reason", () => malformed)),
    counter("relay_closes_total", "Sockets and streams that ended, by close code.", by("code", () => closes)),
    counter("relay_introductions_total", "Introductions sent.", one(() => counters.introductions)),
    counter("relay_seekers_held_total", "Connections that became pending.", one(() => counters.connectionsHeld)),
    counter(
      "relay_seekers_expired_total",
      "Pending connections whose time ended.",
      one(() => counters.connectionsExpired),
    ),
    counter("relay_pairs_made_total", "Pairs made.", one(() => counters.pairsMade)),
    ...trafficOf("received", "sent by peers on connections", counters.received),
    ...trafficOf("delivered", "passed on to the other side", counters.delivered),
    crossing("messages", "Messages to and from other instances.", counters),
    crossing("bytes", "Bytes to and from other instances.", counters),
    counter("relay_backplane_resets_total", "Pairs over two instances lost, by reason.", by("reason", () => resets)),
  ];
}

function trafficOf(direction: string, what: string, { text, binary }: Record<"text" | "binary", Traffic>): Family[] {
  const byType = (unit: keyof Traffic) => by("type", () => [["text", text[unit]], ["binary", binary[unit]]]);
  return [
    counter(`relay_${direction}_frames_total`, `Frames ${what}, by type.`, byType("frames")),
    counter(`relay_${direction}_bytes_total`, `Payload bytes ${what}, by type.`, byType("bytes")),
  ];
}

function crossing(unit: "messages" | "bytes", help: string, { bus: { sent, received } }: Counters): Family {
  const byDirection = by("direction", () => [["sent", sent[unit]], ["received", received[unit]]]);
  return counter(`relay_backplane_${unit}_total`, help, byDirection);
}
