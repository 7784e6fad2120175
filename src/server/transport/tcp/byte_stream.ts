/**
 * What a connection is made of: TCP, or TLS over it.
 *
 * @module
 */

/** Bytes in order, both ways. Read only when asked; one read and one write at a time. */
export interface ByteStream extends Pick<Deno.Conn, "read" | "write" | "closeWrite" | "close"> {
  /** Bytes that the next read gives at once, where that is known. */
  readonly unread?: number;
}
