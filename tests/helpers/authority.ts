/**
 * A certificate authority of the test's own, and servers it vouches for.
 *
 * @module
 */

import { assertEquals } from "@std/assert";

/** A folder with `ca.pem`, and with a certificate and a key for each name. */
export class Authority implements AsyncDisposable {
  private constructor(readonly folder: string) {}

  static async found(): Promise<Authority> {
    const authority = new Authority(await Deno.makeTempDir());
    await authority.#request(["-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem"]);
    return authority;
  }

  get certificate(): string {
    return `${this.folder}/ca.pem`;
  }

  /** @param name As in a certificate: `DNS:localhost`, `IP:127.0.0.1`. */
  async certify(name: string): Promise<{ cert: string; key: string }> {
    const file = name.replaceAll(":", "_");
    const extensions = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", `subjectAltName=${name}`];
    const files = ["-keyout", `${file}.key`, "-out", `${file}.pem`];
    await this.#request(["-subj", "/CN=server", "-CA", "ca.pem", "-CAkey", "ca.key", ...extensions, ...files]);
    return { cert: `${this.folder}/${file}.pem`, key: `${this.folder}/${file}.key` };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }

  async #request(args: string[]): Promise<void> {
    const keyed = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    const openssl = new Deno.Command("openssl", { args: [...keyed, ...args], cwd: this.folder });
    const { code, stderr } = await openssl.output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
  }
}
