/**
 * Prometheus' text exposition format, version 0.0.4: families of samples in, the text of a scrape out.
 *
 * @module
 */

/** The content type of a scrape. */
export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** One line: its value, and the labels that distinguish it from others of its family. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
  /** Follows the name of the family; only histograms have it. */
  readonly suffix?: "_bucket" | "_sum" | "_count";
}

/** A metric with all its lines. */
export interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** Called at every scrape. */
  readonly samples: () => Iterable<Sample>;
}

/** A number that only grows. Its name ends in `_total`. */
export function counter(name: string, help: string, samples: Family["samples"]): Family {
  return { name, type: "counter", help, samples };
}

/** A number that goes up and down. */
export function gauge(name: string, help: string, samples: Family["samples"]): Family {
  return { name, type: "gauge", help, samples };
}

/** One line without labels; none while there is no value. */
export function one(value: () => number | undefined): Family["samples"] {
  return () => {
    const current = value();
    return current === undefined ? [] : [{ value: current }];
  };
}

/** A line per value of one label. */
export function by(label: string, series: () => Iterable<readonly [string, number]>): Family["samples"] {
  return () => Array.from(series(), ([key, value]) => ({ labels: { [label]: key }, value }));
}

/** The text of one scrape. */
export function exposition(families: Iterable<Family>): string {
  let text = "";
  for (const { name, type, help, samples } of families) {
    text += `# HELP ${name} ${help.replace(/[\\\n]/g, escaped)}\n# TYPE ${name} ${type}\n`;
    for (const { suffix = "", labels = {}, value } of samples()) {
      text += `${name}${suffix}${inBraces(labels)} ${numeral(value)}\n`;
    }
  }
  return text;
}

function inBraces(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/[\\\n"]/g, escaped)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(character: string): string {
  return character === "\n" ? "\\n" : `\\${character}`;
}

function numeral(value: number): string {
  return String(value).replace("Infinity", "Inf");
}
