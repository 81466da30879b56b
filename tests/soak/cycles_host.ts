// deno-lint-ignore-file no-console -- its output is what the soak reads
/**
 * A host that loads, uses and unloads one plugin again and again, and tells now and then what it holds:
 * `cycles_host.ts <settings as JSON>`, to be run with `--v8-flags=--expose-gc`.
 */
import { PluginHost } from "../../src/host/host.ts";
import type { PluginHandle } from "../../src/host/plugin_handle.ts";
import { silentLogger } from "../../src/log.ts";
import type { IsolationMode } from "../../src/sandbox/machine/choose.ts";
import { ownProcess } from "../helpers/own_process.ts";
import { groupsOfHost } from "./groups.ts";

/** What the host does. */
export interface CyclesSettings {
  /** The launcher. */
  readonly isolation: IsolationMode;
  /** How many cycles. */
  readonly cycles: number;
  /** After how many it tells what it holds. */
  readonly every: number;
  /** Every which cycle ends otherwise than by `unload`: in a crash or a violation. */
  readonly failEvery: number;
  /** Who signed the bundle. */
  readonly key: string;
  /** The bundle. */
  readonly bundle: string;
  /** The host's folder. */
  readonly dataDir: string;
  /** Where the plugin reads an endless answer. */
  readonly port: number;
}

/** What the host holds after some cycles, with nothing loaded. */
export interface CyclesSample {
  /** After how many. */
  readonly cycle: number;
  /** Resident memory, in bytes; the least of several looks, each after a garbage collection. */
  readonly rss: number;
  /** The same without what V8 keeps in reserve: what is left is native memory, code and objects. */
  readonly memory: number;
  /** What lives on V8's heap, in bytes. */
  readonly heapUsed: number;
  /** What lives outside of it, in bytes. */
  readonly external: number;
  /** Open descriptors. */
  readonly descriptors: number;
  /** Threads. */
  readonly threads: number;
  /** Child processes. */
  readonly children: number;
  /** Cgroups that the host has made. */
  readonly groups: number;
  /** Files and folders of runs, below `dataDir/run`. */
  readonly runFiles: number;
  /** Files and folders below `dataDir`, those of runs included. */
  readonly files: number;
  /** Registered handlers of hooks. */
  readonly hooks: number;
  /** Objects of the application's service that were made and not disposed of. */
  readonly handles: number;
}

declare const gc: (() => void) | undefined;

const settings: CyclesSettings = JSON.parse(Deno.args[0]!);
const { isolation, cycles, every, failEvery, dataDir, port } = settings;
let handles = 0;
let ends = 0;

const host = await PluginHost.open({
  dataDir,
  isolation,
  keys: [settings.key],
  policy: {
    default: {
      grant: {
        net: [`127.0.0.1:${port}`],
        hooks: ["*"],
        context: { kv: "readwrite", database: "readwrite", counter: "readwrite" },
      },
      // one plugin fails again and again here, and each cycle begins anew
      restart: { maxRestarts: 0 },
      violations: { responses: [] },
    },
  },
  logger: silentLogger,
  // calls and streams that have no end are left to draining
  times: { startTimeoutMs: 60_000, drainMs: 20 },
});
host.services.provide("counter", () => {
  let count = 0;
  handles++;
  return { next: () => ++count, [Symbol.dispose]: () => void handles-- };
});
void follow();

for (let cycle = 1; cycle <= cycles; cycle++) {
  const plugin = await host.load(settings.bundle);
  await use(plugin, cycle);
  if (cycle % failEvery === 0) await fail(plugin, cycle / failEvery);
  else await host.unload(plugin.name);
  if (cycle % every === 0) console.log(JSON.stringify(await sample(cycle)));
}
await host.close();
// and then it must end by itself

async function use(plugin: PluginHandle, cycle: number): Promise<void> {
  const answers = await Promise.all([1, 2, 3].map((n) => plugin.call("echo", n)));
  check(answers.join() === "1,2,3", "echo");
  let sum = 0;
  for await (const n of plugin.stream("numbers", { to: 20 })) sum += n as number;
  check(sum === 210, "numbers");
  check((await host.hooks.run("on_cycle", { cycle, seen: false })).seen, "on_cycle");
  check(await plugin.call("kv", cycle) === cycle, "kv");
  check(await plugin.call("counter") === 1, "counter");
  // a process of its own each time: now and then
  if (cycle % 10 === 0) await plugin.call("database", cycle);
  if (cycle % 5 === 0) await plugin.call("connect", `http://127.0.0.1:${port}/`);
  if (cycle % 7 === 0) await plugin.call("worker");
  if (cycle % 25 === 0) {
    await plugin.call("log", 2_000);
    await plugin.call("stderr", 2_000);
  }
  if (cycle % 20 === 0) await host.reload(plugin.name);
  if (cycle % 3 === 0) {
    // what is under way when the plugin goes
    void plugin.call("hang", undefined, { timeoutMs: 50 }).catch(() => {});
    await plugin.stream("numbers", { to: 1e9 }).next();
  }
}

/** Has the plugin end by itself, or be ended, and waits until the host has let go of it. */
async function fail(plugin: PluginHandle, kind: number): Promise<void> {
  const before = ends;
  if (kind % 3 === 0) await plugin.call("exit", 3).catch(() => {});
  else if (kind % 3 === 1) await plugin.call("violate").catch(() => {});
  else Deno.kill(plugin.pid!, "SIGKILL");
  while (ends === before) await pause(5);
}

async function follow(): Promise<void> {
  for await (const { type } of host.events()) {
    if (type === "crashed" || type === "violation") ends++;
  }
}

async function sample(cycle: number): Promise<CyclesSample> {
  // what the last cycle has left to be closed, such as a deadline that nobody waits for any more
  await pause(200);
  let [rss, memory] = [Infinity, Infinity];
  for (let look = 0; look < 5; look++) {
    gc?.();
    await pause(20);
    const { heapTotal, heapUsed, rss: now } = Deno.memoryUsage();
    rss = Math.min(rss, now);
    memory = Math.min(memory, now - (heapTotal - heapUsed));
  }
  const { heapUsed, external } = Deno.memoryUsage();
  const { descriptors, threads, children } = ownProcess();
  return {
    cycle,
    rss,
    memory,
    heapUsed,
    external,
    descriptors: Object.values(descriptors).reduce((sum, count) => sum + count, 0),
    threads,
    children,
    groups: groupsOfHost(Deno.pid).length,
    runFiles: countBelow(`${dataDir}/run`),
    files: countBelow(dataDir),
    hooks: host.hooks.list().length,
    handles,
  };
}

function countBelow(dir: string): number {
  let count = 0;
  for (const { name, isDirectory } of Deno.readDirSync(dir)) {
    count += 1 + (isDirectory ? countBelow(`${dir}/${name}`) : 0);
  }
  return count;
}

function check(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`wrong answer of ${what}`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
