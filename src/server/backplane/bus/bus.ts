/**
 * What this instance shares with the others: a bus with subjects, and an inbox for each instance.
 *
 * @module
 */

/** The bus refuses this instance. The message is one sentence for the operator. */
export class BackplaneError extends Error {
  override name = "BackplaneError";
}

/** Takes a message of a subject. Its bytes are untrusted. */
export type OnMessage = (data: Uint8Array<ArrayBuffer>) => void;

/** Messages of a subject arrive until it is cancelled. */
export interface Subscription {
  cancel(): void;
}

/** Gets what happens on the bus. */
export interface BusListener {
  /** The bus carries messages from now on. */
  connected(): void;
  /** The bus carries nothing any more, and may have lost something. This instance has another name from now on. */
  disconnected(): void;
  /** A message for this instance alone. */
  received(data: Uint8Array<ArrayBuffer>, sender: string): void;
  /** No instance has this name any more. */
  unreachable(instance: string): void;
}

/** The way to other instances. What one instance sends arrives in order, or not at all. */
export interface Bus {
  /** The name of this instance. It changes when the connection is lost: nothing that was on its way can arrive then. */
  readonly self: string;
  readonly isConnected: boolean;
  /** Bytes of the largest message. */
  readonly maxPayload: number;
  /** Connects. Rejects with a {@link BackplaneError} when the bus refuses; tries again while it cannot be reached. */
  open(listener: BusListener): Promise<void>;
  subscribe(subject: string, onMessage: OnMessage): Subscription;
  /** Sends a message to all other instances that subscribe to the subject. It is lost when there is no connection. */
  publish(subject: string, data: Uint8Array): void;
  /** Sends a message to one instance. */
  send(instance: string, data: Uint8Array): void;
  close(): Promise<void>;
}
