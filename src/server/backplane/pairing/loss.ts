/**
 * Why the relay closes both sides of a pair over two instances: a closed set, for metrics.
 *
 * @module
 */

/**
 * - `disconnected`: this instance lost the bus, `unreachable`: the other one did, or has ended.
 * - `gap`: a message did not arrive, `reset`: the other instance found that out.
 * - `malformed`: the other instance sent what no instance sends.
 * - `silent`: the other instance sends nothing, `stalled`: it does not acknowledge what it was sent.
 * - `too big`: a message is over the bound.
 */
export type LossReason =
  | "disconnected"
  | "unreachable"
  | "gap"
  | "reset"
  | "silent"
  | "stalled"
  | "too big"
  | "malformed";
