/**
 * The addresses of a relay: of its sockets and of its pages.
 *
 * @module
 */

import { relayUrl, socketUrl } from "../client/relay_url.ts";

/** The address of a relay. The client library parses it. */
export class RelayAddress {
  readonly #base: string;
  readonly #token: string | undefined;
  /** Whether it is on this machine: then its certificate is for another name, and is not checked. */
  readonly isLocal: boolean;

  /** Throws a `TypeError` for anything but the URL of a relay. */
  constructor(url: string, token?: string, { isLocal = false } = {}) {
    this.#base = relayUrl(url);
    this.#token = token;
    this.isLocal = isLocal;
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

  /** The URL of the same path by HTTP. */
  page(path: string): string {
    return this.socket(path).replace(/^ws/, "http");
  }

  /** The base URL for reports, without a token, user or password: reports are passed on. */
  toString(): string {
    const { protocol, host, pathname } = new URL(this.#base);
    return `${protocol}//${host}${pathname}`.replace(/\/$/, "").replace(/\/t\/[^/]+$/, "/t/...");
  }
}
