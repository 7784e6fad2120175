import { assertEquals } from "@std/assert";
import { networkOf, networkOfPeer } from "../../src/server/core/networks.ts";

const SAME: [network: string, ...spellings: string[]][] = [
  [
    "203.0.113.7",
    "203.0.113.7",
    "203.0.113.7:50000",
    '"203.0.113.7"',
    '"203.0.113.7:50000"',
    "::ffff:203.0.113.7",
    "::ffff:cb00:7107",
    "::FFFF:CB00:7107",
    "0:0:0:0:0:ffff:cb00:7107",
    "[::ffff:203.0.113.7]:50000",
    "64:ff9b::203.0.113.7",
    "64:ff9b::cb00:7107",
  ],
  ["203.0.113.8", "203.0.113.8", "::ffff:cb00:7108"],
  [
    "2001:db8:1:2",
    "2001:db8:1:2::7",
    "2001:0DB8:0001:0002:ffff::9",
    "[2001:db8:1:2::7]",
    "[2001:db8:1:2::7]:50000",
    '"[2001:db8:1:2::7]:50000"',
    "2001:db8:1:2:3:4:5:6%eth0",
  ],
  ["2001:db8:0:0", "2001:db8::1", "2001:db8::"],
  ["0:0:0:0", "::1", "::"],
];

for (const [network, ...spellings] of SAME) {
  Deno.test(`${spellings.length} spellings of ${network} count for it`, () => {
    assertEquals(Object.fromEntries(spellings.map((text) => [text, networkOf(text)])), {
      ...Object.fromEntries(spellings.map((text) => [text, network])),
    });
  });
}

Deno.test("the address of a peer counts as what else is known of it does, and what is none for itself", () => {
  for (const [network, ...spellings] of SAME) {
    for (const address of spellings) assertEquals(networkOfPeer(address), network);
  }
  for (const address of ["", "unix", "256.1.1.1", "1.2.3", "1.2.3.4."]) assertEquals(networkOfPeer(address), address);
});

Deno.test("what is no address counts for nobody", () => {
  for (
    const text of ["", "unknown", "_hidden", "256.1.1.1", "1.2.3", "1:2:3", "::g", "[::1", "a:b", "1.2.3.4:x", "[]"]
  ) {
    assertEquals(networkOf(text), undefined, text);
  }
});
