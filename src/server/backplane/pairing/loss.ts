/**
 * Why both ends of a pair over two instances are closed though neither wanted it: a closed set, for metrics.
 *
 * @module
 */

/**
 * - `disconnected`: this instance lost the bus, `unreachable`: the other one did, or has ended.
 * - `gap`: something did not arrive, `reset`: the other instance found that out.
 * - `malformed`: the other instance said what none says.
 * - `silent`: the other instance says nothing, `stalled`: it does not say what it received.
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
