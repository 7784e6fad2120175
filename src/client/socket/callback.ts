/**
 * Calls of what the application gave us. Anything can be thrown there, also nothing.
 *
 * @module
 */

/** Calls a listener. What it throws is reported as uncaught, and keeps nobody else from hearing. */
export function callBack<Arguments extends unknown[]>(
  listener: (...values: Arguments) => void,
  ...values: Arguments
): void {
  try {
    listener(...values);
  } catch (error) {
    report(error);
  }
}

/** Reports what an application threw as uncaught. */
export function report(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** What was thrown, in words: its message, or itself if it is no object. Empty for what says nothing. */
export function reasonOf(thrown: unknown): string {
  if (thrown === undefined || thrown === null) return "";
  if (typeof thrown !== "object" && typeof thrown !== "function") return String(thrown);
  try {
    const { message } = thrown as Partial<Error>;
    return typeof message === "string" ? message : "";
  } catch {
    return ""; // a getter that throws
  }
}
