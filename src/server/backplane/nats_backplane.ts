/**
 * Several instances as one, over NATS.
 *
 * @module
 */

import type { Backplane } from "./backplane.ts";
import { NatsBus, type NatsBusOptions } from "./nats_bus.ts";
import { SharedBackplane, type SharedBackplaneOptions } from "./shared_backplane.ts";

/** A backplane that connects when it is opened. */
export function natsBackplane(options: NatsBusOptions & SharedBackplaneOptions): Backplane {
  return new SharedBackplane(new NatsBus(options), options);
}
