/**
 * Requests by plain HTTP: a WebSocket does not say why it was refused.
 *
 * @module
 */

import { type Deadline, Late, shownDuration } from "./deadline.ts";

/** The parts of an answer that help. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The first piece of the body. */
  readonly text: string;
}

/** Sends one GET on a connection of its own, which is closed afterwards. Follows no redirect. */
export async function ask(url: string, headers: Record<string, string>, by: Deadline): Promise<Answer> {
  // HTTP/2 has no upgrades.
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

/** Takes the reason out of the error of the runtime, which also names the request. */
function reasonOf(error: Error, by: Deadline): Error {
  if (error.name === "TimeoutError") return new Late(`no answer in ${shownDuration(by.ms)}`);
  const message = error.cause instanceof Error ? error.cause.message : error.message;
  return new Error(message.replace(/^error sending request .*?: client error \(\w+\): /, ""), { cause: error });
}
