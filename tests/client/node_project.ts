/**
 * An empty Node project with the packed package in it, as whoever installs it has.
 *
 * @module
 */

import { Child } from "../helpers/process.ts";

const REPOSITORY = new URL("../../", import.meta.url);
const DEPENDENCIES = ["ws@8.23.0", "@types/ws@8.18.2", "@types/node@20.19.43", "typescript@5.9.3"];

/** A folder in which Node finds `@localfirst/relay`. */
export class NodeProject implements AsyncDisposable {
  /** Packs the repository and installs it. */
  static async create(): Promise<NodeProject> {
    const project = new NodeProject(await Deno.makeTempDir({ prefix: "relay_node_" }));
    await project.write("package.json", JSON.stringify({ private: true, type: "module" }));
    const tarball = project.path("relay.tgz");
    await project.#run(Deno.execPath(), ["pack", "--quiet", "--allow-dirty", "--output", tarball], REPOSITORY);
    await project.#run("npm", ["install", "--loglevel=error", "--no-fund", "--no-audit", tarball, ...DEPENDENCIES]);
    return project;
  }

  private constructor(readonly folder: string) {}

  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  async write(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(this.path(name), text);
  }

  /** What the TypeScript compiler finds wrong with a file, as text. */
  async typeCheck(name: string, ...options: string[]): Promise<string> {
    const strict = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", ...options];
    const { stdout } = await this.#output("npx", ["tsc", ...strict, name]);
    return new TextDecoder().decode(stdout);
  }

  /** The names of all files in the package. */
  async files(): Promise<string[]> {
    const { stdout } = await this.#output("tar", ["tzf", "relay.tgz"]);
    return new TextDecoder().decode(stdout).trim().split("\n");
  }

  /** Starts `node` here. */
  node(...args: string[]): Child {
    return new Child("Node", "node", { args, cwd: new URL(`file://${this.folder}/`) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }

  async #run(command: string, args: string[], cwd?: URL): Promise<void> {
    const { success, stderr } = await this.#output(command, args, cwd);
    if (!success) throw new Error(`Cannot run ${command} ${args[0]}: ${new TextDecoder().decode(stderr).trim()}`);
  }

  async #output(command: string, args: string[], cwd: URL | string = this.folder): Promise<Deno.CommandOutput> {
    return await new Deno.Command(command, { args, cwd, stdout: "piped", stderr: "piped" }).output();
  }
}
