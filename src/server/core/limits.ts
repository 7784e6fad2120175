/**
 * Every bound of one relay that is not an option, once, with its unit and the reason for its size.
 *
 * @module
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Bounds that hold for every relay. What an operator may choose is in `config.ts`. */
export const LIMITS = {
  /** Introduction messages a second. Released clients send one `Join` per document, all at once at every reconnect. */
  messagesPerSecond: 1_000,
  /** Introduction messages at once: 10,000 documents, joined one by one, with room for what else is said. */
  messageBurst: 12_000,
  /** Malformed messages on one socket: enough for a client with one bug, not for a fuzzer. */
  malformedMessages: 100,
  /** Peers that one `Join` introduces per document, so that no document costs a square without a bound. */
  introducedPerDocument: 1_000,
  /** Bytes of introductions that are kept encoded: those of ten thousand peers with usual ids. */
  encodedBytes: 4 * MIB,
  /** Documents that one introduction names; more take several introductions, so that none takes long to encode. */
  introducedDocuments: 1_000,
  /**
   * Work that one introduction socket may cause in a second, in microseconds of processor time: a tenth of a processor.
   * The work of each step, below, was measured.
   */
  workPerSecond: 100_000,
  /**
   * The same in a burst: 10,000 documents after a reconnect, each with 10 other peers, half of them on other instances.
   */
  workBurst: 3_000_000,
  /** Work to read a message, and each KiB of it. */
  messageWork: 8,
  messageKibWork: 8,
  /** Work to add a document, and to remove it later. */
  interestWork: 2,
  /** Work to look up a document of a join or a leave. */
  documentWork: 1,
  /** Work to look at a peer that is interested in it. */
  lookWork: 0.2,
  /** Work to introduce two peers to each other, and to name one document in it. */
  introductionWork: 20,
  introducedDocumentWork: 0.3,
  /** Work to remind the counterpart of a pending connection. */
  reminderWork: 20,
  /** Sockets of one peer that are searched for the newest that is interested: more than the tabs of one browser. */
  remindedSockets: 16,
  /** Work of one step of a join: well below a slice. */
  stepWork: 200,
  /** Work to announce a join to other instances twice, and theirs if no peer there shares the document. */
  announcementWork: 50,
  /** Bytes of one message to other instances about peers: reading it takes well below a slice. */
  announcedBytes: 16 * KIB,
  /**
   * Introductions to peers of other instances that are gathered; beyond, they are made before more messages are read.
   */
  gatheredIntroductions: 1_000,
  /** Bytes of messages about peers of other instances that may wait. A lost one is announced again within a minute. */
  busBacklogBytes: 64 * MIB,
  /** Joins of peers on other instances of which the relay remembers that it introduced them: 200 bytes each. */
  sightings: 500_000,
  /**
   * The least maximum payload of a bus: two ids of 512 bytes, all of them characters that JSON escapes with 6 bytes.
   */
  leastPayloadBytes: 8 * KIB,
  /** Milliseconds of a turn of the event loop that discovery may take: short against the 100 that a peer may wait. */
  sliceMs: 2,
  /**
   * Milliseconds for which introductions are gathered while there is more work: several slices, which no user notices.
   */
  gatherMs: 10,
  /** Milliseconds of the timer in place of a poll for events: the shortest there is. */
  pollMs: 1,
  /** Milliseconds in which the process must reach itself on loopback, which takes less than one; else it uses a timer. */
  pollOpenMs: 1_000,
  /** Milliseconds of a slice after which the next job runs. */
  sliceShareMs: 0.5,
  /** Bytes of messages that wait to be processed above which their sender is paused, if it can be. */
  pauseUnheardBytes: MIB,
  /** Bytes of such messages where it cannot: 10,000 joins of ids of 512 bytes. */
  unheardBytes: 8 * MIB,
  /**
   * Bytes of frames with streams that wait to be read, where their sender cannot be paused: whoever keeps to its credit
   * says no more, unless on thousands of streams at once. The memory budget bounds the sum of all.
   */
  unreadBytes: 128 * MIB,
  /** Bytes that a waiting message takes besides its own. */
  unheardMessageBytes: 256,
  /** Bytes that an interest takes besides its id, in both indexes (measured: 285 with an id of 36 characters). */
  interestBytes: 208,
  /** Bytes that the interests of one peer may take: 10,000 ids of 105 characters. */
  documentBytesPerPeer: 4 * MIB,
  /** Bytes that all interests may take: 1.9 million UUIDs. */
  documentBytes: 512 * MIB,
  /** Bytes of introductions that a peer may leave unread, with the {@link frameOverheadBytes} of one full join. */
  introductionBacklogBytes: MIB + 1_000 * KIB,

  /**
   * Bytes of a pending connection's frames, with {@link frameOverheadBytes} for each, above which its sender is paused,
   * if it can be: a greeting and a first sync message fit, a file does not.
   */
  heldBytes: MIB,
  /** The same where it cannot be: the next message closes it. As much as a slow reader may leave unread. */
  heldBytesUnpaused: 16 * MIB,
  /** Milliseconds for which the frames of a peer that hung up wait for another, whose request may be on its way. */
  lastWordsMs: 1_000,
  /**
   * Milliseconds since a reminder did not find the other peer, after which a pending connection expires: two more
   * reminders, and the answers of other instances. A peer comes back from a restart or from another network in less.
   */
  ghostMs: 31_000,
  /**
   * Milliseconds after its open in which nothing is sent to a connection. Released clients on Node listen one turn
   * after `open`, and lose what arrives in the same read as the handshake (measured: 75 of 100 greetings at 0 ms, 1 of
   * 200 at 3 ms, none at 10 ms, also on a busy machine).
   */
  settleMs: 20,
  /** Milliseconds until the counterpart of a pending connection is reminded: longer than two honest handshakes. */
  remindFirstMs: 2_000,
  /** Milliseconds between later reminders: seldom enough that 10,000 pending connections cost 700 messages a second. */
  remindEveryMs: 15_000,

  /** Bytes the runtime's queue needs for a frame besides its payload (measured: 669 to 947). */
  frameOverheadBytes: KIB,
  /** Bytes of backlog above which a sender is paused, if it can be: enough to keep a fast pair busy. */
  pauseAboveBytes: MIB,
  /** Bytes of backlog below which it is read again. */
  resumeBelowBytes: 256 * KIB,
  /**
   * Bytes of a read: from a peer that sends little; from one that sent larger messages; of a burst, or a message of 64
   * KiB with its header; of what does not end. A silent peer keeps a buffer of the first or second size; a message of
   * 64 KiB costs half as much when eight are read at once (measured; twice as many save nothing more).
   */
  readBytes: { small: 512, medium: 4 * KIB, large: 66 * KIB, huge: 528 * KIB },
  /** Bytes of large buffers that are read into at the same time: as much as stays in a processor's cache. */
  bulkBytes: 528 * KIB,
  /**
   * Bytes read and written, with {@link operationWork} for each operation, after which the relay polls the system for
   * events: 2 ms of work, where polling takes 50 us.
   */
  turnWork: 2 * MIB,
  /** Bytes that count for an operation of the system, which takes 8 us. */
  operationWork: 8 * KIB,
  /** Bytes that count for accepting a connection. */
  acceptWork: 64 * KIB,
  /** The same for one that was reset before: the runtime makes an error of it, which takes up to 300 us. */
  lostAcceptWork: 256 * KIB,
  /** Bytes that count for a handshake of TLS, which takes 2 ms: one a turn. */
  tlsHandshakeWork: 2 * MIB,
  /** Bytes that count besides for each byte that TLS carries: it costs six times what any other does (measured). */
  tlsByteWork: 5,
  /** Connections that the system queues until the relay accepts them: as many as it allows by default. */
  acceptBacklog: 4_096,
  /** Bytes of a request before its body: twice what browsers with long tokens send. */
  headBytes: 16 * KIB,
  /**
   * Headers of a request: four times what browsers behind proxies send. Their cost in the runtime grows with the
   * square.
   */
  headers: 256,
  /** Bytes of free buffers of each size in the pool: more than a turn needs. */
  freeBytes: 4 * MIB,
  /** Milliseconds after which a receiver with a backlog that takes nothing is closed. */
  stalledMs: 60_000,
  /** Empty or control frames a second in one direction. No backlog shows what they cost, so their rate is bounded. */
  emptyFramesPerSecond: 1_000,
  /** The same in a burst: 10 MB of queue at the most. */
  emptyFrameBurst: 10_000,
  /** Milliseconds between two measurements of all backlogs while their sum is over the bound: 1 % of a core. */
  measureEveryMs: 100,

  /** Streams of one socket: a thousand partners about a dozen documents each. */
  streamsPerSocket: 16_384,
  /** Bytes of credit that a paired stream has: 50 MB/s over 5 ms, 2.5 MB/s over 100 ms. */
  streamWindowBytes: 256 * KIB,
  /** Streams that one socket may open a second: each costs about 20 us, a hold and timers among them. */
  opensPerSecond: 1_000,
  /** The same in a burst: all that it may have, after a reconnect. */
  openBurst: 20_000,
  /** What it costs to open one stream and to close it again, and to verify a token, in microseconds of a processor. */
  openWork: 20,
  tokenWork: 300,
  /**
   * Milliseconds of a turn of the event loop in which streams are read at once: the rest waits, and others have turns.
   */
  readAtOnceMs: 8,
  /** The same for what is sent at its end, on all sockets, and on each. */
  sendAtOnceMs: 8,
  sendOneMs: 2,
  /** Records of one frame: a millisecond. */
  recordsPerFrame: 2_048,
  /** Bytes of backlog of one stream above which its partner's credit is withheld. */
  streamPauseBytes: 64 * KIB,
  /** Bytes below which it is given again. */
  streamResumeBytes: 32 * KIB,
  /** Free frames of 64 KiB in the pool: as many as sockets that are written to in one turn. */
  freeFrames: 256,
  /** Bytes by which what waits for a stream, or for a peer, changes before its share of the memory budget is updated. */
  budgetStepBytes: 4 * KIB,
  /** Bytes that a record takes besides its payload while it waits. */
  recordOverheadBytes: 256,
  /**
   * Backlog of a socket with streams, in bytes, above which nothing more is written, so that small messages wait
   * briefly.
   */
  socketBacklogBytes: 256 * KIB,
  /** Bytes that one stream may send when it is its turn: the largest record. */
  turnQuantumBytes: 32 * KIB + 64,
  /** Milliseconds between two looks at a socket that is full: twice as long each time, from the least to the most. */
  lookAgainMs: { least: 1, most: 50 },
  /** Seconds without sending anything after which a client that speaks protocol 5 sends a heartbeat. */
  heartbeatSeconds: 15,

  /** Milliseconds between two looks whether a receiver has caught up, where its transport does not say so. */
  askMs: 50,

  /**
   * Bytes of one message to another instance: large enough that its cost is that of its bytes, and with all its headers
   * below the 64 KiB that `nats-server` reads at once: for what is larger it needs half as much time again.
   */
  chunkBytes: 48 * KIB,
  /**
   * Bytes on their way to another instance. NATS holds up a sender once 32 MiB wait for one receiver, and with it all
   * that it sends to others.
   */
  windowBytes: 8 * MIB,
  /** Bytes after which what another instance sent is acknowledged: well below {@link resumeBelowBytes}. */
  acknowledgeBytes: 128 * KIB,
  /** Milliseconds after which less is acknowledged. */
  acknowledgeMs: 200,
  /** Milliseconds between two checks of all pairs over two instances. */
  inspectMs: 500,
  /** Milliseconds without an acknowledgement after which the other instance is probed: something may be lost. */
  doubtMs: 1_000,
  /**
   * Milliseconds in which another instance has to acknowledge: longer than any turn of its event loop, also on a machine
   * that has much else to do.
   */
  receiptMs: 10_000,
  /** Milliseconds of silence after which it is probed. */
  remoteProbeMs: 15_000,
  /** Milliseconds of silence after which it counts as gone. */
  remoteSilenceMs: 45_000,
  /**
   * Milliseconds until a pending connection is offered to other instances for a second and third time: answers take
   * less.
   */
  offerAgainMs: [250, 1_000] as readonly number[],
  /** Milliseconds between later offers, at most. */
  offerEveryMs: 5_000,
  /** Milliseconds for which one that has gone is remembered, since its counterpart's offer may be on its way. */
  offerOnWayMs: 100,
  /**
   * Milliseconds for which a pending connection that has accepted an offer waits for the answer alone. A later one still
   * counts, until another offer is accepted.
   */
  answerMs: 3_000,
  /**
   * Milliseconds after which a join is announced again: longer than a subscription needs to spread in a cluster. A join
   * that is repeated in between is announced then, and not at once.
   */
  announceAgainMs: 1_000,
  /** Milliseconds in which all interests are announced again, which makes up for lost messages. */
  announceEveryMs: 60_000,
  /** Milliseconds between two parts of that. */
  roundMs: 1_000,
  /** Milliseconds in which a NATS server has to accept a connection: enough for TLS between continents. */
  natsConnectMs: 5_000,
  /** Milliseconds between two tries to reach NATS again, with as much jitter. */
  natsReconnectMs: 250,
  /** Milliseconds between two tries at the start. */
  natsRetryMs: 1_000,
  /** Milliseconds between two pings, of which two may stay without an answer. */
  natsPingMs: 5_000,

  /** Milliseconds in which an upgraded socket opens; otherwise a reset has leaked its descriptor. */
  openMs: 10_000,
  /** Milliseconds in which a connection has to send its request, and then to read the answer. */
  requestMs: 10_000,
  /** Connections beyond `--max-connections`, so that a full relay can still answer that it is full. */
  spareConnections: 50,
  /** Milliseconds until a listener that ended listens again: long enough not to spin while it cannot accept. */
  serveAgainMs: 200,
  /** Milliseconds without a frame after which a peer counts as silent. */
  quietMs: 20,
  /** Milliseconds by which a timer is late in a process that stood still: turns of the event loop are far shorter. */
  stoodStillMs: 1_000,
  /** Milliseconds for which a close waits at most for the end of what its peer is sending. */
  lingerMs: 2_000,
  /** Milliseconds in which a peer without a backlog has to answer a close, if it has nothing to read before that. */
  closeAnswerMs: 10_000,
  /**
   * Bytes a second that a slow reader takes of what the system keeps for it, up to ten MiB that nobody sees: a bad
   * mobile network, or one of two hundred sockets in a process on a busy machine (measured: 55 KiB).
   */
  slowReaderBytes: 16 * KIB,
  /** Milliseconds in which a repeated signal is the same one: `deno task` passes on a Ctrl-C that the relay has got, too. */
  sameSignalMs: 300,
  /** Milliseconds for the closing handshakes when the relay ends. */
  closeMs: 1_000,
  /** Milliseconds for listener and backplane after that. */
  shutdownMs: 500,
  /** Milliseconds for the last lines of the log after that. */
  flushMs: 500,
  /** Milliseconds of the drain time that are kept for these three. */
  endMs: 2_000,
  /** Characters of the log that may wait: a burst of 4,000 lines, while a disk or a collector is busy. */
  lineQueueLength: MIB,
  /** Milliseconds until a failed write of the log is tried again. */
  writeAgainMs: 100,
  /** Milliseconds between two measurements of the watchdog: a fast attacker sends 250 MB in that. */
  watchMs: 250,
  /**
   * Milliseconds between two measurements of the event loop's delay: short enough to see every blockage that matters.
   */
  loopLookMs: 100,
  /** Milliseconds between two probes of the own listener. */
  probeMs: 5_000,
  /** Milliseconds in which it has to answer: longer than any turn of the event loop. */
  probeAnswerMs: 5_000,
  /** The share of descriptors in use at which the relay restarts, while it can still accept. */
  descriptorShare: 0.9,
  /** Descriptors that are not connections: runtime, listener, files. Measured 25 at rest. */
  spareDescriptors: 100,
  /**
   * Connections that the runtime accepts for Node's TLS in one turn of the event loop: so many have a descriptor until it
   * ends, although all places are taken.
   */
  acceptedAtOnce: 128,
  /** The share of the machine's memory that the relay may take when nothing is configured. */
  memoryShare: 0.75,
  /** Seconds after which a refused client may try again, if nothing better is known. */
  retryAfterSeconds: 5,
} as const;
