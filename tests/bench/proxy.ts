/**
 * A plain TCP proxy: what carrying bytes costs when nobody looks at them. No relay can be faster by much.
 *
 * @module
 */

import { Child, within } from "../helpers/process.ts";
import { Libc } from "./libc.ts";
import type { Contestant, Running } from "./servers.ts";

/** HAProxy in TCP mode on one thread, as relays are; undefined where it is not installed. */
export async function findProxy(): Promise<Contestant | undefined> {
  try {
    await new Deno.Command("haproxy", { args: ["-v"], stdout: "null" }).output();
    return { name: "haproxy", isProxy: true, start };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function start(): Promise<Running> {
  const libc = new Libc();
  const listener = libc.listen();
  const port = freePort();
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, configuration(port, listener.port));
  const child = new Child("haproxy", "haproxy", { args: ["-db", "-f", file] });
  await within(accepting(port), "haproxy to listen");
  libc.close(libc.accept(listener.fd));
  const stop = async () => {
    await child[Symbol.asyncDispose]();
    await Deno.remove(file);
    libc.close(listener.fd);
    libc[Symbol.dispose]();
  };
  return { port, pid: child.pid, listener: listener.fd, stop };
}

/** It does not tell which port it took, so it is given one. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function accepting(port: number): Promise<void> {
  for (;;) {
    try {
      return (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
  }
}

function configuration(port: number, listenerPort: number): string {
  return `
global
  nbthread 1
defaults
  mode tcp
  timeout connect 10s
  timeout client 10m
  timeout server 10m
listen floor
  bind 127.0.0.1:${port}
  server generator 127.0.0.1:${listenerPort}
`;
}
