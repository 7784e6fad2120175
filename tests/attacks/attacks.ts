/** Every attack, in the order of the table. */

import { bulkPairs, busyPairs, pingFlood, pinnedReads, pipelinedRequests, unfinishedIntroductions } from "./busy.ts";
import { handshakeResets, silentConnections } from "./descriptors.ts";
import { emptyFrames, endlessFragments, lastWords, stalledReader, tinyFrames, unpairedHold } from "./floods.ts";
import {
  crowdedMessages,
  departures,
  joinsAcross,
  joinsAndLeaves,
  leavesOfOneId,
  popularJoinsAcross,
  reminders,
} from "./discovery.ts";
import { joinStorm, leaveWithoutIds, msgpackNil, staleSocket } from "./messages.ts";
import {
  brokenCredit,
  controlFloods,
  deafReader,
  emptyRecords,
  openLoop,
  streamDepartures,
  tinyRecords,
  unfinishedMessages,
} from "./streams.ts";
import type { Attack } from "./stage.ts";
import { withheldCredit } from "./withheld_credit.ts";

export const ATTACKS = {
  msgpackNil,
  leaveWithoutIds,
  unpairedHold,
  lastWords,
  stalledReader,
  staleSocket,
  tinyFrames,
  emptyFrames,
  endlessFragments,
  handshakeResets,
  silentConnections,
  joinStorm,
  reminders,
  joinsAndLeaves,
  leavesOfOneId,
  departures,
  crowdedMessages,
  joinsAcross,
  popularJoinsAcross,
  pingFlood,
  busyPairs,
  bulkPairs,
  pinnedReads,
  unfinishedIntroductions,
  pipelinedRequests,
  brokenCredit,
  openLoop,
  streamDepartures,
  controlFloods,
  tinyRecords,
  emptyRecords,
  deafReader,
  unfinishedMessages,
  withheldCredit,
} satisfies Record<string, Attack>;
