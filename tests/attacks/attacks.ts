/** Every attack, in the order of the table. */

import { handshakeResets, silentConnections } from "./descriptors.ts";
import { emptyFrames, endlessFragments, stalledReader, tinyFrames, unpairedHold } from "./floods.ts";
import { joinStorm, leaveWithoutIds, msgpackNil, staleSocket } from "./messages.ts";
import type { Attack } from "./stage.ts";

export const ATTACKS = {
  msgpackNil,
  leaveWithoutIds,
  unpairedHold,
  stalledReader,
  staleSocket,
  tinyFrames,
  emptyFrames,
  endlessFragments,
  handshakeResets,
  silentConnections,
  joinStorm,
} satisfies Record<string, Attack>;
