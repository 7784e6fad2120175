/**
 * What a broker needs of other instances.
 *
 * @module
 */

import type { ConnectionKey } from "../core/connection_key.ts";

/** What a broker needs of other instances. */
export interface Matchmaker {
  /** A connection has come. It is pending, or already paired with its other side. */
  came(key: ConnectionKey, isWaiting: boolean): void;
  /** A pending connection is paired with its other side. */
  paired(key: ConnectionKey): void;
  /** A connection is gone. */
  went(key: ConnectionKey): void;
  /** Milliseconds in which the other side may still come from another instance, if both came at the same time; or 0. */
  answerDueMs(key: ConnectionKey): number;
}
