/**
 * A bus in memory: what each instance says arrives in order, and what several say in any order that a seed decides.
 *
 * @module
 */

import type { Bus, BusListener, OnMessage, Subscription } from "../../src/server/backplane/bus/bus.ts";

/** Something that one instance tells the network. */
type Command =
  | { subscribe: Subscriber }
  | { cancel: Subscriber }
  | { publish: string; data: Uint8Array<ArrayBuffer> }
  | { send: string; data: Uint8Array<ArrayBuffer> };

interface Subscriber {
  readonly bus: FakeBus;
  readonly subject: string;
  readonly onMessage: OnMessage;
}

/** All instances, and what is between them. */
export class FakeNetwork {
  readonly buses: FakeBus[] = [];
  readonly #subscriptions = new Set<Subscriber>();
  /** Messages from one instance to another that get lost on their way, by what is thrown away. */
  readonly lost: Uint8Array[] = [];
  /** Decides which messages get lost. */
  loses: (data: Uint8Array) => boolean = () => false;
  /** Sees all that is published. */
  observe: (data: Uint8Array) => void = () => {};

  /** What is listened to, over all instances. */
  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  /** @param random From 0 up to 1: who is next. */
  constructor(readonly random: () => number = Math.random) {}

  bus(): FakeBus {
    const bus = new FakeBus(this, `instance-${this.buses.length}`);
    this.buses.push(bus);
    return bus;
  }

  /** Lets everything arrive that is on its way, and what is said on hearing it. */
  settle(): void {
    while (this.step());
  }

  /** Lets one thing happen; says whether there was one. */
  step(): boolean {
    const busy = this.buses.filter(({ outgoing, incoming }) => outgoing.length + incoming.length > 0);
    if (busy.length === 0) return false;
    const bus = busy[Math.floor(this.random() * busy.length)];
    const goesOut = bus.incoming.length === 0 || (bus.outgoing.length > 0 && this.random() < 0.5);
    if (goesOut) this.#carryOut(bus, bus.outgoing.shift()!);
    else bus.incoming.shift()!();
    return true;
  }

  /** What a server does with those who are gone. */
  forget(bus: FakeBus): void {
    for (const subscription of this.#subscriptions) {
      if (subscription.bus === bus) this.#subscriptions.delete(subscription);
    }
  }

  #carryOut(sender: FakeBus, command: Command): void {
    if ("subscribe" in command) this.#subscriptions.add(command.subscribe);
    else if ("cancel" in command) this.#subscriptions.delete(command.cancel);
    else if ("publish" in command) this.#publish(sender, command.publish, command.data);
    else this.#send(sender, command.send, command.data);
  }

  #publish(sender: FakeBus, subject: string, data: Uint8Array<ArrayBuffer>): void {
    this.observe(data);
    for (const subscription of this.#subscriptions) {
      if (subscription.subject !== subject || subscription.bus === sender) continue;
      // Who has cancelled it in the meantime does not hear it.
      subscription.bus.incoming.push(() => this.#subscriptions.has(subscription) && subscription.onMessage(data));
    }
  }

  #send(sender: FakeBus, instance: string, data: Uint8Array<ArrayBuffer>): void {
    if (this.loses(data)) return void this.lost.push(data);
    const from = sender.self;
    const receiver = this.buses.find(({ self, isConnected }) => self === instance && isConnected);
    if (receiver === undefined) sender.incoming.push(() => sender.listener?.unreachable(instance));
    else receiver.incoming.push(() => receiver.listener?.received(data, from));
  }
}

/** One instance's connection. */
export class FakeBus implements Bus {
  maxPayload = 1024 * 1024;
  readonly outgoing: Command[] = [];
  readonly incoming: (() => void)[] = [];
  listener: BusListener | undefined;
  isConnected = false;
  /** Messages that it has published so far. */
  published = 0;
  #epoch = 0;
  readonly #heard = new Set<Subscriber>();

  constructor(readonly network: FakeNetwork, readonly name: string) {}

  get self(): string {
    return `${this.name}-${this.#epoch}`;
  }

  open(listener: BusListener): Promise<void> {
    this.listener = listener;
    this.connect();
    return Promise.resolve();
  }

  /** Loses the connection, and all that is on its way. */
  disconnect(): void {
    this.#drop();
    this.listener?.disconnected();
  }

  connect(): void {
    for (const subscription of this.#heard) this.outgoing.push({ subscribe: subscription });
    this.isConnected = true;
    this.listener?.connected();
  }

  /** The instance ends without a word. */
  crash(): void {
    this.#drop();
    this.listener = undefined;
  }

  subscribe(subject: string, onMessage: OnMessage): Subscription {
    const subscription = { bus: this, subject, onMessage };
    this.#heard.add(subscription);
    if (this.isConnected) this.outgoing.push({ subscribe: subscription });
    return {
      cancel: () => {
        this.#heard.delete(subscription);
        if (this.isConnected) this.outgoing.push({ cancel: subscription });
      },
    };
  }

  publish(subject: string, data: Uint8Array): void {
    this.published += 1;
    if (this.isConnected) this.outgoing.push({ publish: subject, data: new Uint8Array(data) });
  }

  send(instance: string, data: Uint8Array): void {
    if (this.isConnected) this.outgoing.push({ send: instance, data: new Uint8Array(data) });
  }

  close(): Promise<void> {
    this.#drop();
    return Promise.resolve();
  }

  #drop(): void {
    this.isConnected = false;
    this.#epoch += 1;
    this.outgoing.length = 0;
    this.incoming.length = 0;
    this.network.forget(this);
  }
}
