/**
 * What a broker tells other instances.
 *
 * @module
 */

import type { ConnectionKey } from "../core/connection_key.ts";

/** What a broker tells other instances. */
export interface Matchmaker {
  /** A connection has come: it waits for its other side, or is already joined with it. */
  came(claim: ConnectionKey, isWaiting: boolean): void;
  /** One that waited is joined with its other side. */
  paired(claim: ConnectionKey): void;
  /** It is gone. */
  went(claim: ConnectionKey): void;
  /** Milliseconds in which its other side may come from another instance, where both came at the same time; or 0. */
  lingerMs(claim: ConnectionKey): number;
}
