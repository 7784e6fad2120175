/**
 * The counters as Prometheus text. Loaded only when `--metrics` is on.
 *
 * @module
 */

import { collectDefaultMetrics, type CollectFunction, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Counters, Traffic } from "./counters.ts";

/** What is told: counts since the start, and what there is now. */
export interface MetricsSource {
  readonly counters: Counters;
  /** Numbers of the present, by the rest of their metric's name. */
  present(): Readonly<Record<Present, number | boolean>>;
}

type Present =
  | "connections"
  | "peers"
  | "documents"
  | "seekers"
  | "pairs"
  | "bufferedBytes"
  | "connected"
  | "remotePairs";

/** Values by label. */
type Series = Iterable<[label: string, value: number]>;

const PRESENT: readonly [present: Present, name: string, help: string][] = [
  ["connections", "relay_connections", "Sockets that hold a place among the limits."],
  ["peers", "relay_peers", "Peer ids with an introduction socket."],
  ["documents", "relay_documents", "Documents that somebody is interested in."],
  ["seekers", "relay_seekers", "Connections whose other side has not come."],
  ["pairs", "relay_pairs", "Pairs of connections that are piped."],
  ["bufferedBytes", "relay_buffered_bytes", "Bytes that wait for their receivers."],
  ["connected", "relay_backplane_connected", "Whether other instances can be reached: 1 or 0."],
  ["remotePairs", "relay_remote_pairs", "Pairs whose other half is on another instance."],
];

/** Gauges named like counters, which `promtool check metrics` objects to, and delays that the runtime does not measure. */
const UNFIT = /^nodejs_(active_\w+_total|eventloop_lag_\w+)$/;

/** A registry of one relay. Labels are closed sets: no id, address or token is ever one. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #delay = new Histogram({
    name: "relay_event_loop_delay_seconds",
    help: "How late timers are.",
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
    registers: [this.#registry],
  });

  constructor({ counters, present }: MetricsSource) {
    for (const [key, name, help] of PRESENT) this.#gauge(name, help, () => Number(present()[key]));
    this.#count("relay_opened_total", "Sockets that opened, by kind.", "kind", () => Object.entries(counters.opened));
    this.#count("relay_refused_total", "Requests refused, by reason.", "reason", () => counters.refused);
    this.#count("relay_malformed_total", "Messages not understood, by reason.", "reason", () => counters.malformed);
    this.#count("relay_closes_total", "Sockets that ended, by close code.", "code", () => counters.closes);
    this.#total("relay_introductions_total", "Introductions sent.", () => counters.introductions);
    this.#total("relay_seekers_held_total", "Connections that had to wait.", () => counters.seekersHeld);
    this.#total("relay_seekers_expired_total", "Connections that waited in vain.", () => counters.seekersExpired);
    this.#total("relay_pairs_made_total", "Pairs made.", () => counters.pairsMade);
    this.#traffic("received", "sent by peers on connections", counters.received);
    this.#traffic("delivered", "passed on to the other side", counters.delivered);
    this.#crossing("messages", "Messages to and from other instances.", counters);
    this.#crossing("bytes", "Bytes to and from other instances.", counters);
    const resets = () => counters.resets;
    this.#count("relay_backplane_resets_total", "Pairs over two instances lost, by reason.", "reason", resets);
    // Memory, CPU and descriptors of the process.
    collectDefaultMetrics({ register: this.#registry });
    for (const { name } of this.#registry.getMetricsAsArray()) {
      if (UNFIT.test(name)) this.#registry.removeSingleMetric(name);
    }
  }

  /** The event loop was late by so much. */
  readonly late = (seconds: number): void => this.#delay.observe(seconds);

  /** Answers a scrape. The text comes later than the response: the handler must not wait. */
  answer(): Response {
    const text = this.#registry.metrics();
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode(await text));
        controller.close();
      },
    });
    return new Response(body, { headers: { "content-type": this.#registry.contentType, "cache-control": "no-store" } });
  }

  #traffic(direction: string, what: string, traffic: Record<"text" | "binary", Traffic>): void {
    const by = (unit: keyof Traffic) => (): Series => [["text", traffic.text[unit]], ["binary", traffic.binary[unit]]];
    this.#count(`relay_${direction}_frames_total`, `Frames ${what}, by type.`, "type", by("frames"));
    this.#count(`relay_${direction}_bytes_total`, `Payload bytes ${what}, by type.`, "type", by("bytes"));
  }

  #crossing(unit: "messages" | "bytes", help: string, { bus }: Counters): void {
    const series = (): Series => [["sent", bus.sent[unit]], ["received", bus.received[unit]]];
    this.#count(`relay_backplane_${unit}_total`, help, "direction", series);
  }

  #gauge(name: string, help: string, value: () => number): void {
    const collect: CollectFunction<Gauge> = function () {
      this.set(value());
    };
    new Gauge({ name, help, registers: [this.#registry], collect });
  }

  #total(name: string, help: string, value: () => number): void {
    const collect: CollectFunction<Counter> = function () {
      this.reset();
      this.inc(value());
    };
    new Counter({ name, help, registers: [this.#registry], collect });
  }

  #count(name: string, help: string, label: string, series: () => Series): void {
    const collect: CollectFunction<Counter> = function () {
      this.reset();
      for (const [value, count] of series()) this.inc({ [label]: value }, count);
    };
    new Counter({ name, help, labelNames: [label], registers: [this.#registry], collect });
  }
}
