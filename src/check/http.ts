/**
 * Asks by plain HTTP: WebSockets do not say why they were refused.
 *
 * @module
 */

import { type Deadline, Late, shownDuration } from "./deadline.ts";

/** What a server answered, as far as it helps to know. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The first piece of the body. */
  readonly text: string;
}

/** Sends one GET on a connection of its own, which is closed in any case. Follows no redirect. */
export async function ask(url: string, headers: Record<string, string>, by: Deadline): Promise<Answer> {
  // Upgrades are a matter of HTTP/1.1.
  using client = Deno.createHttpClient({ http2: false });
  try {
    const signal = AbortSignal.timeout(by.msLeft);
    const response = await fetch(url, { client, headers, signal, redirect: "manual" });
    return { status: response.status, headers: response.headers, text: await firstChunk(response) };
  } catch (error) {
    throw reasonOf(error as Error, by);
  }
}

/** A body may be endless. */
async function firstChunk({ body }: Response): Promise<string> {
  const reader = body?.getReader();
  const chunk = (await reader?.read())?.value;
  await reader?.cancel();
  return new TextDecoder().decode(chunk);
}

/** The runtime wraps the reason, and says after it what was asked. */
function reasonOf(error: Error, by: Deadline): Error {
  if (error.name === "TimeoutError") return new Late(`no answer in ${shownDuration(by.ms)}`);
  const message = error.cause instanceof Error ? error.cause.message : error.message;
  return new Error(message.replace(/^error sending request .*?: client error \(\w+\): /, ""), { cause: error });
}
