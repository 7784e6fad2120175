/**
 * What this instance and the others share: subjects, and an inbox for each instance.
 *
 * @module
 */

/** The bus refuses this instance. The message is one sentence for the operator. */
export class BackplaneError extends Error {
  override name = "BackplaneError";
}

/** Bytes as they crossed. Still untrusted. */
export type Hear = (data: Uint8Array<ArrayBuffer>) => void;

/** Something that is heard until it is cancelled. */
export interface Hearing {
  cancel(): void;
}

/** Who is told what happens on the bus. */
export interface BusListener {
  /** Messages cross, from now on. */
  connected(): void;
  /** Nothing crosses any more, and something may have been lost. This instance has another name from now on. */
  disconnected(): void;
  /** Something for this instance alone. */
  received(data: Uint8Array<ArrayBuffer>, sender: string): void;
  /** Nobody has this name any more. */
  unreachable(instance: string): void;
}

/** The way to other instances. Everything that one instance says arrives in order, or not at all. */
export interface Bus {
  /** The name of this instance. It changes when the connection is lost: nothing that was on its way can arrive then. */
  readonly self: string;
  readonly isConnected: boolean;
  /** Bytes of the largest message. */
  readonly maxPayload: number;
  /** Rejects with a `BackplaneError` when it is refused. Who cannot be reached yet is asked again. */
  open(listener: BusListener): Promise<void>;
  hear(subject: string, hear: Hear): Hearing;
  /** Says something to all who hear the subject, but not to itself. Lost when there is no connection. */
  publish(subject: string, data: Uint8Array): void;
  /** Says something to one instance. */
  send(instance: string, data: Uint8Array): void;
  close(): Promise<void>;
}
