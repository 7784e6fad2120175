/**
 * The metrics that Prometheus' dashboards expect of any process, under the names of Prometheus' library for Node. What
 * the relay cannot find out, without a permission, `/proc` or a newer Deno, has no line.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { getHeapSpaceStatistics } from "node:v8";
import { by, counter, type Family, gauge, one } from "./exposition.ts";

/** Processor, memory and descriptors of this process, and the heap of the runtime. */
export function processMetrics(): Family[] {
  return [...cpu(), ...memory(), ...descriptors(), ...heap(), ...runtime()];
}

function cpu(): Family[] {
  const seconds = (kind: "user" | "system") => process.cpuUsage()[kind] / 1e6;
  const both = () => seconds("user") + seconds("system");
  const [user, system] = [one(() => seconds("user")), one(() => seconds("system"))];
  return [
    counter("process_cpu_user_seconds_total", "Total user CPU time spent in seconds.", user),
    counter("process_cpu_system_seconds_total", "Total system CPU time spent in seconds.", system),
    counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", one(both)),
  ];
}

function memory(): Family[] {
  const startedAt = one(() => Math.round(performance.timeOrigin / 1000));
  return [
    gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", startedAt),
    gauge("process_resident_memory_bytes", "Resident memory size in bytes.", one(() => Deno.memoryUsage().rss)),
    gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", one(() => statusBytes("VmSize"))),
    gauge("process_heap_bytes", "Process heap size in bytes.", one(() => statusBytes("VmData"))),
  ];
}

function descriptors(): Family[] {
  // Reading the folder takes one of them.
  const open = () => attempt(() => readdirSync("/proc/self/fd").length - 1);
  const most = () => numberIn("/proc/self/limits", /^Max open files\s+(\d+)/m);
  return [
    gauge("process_open_fds", "Number of open file descriptors.", one(open)),
    gauge("process_max_fds", "Maximum number of open file descriptors.", one(most)),
  ];
}

function heap(): Family[] {
  const usage = (key: "heapTotal" | "heapUsed" | "external") => one(() => Deno.memoryUsage()[key]);
  const [size, used, free] = [spaces("space_size"), spaces("space_used_size"), spaces("space_available_size")];
  return [
    gauge("nodejs_heap_size_total_bytes", "Size of V8's heap in bytes.", usage("heapTotal")),
    gauge("nodejs_heap_size_used_bytes", "What is used of V8's heap in bytes.", usage("heapUsed")),
    gauge("nodejs_external_memory_bytes", "Memory outside V8's heap that it knows of in bytes.", usage("external")),
    gauge("nodejs_heap_space_size_total_bytes", "Size of each space of V8's heap in bytes.", size),
    gauge("nodejs_heap_space_size_used_bytes", "What is used of each space of V8's heap in bytes.", used),
    gauge("nodejs_heap_space_size_available_bytes", "What is free of each space of V8's heap in bytes.", free),
  ];
}

function spaces(key: "space_size" | "space_used_size" | "space_available_size"): Family["samples"] {
  return by("space", () => {
    const all = attempt(() => getHeapSpaceStatistics()) ?? [];
    return all.map((space) => [space.space_name.replace(/_space$/, ""), space[key]]);
  });
}

function runtime(): Family[] {
  const { version, versions: { node } } = process;
  const [major, minor, patch] = node.split(".");
  const compatible = () => [{ labels: { version, major, minor, patch }, value: 1 }];
  const resources = () => Map.groupBy(attempt(() => process.getActiveResourcesInfo()) ?? [], (type) => type);
  const active = by("type", () => [...resources()].map(([type, { length }]) => [type, length]));
  return [
    gauge("nodejs_active_resources", "What keeps the event loop alive, by type.", active),
    gauge("nodejs_version_info", "The version of Node that the runtime is compatible with.", compatible),
  ];
}

function statusBytes(key: string): number | undefined {
  const kibibytes = numberIn("/proc/self/status", new RegExp(`^${key}:\\s+(\\d+) kB`, "m"));
  return kibibytes === undefined ? undefined : kibibytes * 1024;
}

function numberIn(path: string, pattern: RegExp): number | undefined {
  const found = attempt(() => pattern.exec(readFileSync(path, "utf8")))?.[1];
  return found === undefined ? undefined : Number(found);
}

function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
