/**
 * The logger that the rooms are given, and how the executable prints it.
 *
 * @module
 */

import { configure, getAnsiColorFormatter, getLogger, jsonLinesFormatter } from "@logtape/logtape";

/** What the rooms need of a logger: a sentence with names in braces, and their values. LogTape's are such. */
export interface Logger {
  debug(message: string, properties?: Record<string, unknown>): void;
  info(message: string, properties?: Record<string, unknown>): void;
  warning(message: string, properties?: Record<string, unknown>): void;
  error(message: string, properties?: Record<string, unknown>): void;
  fatal(message: string, properties?: Record<string, unknown>): void;
}

/** What `--log-level` takes, from all to nothing but the end. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
/** What `--log-format` takes. */
export const LOG_FORMATS = ["pretty", "json"] as const;

/** How much is logged, and for whom. */
export interface LogOptions {
  readonly logLevel: typeof LOG_LEVELS[number];
  readonly logFormat: typeof LOG_FORMATS[number];
}

/** The logger of a relay. It is silent until somebody, here or in an embedding program, configures LogTape. */
export function relayLogger(): Logger {
  return getLogger(["relay"]);
}

/** Hands the log, line by line, to `print`. */
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
