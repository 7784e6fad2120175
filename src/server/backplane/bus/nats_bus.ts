/**
 * The bus, over NATS core: nothing is stored there, so nothing has to be cleaned up.
 *
 * NATS loses without a word what is published without a connection, and perhaps what was published just before one was
 * lost. So this instance takes another name whenever it loses a connection, and an instance that sends something to the
 * old name hears that it is unreachable.
 *
 * @module
 */

import type { ConnectionOptions, Msg, NatsConnection, Subscription as NatsSubscription } from "@nats-io/transport-node";
import { type Clock, type Timer, within } from "../../core/clock.ts";
import type { Counters } from "../../metrics/counters.ts";
import { isLateReset } from "../../core/guard.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Logger } from "../../core/log.ts";
import { BackplaneError, type Bus, type BusListener, type OnMessage, type Subscription } from "./bus.ts";
import { type NatsAccess, natsOptions } from "./nats_options.ts";
import { inboxSubject, readReturnSubject, returnSubject } from "./subjects.ts";

/** What the bus needs. */
export interface NatsBusOptions extends NatsAccess {
  readonly clock: Clock;
  readonly counters: Counters;
  readonly log: Logger;
}

/** A subscription that outlives connections. */
interface LastingSubscription extends Subscription {
  readonly subject: string;
  readonly onMessage: OnMessage;
  /** With the present connection. */
  current: NatsSubscription | undefined;
}

/** One connection to NATS, made again whenever it is lost. */
export class NatsBus implements Bus {
  readonly #options: NatsBusOptions;
  readonly #subscriptions = new Set<LastingSubscription>();
  #access: ConnectionOptions = {};
  #listener: BusListener | undefined;
  #connection: NatsConnection | undefined;
  #isConnected = false;
  #isClosing = false;
  #self = newName();
  /** For what is sent to the present name, and for what cannot be delivered to another one. */
  #own: NatsSubscription[] = [];
  #retry: Timer | undefined;
  /** The log has the present trouble already. */
  #hasComplained = false;

  constructor(options: NatsBusOptions) {
    this.#options = options;
  }

  get self(): string {
    return this.#self;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  get maxPayload(): number {
    // A server may suddenly carry less: then what is larger is lost, and the other instance notices it.
    return Math.max(this.#connection?.info?.max_payload ?? LIMITS.chunkBytes, LIMITS.leastPayloadBytes);
  }

  async open(listener: BusListener): Promise<void> {
    this.#listener = listener;
    this.#access = await natsOptions(this.#options);
    globalThis.addEventListener("error", this.#outliveReset);
    try {
      await this.#connect();
    } catch (error) {
      if (isUnreachable(error)) return this.#connectLater(error);
      this.#options.clock.after(LIMITS.closeMs, this.#stopOutliving);
      if (error instanceof BackplaneError) throw error;
      throw refusal(error, this.#access.tls !== undefined);
    }
  }

  subscribe(subject: string, onMessage: OnMessage): Subscription {
    const subscription: LastingSubscription = {
      subject,
      onMessage,
      current: this.#subscribe(subject, onMessage),
      cancel: () => {
        this.#subscriptions.delete(subscription);
        subscription.current?.unsubscribe();
      },
    };
    this.#subscriptions.add(subscription);
    return subscription;
  }

  publish(subject: string, data: Uint8Array): void {
    this.#publish(subject, data);
  }

  send(instance: string, data: Uint8Array): void {
    this.#publish(inboxSubject(instance), data, returnSubject(this.#self, instance));
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#isConnected = false;
    this.#retry?.cancel();
    this.#stopOutliving();
    const connection = this.#connection;
    if (connection === undefined || connection.isClosed()) return;
    await within(this.#options.clock, LIMITS.shutdownMs, connection.flush().catch(() => {}));
    await connection.close();
  }

  /** The library leaves some resets of dropped connections uncaught, which would end the process. */
  readonly #outliveReset = (event: ErrorEvent): void => {
    if (isLateReset(event.error)) event.preventDefault();
  };

  readonly #stopOutliving = (): void => globalThis.removeEventListener("error", this.#outliveReset);

  async #connect(): Promise<void> {
    const connection = await (await import("@nats-io/transport-node")).connect(this.#access);
    if (this.#isClosing) return await connection.close();
    const problem = payloadProblem(connection);
    if (problem !== undefined) {
      await connection.close();
      throw problem;
    }
    this.#connection = connection;
    for (const subscription of this.#subscriptions) {
      subscription.current = this.#subscribe(subscription.subject, subscription.onMessage);
    }
    this.#rename();
    this.#connected();
    this.#watch(connection);
  }

  /** A server that cannot be reached may come back. */
  #connectLater(reason: unknown): void {
    if (this.#isClosing) return;
    this.#complain("cut off from NATS, trying again: {reason}", reason);
    this.#retry = this.#options.clock.after(LIMITS.natsRetryMs, () => {
      this.#connect().catch((error) => this.#connectLater(error));
    });
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === "disconnect") this.#disconnected();
      else if (status.type === "reconnect") this.#reconnected(connection);
      else if (status.type === "error") this.#complain("NATS refuses something: {reason}", status.error);
    }
    this.#disconnected();
    if (!this.#isClosing) this.#connectLater(await connection.closed() ?? "the connection was closed");
  }

  /** The server may be another one. One that does not carry every message is as good as none. */
  #reconnected(connection: NatsConnection): void {
    const problem = payloadProblem(connection);
    if (problem === undefined) this.#connected();
    else this.#complain("cut off from other instances: {reason}", problem);
  }

  #connected(): void {
    this.#isConnected = true;
    this.#hasComplained = false;
    this.#options.log.info("connected to NATS");
    this.#listener?.connected();
  }

  #disconnected(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.#options.log.warning("cut off from NATS");
    this.#rename();
    this.#listener?.disconnected();
  }

  /** As an error once: NATS may say the same at every try, and about every message. */
  #complain(trouble: string, reason: unknown): void {
    this.#options.log[this.#hasComplained ? "debug" : "error"](trouble, { reason: messageOf(reason) });
    this.#hasComplained = true;
  }

  #rename(): void {
    for (const subscription of this.#own) subscription.unsubscribe();
    this.#self = newName();
    const own = [
      this.#subscribe(inboxSubject(this.#self), (data, { reply = "" }) => {
        const sender = readReturnSubject(reply)?.sender;
        if (sender !== undefined) this.#listener?.received(data, sender);
      }),
      this.#subscribe(returnSubject(this.#self, "*"), (_, { subject, headers }) => {
        const addressee = readReturnSubject(subject)?.addressee;
        if (headers?.code === NO_RESPONDERS && addressee !== undefined) this.#listener?.unreachable(addressee);
      }),
    ];
    this.#own = own.filter((subscription) => subscription !== undefined);
  }

  #subscribe(
    subject: string,
    onMessage: (data: Uint8Array<ArrayBuffer>, message: Msg) => void,
  ): NatsSubscription | undefined {
    if (this.#connection === undefined || this.#connection.isClosed()) return;
    return this.#connection.subscribe(subject, {
      callback: (error, message) => {
        try {
          if (error !== null) return;
          this.#count(message);
          onMessage(plain(message.data), message);
        } catch (error) {
          this.#options.log.error("a message of another instance failed: {error}", { error });
        }
      },
    });
  }

  #count({ data }: Msg): void {
    const { received } = this.#options.counters.bus;
    received.messages += 1;
    received.bytes += data.byteLength;
  }

  #publish(subject: string, data: Uint8Array, reply?: string): void {
    const connection = this.#connection;
    if (!this.#isConnected || connection === undefined || connection.isClosed()) return;
    try {
      connection.publish(subject, data, reply === undefined ? undefined : { reply });
    } catch (error) {
      // Too large for this server, or the connection is just closing: the message is lost, as it may be on its way.
      return this.#complain("cannot tell other instances something: {reason}", error);
    }
    const { sent } = this.#options.counters.bus;
    sent.messages += 1;
    sent.bytes += data.byteLength;
  }
}

const NO_RESPONDERS = 503;

/** Not as Node's `Buffer`, of which `slice` is no copy: what waits would keep all that was read with it. */
function plain({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** 96 random bits. */
function newName(): string {
  return crypto.getRandomValues(new Uint8Array(12)).toHex();
}

/** What is wrong with a server that does not carry every message of this relay. */
function payloadProblem({ info }: NatsConnection): BackplaneError | undefined {
  const bytes = info?.max_payload ?? Infinity;
  if (bytes >= LIMITS.leastPayloadBytes) return;
  return new BackplaneError(
    `Cannot use NATS: want servers with a max_payload of at least ${LIMITS.leastPayloadBytes} bytes, got ${bytes}.`,
  );
}

/** Whether another try may succeed. */
function isUnreachable(error: unknown): boolean {
  const { name, code, cause } = error as { name?: string; code?: string; cause?: { code?: string } };
  // The library's "undefined error" is a server that hangs up without a word.
  return name === "TimeoutError" || UNREACHABLE.test(code ?? cause?.code ?? "") ||
    /connection refused|undefined error/.test(messageOf(error));
}

const UNREACHABLE = /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EPIPE)$/;

function refusal(error: unknown, isTls: boolean): Error {
  const isForbidden = (error as Error).name === "AuthorizationError";
  const servers = `servers that accept this relay ${isTls ? "over" : "without"} TLS`;
  const rule = isForbidden ? "credentials that its servers accept" : servers;
  return new BackplaneError(`Cannot connect to NATS: want ${rule}, got ${JSON.stringify(messageOf(error))}.`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
