/**
 * The network of an address, for bounds per address.
 *
 * @module
 */

/** An IPv4 address follows these 96 bits: mapped (RFC 4291), or translated (RFC 6052). */
const IPV4_PREFIXES = ["0:0:0:0:0:ffff", "64:ff9b:0:0:0:0"];

/** As systems write it. */
const PLAIN_IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/**
 * The network that an address counts as: an IPv4 host has one address, an IPv6 host a whole /64. Ignores what headers
 * put around an address: quotes, brackets, a port, a zone. Undefined when the text is no address.
 */
export function networkOf(text: string): string | undefined {
  const address = bare(text);
  if (isIpv4(address)) return address.split(".").map(Number).join(".");
  const groups = ipv6Groups(address);
  if (groups === undefined) return;
  const hasIpv4 = IPV4_PREFIXES.includes(groups.slice(0, 6).map(inHex).join(":"));
  return hasIpv4 ? ipv4Of(groups[6], groups[7]) : groups.slice(0, 4).map(inHex).join(":");
}

/**
 * The same for an address that the system gives, which most often needs no more than a look. Not for one from a header:
 * a string that is cut from a request keeps all of it in memory.
 */
export function networkOfPeer(address: string): string {
  return PLAIN_IPV4.test(address) ? address : networkOf(address) ?? address;
}

function bare(text: string): string {
  const unquoted = /^"(.*)"$/.exec(text)?.[1] ?? text;
  const inBrackets = /^\[(.*)\](?::\d+)?$/.exec(unquoted)?.[1];
  return (inBrackets ?? /^([\d.]+):\d+$/.exec(unquoted)?.[1] ?? unquoted).replace(/%.*$/, "");
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
}

/** The eight groups, with the zeros that `::` stands for. */
function ipv6Groups(text: string): number[] | undefined {
  // The runtime's parser of URLs takes every notation of RFC 4291.
  const url = /^[0-9a-f:.]+$/i.test(text) && text.includes(":") ? URL.parse(`http://[${text}]`) : null;
  if (!url) return;
  const [head, tail] = url.hostname.slice(1, -1).split("::").map((half) => half.split(":").filter(Boolean));
  const zeros = tail === undefined ? [] : Array(8 - head.length - tail.length).fill("0");
  return [...head, ...zeros, ...(tail ?? [])].map((group) => parseInt(group, 16));
}

function inHex(group: number): string {
  return group.toString(16);
}

function ipv4Of(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
