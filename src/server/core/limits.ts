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
  /** Malformed messages on one socket: a client with one bug lives on, a fuzzer does not. */
  malformedMessages: 100,
  /** Peers whom one `Join` introduces per document, so that no document is quadratic without end. */
  introducedPerDocument: 1_000,
  /** Documents that one introduction names; about more there are several, so that none takes long to make. */
  introducedDocuments: 1_000,
  /**
   * What one introduction socket may cost the relay a second, in microseconds of a processor: a tenth of one. What each
   * step costs was measured, and is charged, below.
   */
  workPerSecond: 100_000,
  /** The same at once: 10,000 documents, each with 10 other peers, half of them on other instances, after a reconnect. */
  workBurst: 3_000_000,
  /** To read a message, and each KiB of it. */
  messageWork: 8,
  messageKibWork: 8,
  /** To add a document and to take it away again, at the latest at the end. */
  interestWork: 2,
  /** To look at a document that is named in a join or a leave. */
  documentWork: 1,
  /** To look at one who is interested in it. */
  lookWork: 0.2,
  /** To introduce two peers to each other, and to name one document in it. */
  introductionWork: 20,
  introducedDocumentWork: 0.3,
  /** To tell the counterpart of a pending connection that it is waited for. */
  reminderWork: 20,
  /** Sockets of one peer that are looked at for the newest that is interested: more than tabs of one browser. */
  remindedSockets: 16,
  /** Work of one step of a join: well below a slice. */
  stepWork: 200,
  /** To tell other instances of a join, twice, and what they do with it if nobody there shares the document. */
  announcementWork: 50,
  /** Bytes of one message to other instances about peers: as much as takes well below a slice to read. */
  announcedBytes: 16 * KIB,
  /** Introductions to peers of other instances that may be gathered: beyond, they are made before more is heard. */
  gatheredIntroductions: 1_000,
  /** Bytes of messages about peers of other instances that may wait. What is lost is told again within a minute. */
  busBacklogBytes: 64 * MIB,
  /** Peers elsewhere of which it is remembered, for each document, to whom they were introduced: 200 bytes each. */
  sightings: 500_000,
  /**
   * Bytes that one message on the bus can have at the least: two ids of 512 bytes, all of them characters that JSON
   * spells with 6.
   */
  leastPayloadBytes: 8 * KIB,
  /** Milliseconds of a turn of the event loop that discovery may take: short against what an innocent may wait, 100. */
  sliceMs: 2,
  /** Milliseconds in which introductions are gathered while there is more work: several slices, which nobody notices. */
  gatherMs: 10,
  /** Milliseconds between two slices, at least: the shortest timer. */
  sliceGapMs: 1,
  /** Milliseconds of it after which the next of those who wait has its turn. */
  sliceShareMs: 0.5,
  /** Bytes of messages that wait for their turn above which their sender is not read on, where that can be. */
  pauseUnheardBytes: MIB,
  /** Bytes of such messages where it cannot: 10,000 joins of ids of 512 bytes. */
  unheardBytes: 8 * MIB,
  /** Bytes of frames of streams that wait to be read, where their sender cannot be paused: what comes in 0.3 s. */
  unreadBytes: 32 * MIB,
  /** Bytes that a message takes while it waits beside its own. */
  unheardMessageBytes: 256,
  /** Bytes that an interest takes beside its id, in both indexes (measured: 285 with an id of 36 characters). */
  interestBytes: 208,
  /** Bytes that the interests of one peer may take: 10,000 ids of 105 characters. */
  documentBytesPerPeer: 4 * MIB,
  /** Bytes that all interests may take: 1.9 million UUIDs. */
  documentBytes: 512 * MIB,
  /** Bytes of introductions that a peer may leave unread, beside what one full join costs in {@link frameOverheadBytes}. */
  introductionBacklogBytes: MIB + 1_000 * KIB,

  /**
   * Bytes kept for the peer that has not come yet, with {@link frameOverheadBytes} for each piece, above which a sender is
   * paused, if it can be: a greeting and a first sync message fit, a file does not.
   */
  heldBytes: MIB,
  /** The same where it cannot be: then one message more ends the hold. As much as a slow reader may leave unread. */
  heldBytesUnpaused: 16 * MIB,
  /** Milliseconds that what a peer said before it hung up waits for another, whose request may be on its way. */
  lastWordsMs: 1_000,
  /**
   * Milliseconds without the peer that is waited for, since a reminder found it missing: two more reminders, and the
   * answers of other instances. A peer comes back from a restart or from another network in less.
   */
  ghostMs: 31_000,
  /**
   * Milliseconds after its open in which nothing is delivered to a connection. Released clients on Node listen one turn
   * after `open` and lose what arrives in the same read as the handshake (measured: 75 of 100 greetings at 0 ms, 1 of
   * 200 at 3 ms, none at 10 ms, also on a busy machine).
   */
  settleMs: 20,
  /** Milliseconds until the counterpart of a pending connection hears of it again: longer than two honest handshakes. */
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
   * Bytes read at once: of a peer that says little, of one whose messages were larger, of a burst or a message of 64 KiB
   * with its header, and of what does not end. A silent peer keeps one of the first two; a message of 64 KiB costs half
   * as much when eight are read at once (measured; twice as many save nothing more).
   */
  readBytes: { small: 512, medium: 4 * KIB, large: 66 * KIB, huge: 528 * KIB },
  /** Bytes that are read into large buffers at once: as much as stays in a processor's cache. */
  bulkBytes: 528 * KIB,
  /**
   * Bytes read and written, with what operations cost besides, after which the system is asked for events: 2 ms of work,
   * where asking takes 50 us.
   */
  turnWork: 2 * MIB,
  /** What an operation of the system costs in that: 8 us. */
  operationWork: 8 * KIB,
  /** What it costs to accept a connection. */
  acceptWork: 64 * KIB,
  /** Connections that the system keeps until they are accepted: as many as it allows by default. */
  acceptBacklog: 4_096,
  /** Bytes of a request before its body: twice what browsers with long tokens send. */
  headBytes: 16 * KIB,
  /** Headers of a request: four times what browsers behind proxies send. What they cost the runtime grows with the square. */
  headers: 256,
  /** Bytes of free buffers of each size that are kept for later reads: more than a turn needs. */
  freeBytes: 4 * MIB,
  /** Milliseconds in which a receiver with a backlog has to take something. */
  stalledMs: 60_000,
  /** Empty or control frames a second in one direction. No backlog shows what they cost, so their rate is bounded. */
  emptyFramesPerSecond: 1_000,
  /** The same at once: 10 MB of queue at the most. */
  emptyFrameBurst: 10_000,
  /** Milliseconds between two measurements of all backlogs while their sum is over the bound: 1 % of a core. */
  measureEveryMs: 100,

  /** Streams of one socket: a thousand partners about a dozen documents each. */
  streamsPerSocket: 16_384,
  /** Bytes of credit that a paired stream has: 50 MB/s over 5 ms, 2.5 MB/s over 100 ms. */
  streamWindowBytes: 256 * KIB,
  /** Streams that one socket may open a second: each costs about 20 us, a hold and timers among them. */
  opensPerSecond: 1_000,
  /** The same at once: all that it may have, after a reconnect. */
  openBurst: 20_000,
  /** What it costs to open one stream and to close it again, and to verify a token, in microseconds of a processor. */
  openWork: 20,
  tokenWork: 300,
  /** Milliseconds of a turn of the event loop in which streams are read at once: the rest waits, and others have turns. */
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
  /** Frames of 64 KiB that are kept for what is written next: as many as sockets that are written to in one turn. */
  freeFrames: 256,
  /** Bytes by which the backlog of a stream changes before its share of all memory is told anew. */
  streamStepBytes: 4 * KIB,
  /** Bytes that a record takes besides its payload while it waits. */
  recordOverheadBytes: 256,
  /** Bytes that may wait in a socket with streams before more is written: then a small message waits for little. */
  socketBacklogBytes: 256 * KIB,
  /** Bytes of one stream in its turn: the largest record. */
  turnQuantumBytes: 32 * KIB + 64,
  /** Milliseconds between two looks at a socket that is full: twice as long each time, from the least to the most. */
  lookAgainMs: { least: 1, most: 50 },
  /** Seconds without sending anything after which a client that speaks protocol 5 says that it lives. */
  heartbeatSeconds: 15,

  /** Milliseconds between two questions whether a receiver has caught up, where its transport does not tell. */
  askMs: 50,

  /**
   * Bytes of one message to another instance: large enough that its cost is that of its bytes, and with all its headers
   * below the 64 KiB that `nats-server` reads at once: for what is larger it needs half as much time again.
   */
  chunkBytes: 48 * KIB,
  /**
   * Bytes under way to another instance. NATS holds up a sender once 32 MiB wait for one receiver, and with it all that
   * the sender says to others.
   */
  windowBytes: 8 * MIB,
  /** Bytes after which another instance hears what has arrived: well below {@link resumeBelowBytes}. */
  confirmBytes: 128 * KIB,
  /** Milliseconds after which it hears of less. */
  confirmMs: 200,
  /** Milliseconds between two looks at all pairs over two instances. */
  inspectMs: 500,
  /** Milliseconds without a word of what was sent, after which the other instance is asked; something may be lost. */
  doubtMs: 1_000,
  /** Milliseconds in which another instance has to tell what it received: longer than any turn of its event loop. */
  receiptMs: 5_000,
  /** Milliseconds without a word after which it is asked whether it is there. */
  remoteProbeMs: 15_000,
  /** Milliseconds without a word after which it is not. */
  remoteSilenceMs: 45_000,
  /** Milliseconds until a pending connection is offered to other instances again, and again: any answer takes less. */
  offerAgainMs: [250, 1_000] as readonly number[],
  /** Milliseconds between later offers, at most. */
  offerEveryMs: 5_000,
  /** Milliseconds that a pending connection waits for one instance before it is there for others again. */
  answerMs: 3_000,
  /**
   * Milliseconds after which a join is told again: longer than interest needs to spread in a cluster. What is joined
   * again in between is told then, and not at once.
   */
  announceAgainMs: 1_000,
  /** Milliseconds in which all interests are told again, so that whatever was lost is made good. */
  announceEveryMs: 60_000,
  /** Milliseconds between two parts of that. */
  roundMs: 1_000,
  /** Milliseconds in which a NATS server has to take a connection: enough for TLS between continents. */
  natsConnectMs: 5_000,
  /** Milliseconds between two tries to reach NATS again, and as much at random beside. */
  natsReconnectMs: 250,
  /** Milliseconds between two tries at the start. */
  natsRetryMs: 1_000,
  /** Milliseconds between two pings, of which two may stay without an answer. */
  natsPingMs: 5_000,

  /** Milliseconds in which an upgraded socket opens; one that has not is a descriptor lost to a reset. */
  openMs: 10_000,
  /** Milliseconds in which a connection has to send its request, and then to take the answer. */
  requestMs: 10_000,
  /** Connections beyond the sockets, so that a full relay can still say that it is. */
  spareConnections: 50,
  /** Milliseconds until a listener that ended listens again: long enough not to spin while nothing can be accepted. */
  serveAgainMs: 200,
  /** Milliseconds without a frame after which a peer counts as done with sending. */
  quietMs: 20,
  /** Milliseconds for which a peer that goes on sending is heard out before it is closed all the same. */
  lingerMs: 2_000,
  /** Milliseconds in which a peer to whom nothing else is on its way answers a close. */
  closeAnswerMs: 10_000,
  /** Milliseconds that sockets get for the closing handshake when the relay closes. */
  closeMs: 1_000,
  /** Milliseconds that listener and backplane get after that. */
  shutdownMs: 500,
  /** Milliseconds that the last lines of the log get after that, if nobody reads them. */
  flushMs: 500,
  /** Milliseconds of the drain time that are kept for these three. */
  endMs: 2_000,
  /** Characters of log that may wait: 4,000 lines of a burst, while a disk or a collector is busy. */
  lineQueueLength: MIB,
  /** Milliseconds until a line that could not be written is tried again. */
  writeAgainMs: 100,
  /** Milliseconds between two looks of the watchdog: a fast attacker brings 250 MB in that. */
  watchMs: 250,
  /** Milliseconds between two looks at how late the event loop is: every blockage that a scrape should show. */
  loopLookMs: 100,
  /** Milliseconds between two questions that a relay asks itself. */
  probeMs: 5_000,
  /** Milliseconds in which it has to answer: longer than any turn of the event loop. */
  probeAnswerMs: 5_000,
  /** The share of descriptors in use at which the relay restarts, while it can still accept. */
  descriptorShare: 0.9,
  /** Descriptors that are not connections: runtime, listener, files. Measured 25 at rest. */
  spareDescriptors: 100,
  /** The share of the machine's memory that the relay may take when nothing is configured. */
  memoryShare: 0.75,
  /** Seconds after which a refused client may come again, when nothing better is known. */
  retryAfterSeconds: 5,
} as const;
