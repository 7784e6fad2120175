/**
 * What a connection is made of: TCP, or TLS over it.
 *
 * @module
 */

/** Bytes in order, both ways. Read only when asked; one read and one write at a time. */
export type ByteStream = Pick<Deno.Conn, "read" | "write" | "closeWrite" | "close">;
