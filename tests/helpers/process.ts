/**
 * Real processes under test: what they print is awaited, never slept for, and every wait has a deadline.
 *
 * @module
 */

const PATIENCE_SECONDS = 60; // a busy machine may take 10 s to start Node or Deno
const REPOSITORY = new URL("../../", import.meta.url);

/** How a process is started. */
export interface ChildOptions {
  args: string[];
  cwd?: URL;
  env?: Record<string, string>;
  clearEnv?: boolean;
}

/** What came in and nobody has asked for yet. */
export class Inbox<T> {
  readonly #items: T[] = [];
  readonly #waiting = new Set<(item: T) => boolean>();
  readonly #ended = Promise.withResolvers<never>();

  constructor() {
    this.#ended.promise.catch(() => {}); // only those who wait care
  }

  push(item: T): void {
    for (const takes of this.#waiting) if (takes(item)) return;
    this.#items.push(item);
  }

  /** Nothing more will come: all waits fail with this error. */
  end(error: Error): void {
    this.#ended.reject(error);
  }

  /** Takes the first item that matches, come or yet to come. The others stay. */
  async next(what: string, matches: (item: T) => boolean = () => true): Promise<T> {
    const index = this.#items.findIndex(matches);
    if (index >= 0) return this.#items.splice(index, 1)[0]!;
    const arrival = Promise.withResolvers<T>();
    const takes = (item: T) => matches(item) && (arrival.resolve(item), this.#waiting.delete(takes));
    this.#waiting.add(takes);
    try {
      return await within(Promise.race([arrival.promise, this.#ended.promise]), what);
    } catch (error) {
      throw new Error(`${(error as Error).message}\nWhat came instead: ${Deno.inspect(this.#items)}`);
    } finally {
      this.#waiting.delete(takes);
    }
  }
}

/** A child process with its output read line by line. */
export class Child implements AsyncDisposable {
  readonly lines = new Inbox<string>();
  readonly #errorLines = new Inbox<string>();
  /** Resolves when the process is gone and all it printed has been read. */
  readonly exited: Promise<Deno.CommandStatus>;
  readonly #name: string;
  readonly #process: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  #stdout = "";
  #stderr = "";

  /** @param name How errors call it. */
  constructor(name: string, command: string, options: ChildOptions) {
    this.#name = name;
    this.#process = spawn(name, command, options);
    this.#stdin = this.#process.stdin.getWriter();
    this.exited = this.#readAll();
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** All it printed on stdout so far. */
  get stdout(): string {
    return this.#stdout;
  }

  /** All it printed on stderr so far. */
  get stderr(): string {
    return this.#stderr;
  }

  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Signals again and again until it ends; gives the exit code. */
  async signalToTheEnd(signal: Deno.Signal, everyMs: number): Promise<number> {
    const again = setInterval(() => {
      try {
        this.signal(signal);
      } catch {
        // It has ended, and not all that it printed has been read.
      }
    }, everyMs);
    try {
      return (await within(this.exited, `${this.#name} to end`)).code;
    } finally {
      clearInterval(again);
    }
  }

  async writeLine(line: string): Promise<void> {
    const bytes = new TextEncoder().encode(`${line}\n`);
    await within(this.#stdin.write(bytes), `${this.#name} to read its stdin`);
  }

  /** Awaits the first line of stdout for which `find` finds something. */
  async nextLine<T>(what: string, find: (line: string) => T | undefined): Promise<T> {
    try {
      const line = await this.lines.next(`${what} from ${this.#name}`, (line) => find(line) !== undefined);
      return find(line)!;
    } catch (error) {
      throw new Error(`${(error as Error).message}\nIts stderr: ${this.#stderr || "(empty)"}`);
    }
  }

  /** Awaits a line of stderr that matches. */
  async nextErrorLine(pattern: RegExp): Promise<string> {
    return await this.#errorLines.next(`${pattern} on stderr of ${this.#name}`, (line) => pattern.test(line));
  }

  /** Kills the process if it still runs, even a stopped one. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.signal("SIGKILL");
    } catch {
      // It ended by itself.
    }
    await within(this.exited, `${this.#name} to end after SIGKILL`);
    await this.#stdin.abort().catch(() => {}); // it can hold a line that the process never read
  }

  async #readAll(): Promise<Deno.CommandStatus> {
    const [status] = await Promise.all([this.#process.status, this.#readLines(), this.#readErrors()]);
    const ending = status.signal === null ? `code ${status.code}` : status.signal;
    for (const inbox of [this.lines, this.#errorLines]) inbox.end(new Error(`${this.#name} ended with ${ending}`));
    return status;
  }

  async #readLines(): Promise<void> {
    await readLines(this.#process.stdout, this.lines, (text) => this.#stdout += text);
  }

  async #readErrors(): Promise<void> {
    await readLines(this.#process.stderr, this.#errorLines, (text) => this.#stderr += text);
  }
}

async function readLines(
  output: ReadableStream<Uint8Array<ArrayBuffer>>,
  inbox: Inbox<string>,
  keep: (text: string) => void,
): Promise<void> {
  let partial = "";
  for await (const text of output.pipeThrough(new TextDecoderStream())) {
    keep(text);
    const lines = (partial + text).split("\n");
    partial = lines.pop()!;
    for (const line of lines) inbox.push(line);
  }
}

/** A relay of any generation that listens on a port of this machine. */
export class Listening extends Child {
  #port = 0;

  /** The base URL that clients take. */
  get url(): string {
    return `${this.isTls ? "wss" : "ws"}://127.0.0.1:${this.#port}`;
  }

  get http(): string {
    return `${this.isTls ? "https" : "http"}://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get isTls(): boolean {
    return this.stdout.includes(" https://");
  }

  /** Awaits the line that tells the port, and ends the process if it never comes. */
  async listening(find: (line: string) => number | undefined): Promise<this> {
    try {
      this.#port = await this.nextLine("the port it listens on", find);
      return this;
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }
}

/** What `deno task start` sets that tells on speed and memory. */
export const RELAY_ENV = { DENO_USE_WRITEV: "1", DENO_V8_FLAGS: "--max-semi-space-size=4" };

/** How a relay is run. */
export interface RunOptions {
  readonly env?: Record<string, string>;
  /** A file of this repository that runs before the relay. */
  readonly preload?: string;
}

/** Starts this repository's relay on a free port, apart from whatever options the environment has. */
export async function startRelay(args: string[] = [], options: RunOptions = {}): Promise<Listening> {
  return await spawnRelay(["--port", "0", ...args], options).listening(portOf);
}

/** Runs `main.ts` with just these arguments and does not wait: for a relay that is expected to refuse them. */
export function spawnRelay(args: string[], { env, preload }: RunOptions = {}): Listening {
  return new Listening("the relay", Deno.execPath(), {
    args: ["run", "-A", ...(preload === undefined ? [] : ["--preload", preload]), "main.ts", ...args],
    cwd: REPOSITORY,
    env: { ...withoutRelayOptions(Deno.env.toObject()), ...env },
    clearEnv: true,
  });
}

/** Awaits a promise for a bounded time. `what` completes the sentence "Waited for ...". */
export async function within<T>(promise: Promise<T>, what: string, seconds = PATIENCE_SECONDS): Promise<T> {
  const expiry = Promise.withResolvers<never>();
  const timer = setTimeout(() => expiry.reject(new Error(`it did not come in ${seconds} s`)), seconds * 1000);
  try {
    return await Promise.race([promise, expiry.promise]);
  } catch (error) {
    throw new Error(`Waited for ${what}: ${(error as Error).message}`);
  } finally {
    clearTimeout(timer);
  }
}

function spawn(name: string, command: string, options: ChildOptions) {
  try {
    return new Deno.Command(command, { ...options, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`Cannot start ${name}: want ${command} on PATH, found none`);
  }
}

/** The port in the line that our relay prints when it listens. */
export function portOf(line: string): number | undefined {
  const port = /^🐟 Listening at https?:\/\/localhost:(\d+)$/.exec(line)?.[1];
  return port === undefined ? undefined : Number(port);
}

function withoutRelayOptions(env: Record<string, string>): Record<string, string> {
  const isOption = (name: string) => name === "PORT" || name === "HOST" || name.startsWith("RELAY_");
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isOption(name)));
}
