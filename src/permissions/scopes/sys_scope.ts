// The kinds of system information that `--allow-sys` takes.
import type { Parsed } from "./net_scope.ts";

/**
 * Lists the kinds that can be granted, as Deno 2.9 knows them; `username` is an alias of `userInfo`.
 *
 * `setPriority` is left out: it acts on the machine's processes instead of reading a fact.
 */
export const SYS_KINDS: readonly string[] = Object.freeze([
  ...["cpus", "getPriority", "getegid", "gid", "homedir", "hostname", "loadavg"],
  ...["networkInterfaces", "osRelease", "osUptime", "statfs", "systemMemoryInfo", "uid"],
  ...["userInfo"],
]);

export function parseSysKind(text: string): Parsed<string> {
  if (text === "username") return { value: "userInfo" };
  if (SYS_KINDS.includes(text)) return { value: text };
  if (text === "setPriority") return { problem: "is never granted: it acts on other processes" };
  return { problem: `is not a known kind: write one of ${SYS_KINDS.join(", ")}` };
}
