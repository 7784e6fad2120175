/**
 * That the other end broke protocol 5.
 *
 * @module
 */

/** Closes the socket with 1002. The message is the close's reason: a sentence of at most 123 bytes. */
export class Violation extends Error {
  override readonly name = "Violation";
}
