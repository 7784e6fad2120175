/**
 * What the client needs of the platform besides sockets, so that tests can put their own in its place.
 *
 * @module
 */

/** Timers that are set for longer fire at once: they fire after this, which is 24 days. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Chance, time, and news of the network. */
export interface Environment {
  /** At least 0, less than 1. */
  random(): number;
  /** Milliseconds since whenever; never goes back. */
  now(): number;
  /** Runs `action` once after a delay in milliseconds. Returns how to cancel it, which may be called at any time. */
  after(milliseconds: number, action: () => void): () => void;
  /** Where `online` and `offline` are heard, on platforms that know. */
  readonly network: Network | undefined;
}

/** Tells when the network comes and goes. */
export interface Network {
  addEventListener(type: "online" | "offline", listener: NetworkListener): void;
  removeEventListener(type: "online" | "offline", listener: NetworkListener): void;
}

/** Hears which of the two it was. */
export type NetworkListener = (event: { readonly type: string }) => void;

/** The platform's own. */
export function platform(): Environment {
  return {
    random: Math.random,
    now: () => performance.now(),
    after: (milliseconds, action) => {
      // In Deno 2.5 a timer that is due runs though it is cleared, if what clears it was read in the same turn.
      let isCancelled = false;
      const timer = setTimeout(() => isCancelled || action(), Math.min(milliseconds, LONGEST_TIMER_MS));
      return () => {
        isCancelled = true;
        clearTimeout(timer);
      };
    },
    network: typeof globalThis.addEventListener === "function" ? globalThis : undefined,
  };
}
