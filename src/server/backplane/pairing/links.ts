/**
 * All remote sockets: a message of another instance finds its socket, and the loss of an instance closes all of its.
 *
 * @module
 */

import { CLOSE } from "../../../protocol.ts";
import type { Clock, Timer } from "../../core/clock.ts";
import { type Counters, increment } from "../../metrics/counters.ts";
import { LIMITS } from "../../core/limits.ts";
import type { Logger } from "../../core/log.ts";
import type { Bus } from "../bus/bus.ts";
import { Neighbor } from "./neighbor.ts";
import type { LossReason } from "./loss.ts";
import { RemoteSocket } from "./remote_socket.ts";
import { encode, type LinkMessage, WIRE_OVERHEAD } from "../codec.ts";

/** What links need. */
export interface LinksOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly log: Logger;
  /** Bytes of one message between peers. */
  readonly maxMessageBytes: number;
  /** Whether the connections here take frames as bytes. */
  readonly splices: boolean;
}

/** The address of the other side of a pair, which its instance sends. */
export interface Address {
  readonly instance: string;
  readonly handle: number;
  readonly splices: boolean;
}

/** Another instance, with the remote sockets for connections there. */
interface Neighborhood {
  readonly neighbor: Neighbor;
  readonly sockets: Set<RemoteSocket>;
}

/** The pairs of this instance whose other side is on another one. */
export class Links {
  readonly #sockets = new Map<number, RemoteSocket>();
  /** By the other instance's name. */
  readonly #neighbors = new Map<string, Neighborhood>();
  readonly #options: LinksOptions;
  #lastHandle = 0;
  #inspection: Timer | undefined;

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sockets.size;
  }

  /** A handle for a remote socket that may be opened. */
  reserve(): number {
    do this.#lastHandle = (this.#lastHandle + 1) >>> 0; while (this.#sockets.has(this.#lastHandle));
    return this.#lastHandle;
  }

  /** Opens a remote socket for the connection at `address`, whose instance knows the connection here by `handle`. */
  open(handle: number, { instance, ...partner }: Address): RemoteSocket {
    const { bus, clock, maxMessageBytes, splices } = this.#options;
    const { neighbor, sockets } = this.#neighborhood(instance);
    const socket = new RemoteSocket(handle, { neighbor, ...partner }, {
      clock,
      maxMessageBytes,
      splices,
      chunkBytes: Math.min(LIMITS.chunkBytes, bus.maxPayload - WIRE_OVERHEAD),
      publish: (data) => bus.send(instance, data),
      gone: (loss) => this.#forget(socket, loss),
    });
    sockets.add(socket);
    this.#sockets.set(handle, socket);
    this.#inspection ??= this.#options.clock.after(LIMITS.inspectMs, () => this.#inspect());
    return socket;
  }

  /** Takes a message of another instance for a remote socket. */
  received(message: LinkMessage, size: number, sender: string): void {
    const socket = this.#sockets.get(message.handle);
    if (socket?.neighbor.id === sender) return socket.receive(message, size);
    // The last message of a socket says that it is gone. An instance that still probes it has not received that one.
    if (message.type === "probe") this.#options.bus.send(sender, encode({ type: "reset", handle: message.from }));
  }

  /** Tells another instance that the connection here went before the two were linked. */
  decline(instance: string, handle: number): void {
    this.#options.bus.send(instance, encode({ type: "close", handle, sequence: 0, close: CLOSE.peerLost }));
  }

  /** Closes all pairs with this instance. */
  lose(instance: string): void {
    for (const socket of [...this.#neighbors.get(instance)?.sockets ?? []]) socket.lose("unreachable");
  }

  loseAll(): void {
    for (const socket of [...this.#sockets.values()]) socket.lose("disconnected");
  }

  #neighborhood(instance: string): Neighborhood {
    const known = this.#neighbors.get(instance) ?? { neighbor: new Neighbor(instance), sockets: new Set() };
    this.#neighbors.set(instance, known);
    return known;
  }

  #forget(socket: RemoteSocket, loss: LossReason | undefined): void {
    this.#sockets.delete(socket.handle);
    if (loss !== undefined) this.#count(loss);
    const { sockets } = this.#neighborhood(socket.neighbor.id);
    sockets.delete(socket);
    if (sockets.size === 0) this.#neighbors.delete(socket.neighbor.id);
    if (this.#sockets.size > 0) return;
    this.#inspection?.cancel();
    this.#inspection = undefined;
  }

  #count(loss: LossReason): void {
    increment(this.#options.counters.resets, loss);
    this.#options.log.warning("lost the other half of a pair: {loss}", { loss });
  }

  #inspect(): void {
    this.#inspection = this.#options.clock.after(LIMITS.inspectMs, () => this.#inspect());
    for (const socket of [...this.#sockets.values()]) socket.inspect();
  }
}
