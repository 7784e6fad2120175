/**
 * Ports for who has to be told one, or comes again where it was.
 *
 * @module
 */

/** Below the ports that systems give by themselves, and above those of well-known services. */
const [LOWEST, COUNT] = [20_000, 12_000];
/** Somebody may listen where one was drawn. */
const TRIES = 20;

/**
 * A port of this machine that is free, and stays so: one that the system gave would be gone as soon as any connection of
 * another test got it.
 */
export function lastingPort(): number {
  for (let tries = 1;; tries++) {
    const port = LOWEST + Math.floor(Math.random() * COUNT);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (tries === TRIES) throw error;
    }
  }
}
