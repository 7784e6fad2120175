/**
 * Peers that share a Yjs document, each in a Node process of its own.
 *
 * @module
 */

import type { NodeProject } from "../helpers/node_project.ts";
import { Child } from "../helpers/process.ts";

/** What a peer tells, one kind at a time. */
interface Reports {
  status: { status: string };
  synced: { synced: boolean };
  sync: { sync: boolean };
  error: { error: string };
  /** All of it, or the end if it is long. */
  text: { text: string; length: number };
  hash: { hash: string };
  /** All states of awareness, and whose have changed. */
  states: { states: { name?: string }[]; added: number[]; removed: number[] };
}

/** One peer. Disposing it kills its process, so that the others see it vanish. */
export class YjsPeer extends Child {
  constructor(project: NodeProject, url: string, readonly name: string, secret?: string) {
    const args = ["peer.mjs", url, name, ...(secret === undefined ? [] : [secret])];
    super(name, "node", { args, cwd: new URL(`file://${project.folder}/`) });
  }

  /** Does one of the `ORDERS` of `peer.mjs`. */
  async does(order: string, value?: unknown): Promise<void> {
    await this.writeLine(JSON.stringify([order, value]));
  }

  /** Waits until what it tells of this kind matches. What it told before is forgotten. */
  async tells<Kind extends keyof Reports>(
    kind: Kind,
    matches: (report: Reports[Kind]) => boolean = () => true,
  ): Promise<Reports[Kind]> {
    const told: unknown[] = [];
    for (;;) {
      const what = `${kind} that matches ${matches}, after ${Deno.inspect(told.slice(-5))}`;
      const report = await this.nextLine(what, (line) => kind in JSON.parse(line) ? JSON.parse(line) : undefined);
      if (matches(report)) return report;
      told.push(report);
    }
  }

  async hasStatus(wanted: string): Promise<void> {
    await this.tells("status", ({ status }) => status === wanted);
  }

  async isSynced(wanted: boolean): Promise<void> {
    await this.tells("synced", ({ synced }) => synced === wanted);
    await this.tells("sync", ({ sync }) => sync === wanted);
  }

  /** Waits until its text has all these words, and returns the text. */
  async reads(...words: string[]): Promise<string> {
    return (await this.tells("text", ({ text }) => words.every((word) => text.includes(word)))).text;
  }

  /** Waits until its text is so long, and returns the hash of it. */
  async hashAt(wanted: number): Promise<string> {
    await this.tells("text", ({ length }) => length === wanted);
    await this.does("hash");
    return (await this.tells("hash")).hash;
  }

  /** Waits until it is aware of these peers and no others. */
  async sees(...names: string[]): Promise<Reports["states"]> {
    return await this.tells("states", ({ states }) => states.map(({ name }) => name).sort().join() === names.join());
  }
}
