/**
 * The addresses of a relay: of its sockets and of its pages.
 *
 * @module
 */

import { relayUrl, socketUrl } from "../client/relay_url.ts";

/** Where a relay is, read as the client library reads it. */
export class RelayAddress {
  readonly #base: string;
  readonly #token: string | undefined;
  /** Whether it is on this machine: its certificate is for the name by which others reach it, and is not checked. */
  readonly isNeighbor: boolean;

  /** Throws a `TypeError` for anything but the URL of a relay. */
  constructor(url: string, token?: string, { isNeighbor = false } = {}) {
    this.#base = relayUrl(url);
    this.#token = token;
    this.isNeighbor = isNeighbor;
  }

  get isSecure(): boolean {
    return this.#base.startsWith("wss:");
  }

  get hasToken(): boolean {
    return this.#token !== undefined;
  }

  get hostname(): string {
    return new URL(this.#base).hostname.replace(/^\[(.*)\]$/, "$1");
  }

  get port(): number {
    return Number(new URL(this.#base).port || (this.isSecure ? 443 : 80));
  }

  /** The URL of a socket, with the token. */
  socket(path: string): string {
    return socketUrl(this.#base, path, this.#token);
  }

  /** The URL of what a socket's path says to those who ask by HTTP. */
  page(path: string): string {
    return this.socket(path).replace(/^ws/, "http");
  }

  /** The base URL for reports, which get around: without a token, user or password. */
  toString(): string {
    const { protocol, host, pathname } = new URL(this.#base);
    return `${protocol}//${host}${pathname}`.replace(/\/$/, "");
  }
}
