/**
 * The logger, and how the executable prints what is logged.
 *
 * @module
 */

import { configure, getAnsiColorFormatter, getLogger, jsonLinesFormatter } from "@logtape/logtape";

/** A logger takes a sentence with names in braces, and their values. LogTape's loggers implement it. */
export interface Logger {
  debug(message: string, properties?: Record<string, unknown>): void;
  info(message: string, properties?: Record<string, unknown>): void;
  warning(message: string, properties?: Record<string, unknown>): void;
  error(message: string, properties?: Record<string, unknown>): void;
  fatal(message: string, properties?: Record<string, unknown>): void;
}

/** What `--log-level` takes. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
/** What `--log-format` takes. */
export const LOG_FORMATS = ["pretty", "json"] as const;

/** What is logged, and in which format. */
export interface LogOptions {
  readonly logLevel: typeof LOG_LEVELS[number];
  readonly logFormat: typeof LOG_FORMATS[number];
}

/** The logger of a relay. It is silent until this program, or one that embeds the relay, configures LogTape. */
export function relayLogger(): Logger {
  return getLogger(["relay"]);
}

/** Passes each line of the log to `print`. */
export async function printLog({ logLevel, logFormat }: LogOptions, print: (line: string) => void): Promise<void> {
  const format = logFormat === "json" ? jsonLinesFormatter : getAnsiColorFormatter({ value: "bare" });
  await configure({
    sinks: { stderr: (record) => print(format(record)) },
    loggers: [
      { category: ["relay"], lowestLevel: logLevel, sinks: ["stderr"] },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
  });
}
