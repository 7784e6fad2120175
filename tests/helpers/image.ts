/**
 * The image's second stage, laid out in a folder by the Dockerfile's own commands, and run as Docker would run it:
 * read-only, as its user, with nothing of this machine but `/proc`, `/dev` and a list of hosts.
 *
 * In place of the binary, which takes a base runtime to compile, stands Deno itself with the same modules as one file.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type ChildOptions, Listening } from "./process.ts";

const ROOT = new URL("../../", import.meta.url);
/** Mounts what Docker mounts, and becomes the program. */
const ENTER = `image=$1 user=$2; shift 2
  mount --bind "$image" "$image" && mount -o remount,ro,bind "$image" \\
  && mount --bind /proc "$image/proc" && mount --rbind /dev "$image/dev" \\
  && exec chroot --userspec="$user" "$image" "$@"`;

/** Whether this user may mount and change its root. */
export function canEnterImages(): boolean {
  return Deno.uid() === 0 && new Deno.Command("unshare", { args: ["--mount", "true"] }).outputSync().success;
}

/** An image without a registry. */
export class Image implements AsyncDisposable {
  private constructor(readonly folder: string, readonly dockerfile: string, readonly flags: string[]) {}

  static async build(): Promise<Image> {
    const folder = await Deno.makeTempDir();
    await Deno.mkdir(join(folder, "build/dist"), { recursive: true });
    await Deno.symlink(await Deno.realPath(Deno.execPath()), join(folder, "build/dist/relay"));
    const dockerfile = (await Deno.readTextFile(new URL("Dockerfile", ROOT))).replaceAll("\\\n", "");
    const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
    const image = new Image(folder, dockerfile, flagsOf(tasks.compile.command));
    await image.#layOut();
    return image;
  }

  get #root(): string {
    return join(this.folder, "image");
  }

  /** A relay in a container of its own. Its options are variables. */
  start(env: Record<string, string>): Listening {
    return new Listening("the relay", "unshare", this.#entering(env, this.#relay()));
  }

  /** What its health check says of a container with these variables. */
  async healthCheck(env: Record<string, string>): Promise<number> {
    const [, command] = /^HEALTHCHECK .* CMD (\[.*\])$/m.exec(this.dockerfile)!;
    const [program, ...args] = JSON.parse(command);
    assertEquals(program, "/relay");
    return (await this.#run(this.#entering(env, this.#relay(...args)))).code;
  }

  /** What an expression gives in there. */
  async evaluate(expression: string): Promise<string> {
    return (await this.#run(this.#entering({}, ["/relay", "eval", "--no-config", "-p", expression]))).output;
  }

  /** Puts a file where a volume would be. */
  async add(path: string, file: string): Promise<void> {
    await Deno.copyFile(file, join(this.#root, path));
    await Deno.chmod(join(this.#root, path), 0o444);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }

  async #layOut(): Promise<void> {
    const [, script] = /^RUN (mkdir \/image .*)$/m.exec(this.dockerfile)!;
    const args = ["-ec", script.replaceAll("/image", this.#root)];
    const { code, stderr } = await new Deno.Command("sh", { args, cwd: join(this.folder, "build") }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    const bundle = ["bundle", "--quiet", "main.ts", "-o", join(this.#root, "relay.js")];
    assertEquals((await new Deno.Command(Deno.execPath(), { args: bundle, cwd: ROOT }).output()).code, 0);
    for (const name of ["proc", "dev", "etc"]) await Deno.mkdir(join(this.#root, name));
    await Deno.writeTextFile(join(this.#root, "etc/hosts"), "127.0.0.1 localhost\n");
  }

  async #run(options: ChildOptions): Promise<{ code: number; output: string }> {
    const { code, stdout, stderr } = await new Deno.Command("unshare", options).output();
    return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  }

  #relay(...args: string[]): string[] {
    return ["/relay", "run", ...this.flags, "/relay.js", ...args];
  }

  #entering(env: Record<string, string>, command: string[]): ChildOptions {
    const [, user] = /^USER (.*)$/m.exec(this.dockerfile)!;
    const set = [...this.dockerfile.matchAll(/^ENV (.*)$/gm)].flatMap(([, pairs]) => pairs.split(" "));
    const ownEnv = Object.fromEntries(set.map((pair) => pair.split("=")));
    return {
      args: ["--mount", "sh", "-c", ENTER, "sh", this.#root, user, ...command],
      env: { ...ownEnv, DENO_DIR: "/nowhere", PATH: Deno.env.get("PATH")!, ...env },
      clearEnv: true,
    };
  }
}

/** What the binary is compiled with, as far as it is said again to who runs it in pieces. */
function flagsOf(command: string): string[] {
  const flags = command.split(" ").filter((flag) => /^--(no-prompt|allow-|v8-flags)/.test(flag));
  return ["--no-config", "--cached-only", ...flags];
}
