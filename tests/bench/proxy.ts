/**
 * HAProxy on one thread, as relays are. Plain, it shows what carrying bytes costs when nobody looks at them: no relay can
 * be faster by much. With TLS, it stands before a relay that has none of its own.
 *
 * @module
 */

import { lastingPort } from "../helpers/lasting_port.ts";
import { Child, within } from "../helpers/process.ts";
import { findProgram } from "../helpers/programs.ts";
import { CERTIFICATE_FILES } from "../helpers/trust.ts";
import { Libc } from "./libc.ts";
import type { Contestant, Running } from "./servers.ts";

/** HAProxy in TCP mode before the generator itself; undefined where it is not installed. */
export function findProxy(): Contestant | undefined {
  return findProgram("haproxy") === undefined ? undefined : { name: "haproxy", isProxy: true, start };
}

/** A server behind HAProxy, which ends TLS for it and passes on the bytes: the least that such a proxy can do. */
export function behindTls(contestant: Contestant): Contestant {
  return { ...contestant, name: `${contestant.name} behind TLS`, start: () => startBefore(contestant) };
}

async function start(): Promise<Running> {
  const libc = new Libc();
  const listener = libc.listen();
  const proxy = await Proxy.start(listener.port);
  libc.close(libc.accept(listener.fd));
  const stop = async () => {
    await proxy.stop();
    libc.close(listener.fd);
    libc[Symbol.dispose]();
  };
  return { port: proxy.port, pid: proxy.pid, listener: listener.fd, stop };
}

async function startBefore(contestant: Contestant): Promise<Running> {
  const server = await contestant.start();
  const certificate = await Deno.makeTempFile();
  const parts = await Promise.all(Object.values(CERTIFICATE_FILES).map((file) => Deno.readTextFile(file)));
  await Deno.writeTextFile(certificate, parts.join(""));
  const proxy = await Proxy.start(server.port, `ssl crt ${certificate}`);
  const stop = async () => {
    await proxy.stop();
    await Deno.remove(certificate);
    await server.stop();
  };
  return { ...server, port: proxy.port, proxyPid: proxy.pid, isTls: true, stop };
}

/** A process of HAProxy that accepts connections, for one server. */
class Proxy {
  readonly #child: Child;
  readonly #file: string;

  private constructor(readonly port: number, file: string) {
    this.#child = new Child("haproxy", findProgram("haproxy") ?? "haproxy", { args: ["-db", "-f", file] });
    this.#file = file;
  }

  static async start(serverPort: number, tls = ""): Promise<Proxy> {
    // It does not tell which port it took, so it is given one.
    const port = lastingPort();
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, configuration({ port, tls, serverPort }));
    const proxy = new Proxy(port, file);
    await within(accepting(port), "haproxy to listen");
    return proxy;
  }

  get pid(): number {
    return this.#child.pid;
  }

  async stop(): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
    await Deno.remove(this.#file);
  }
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

function configuration({ port, tls, serverPort }: { port: number; tls: string; serverPort: number }): string {
  return `
global
  nbthread 1
defaults
  mode tcp
  timeout connect 10s
  timeout client 10m
  timeout server 10m
listen floor
  bind 127.0.0.1:${port} backlog 4096 ${tls}
  server behind 127.0.0.1:${serverPort}
`;
}
