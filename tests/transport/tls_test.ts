/** TLS from outside, with certificates made for the test. */

import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { ConfigError } from "../../src/server/core/config_error.ts";
import { readTls } from "../../src/server/core/tls.ts";
import { Server } from "../../src/server/mod.ts";
import { closeFrame, Listener, Speaker } from "../helpers/bulk.ts";
import { Listening } from "../helpers/process.ts";
import { RawConnection } from "../helpers/raw.ts";
import { TRANSPORTS, WITH_TCP } from "../helpers/transports.ts";

const ROOT = new URL("../..", import.meta.url);

const ALGORITHMS = {
  rsa: ["-newkey", "rsa:2048"],
  ec: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
};

/** What ends TLS, as bytes on TCP. */
const BROKEN: [what: string, record: number[]][] = [
  ["a record that nobody has encrypted", [23, 3, 3, 0, 32, ...Array<number>(32).fill(7)]],
  ["a record that is too long", [23, 3, 3, 255, 255, ...Array<number>(32).fill(7)]],
  ["what is no record", [...new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")]],
];

/** Carries one connection to the relay, and can say something to it besides. */
class Tap implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #relay: Promise<Deno.Conn>;
  readonly #carrying: Promise<unknown>;

  constructor(target: number) {
    this.#relay = Deno.connect({ hostname: "127.0.0.1", port: target });
    this.#carrying = this.#carry();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async say(bytes: readonly number[]): Promise<void> {
    await (await this.#relay).write(new Uint8Array(bytes));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#carrying;
  }

  async #carry(): Promise<void> {
    const [client, relay] = [await this.#listener.accept(), await this.#relay];
    await Promise.allSettled([client.readable.pipeTo(relay.writable), relay.readable.pipeTo(client.writable)]);
  }
}

/** A folder with `cert.pem` and `key.pem`, which {@link Certificates.renew} replaces. */
class Certificates implements AsyncDisposable {
  private constructor(readonly folder: string, readonly algorithm: string[]) {}

  static async make(algorithm: keyof typeof ALGORITHMS = "rsa"): Promise<Certificates> {
    const certificates = new Certificates(await Deno.makeTempDir(), ALGORITHMS[algorithm]);
    await certificates.renew();
    return certificates;
  }

  get flags(): string[] {
    return ["--cert", `${this.folder}/cert.pem`, "--key", `${this.folder}/key.pem`];
  }

  async renew(): Promise<void> {
    const args = ["req", "-x509", ...this.algorithm, "-nodes", "-days", "2", "-subj", "/CN=relay"];
    args.push(
      "-addext",
      "basicConstraints=critical,CA:FALSE",
      "-addext",
      "subjectAltName=IP:127.0.0.1",
      "-keyout",
      "key.pem",
      "-out",
      "cert.pem",
    );
    const { code, stderr } = await new Deno.Command("openssl", { args, cwd: this.folder }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
  }

  async read(name: "cert" | "key"): Promise<string> {
    return await Deno.readTextFile(`${this.folder}/${name}.pem`);
  }

  /** Connects, trusting only the certificate that is in the folder now. */
  async connect(port: number): Promise<Deno.TlsConn> {
    const caCerts = [await Deno.readTextFile(`${this.folder}/cert.pem`)];
    const connection = await Deno.connectTls({ port, hostname: "127.0.0.1", caCerts });
    await connection.handshake();
    return connection;
  }

  async upgrade(port: number, path: string): Promise<RawConnection> {
    return await RawConnection.upgradeOn(await this.connect(port), path);
  }

  /** Whether the relay shows the certificate that is in the folder now. */
  async areShown(port: number): Promise<boolean> {
    try {
      (await this.connect(port)).close();
      return true;
    } catch {
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function startRelay(...args: string[]): Promise<Listening> {
  const command = ["run", "-A", "main.ts", "--port", "0", "--drain-timeout", "0", ...args];
  const portOf = (line: string) => Number(/^🐟 Listening at https:\/\/localhost:(\d+)$/.exec(line)?.[1]) || undefined;
  return await new Listening("the relay", Deno.execPath(), { args: command, cwd: ROOT }).listening(portOf);
}

for (const transport of TRANSPORTS) {
  Deno.test(`${transport}: a pair talks over TLS`, async () => {
    await using certificates = await Certificates.make();
    await using relay = await startRelay("--transport", transport, ...certificates.flags);
    using alice = await certificates.upgrade(relay.port, "/connection/a/b/doc");
    using bob = await certificates.upgrade(relay.port, "/connection/b/a/doc");
    await alice.sendText("hello");
    assertEquals(await bob.readText(), "hello");
  });
}

for (const transport of TRANSPORTS) {
  for (const [what, record] of BROKEN) {
    Deno.test(`${transport}: who says ${what} is hung up on at once, and is lost for its partner`, async () => {
      await using certificates = await Certificates.make();
      await using relay = await startRelay("--transport", transport, "--idle-timeout", "0", ...certificates.flags);
      await using tap = new Tap(relay.port);
      using alice = await certificates.upgrade(tap.port, "/connection/a/b/doc");
      using bob = await certificates.upgrade(relay.port, "/connection/b/a/doc");
      await alice.sendText("hello");
      assertEquals(await bob.readText(), "hello");
      await tap.say(record);
      await Promise.all([alice.hungUp(), bob.readClose().then((close) => assertEquals(close?.code, 4410))]);
    });
  }
}

Deno.test("tcp: SIGHUP renews the certificate for new connections, and open sockets live on", WITH_TCP, async () => {
  await using certificates = await Certificates.make();
  await using relay = await startRelay("--transport", "tcp", ...certificates.flags);
  using alice = await certificates.upgrade(relay.port, "/connection/a/b/doc");
  using bob = await certificates.upgrade(relay.port, "/connection/b/a/doc");
  await certificates.renew();
  assertEquals(await certificates.areShown(relay.port), false);
  relay.signal("SIGHUP");
  while (!await certificates.areShown(relay.port));
  await alice.sendText("still here");
  assertEquals(await bob.readText(), "still here");
});

Deno.test("tcp: a certificate that is renewed while bulk is under way costs no pair a message", WITH_TCP, async () => {
  await using certificates = await Certificates.make("ec");
  await using relay = await startRelay("--transport", "tcp", ...certificates.flags);
  const raws = await Promise.all(
    ["/connection/a/b/doc", "/connection/b/a/doc"].map((path) => certificates.upgrade(relay.port, path)),
  );
  const speakers = raws.map((raw) => new Speaker(raw));
  const listeners = raws.map((raw) => new Listener(raw));
  await Promise.all(listeners.map(({ bulk }) => bulk));
  for (let i = 0; i < 3; i++) {
    await certificates.renew();
    relay.signal("SIGHUP");
    while (!await certificates.areShown(relay.port));
    await Promise.all(listeners.map((listener) => listener.next()));
  }
  await speakers[0].stop(closeFrame(4_200));
  assertEquals((await listeners[1].end)?.code, 4_200);
  for (const raw of raws) raw[Symbol.dispose]();
  await Promise.all([...speakers.map((speaker) => speaker.stop()), ...listeners.map(({ end }) => end)]);
});

Deno.test("a certificate and a key that do not belong together, or are none, are refused before anything listens", async () => {
  await using certificates = await Certificates.make();
  await using others = await Certificates.make();
  const [cert, key] = [`${certificates.folder}/cert.pem`, `${others.folder}/key.pem`];
  const listen = () => new Server({ port: 0, transport: "tcp", cert, key }).listen();
  await assertRejects(listen, ConfigError, "Cannot use --key: want the key of the certificate in --cert, got another");
  for (const [path, what] of [[key, "--key: want a private key"], [cert, "--cert: want a certificate"]]) {
    await Deno.writeTextFile(path, "-----BEGIN THING-----\nAAAA\n-----END THING-----\n");
    await assertRejects(listen, ConfigError, `Cannot use ${what}`);
  }
});

const PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
const ATTRIBUTES = "Bag Attributes\n    friendlyName: relay\nsubject=CN = relay\n";

function utf16(text: string): Uint8Array {
  return new Uint8Array(Uint16Array.from(`\ufeff${text}`, (character) => character.charCodeAt(0)).buffer);
}

/** Certificate and key as people have them. */
const SPELLINGS: Record<string, (cert: string, key: string) => [cert: string | Uint8Array, key: string | Uint8Array]> =
  {
    "a key behind an EC PARAMETERS block": (cert, key) => [cert, PARAMETERS + key],
    "both in one file, the key first": (cert, key) => [key + cert, key + cert],
    "both in one file, the certificate first": (cert, key) => [cert + key, cert + key],
    "a byte order mark": (cert, key) => [`\ufeff${cert}`, `\ufeff${key}`],
    "files that a Windows shell wrote": (cert, key) => [utf16(cert), utf16(key)],
    "lines that end as on Windows": (cert, key) => [cert.replaceAll("\n", "\r\n"), key.replaceAll("\n", "\r\n")],
    "attributes before each block": (cert, key) => [ATTRIBUTES + cert, ATTRIBUTES + key],
    "no line feed at the end": (cert, key) => [`${cert}${cert}`.trimEnd(), key.trimEnd()],
  };

for (const transport of TRANSPORTS) {
  Deno.test(`${transport}: keys and certificates are taken as people have them`, async (t) => {
    await using certificates = await Certificates.make("ec");
    const [cert, key] = await Promise.all([certificates.read("cert"), certificates.read("key")]);
    const paths = { cert: `${certificates.folder}/other.crt`, key: `${certificates.folder}/other.key` };
    for (const [what, spell] of Object.entries(SPELLINGS)) {
      await t.step(what, async () => {
        const [certBytes, keyBytes] = spell(cert, key).map((file) =>
          typeof file === "string" ? new TextEncoder().encode(file) : file
        );
        await Promise.all([Deno.writeFile(paths.cert, certBytes), Deno.writeFile(paths.key, keyBytes)]);
        const server = await new Server({ port: 0, host: "127.0.0.1", transport, ...paths }).listen();
        assertEquals(await certificates.areShown(server.port), true);
        await server.close();
      });
    }
  });
}

Deno.test("what cannot be a certificate or key is one sentence that says what is there", async () => {
  await using certificates = await Certificates.make();
  const { folder } = certificates;
  const [cert, key, encrypted] = ["cert", "key", "encrypted"].map((name) => `${folder}/${name}.pem`);
  const args = ["pkcs8", "-topk8", "-in", "key.pem", "-out", "encrypted.pem", "-passout", "pass:x"];
  assertEquals((await new Deno.Command("openssl", { args, cwd: folder }).output()).code, 0);
  const bad: [cert: string, key: string, sentence: string][] = [
    [key, cert, "Cannot use --cert: want a certificate in it, got PRIVATE KEY."],
    [cert, cert, "Cannot use --key: want a private key in it, without a passphrase, got CERTIFICATE."],
    [cert, encrypted, "Cannot use --key: want a private key in it, without a passphrase, got an encrypted one."],
  ];
  for (const [cert, key, sentence] of bad) assertThrows(() => readTls({ cert, key }), ConfigError, sentence);
});

const REASONS = { tcp: /without a PEM block/, deno: /want --transport tcp, or a restart/ };

for (const transport of TRANSPORTS) {
  Deno.test(`${transport}: a certificate that cannot be renewed leaves the old one in place, and a line in the log`, async () => {
    await using certificates = await Certificates.make();
    await using relay = await startRelay("--transport", transport, ...certificates.flags);
    const cert = await Deno.readTextFile(`${certificates.folder}/cert.pem`);
    if (transport === "tcp") await Deno.writeTextFile(`${certificates.folder}/cert.pem`, "garbage");
    relay.signal("SIGHUP");
    await relay.nextErrorLine(/the old certificate stays/);
    await Deno.writeTextFile(`${certificates.folder}/cert.pem`, cert);
    assertEquals(await certificates.areShown(relay.port), true);
    assertMatch(relay.stderr, REASONS[transport]);
  });
}
