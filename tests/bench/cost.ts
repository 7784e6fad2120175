/**
 * What time and memory a server takes, as the kernel accounts for it, and who else was at work meanwhile.
 *
 * @module
 */

/** The unit of /proc: USER_HZ is 100 on every Linux. */
const TICKS_PER_SECOND = 100;

/** What a stretch of time cost. Busy is a share of one processor. */
export interface Spent {
  seconds: number;
  serverSeconds: number;
  generatorBusy: number;
  /** Of all processes that have nothing to do with it. */
  othersBusy: number;
}

/** Measures from now on. */
export class Stopwatch {
  readonly #serverPids: readonly number[];
  readonly #start: Reading;

  constructor(...serverPids: number[]) {
    this.#serverPids = serverPids;
    this.#start = read(serverPids);
  }

  stop(): Spent {
    const end = read(this.#serverPids);
    const seconds = end.now - this.#start.now;
    const serverSeconds = end.server - this.#start.server;
    const generatorSeconds = end.generator - this.#start.generator;
    const othersSeconds = end.machine - this.#start.machine - serverSeconds - generatorSeconds;
    return {
      seconds,
      serverSeconds,
      generatorBusy: generatorSeconds / seconds,
      othersBusy: Math.max(0, othersSeconds) / seconds,
    };
  }
}

/** What makes figures doubtful, in words. */
export function doubts(results: Spent[]): string[] {
  const generator = Math.max(...results.map(({ generatorBusy }) => generatorBusy));
  const others = Math.max(...results.map(({ othersBusy }) => othersBusy));
  return [
    ...(generator > 0.95 ? [`perhaps held up by the generator, which took ${percent(generator)} of a processor`] : []),
    ...(others > 0.1 ? [`other processes took up to ${percent(others)} of a processor`] : []),
  ];
}

/** Bytes of resident memory of these processes together. */
export function residentBytes(...pids: number[]): number {
  return pids.reduce((sum, pid) => sum + residentBytesOf(pid), 0);
}

function residentBytesOf(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`Cannot read the memory of process ${pid}: it has ended`);
  return Number(kilobytes) * 1024;
}

/** Processor seconds so far. */
interface Reading {
  now: number;
  server: number;
  generator: number;
  machine: number;
}

function read(serverPids: readonly number[]): Reading {
  return {
    now: performance.now() / 1000,
    server: serverPids.reduce((sum, pid) => sum + processSeconds(pid), 0),
    generator: processSeconds(Deno.pid),
    machine: machineSeconds(),
  };
}

/** User and system time of all threads. */
function processSeconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function machineSeconds(): number {
  const fields = Deno.readTextFileSync("/proc/stat").split(/\s+/, 8).slice(1).map(Number);
  const [user, nice, system, _idle, _waiting, interrupts, softInterrupts] = fields;
  return (user + nice + system + interrupts + softInterrupts) / TICKS_PER_SECOND;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
