/**
 * Origins that browsers send (RFC 6454), and origins that an operator allows.
 *
 * @module
 */

const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/\\*?#@\s]+\/?$/i;
/** A name or an address; IPv6 in brackets. */
const HOST = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])$/i;
/** Some browsers send this for a page from a file, others `null`. */
const FILE = "file://";
const ANY_SUBDOMAIN = "://*.";

/**
 * The canonical form of an allowed origin, which may stand for all subdomains; undefined when the text is no origin.
 */
export function canonicalOrigin(text: string): string | undefined {
  if (!text.includes(ANY_SUBDOMAIN)) return canonical(text);
  const parent = canonical(text.replace(ANY_SUBDOMAIN, "://"));
  return parent === undefined || parent.includes("[") ? undefined : parent.replace("://", ANY_SUBDOMAIN);
}

/** The origins whose pages may connect. */
export class Origins {
  readonly #exact: ReadonlySet<string>;
  /** What an origin of a wildcard starts with, and what it ends with. */
  readonly #wildcards: readonly (readonly [start: string, end: string])[];

  /** @param allowed Results of {@link canonicalOrigin}. */
  constructor(allowed: readonly string[]) {
    this.#exact = new Set(allowed);
    this.#wildcards = allowed.filter((origin) => origin.includes(ANY_SUBDOMAIN)).map((origin) => {
      const [scheme, parent] = origin.split("*");
      return [scheme, parent];
    });
  }

  /** Whether a page that sends this origin may connect. */
  allow(sent: string): boolean {
    const origin = canonical(sent);
    if (origin === undefined) return false;
    return this.#exact.has(origin) ||
      this.#wildcards.some(([start, end]) => origin.startsWith(start) && origin.endsWith(end));
  }
}

function canonical(text: string): string | undefined {
  if (text === "null") return text;
  if (/^file:\/\/\/?$/i.test(text)) return FILE;
  const url = ORIGIN.test(text) ? URL.parse(text) : null;
  if (url === null || !HOST.test(url.hostname)) return;
  // Without the port that the scheme implies, and with a name in ASCII. The runtime lowers the case only for some
  // schemes.
  return `${url.protocol}//${url.host}`.toLowerCase();
}
