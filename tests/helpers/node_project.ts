/**
 * Node projects with the packed package in them, as whoever installs it has.
 *
 * @module
 */

import { Child, Listening } from "./process.ts";

const REPOSITORY = new URL("../../", import.meta.url);
const NPM_INSTALL = ["install", "--loglevel=warn", "--no-fund", "--no-audit"];

/** A folder in which Node finds `@localfirst/relay`. */
export class NodeProject implements AsyncDisposable {
  /** What npm said on stderr when it installed the package. */
  warnings = "";

  /** A new project: packs the repository, and installs it with these packages. */
  static async create(...packages: string[]): Promise<NodeProject> {
    const project = await NodeProject.#begin();
    await project.write("package.json", JSON.stringify({ private: true, type: "module" }));
    project.warnings = await project.run("npm", [...NPM_INSTALL, "relay.tgz", ...packages]);
    return project;
  }

  /**
   * A copy of a folder of this repository that has a `package.json`, a `package-lock.json` and an `.npmrc`: installs what
   * the lock says, then packs the repository and adds it. The folder is named `node`, as Deno cannot check what is in it.
   */
  static async copy(folder: URL): Promise<NodeProject> {
    const project = await NodeProject.#begin();
    for await (const { name, isFile } of Deno.readDir(folder)) {
      if (isFile) await Deno.copyFile(new URL(name, folder), project.path(name));
    }
    await project.run("npm", ["ci", "--loglevel=error"]);
    await project.run("npm", [...NPM_INSTALL, "--no-save", "relay.tgz"]);
    return project;
  }

  static async #begin(): Promise<NodeProject> {
    const project = new NodeProject(await Deno.makeTempDir({ prefix: "relay_node_" }));
    const pack = ["run", "-A", "src/pack.ts", project.path("relay.tgz"), "--quiet", "--allow-dirty"];
    await project.run(Deno.execPath(), pack, REPOSITORY);
    return project;
  }

  private constructor(readonly folder: string) {}

  get url(): URL {
    return new URL(`file://${this.folder}/`);
  }

  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  async write(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(this.path(name), text);
  }

  /** What the TypeScript compiler finds wrong with a file, as text. The project must have `typescript`. */
  async typeCheck(name: string, ...options: string[]): Promise<string> {
    return await this.typeCheckBy("typescript", name, ...options);
  }

  /** The same by the TypeScript compiler that was installed under this name. */
  async typeCheckBy(compiler: string, name: string, ...options: string[]): Promise<string> {
    const strict = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", ...options];
    const { stdout } = await this.#output("node", [`node_modules/${compiler}/bin/tsc`, ...strict, name]);
    return new TextDecoder().decode(stdout);
  }

  /** The names of all files in the package. */
  async files(): Promise<string[]> {
    const { stdout } = await this.#output("tar", ["tzf", "relay.tgz"]);
    return new TextDecoder().decode(stdout).trim().split("\n").filter((name) => !name.endsWith("/"));
  }

  /** Whether a package was installed. */
  async has(name: string): Promise<boolean> {
    return await Deno.stat(this.path(`node_modules/${name}`)).then(() => true, () => false);
  }

  /** The names of all packages that were installed. */
  async packages(): Promise<string[]> {
    const { stdout } = await this.#output("npm", ["ls", "--all", "--parseable"]);
    const paths = new TextDecoder().decode(stdout).split("\n").filter((path) => path.includes("/node_modules/"));
    return paths.map((path) => path.slice(path.lastIndexOf("/node_modules/") + "/node_modules/".length)).sort();
  }

  /** Makes one ES module for browsers of a file here and all that it imports. */
  async bundle(name: string): Promise<string> {
    const output = `bundled_${name}`;
    await this.run(Deno.execPath(), ["bundle", "--quiet", "--platform", "browser", "--output", output, name]);
    return await Deno.readTextFile(this.path(output));
  }

  /** Starts `node` here. */
  node(...args: string[]): Child {
    return this.start("node", ...args);
  }

  /** Starts a program here: one on PATH, or by its path in the project. */
  start(program: string, ...args: string[]): Child {
    const command = program.includes("/") ? this.path(program) : program;
    return new Child(program, command, { args, cwd: this.url });
  }

  /** Starts `deno` here. */
  deno(...args: string[]): Listening {
    return new Listening("Deno", Deno.execPath(), { args, cwd: this.url });
  }

  /** Runs a program here, or in another folder, to its end, and gives what it printed on stderr. */
  async run(command: string, args: string[], cwd?: URL): Promise<string> {
    const output = await this.#output(command, args, cwd);
    const stderr = new TextDecoder().decode(output.stderr).trim();
    if (!output.success) throw new Error(`Cannot run ${command} ${args[0]}: ${stderr}`);
    return stderr;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }

  async #output(command: string, args: string[], cwd: URL | string = this.folder): Promise<Deno.CommandOutput> {
    return await new Deno.Command(command, { args, cwd, stdout: "piped", stderr: "piped" }).output();
  }
}
