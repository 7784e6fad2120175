/**
 * Memory and descriptors: what the machine or container has, and what this process uses. `/proc` needs all permissions,
 * so everything here works with `--allow-sys=systemMemoryInfo` and `--allow-read=/dev/null`, too.
 *
 * @module
 */

import { closeSync, openSync } from "node:fs";
import process from "node:process";

/** Bytes of memory that the machine has, or the container if that is less; 0 where it cannot be found out. */
export function availableMemory(): number {
  try {
    const machine = Deno.systemMemoryInfo().total;
    // Without a container's limit this is 0, or more than there is.
    const container = process.constrainedMemory();
    return container > 0 ? Math.min(machine, container) : machine;
  } catch {
    // A hosted runtime, which watches its memory itself, or a missing permission.
    return 0;
  }
}

/** Bytes of resident memory. */
export function residentMemory(): number {
  return Deno.memoryUsage().rss;
}

/**
 * Descriptors in use: as the system says, which needs all permissions, or else at least as many as the numbers of a few
 * new ones show. Infinity when none is left, undefined where it cannot be found out.
 */
export function openDescriptors(): number | undefined {
  try {
    const { size } = Deno.statSync("/proc/self/fd");
    // Before Linux 6.2 the size is 0, so they are listed: for 10,000 that takes 4 % of a core.
    return size > 0 ? size : [...Deno.readDirSync("/proc/self/fd")].length;
  } catch (error) {
    return (error as { code?: string }).code === "EMFILE" ? Infinity : triedOpenDescriptors();
  }
}

/**
 * The same by opening a few: the system assigns the lowest free number, so the highest of them is a lower bound.
 * Undefined in Deno 2.5, whose numbers are the runtime's own: it never assigns one again.
 */
export function triedOpenDescriptors(): number | undefined {
  const FEW = 16;
  const highest = highestOfNew(FEW);
  const again = highestOfNew(1);
  return highest !== undefined && again !== undefined && again <= highest ? highest - FEW : undefined;
}

/** Opens so many and closes them. Infinity when none is left, undefined where it cannot be found out. */
function highestOfNew(count: number): number | undefined {
  const opened: number[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const descriptor = openDescriptor();
      if (typeof descriptor !== "number") return descriptor === "none left" ? Infinity : undefined;
      opened.push(descriptor);
    }
    return Math.max(...opened);
  } finally {
    opened.forEach(closeSync);
  }
}

/**
 * Descriptors that the process can open: as the system says, which needs all permissions, or else found by opening up
 * to `wanted`. Undefined where it cannot be found out.
 */
export function descriptorLimit(wanted: number): number | undefined {
  try {
    const stated = /^Max open files\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits"))?.[1];
    return stated === undefined ? undefined : Number(stated);
  } catch {
    return triedDescriptorLimit(wanted);
  }
}

/** The same only by opening: takes 0.1 s for 10,000. */
export function triedDescriptorLimit(wanted: number): number | undefined {
  const opened: number[] = [];
  try {
    while ((opened.at(-1) ?? 0) < wanted) {
      const descriptor = openDescriptor();
      if (descriptor === undefined) return;
      if (descriptor === "none left") return (opened.at(-1) ?? 0) + 1;
      opened.push(descriptor);
    }
    return wanted;
  } finally {
    opened.forEach(closeSync);
  }
}

/** Whether the process ignores SIGHUP (`nohup`); undefined where it cannot be found out. */
export function ignoresHangup(): boolean | undefined {
  try {
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1];
    // SIGHUP is signal 1, the lowest bit.
    return mask === undefined ? undefined : parseInt(mask.slice(-1), 16) % 2 === 1;
  } catch {
    return;
  }
}

function openDescriptor(): number | "none left" | undefined {
  try {
    return openSync("/dev/null", "r");
  } catch (error) {
    return (error as { code?: string }).code === "EMFILE" ? "none left" : undefined;
  }
}
