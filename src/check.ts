/**
 * `relay check URL`: whether a relay answers and accepts connections, from a client's side.
 *
 * @module
 */

/** Asks the relay at `url` whether it is ready, prints one line, and gives the exit code: 0 or 1. */
export async function check(url: string): Promise<number> {
  const ready = URL.parse("readyz", url.replace(/^ws/, "http").replace(/\/?$/, "/"));
  if (ready === null) {
    console.error(`Cannot check: want the URL of a relay, got ${JSON.stringify(url)}.`);
    return 1;
  }
  try {
    // Longer than any round trip on earth, shorter than any health check waits.
    const response = await fetch(ready, { signal: AbortSignal.timeout(4_000) });
    console.log(`${response.ok ? "✓" : "✗"} ${ready}: ${response.status} ${(await response.text()).trim()}`);
    return response.ok ? 0 : 1;
  } catch (error) {
    console.log(`✗ ${ready}: ${(error as Error).message}`);
    return 1;
  }
}
