/**
 * What a client does, on every platform: in Deno, in Node and in a browser page. Nothing here but the language and
 * timers, so that the bundle of this one file runs everywhere.
 *
 * @module
 */

import type { Client as ClientClass, ClientOptions, PeerSocket, WebSocketClass } from "../../src/client/mod.ts";

/** What can be done to the relay, or to the network on the way to it. */
export type Action = "kill" | "drain" | "cut" | "cut connections" | "unplug" | "plug";

/** Where a behaviour is shown. */
export interface Stage {
  readonly Client: typeof ClientClass;
  /** For platforms without one of their own. */
  readonly WebSocket?: WebSocketClass;
  readonly url: string;
  /** Seals everything. */
  readonly secret?: string;
  /** False: every conversation has a socket of its own. */
  readonly multiplex?: boolean;
  control(action: Action): Promise<void>;
}

/** Something that a client told, or that came from a peer. */
interface Happening {
  type: "server.connect" | "server.disconnect" | "peer.connect" | "peer.disconnect" | "error" | "data" | "close";
  userName?: string;
  documentId?: string;
  socket?: PeerSocket;
  data?: unknown;
}

const PATIENCE_MS = 60_000;

/** All behaviours, by what they show. */
export const behaviours: Record<string, (stage: Stage) => Promise<void>> = {
  "who shares a document is connected, once": async (stage) => {
    await withPeople(stage, 3, async ([alice, bob, eve], doc) => {
      alice.client.join(doc).join(doc);
      bob.client.join(doc);
      eve.client.join(`${doc} of her own`);
      await meet(alice, bob, doc);
      same(alice.client.has(bob.name, doc), true);
      same(bob.client.get(alice.name, doc)!.readyState, 1);
      same([...eve.client.peers.keys()], []);
      same(alice.count("peer.connect"), 1);
    });
  },

  "documents are apart from each other": async (stage) => {
    await withPeople(stage, 2, async ([alice, bob], doc) => {
      const documents = ["1", "/2", "ö:3", "4?&#%20", "5 🐟"].map((name) => doc + name);
      for (const { client } of [alice, bob]) documents.forEach((id) => client.join(id));
      for (const id of documents) await meet(alice, bob, id);
      for (const id of documents) alice.socket(bob, id).write(`about ${id}`);
      for (const id of documents) same((await bob.next("data", alice, id)).data, `about ${id}`);
    });
  },

  "text and binary cross unchanged and in order, both ways": async (stage) => {
    await withPair(stage, async (alice, bob, doc) => {
      const bytes = new Uint8Array(70_000).map((_, i) => i);
      const messages = ["", "Hello! 🎉", new ArrayBuffer(0), bytes, "x".repeat(200_000), bytes.subarray(1, 3), "last"];
      for (const message of messages) {
        [alice.socket(bob, doc), bob.socket(alice, doc)].forEach((to) => to.write(message));
      }
      for (const message of messages) same(inHex((await bob.next("data", alice)).data), inHex(message));
      for (const message of messages) same(inHex((await alice.next("data", bob)).data), inHex(message));
    });
  },

  "what is said first is heard, whoever comes last": async (stage) => {
    await withPeople(stage, 2, async ([alice, bob], doc) => {
      for (const { client } of [alice, bob]) {
        client.on("peer.connect", ({ socket }) => ["1", "2"].forEach((n) => socket.write(n)));
      }
      alice.client.join(doc);
      bob.client.join(doc);
      for (const [listener, speaker] of [[alice, bob], [bob, alice]]) {
        same((await listener.next("data", speaker)).data, "1");
        same((await listener.next("data", speaker)).data, "2");
      }
    });
  },

  "what both say at length in the same moment is heard, and takes one connection": async (stage) => {
    await withPeople(stage, 2, async ([alice, bob], doc) => {
      const documents = ["1", "2", "3", "4"].map((name) => doc + name);
      const said = Array.from({ length: 400 }, (_, i) => `${i}`.padEnd(100));
      for (const { client } of [alice, bob]) {
        client.on("peer.connect", ({ socket }) => said.forEach((message) => socket.write(message)));
        documents.forEach((id) => client.join(id));
      }
      for (const id of documents) {
        for (const message of said) same((await alice.next("data", bob, id)).data, message);
        for (const message of said) same((await bob.next("data", alice, id)).data, message);
      }
      same([alice.count("peer.connect"), bob.count("peer.connect")], [documents.length, documents.length]);
    });
  },

  "hundreds of documents take one socket on each side, where conversations can share it": async (stage) => {
    const sockets: unknown[] = [];
    const counting = countSockets(stage, sockets);
    await withPeople(counting, 2, async ([alice, bob], doc) => {
      const isLight = stage.secret === undefined && isMultiplexed(stage);
      const documents = Array.from({ length: isLight ? 300 : 20 }, (_, i) => `${doc} ${i}`);
      for (const { client } of [alice, bob]) {
        client.on("peer.connect", ({ socket, documentId }) => socket.write(documentId));
        documents.forEach((id) => client.join(id));
      }
      for (const [listener, speaker] of [[alice, bob], [bob, alice]]) {
        for (const id of documents) same((await listener.next("data", speaker, id)).data, id);
        same(listener.count("peer.connect"), documents.length);
        if (isLight) same(listener.count("error"), 0);
      }
      if (isMultiplexed(stage)) same(sockets.length, 2);
    });
  },

  "who listens late misses nothing, not even the end": async (stage) => {
    await withPeople(stage, 1, async ([bob], doc) => {
      const { url, WebSocket, secret, multiplex } = stage;
      const late = new stage.Client({ userName: `${bob.name} late`, url, WebSocket, secret, multiplex });
      bob.client.join(doc).on("peer.connect", ({ socket }) => {
        ["1", "2"].forEach((text) => socket.write(text));
        socket.on("data", () => socket.close());
      });
      const socket = await new Promise<PeerSocket>((resolve) =>
        late.join(doc).on("peer.connect", ({ socket }) => resolve(socket))
      );
      socket.write("that is all");
      await new Promise((resolve) => socket.addEventListener("close", resolve));
      const heard: unknown[] = [];
      socket.on("data", (data) => heard.push(data));
      await new Promise((resolve) => socket.on("close", resolve));
      same(heard, ["1", "2"]);
      await late[Symbol.asyncDispose]();
    });
  },

  "the socket is a WebSocket, or like one": async (stage) => {
    await withPair(stage, async (alice, bob, doc) => {
      const socket = alice.socket(bob, doc);
      const Class = stage.WebSocket ?? WebSocket;
      same(socket instanceof Class, stage.secret === undefined && !isMultiplexed(stage));
      same([socket.readyState, typeof socket.bufferedAmount, typeof socket.url], [1, "number", "string"]);
      same(socket.binaryType, "arraybuffer");
      const heard = new Promise((resolve) =>
        socket.addEventListener("message", ({ data }) => resolve(data), { once: true })
      );
      bob.socket(alice, doc).send("by send");
      same(await heard, "by send");
      await until(() => socket.bufferedAmount === 0, "all was sent"); // a seal may have sent something, too
    });
  },

  "leaving a document closes its connections on both sides, for good": async (stage) => {
    await withPair(stage, async (alice, bob, doc) => {
      for (const { client } of [alice, bob]) client.join(`${doc} 2`);
      await meet(alice, bob, `${doc} 2`);
      alice.client.leave(doc);
      await part(alice, bob, doc);
      await stage.control("cut");
      await meet(alice, bob, `${doc} 2`);
      same([alice.client.has(bob.name, doc), bob.client.has(alice.name, doc)], [false, false]);
    });
  },

  "who leaves and joins again is connected again": async (stage) => {
    await withPair(stage, async (alice, bob, doc) => {
      await talk(alice, bob, doc); // until then one side may still wait for the other
      alice.client.leave(doc);
      await part(alice, bob, doc);
      alice.client.join(doc);
      await meet(alice, bob, doc);
      await talk(alice, bob, doc);
      alice.client.leave(doc).join(doc); // and in one breath
      await part(alice, bob, doc);
      await meet(alice, bob, doc);
      await talk(alice, bob, doc);
    });
  },

  "disconnecting a peer is not undone, until the document is joined again": async (stage) => {
    await withPair(stage, async (alice, bob, doc) => {
      alice.client.disconnectPeer(bob.name);
      await part(alice, bob, doc);
      await stage.control("cut"); // both heal, and are introduced again
      await Promise.all([alice.next("server.connect"), bob.next("server.connect")]);
      // Bob may try. Sealed, he hears nothing before the relay has reminded alice twice: healing has a test of that.
      if (stage.secret === undefined) await bob.next("peer.connect", alice, doc);
      same(alice.client.has(bob.name), false);
      alice.client.join(doc);
      await alice.next("peer.connect", bob, doc);
      await talk(alice, bob, doc);
    });
  },

  "who disconnects is gone for others, and comes back when told to": async (stage) => {
    await withPair(stage, async (alice, bob, doc) => {
      alice.client.disconnectServer();
      await part(alice, bob, doc);
      same([alice.client.open, alice.client.peers.size, bob.client.has(alice.name)], [false, 0, false]);
      alice.client.connectToServer();
      await meet(alice, bob, doc);
      await talk(alice, bob, doc);
    });
  },

  "a relay out of reach is told at once, and holds nobody up": async (stage) => {
    await stage.control("unplug");
    const start = Date.now();
    const client = new stage.Client({ url: stage.url, WebSocket: stage.WebSocket });
    try {
      await new Promise((resolve) => client.on("error", resolve));
      await client[Symbol.asyncDispose]();
    } finally {
      await stage.control("plug");
    }
    // Half of the time after which a relay that says nothing is given up.
    same(Date.now() - start < 5000, true);
  },

  "joins made while the relay is out of reach are not lost": async (stage) => {
    await withPeople(stage, 2, async ([alice, bob], doc) => {
      await Promise.all([alice.next("server.connect"), bob.next("server.connect")]);
      await stage.control("unplug");
      await Promise.all([alice.next("server.disconnect"), bob.next("server.disconnect")]);
      alice.client.join(doc);
      bob.client.join(doc);
      await stage.control("plug");
      await meet(alice, bob, doc);
    });
  },

  "a dropped connection comes back on both sides": async (stage) => {
    await withPair(stage, async (alice, bob, doc) => {
      if (isMultiplexed(stage)) alice.socket(bob, doc).close(4000); // on purpose, and nothing that means the end
      else await stage.control("cut connections");
      await part(alice, bob, doc);
      await meet(alice, bob, doc);
      await talk(alice, bob, doc);
      same([alice.count("server.disconnect"), bob.count("server.disconnect")], [0, 0]);
    });
  },

  "peers find each other again when everything was cut": async (stage) => {
    await withPair(stage, async (alice, bob, doc) => {
      await stage.control("cut");
      await part(alice, bob, doc);
      await meet(alice, bob, doc);
      await talk(alice, bob, doc);
    });
  },

  "peers find each other again when the relay was killed": async (stage) => {
    await withPair(stage, async (alice, bob, doc) => {
      await stage.control("kill");
      await part(alice, bob, doc);
      await meet(alice, bob, doc);
      await talk(alice, bob, doc);
    });
  },

  "peers find each other again when the relay was restarted": async (stage) => {
    await withPair(stage, async (alice, bob, doc) => {
      await stage.control("drain");
      await part(alice, bob, doc);
      await meet(alice, bob, doc);
      await talk(alice, bob, doc);
    });
  },

  // deno-lint-ignore require-await -- whatever goes wrong in a behaviour is a rejection
  "misuse is told at once": async ({ Client, WebSocket, url }) => {
    throws(() => new Client({} as ClientOptions), "Cannot create a Client: want a url, got undefined");
    throws(() => new Client({ url: "ftp://relay", WebSocket }), "want a url like");
    throws(
      () => new Client({ url, WebSocket, userName: "" }),
      'Cannot use "" as an id: want at least 1 byte, got none',
    );
  },
};

/** Those that tell most where conversations have sockets of their own, for platforms that show them all with one socket. */
export const ofSockets: readonly (keyof typeof behaviours)[] = [
  "text and binary cross unchanged and in order, both ways",
  "what both say at length in the same moment is heard, and takes one connection",
  "the socket is a WebSocket, or like one",
  "leaving a document closes its connections on both sides, for good",
  "a dropped connection comes back on both sides",
  "peers find each other again when everything was cut",
];

/** A client with a memory of all that happened to it. */
class Person {
  readonly client: ClientClass;
  readonly name: string;
  readonly #past: Happening[] = [];
  readonly #unread: Happening[] = [];
  #wake = () => {};

  constructor({ Client, WebSocket, url, secret, multiplex }: Stage, name: string) {
    this.name = name;
    // Behaviours bring failures about, so that waiting for the default delays would only take time. A relay that is
    // slow to come back must not make them long.
    const delays = { minRetryDelay: 50, maxRetryDelay: 1000 };
    this.client = new Client({
      userName: name,
      url,
      ...delays,
      ...(WebSocket && { WebSocket }),
      ...(secret && { secret }),
      ...(multiplex !== undefined && { multiplex }),
    });
    this.#listen();
  }

  /** Takes the first such happening, come or yet to come. */
  async next(type: Happening["type"], other?: Person, documentId?: string): Promise<Happening> {
    const matches = (one: Happening) =>
      one.type === type && (!other || one.userName === other.name) && (!documentId || one.documentId === documentId);
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const index = this.#unread.findIndex(matches);
      if (index >= 0) return this.#unread.splice(index, 1)[0];
      await this.#more(deadline, `${this.name} waited for ${type} ${other?.name ?? ""} ${documentId ?? ""}`);
    }
  }

  /** How often this happened in all. */
  count(type: Happening["type"]): number {
    return this.#past.filter((one) => one.type === type).length;
  }

  socket(other: Person, documentId: string): PeerSocket {
    const socket = this.client.get(other.name, documentId);
    if (!socket) throw new Error(`${this.name} has no connection to ${other.name} about ${documentId}`);
    return socket;
  }

  #listen(): void {
    for (const type of ["server.connect", "server.disconnect"] as const) {
      this.client.on(type, () => this.#note({ type }));
    }
    this.client.on("peer.connect", (event) => {
      const { socket, ...whom } = event;
      this.#note({ type: "peer.connect", ...event });
      socket.on("data", (data) => this.#note({ type: "data", data, ...whom }));
      socket.on("close", () => this.#note({ type: "close", ...whom }));
    });
    this.client.on("peer.disconnect", (event) => this.#note({ type: "peer.disconnect", ...event }));
    this.client.on("error", ({ message }) => this.#note({ type: "error", data: message }));
  }

  #note(happening: Happening): void {
    this.#past.push(happening);
    this.#unread.push(happening);
    this.#wake();
  }

  async #more(deadline: number, what: string): Promise<void> {
    let timer: ReturnType<typeof setTimeout>;
    await new Promise<void>((resolve, reject) => {
      this.#wake = resolve;
      timer = setTimeout(() => reject(new Error(`${what}; what came: ${this.#story()}`)), deadline - Date.now());
    }).finally(() => clearTimeout(timer));
  }

  #story(): string {
    return this.#past.map(({ type, userName = "", data = "" }) => `${type} ${userName}${inHex(data).slice(0, 80)}`)
      .join(", ");
  }
}

/** The oldest platforms cannot. */
function isMultiplexed({ multiplex = typeof TextDecoder === "function" }: Stage): boolean {
  return multiplex;
}

/** The same stage, on which every socket that is made is noted. */
function countSockets(stage: Stage, sockets: unknown[]): Stage {
  const WebSocket = class extends (stage.WebSocket ?? globalThis.WebSocket as WebSocketClass) {
    constructor(url: string) {
      super(url);
      sockets.push(this);
    }
  };
  // A copy would ask for the url once.
  return Object.create(stage, { WebSocket: { value: WebSocket } });
}

/** Runs a scene of people who have no document yet, and sees them out. */
async function withPeople(
  stage: Stage,
  count: number,
  scene: (people: Person[], documentId: string) => Promise<void>,
): Promise<void> {
  const run = Math.random().toString(36).slice(2);
  const people = ["alice", "bob", "eve"].slice(0, count).map((name) => new Person(stage, `${name} ${run}`));
  try {
    await scene(people, `doc ${run}`);
  } finally {
    for (const { client } of people) await client[Symbol.asyncDispose]();
  }
}

/** Runs a scene of two people who are connected about a document. */
async function withPair(
  stage: Stage,
  scene: (alice: Person, bob: Person, documentId: string) => Promise<void>,
): Promise<void> {
  await withPeople(stage, 2, async ([alice, bob], doc) => {
    alice.client.join(doc);
    bob.client.join(doc);
    await meet(alice, bob, doc);
    await greet(alice, bob, doc);
    await scene(alice, bob, doc);
  });
}

async function meet(a: Person, b: Person, documentId: string): Promise<void> {
  await Promise.all([a.next("peer.connect", b, documentId), b.next("peer.connect", a, documentId)]);
}

/** Who is connected has a way to the relay, and no more: who hears the other has all of it. */
async function greet(a: Person, b: Person, documentId: string): Promise<void> {
  a.socket(b, documentId).write("hello");
  b.socket(a, documentId).write("hello");
  await Promise.all([a.next("data", b, documentId), b.next("data", a, documentId)]);
}

async function part(a: Person, b: Person, documentId: string): Promise<void> {
  await Promise.all([a.next("peer.disconnect", b, documentId), b.next("peer.disconnect", a, documentId)]);
}

/** Both hear each other, over a connection that may still be replaced while it comes back. */
async function talk(a: Person, b: Person, documentId: string): Promise<void> {
  const chatter = setInterval(() => {
    a.client.get(b.name, documentId)?.readyState === 1 && a.socket(b, documentId).write("from a");
    b.client.get(a.name, documentId)?.readyState === 1 && b.socket(a, documentId).write("from b");
  }, 100);
  try {
    const [fromA, fromB] = await Promise.all([b.next("data", a, documentId), a.next("data", b, documentId)]);
    same([fromA.data, fromB.data], ["from a", "from b"]);
  } finally {
    clearInterval(chatter);
  }
}

/** For what no event tells. */
async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`waited 10 s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function same(got: unknown, wanted: unknown): void {
  const [left, right] = [got, wanted].map((value) => JSON.stringify(value));
  if (left !== right) throw new Error(`want ${right.slice(0, 200)}, got ${left?.slice(0, 200)}`);
}

function throws(action: () => unknown, message: string): void {
  try {
    action();
  } catch (error) {
    if (error instanceof TypeError && error.message.includes(message)) return;
    throw new Error(`want a TypeError with ${JSON.stringify(message)}, got ${error}`);
  }
  throw new Error(`want a TypeError with ${JSON.stringify(message)}, got none`);
}

/** Tells text from binary, and makes both comparable. */
function inHex(data: unknown): string {
  if (typeof data === "string") return `text ${data}`;
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data as ArrayBuffer);
  return `binary ${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
