import { assertEquals } from "@std/assert";
import { CLOSE, unpackMessages, WIRE_LIMITS } from "../../src/protocol.ts";
import { RECORDS } from "./golden.ts";

const DOCUMENT = await Deno.readTextFile(new URL("../../src/PROTOCOL.md", import.meta.url));

Deno.test("PROTOCOL.md shows every record byte for byte", () => {
  assertEquals(RECORDS.map(({ hex }) => hex).filter((hex) => !DOCUMENT.includes(hex)), []);
});

Deno.test("PROTOCOL.md names every close of the relay, with its code", () => {
  const rows = [...DOCUMENT.matchAll(/^\| (\d{4}) +\|(.*)$/gm)];
  const isThere = ({ code, reason }: { code: number; reason: string }) =>
    rows.some(([, number, row]) => Number(number) === code && row.includes(`\`${reason}\``));
  assertEquals(Object.values(CLOSE).filter((close) => !isThere(close)), []);
});

Deno.test("PROTOCOL.md shows JSON that can be read, and the limits of the code", () => {
  const json = [...DOCUMENT.matchAll(/^\[\{"type":.*\}\]$/gm)].map(([text]) => unpackMessages(text));
  assertEquals(json.length, 1);
  const { firstWindowBytes, recordCost, idBytes } = WIRE_LIMITS;
  for (const number of [firstWindowBytes.toLocaleString("en"), `plus ${recordCost}`, `${idBytes} bytes`]) {
    assertEquals(DOCUMENT.includes(number), true, number);
  }
});
