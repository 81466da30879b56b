import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import type { PluginHost } from "../../src/host/host.ts";
import type { PluginHostOptions } from "../../src/host/settings/host_options.ts";
import type { PluginHandle } from "../../src/host/plugin_handle.ts";
import type { HostTest } from "./host.ts";
import { isAlive, until } from "./process.ts";
import { sandboxTest } from "./sandbox.ts";

export const ISOLATIONS = ["plain", "bwrap", "unshare"] as const;
export type Isolation = (typeof ISOLATIONS)[number];

/** Registers a test that needs what the isolation needs. */
export function isolatedTest(name: string, isolation: Isolation, fn: () => Promise<void>): void {
  const whole = `${name}, ${isolation}`;
  if (isolation === "plain") Deno.test(whole, fn);
  else sandboxTest(whole, isolation, fn);
}

/** The runtimes of a test's hosts; they name its folder, or have it in their mounts. */
export function runtimes(test: HostTest): number[] {
  const own = Deno.statSync(Deno.execPath());
  const name = test.join("").replace(/\/+$/, "").replace(/.*\//, "");
  return [...Deno.readDirSync("/proc")].map((entry) => Number(entry.name)).filter((pid) => {
    if (!(pid > 0) || pid === Deno.pid) return false;
    try {
      const { dev, ino } = Deno.statSync(`/proc/${pid}/exe`);
      if (dev !== own.dev || ino !== own.ino) return false;
      return ["cmdline", "mountinfo"].some((file) =>
        Deno.readTextFileSync(`/proc/${pid}/${file}`).includes(name)
      ) && isAlive(pid);
    } catch {
      return false; // it ended meanwhile
    }
  });
}

/** Kills a runtime, and waits without giving way to the host until its launcher is dead, too. */
export function killUnseen(pid: number): void {
  let launcher = pid;
  for (let parent = parentOf(pid); parent !== Deno.pid; parent = parentOf(parent)) {
    launcher = parent;
  }
  Deno.kill(pid, "SIGKILL");
  const deadline = performance.now() + 10_000;
  while (isAlive(launcher)) assert.ok(performance.now() < deadline, `${launcher} lives on`);
}

function parentOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

/** The folder of the one host of a test. */
export function runOf(test: HostTest): string {
  const [run] = readdirSync(`${test.dataDir}/run`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory());
  return `${test.dataDir}/run/${run!.name}`;
}

/** The folders of processes. */
export function folders(test: HostTest): string[] {
  return readdirSync(runOf(test)).filter((name) => /^\d+$/.test(name));
}

/** Checks that no process is left of a test's host, nor anything of one. */
export async function nothingRemains(test: HostTest): Promise<void> {
  assert.deepEqual(folders(test), []);
  // of a launcher that was killed the kernel ends what is inside
  await until(() => runtimes(test).length === 0, "the end of every process");
}

/**
 * The folders of processes that were made while something was done, those included that are gone
 * again: the kernel notes them, so that nobody has to look at the right moment.
 */
export async function foldersMade(test: HostTest, act: () => Promise<unknown>): Promise<string[]> {
  const run = runOf(test);
  const end = `${run}/end-of-test`;
  const before = new Set(folders(test));
  const made = new Set<string>();
  using watcher = Deno.watchFs(run, { recursive: false });
  await act();
  await Deno.writeTextFile(end, "");
  for await (const { paths } of watcher) {
    for (const path of paths) made.add(path.slice(run.length + 1));
    if (paths.includes(end)) break;
  }
  await Deno.remove(end);
  return [...made].filter((name) => /^\d+$/.test(name) && !before.has(name));
}

/** A plugin whose load is held up, after it was verified, by another one that it depends on. */
export interface Held {
  /** The host. */
  readonly host: PluginHost;
  /** The folder of the plugin. */
  readonly dir: string;
  /** Has a character for each time that the code of the plugin was run. */
  readonly telltale: string;
  /** Starts a load and waits until it is held up, with so many runtimes about. */
  begin(count: number, signal?: AbortSignal): Promise<{ load: Promise<PluginHandle> }>;
  /** Lets the load go on. */
  release(): void;
  /** Unloads both, as if the plugin had never run. */
  reset(): Promise<void>;
}

/** What the plugin `top` may have that `base` has not, so that each needs a process of its own. */
const TOP_LIMITS = { memoryBytes: 96 * 1024 * 1024 };

const BASE = `export default {
  init: async (ctx) => { await ctx.get("gate").pass(); },
  methods: { answer: () => 1 },
};`;
const TOP = `export default {
  init: (ctx) => { Deno.writeTextFileSync(ctx.storage + "/ran", "x", { append: true }); },
  methods: {
    answer: () => 2,
    read: (path) => Deno.readTextFileSync(path),
    write: ({ path, text }) => Deno.writeTextFileSync(path, text),
  },
};`;

/** The runtimes of `top`, of which there is one at most. */
export function topRuntimes(test: HostTest): number[] {
  return runtimes(test).filter((pid) =>
    Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes("--max-old-space-size=96")
  );
}

/** Options of {@linkcode held}. */
export interface HeldOptions {
  /** Opens the host. */
  open?: (options: PluginHostOptions) => Promise<PluginHost>;
  /** A file or folder that `top` may read and write. */
  granted?: string;
}

/** Makes the two plugins; neither was started. */
export async function held(
  test: HostTest,
  options: PluginHostOptions,
  { open = (all) => test.open(all), granted }: HeldOptions = {},
): Promise<Held> {
  const paths = granted === undefined ? [] : [granted];
  const write = ["$STORAGE", ...paths];
  const context = { gate: "read" as const };
  const policy = { default: { grant: { context, read: paths, write } } };
  const host = await open({ policy, ...options });
  let reached = Promise.withResolvers<void>();
  let gate = Promise.withResolvers<boolean>();
  const pass = () => {
    reached.resolve();
    return gate.promise;
  };
  host.services.provide("gate", { pass }, { access: { pass: "read" } });
  await test.bundle("base", BASE, { context: [{ key: "gate", access: "read" }] });
  const dir = await test.bundle("top", TOP, {
    dependencies: { base: "*" },
    permissions: { read: paths, write },
    storage: { quotaBytes: 1_000_000 },
    limits: TOP_LIMITS,
  });
  await host.discover(test.plugins);
  const telltale = `${test.dataDir}/storage/top/ran`;
  return {
    host,
    dir,
    telltale,
    async begin(count, signal) {
      reached = Promise.withResolvers();
      gate = Promise.withResolvers();
      const load = host.load(dir, { signal });
      load.catch(() => {}); // the test looks at it later
      await Promise.race([
        reached.promise,
        load.then(() => assert.fail("it was not held up")),
      ]);
      await until(() => runtimes(test).length === count, `${count} runtimes`);
      return { load };
    },
    release: () => gate.resolve(true),
    async reset() {
      await host.unload("base", { cascade: true });
      await Deno.remove(telltale);
    },
  };
}

/** As {@linkcode held}, of a plugin that ran once: from now on a process comes up for it. */
export async function heldAgain(...args: Parameters<typeof held>): Promise<Held> {
  const top = await held(...args);
  const { load } = await top.begin(1);
  top.release();
  await load;
  await top.reset();
  return top;
}
