/** Who is not of those who share the secret: no peer for anybody, and no harm to those who talk. */

import { assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { Client, type ClientOptions, createSecret, sealedId } from "../../../src/client/mod.ts";
import { connectionPath } from "../../../src/protocol.ts";
import { FakeRelay, turn } from "../fake_relay.ts";
import { Inbox, startRelay } from "../../helpers/process.ts";
import { TRANSPORTS } from "../../helpers/transports.ts";

const DOCUMENT = "doc";

/** A client, and all that it was told. */
class Person implements AsyncDisposable {
  readonly client: Client;
  readonly diary: string[] = [];
  readonly events = new Inbox<string>();

  constructor(options: ClientOptions) {
    this.client = new Client({ minRetryDelay: 50, maxRetryDelay: 200, documentIds: [DOCUMENT], ...options })
      .on("server.connect", () => this.#note("server.connect"))
      .on("peer.connect", ({ userName, socket }) => {
        this.#note(`met ${userName}`);
        socket.on("data", (data) => this.#note(`${userName}: ${typeof data === "string" ? data : "bytes"}`));
      })
      .on("peer.disconnect", ({ userName }) => this.#note(`lost ${userName}`))
      .on("error", ({ message }) => this.#note(`error ${message}`));
  }

  say(userName: string, words: string): void {
    this.client.get(userName, DOCUMENT)!.write(words);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]();
  }

  #note(line: string): void {
    this.diary.push(line);
    this.events.push(line);
  }
}

for (const transport of TRANSPORTS) {
  Deno.test(`strangers on ${transport}: another secret, or none, meets nobody`, async () => {
    await using relay = await startRelay(["--transport", transport]);
    const [secret, url] = [createSecret(), relay.url];
    await using other = new Person({ url, userName: "mallory", secret: createSecret() });
    await using open = new Person({ url, userName: "trudy" });
    await using impostor = new Person({ url, userName: "alice", secret: createSecret() });
    for (const person of [other, open, impostor]) await person.events.next("a relay");
    await using alice = new Person({ url, userName: "alice", secret });
    await using bob = new Person({ url, userName: "bob", secret });
    await talk(alice, bob);
    assertEquals(alice.diary, ["server.connect", "met bob", "bob: from bob"]);
    assertEquals(bob.diary, ["server.connect", "met alice", "alice: from alice"]);
    for (const { diary } of [other, open, impostor]) assertEquals(diary, ["server.connect"]);
  });

  Deno.test(`strangers on ${transport}: who knows the document's id on the wire is met by nobody, and ends nothing`, async () => {
    await using relay = await startRelay(["--transport", transport]);
    const [secret, url] = [createSecret(), relay.url];
    await using alice = new Person({ url, userName: "alice", secret });
    await using bob = new Person({ url, userName: "bob", secret });
    await talk(alice, bob);
    const wireDocument = await sealedId(secret, "document", DOCUMENT);
    const options = { url, documentIds: [wireDocument] };
    await using chatty = new Person({ ...options, userName: "mallory" });
    await using sealed = new Client({ ...options, userName: "trudy", secret: createSecret() }); // its own ids: meets nobody
    chatty.client.on("peer.connect", ({ socket }) => {
      socket.write("let me in");
      socket.write(new Uint8Array(48));
    });
    for (const person of [alice, bob]) {
      const error = await person.events.next("an error", (line) => line.startsWith("error"));
      assertStringIncludes(error, "seal is broken: a message was altered, lost, repeated, or made without the secret");
    }
    await talk(alice, bob);
    for (const { diary } of [alice, bob]) {
      const wrong = diary.filter((line) =>
        !/^(server\.connect|met (alice|bob)|(alice|bob): |error .*seal is broken)/.test(line)
      );
      assertEquals(wrong, []);
      assertEquals(diary.filter((line) => line.startsWith("met")).length, 1);
    }
    assertEquals(sealed.peers.size, 0);
  });

  Deno.test(`strangers on ${transport}: who takes a peer's place at the relay hears nothing, and is no peer`, async () => {
    await using relay = await startRelay(["--transport", transport]);
    const [secret, url] = [createSecret(), relay.url];
    await using alice = new Person({ url, userName: "alice", secret });
    await using bob = new Person({ url, userName: "bob", secret });
    await talk(alice, bob);
    const [aliceId, bobId, documentId] = [
      await sealedId(secret, "user", "alice"),
      await sealedId(secret, "user", "bob"),
      await sealedId(secret, "document", DOCUMENT),
    ];
    const thief = new WebSocket(url + connectionPath(bobId, aliceId, documentId));
    const heard: string[] = [];
    thief.onmessage = async ({ data }) => heard.push(typeof data === "string" ? data : await data.text());
    thief.onopen = () => thief.send(new Uint8Array(64));
    const hungUp = new Promise((resolve) => thief.onclose = resolve);
    await alice.events.next("the loss of Bob", (line) => line === "lost bob");
    await alice.events.next("an error", (line) => line.includes("seal is broken"));
    await hungUp;
    await alice.events.next("Bob again", (line) => line === "met bob");
    await bob.events.next("Alice again", (line) => line === "met alice");
    await talk(alice, bob, false);
    assertEquals(alice.diary.filter((line) => line.startsWith("met") && line !== "met bob"), []);
    assertEquals(heard.some((words) => /alice|bob|from/.test(words)), false);
  });
}

Deno.test("strangers: a peer that has proved nothing is not shown, whatever the relay says of it", async () => {
  const relay = new FakeRelay();
  const secret = createSecret();
  const client = relay.client({ secret });
  const events: string[] = [];
  client.on("peer.connect", () => events.push("met")).on("error", ({ message }) => events.push(message));
  while (relay.sockets.length === 0) await new Promise((resolve) => setTimeout(resolve));
  relay.introduction.open();
  await turn();
  const [alice, bob, doc] = [
    await sealedId(secret, "user", "alice"),
    await sealedId(secret, "user", "bob"),
    await sealedId(secret, "document", "doc"),
  ];
  assertEquals(new URL(relay.introduction.url).pathname, `/introduction/${alice}`);
  assertEquals(relay.heard.map(({ join }) => join), [[doc]]);
  await relay.introduce("bob", "doc"); // not what we called it
  assertEquals(relay.connections.length, 0);
  await relay.introduce(bob, doc);
  assertEquals(new URL(relay.connection.url).pathname, `/connection/${alice}/${bob}/${doc}`);
  relay.connection.open();
  await turn();
  assertEquals([client.pending, client.peers.size, client.has("bob"), events], [1, 0, false, []]);
  await relay.pass(60_000); // nobody has to come soon
  assertEquals([client.pending, events], [1, []]);
  relay.connection.receive(new ArrayBuffer(48));
  await turn();
  assertEquals([client.pending, client.peers.size, events.length], [0, 0, 1]);
  assertMatch(events[0], /^Connection to ws:\/\/relay\/connection\/[\w-]+\/[\w-]+\/[\w-]+ failed: seal is broken/);
  assertEquals(relay.connection.closedWith, 4411);
  await relay.pass(500);
  assertEquals(relay.joins, 2, "it asks again, after a while");
  client.disconnectPeer("bob");
  client.leave("doc");
  assertEquals(relay.heard.at(-1)!.type, "Join");
  await turn();
  assertEquals(relay.heard.at(-1)!.leave, [doc]);
  client.disconnectServer();
});

Deno.test("strangers: what is no secret is refused at once, and not repeated; ids are checked", async () => {
  const relay = new FakeRelay();
  for (const secret of ["", "password", "x".repeat(43), new Uint8Array(16), null, 1, {}]) {
    const { message } = assertThrows(() => relay.client({ secret: secret as string }), TypeError);
    assertStringIncludes(message, "want a secret that createSecret() gave, or 32 bytes");
    if (typeof secret === "string" && secret !== "") assertEquals(message.includes(secret), false);
  }
  await assertRejects(() => sealedId(createSecret(), "user", ""), TypeError, "want at least 1 byte");
  await assertRejects(() => sealedId(createSecret(), "topic" as "user", "x"), TypeError, 'want "user" or "document"');
  await assertRejects(() => sealedId("password", "user", "x"), TypeError, "want a secret");
});

/** Both meet, and hear each other. */
async function talk(alice: Person, bob: Person, hasToMeet = !alice.diary.includes("met bob")): Promise<void> {
  if (hasToMeet) {
    await alice.events.next("Bob", (line) => line === "met bob");
    await bob.events.next("Alice", (line) => line === "met alice");
  }
  alice.say("bob", "from alice");
  bob.say("alice", "from bob");
  await bob.events.next("Alice's words", (line) => line === "alice: from alice");
  await alice.events.next("Bob's words", (line) => line === "bob: from bob");
}
