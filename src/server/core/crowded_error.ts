/**
 * What is wrong with a message that is too much work to read.
 *
 * @module
 */

/** A message with more values than any honest one has: to read it would keep all others waiting. */
export class CrowdedError extends Error {
  override name = "CrowdedError";
}
