/**
 * Frames, and the difference between those that were sent and those that came.
 *
 * @module
 */

/** What crosses the relay: text or binary. */
export type Frame = string | Uint8Array<ArrayBuffer>;

/** The first difference. */
export interface Difference {
  readonly kind: "lost" | "added" | "reordered" | "retyped" | "altered";
  /** What came, in a few words. */
  readonly got: string;
}

/** How the frames differ, or undefined if they do not. */
export function difference(sent: readonly Frame[], came: readonly Frame[]): Difference | undefined {
  if (came.length < sent.length) return { kind: "lost", got: `${came.length} of ${sent.length} frames` };
  if (came.length > sent.length) return { kind: "added", got: `${came.length} frames for ${sent.length}` };
  const index = sent.findIndex((frame, index) => !isSame(frame, came[index]));
  if (index < 0) return;
  const got = `${describe(came[index])} in place of ${describe(sent[index])}`;
  if (isReordering(sent, came)) return { kind: "reordered", got };
  return { kind: haveSameBytes(sent[index], came[index]) ? "retyped" : "altered", got };
}

/** A frame in a few words. */
export function describe(frame: Frame): string {
  const size = bytesOf(frame).byteLength;
  const bytes = size === 1 ? "1 byte" : `${size} bytes`;
  return typeof frame === "string" ? `text ${quoted(frame)} (${bytes})` : `binary ${hex(frame)}(${bytes})`;
}

/** A text in quotes, cut to what one line can take. */
export function quoted(text: string, most = 40): string {
  return JSON.stringify(text.length > most ? `${text.slice(0, most)}…` : text);
}

/** Whether type and content are the same. */
export function isSame(a: Frame, b: Frame): boolean {
  return typeof a === typeof b && haveSameBytes(a, b);
}

/** Whether the content is the same, be it text or binary. */
export function haveSameBytes(a: Frame, b: Frame): boolean {
  if (typeof a === "string" && typeof b === "string") return a === b;
  const [left, right] = [bytesOf(a), bytesOf(b)];
  return left.byteLength === right.byteLength && left.every((byte, index) => byte === right[index]);
}

/** Whether the text is somewhere in the frame, however it is wrapped. */
export function contains(frame: Frame, text: string): boolean {
  return (typeof frame === "string" ? frame : new TextDecoder().decode(frame)).includes(text);
}

function bytesOf(frame: Frame): Uint8Array {
  return typeof frame === "string" ? new TextEncoder().encode(frame) : frame;
}

function hex(bytes: Uint8Array): string {
  const MOST = 12;
  const pairs = Array.from(bytes.subarray(0, MOST), (byte) => `${byte.toString(16).padStart(2, "0")} `);
  return pairs.join("") + (bytes.byteLength > MOST ? "… " : "");
}

function isReordering(sent: readonly Frame[], came: readonly Frame[]): boolean {
  const sorted = (frames: readonly Frame[]) => frames.map((frame) => `${typeof frame}:${frame}`).sort();
  const cameSorted = sorted(came);
  return sorted(sent).every((frame, index) => frame === cameSorted[index]);
}
