/**
 * Load balancers in front of several relays, configured as the README says.
 *
 * @module
 */

import { assertStringIncludes } from "@std/assert";
import { lastingPort } from "./lasting_port.ts";
import { Child, within } from "./process.ts";
import { findProgram } from "./programs.ts";
import { block } from "./readme.ts";

/** Another process may take a port between its choice and its use. */
const TRIES = 5;

interface Balancer {
  /** The line of the README's example that says where it listens. */
  readonly listen: string;
  /** All of a configuration file, with the README's example in it. */
  readonly wrap: (example: string) => string;
  readonly args: (folder: string, file: string) => string[];
}

const BALANCERS: Record<"haproxy" | "nginx", Balancer> = {
  haproxy: { listen: "bind :80", wrap: (example) => example, args: (_, file) => ["-db", "-f", file] },
  nginx: {
    listen: "listen 80",
    // Two workers, which have to agree.
    wrap: (example) => `
      daemon off; pid nginx.pid; worker_processes 2;
      events { worker_connections 8192; }
      http { access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
        uwsgi_temp_path uwsgi; scgi_temp_path scgi; ${example} }`,
    args: (folder, file) => ["-p", folder, "-e", "stderr", "-c", file],
  },
};

/** One that listens on a free port. */
export class Proxy implements AsyncDisposable {
  private constructor(readonly child: Child, readonly port: number, readonly folder: string) {}

  /** @param ports Of the instances. */
  static async start(name: keyof typeof BALANCERS, ports: readonly number[]): Promise<Proxy> {
    const example = await block(name);
    for (let tries = 1;; tries++) {
      const proxy = await Proxy.#spawn(name, example, ports);
      if (await proxy.#isListening()) return proxy;
      await proxy[Symbol.asyncDispose]();
      if (tries === TRIES) throw new Error(`Cannot start ${name}: ${proxy.child.stderr}`);
    }
  }

  static async #spawn(name: keyof typeof BALANCERS, example: string, ports: readonly number[]): Promise<Proxy> {
    const [folder, port] = [await Deno.makeTempDir(), lastingPort()];
    const { listen, wrap, args } = BALANCERS[name];
    const places: [string, number][] = ports.map((port, i) => [`10.0.0.${i + 1}:8080`, port]);
    const local = [[listen, port] as const, ...places].reduce((text, [place, port]) => {
      assertStringIncludes(text, place);
      return text.replaceAll(place, `${/^\w+ /.exec(place)?.[0] ?? ""}127.0.0.1:${port}`);
    }, example);
    const file = `${folder}/${name}.conf`;
    await Deno.writeTextFile(file, wrap(local));
    return new Proxy(new Child(name, findProgram(name)!, { args: args(folder, file) }), port, folder);
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** Asks the relays behind it until one answers. False: it has ended. */
  async #isListening(): Promise<boolean> {
    let hasEnded = false;
    this.child.exited.then(() => hasEnded = true);
    const ask = async () => {
      while (!hasEnded) if (await isHealthy(this.port)) return true;
      return false;
    };
    return await within(ask(), "the proxy to listen");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // Not SIGKILL, which would leave the workers of nginx behind.
      this.child.signal("SIGTERM");
    } catch {
      // It ended by itself.
    }
    await within(this.child.exited, "the proxy to end");
    await this.child[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function isHealthy(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/healthz`);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
