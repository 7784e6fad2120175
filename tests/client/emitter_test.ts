import { assertEquals, assertThrows } from "@std/assert";
import { Emitter } from "../../src/client/emitter.ts";
import { turn } from "./fake_relay.ts";

interface Events {
  "said": [text: string, times: number];
  "done": [];
}

class Speaker extends Emitter<Events> {
  constructor() {
    super(["said", "done"]);
  }

  say(text: string): void {
    this.emit("said", text, 1);
  }
}

Deno.test("emitter: listeners hear in order, once or always, until they are taken back", () => {
  const heard: string[] = [];
  const always = (text: string) => heard.push(`always ${text}`);
  const speaker = new Speaker().on("said", always).once("said", (text) => heard.push(`once ${text}`));
  speaker.say("a");
  speaker.say("b");
  speaker.off("said", always).say("c");
  assertEquals(heard, ["always a", "once a", "always b"]);
});

Deno.test("emitter: off without a listener takes all of that event", () => {
  const heard: string[] = [];
  new Speaker().on("said", () => heard.push("1")).once("said", () => heard.push("2")).off("said").say("a");
  assertEquals(heard, []);
});

Deno.test("emitter: listeners that come and go while an event is told change the next one", () => {
  const heard: string[] = [];
  const speaker = new Speaker();
  const late = () => heard.push("late");
  speaker.once("said", () => speaker.on("said", late)).once("said", () => heard.push("second"));
  speaker.say("a");
  assertEquals(heard, ["second"]);
  speaker.say("b");
  assertEquals(heard, ["second", "late"]);
});

Deno.test("emitter: a listener that throws is reported, and keeps nobody else from hearing", async () => {
  const heard: string[] = [];
  const uncaught: unknown[] = [];
  const report = (event: ErrorEvent) => (event.preventDefault(), uncaught.push(event.error.message));
  globalThis.addEventListener("error", report);
  new Speaker().on("said", () => {
    throw new Error("mine");
  }).on("said", () => heard.push("other")).say("a");
  await turn();
  globalThis.removeEventListener("error", report);
  assertEquals(heard, ["other"]);
  assertEquals(uncaught, ["mine"]);
});

Deno.test("emitter: unknown events and listeners that are none are refused", () => {
  const speaker = new Speaker();
  // @ts-expect-error unknown name
  assertThrows(() => speaker.on("sad", () => {}), TypeError, "want one of said, done, got sad");
  // @ts-expect-error unknown name
  assertThrows(() => speaker.off("sad"), TypeError, "got sad");
  // @ts-expect-error no function
  assertThrows(() => speaker.on("said", undefined), TypeError, "want a function, got undefined");
});
