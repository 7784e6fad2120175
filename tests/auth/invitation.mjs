/**
 * Alice invites Bob over a relay that nobody trusts, by the README's own code, while somebody listens on the wire:
 * `node invitation.mjs RELAY_URL [sealed]`, the latter inside the client's own seal.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { Connection, createTeam, generateProof, symmetric } from "./library.mjs";
import { createSecret } from "@localfirst/relay/client";
import { Person } from "./person.mjs";
import { startTap } from "./tap.mjs";

const { meet } = await import(new URL("meet.mjs", import.meta.url).href); // the README's, put there by auth_test.ts
const [relayUrl, isSealed] = process.argv.slice(2);

const TEAM_NAME = "Spies Я Us";
const WORDS = ["the condor flies at midnight", "the eagle has landed"];
const PATIENCE = { timeout: 20_000 }; // milliseconds; the slowest takes 0.3 s when the machine is not busy
const WRONG_SEED = "0123456789abcdef";

test("Alice and the Bob she invited talk, and a tap hears every frame and reads nothing", PATIENCE, async (t) => {
  const scene = await stage(t);
  const { tap, alice, bob, team, seed } = scene;
  const ends = await both(alice.meets(meet, seed, { team }), bob.meets(meet, seed, { invitationSeed: seed }));
  for (const { connection } of ends) assert.deepEqual(membersOf(connection.team), [alice, bob].map(asMember));

  await talk(ends);
  const frames = [...alice.frames, ...bob.frames];
  await talk(ends); // behind those frames, which have passed the tap by now
  for (const frame of frames) assert(tap.heard(frame), "the tap missed a frame");
  assertUnread(scene);
});

test("cut off, they prove again who they are, and talk on", PATIENCE, async (t) => {
  const { tap, alice, bob, team, seed } = await stage(t);
  const meetings = [alice.meets(meet, seed, { team }), bob.meets(meet, seed, { invitationSeed: seed })];
  await talk(await both(...meetings));
  tap.cut();
  await talk(await both(...meetings));
});

test(
  "without the README's seal, a tap reads the keys of the team, unless the client seals them",
  PATIENCE,
  async (t) => {
    const { tap, alice, bob, team, seed } = await stage(t);
    const meetInTheClear = meetWith(clear());
    const atAlice = alice.meets(meetInTheClear, seed, { team });
    await talk(await both(atAlice, bob.meets(meetInTheClear, seed, { invitationSeed: seed })));
    for (const key of secretKeys(team.teamKeys())) assert.equal(tap.heard(key), !isSealed);
    for (const word of WORDS) assert(!tap.heard(word), `the tap read ${word}`);
  },
);

test("an impostor with Bob's name and no invitation gets nowhere, and Bob still gets in", PATIENCE, async (t) => {
  await expectHungUp(t, clear(), (self) => ({ team: createTeam(TEAM_NAME, self) }));
});

test("an impostor with Bob's name and a wrong invitation gets nowhere, and Bob still gets in", PATIENCE, async (t) => {
  await expectHungUp(t, sealed(WRONG_SEED), () => ({ invitationSeed: WRONG_SEED }));
});

test("an impostor with the invitation that Bob has used gets nowhere", PATIENCE, async (t) => {
  const { alice, bob, mallory, team, seed } = await stage(t);
  await talk(await both(alice.meets(meet, seed, { team }), bob.meets(meet, seed, { invitationSeed: seed })));
  const hungUp = alice.hungUp();
  bob.client.disconnectServer();
  await hungUp;
  mallory.meets(meet, seed, { invitationSeed: seed });
  await mallory.hungUp();
  assert.deepEqual(mallory.connections, []);
  assert.deepEqual(membersOf(team), [alice, bob].map(asMember));
});

async function expectHungUp(t, seal, contextOf) {
  const scene = await stage(t);
  const { tap, alice, bob, mallory, team, seed } = scene;
  const atAlice = alice.meets(meet, seed, { team });
  mallory.meets(meetWith(seal), seed, contextOf(mallory.self)); // of the seed only where they meet: the relay knows that
  await mallory.hungUp();
  mallory.client.disconnectServer();
  assert.deepEqual(membersOf(team), [asMember(alice)]);

  await talk(await both(atAlice, bob.meets(meet, seed, { invitationSeed: seed })));
  assert.deepEqual(membersOf(team), [alice, bob].map(asMember));
  assert.deepEqual(mallory.connections, []);
  assert(tap.heard(mallory.frames[0]));
  assertUnread(scene);
}

/** People at the far side of a tap, two of whom say that they are Bob, and an invitation. */
async function stage(t) {
  const tap = await startTap(relayUrl);
  const secret = isSealed && createSecret(); // which mallory has, too
  const [alice, bob, mallory] = ["alice", "bob", "bob"].map((name) => new Person(name, tap.url, secret));
  t.after(async () => {
    await Promise.all([alice, bob, mallory].map(({ client }) => client[Symbol.asyncDispose]()));
    tap.close();
  });
  const team = createTeam(TEAM_NAME, alice.self);
  return { tap, alice, bob, mallory, team, seed: team.inviteMember().seed };
}

/** Meets where the README's `meet` does, without its seal. */
function meetWith({ seal, unseal }) {
  return (client, seed, context, talk) =>
    client.join(generateProof(seed).id).on("peer.connect", ({ socket }) => {
      const connection = new Connection({ context, sendMessage: (message) => socket.write(seal(message)) });
      socket.on("data", (frame) => attempt(() => connection.deliver(unseal(new Uint8Array(frame)))));
      socket.on("close", connection.stop);
      connection.on("connected", () => talk(connection)).start();
    });
}

function attempt(action) {
  try {
    action();
  } catch {
    // Sealed with what this one does not know.
  }
}

function clear() {
  return { seal: (message) => message, unseal: (frame) => frame };
}

function sealed(seed) {
  return {
    seal: (message) => symmetric.encryptBytes(message, seed),
    unseal: (frame) => symmetric.decryptBytes(frame, seed),
  };
}

async function both(...meetings) {
  return await Promise.all(meetings.map((next) => next()));
}

async function talk(ends) {
  ends.forEach(({ connection }, index) => connection.send(WORDS[index]));
  assert.deepEqual(await Promise.all(ends.map(({ hear }) => hear())), WORDS.toReversed());
}

function membersOf(team) {
  return team.members().map(({ userName, keys }) => ({ userName, key: keys.encryption }));
}

function asMember({ self: { user } }) {
  return { userName: user.userName, key: user.keys.encryption.publicKey };
}

function assertUnread({ tap, alice, bob, team, seed }) {
  const people = [alice, bob];
  const keys = [team.teamKeys(), team.adminKeys(), ...people.flatMap(({ self }) => [self.user.keys, self.device.keys])];
  const names = [TEAM_NAME, ...people.map(({ self }) => self.device.deviceName)];
  for (const secret of [...WORDS, seed, ...names, ...keys.flatMap(secretKeys)]) {
    assert(!tap.heard(secret), `the tap read ${secret}`);
  }
}

function secretKeys({ secretKey, encryption, signature }) {
  return [secretKey, encryption.secretKey, signature.secretKey];
}
