/**
 * The part of a request that the relay reads.
 *
 * @module
 */

/**
 * The runtime's `Request` is one. The `tcp` transport makes something smaller: a `Request` with its `Headers` takes a
 * fifth of all that a new socket costs.
 */
export interface RequestHead {
  readonly method: string;
  /** Absolute, and perhaps not valid. */
  readonly url: string;
  readonly headers: Pick<Headers, "get">;
}
