/**
 * The error for what an operator can fix in the configuration.
 *
 * @module
 */

/** A configuration that cannot be used. The message is one sentence that names flag, rule and value. */
export class ConfigError extends Error {
  override name = "ConfigError";
}
