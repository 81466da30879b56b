import type { HostProcess } from "./host_process.ts";
import type { PluginName } from "./plugins.ts";
import { chainBetween, childrenOf } from "./processes.ts";
import { countOf, leftovers, makeOld, mountsNow, newMounts, untilGone } from "./remains.ts";
import type { HostOptions, Scene } from "./scene.ts";

/** When a host is killed. */
export interface Moment {
  /** The line after which the time runs; without one it runs from the start of the process. */
  readonly after: string | undefined;
  /** How long after that, in milliseconds. */
  readonly delayMs: number;
}

/** What came of a round. */
export interface RoundResult {
  /** What the host said last. */
  readonly at: string;
  /** How many processes, cgroups and files there were when it was killed. */
  readonly had: { readonly processes: number; readonly groups: number; readonly files: number };
  /** How long the processes took to end, in milliseconds. */
  readonly goneMs: number;
  /** What remained, and whatever else went wrong. */
  readonly problems: readonly string[];
}

/**
 * How long the host takes to notice that a plugin is gone, or to close. It has one second for pipes that
 * somebody else holds open and five for the cgroup; the rest is for a machine that is busy.
 */
const NOTICED_WITHIN_MS = 15_000;

/**
 * Kills a host, and looks for processes and mounts; then, unless others are killed first, has the next
 * host open and close, and looks for everything else.
 *
 * @param scene The scene.
 * @param moment When.
 * @param options What the host does until then.
 * @param sweep Whether the next host comes now.
 */
export async function killHost(
  scene: Scene,
  moment: Moment,
  options: HostOptions,
  sweep: boolean = true,
): Promise<RoundResult> {
  const problems: string[] = [];
  const mounts = mountsNow();
  await using host = scene.start(options);
  if (moment.after !== undefined && await host.said(moment.after) === undefined) {
    problems.push(`the host never said "${moment.after}": it is at "${host.last}"`);
  }
  await pause(moment.delayMs);
  scene.processes.look(host.pid);
  const had = countOf(scene);
  await host.kill();
  const { ms, left } = await untilGone(scene);
  problems.push(...left, ...newMounts(mounts, scene.dir), ...refusals(host));
  if (sweep && left.length === 0) {
    problems.push(...await openNext(scene, options), ...newMounts(mounts, scene.dir));
    problems.push(...leftovers(scene));
  }
  return { at: host.last, had, goneMs: ms, problems };
}

/** Has the next host open and close; it sweeps what the one before has left. */
export async function openNext(scene: Scene, options: HostOptions): Promise<string[]> {
  const problems = await openAndClose(scene, options);
  // a folder that nobody has locked yet may be that of a host that opens just now: only age tells
  return makeOld(scene) ? [...problems, ...await openAndClose(scene, options)] : problems;
}

async function openAndClose(scene: Scene, options: HostOptions): Promise<string[]> {
  await using next = scene.start({ ...options, act: "open" });
  if (await next.said("closed") === undefined && next.runs) {
    return [`the next host does not close: it is at "${next.last}": ${next.complaint}`];
  }
  const { code } = await next.ended();
  if (next.last === "closed" && code === 0) return [];
  return [`the next host ended with ${code} after "${next.last}": ${next.complaint}`];
}

/** A part of a plugin's process tree that is killed in place of the host. */
export interface Victim {
  /** The plugin. */
  readonly plugin: PluginName;
  /** Which process of its chain, from the host's child down to the runtime; the last stands for more. */
  readonly depth: number;
  /** How long after its launcher was seen it is killed, in milliseconds; without, when all are loaded. */
  readonly startedMs?: number;
}

/**
 * Kills a process of a plugin, while the host lives: the host must say so, and let go of everything.
 *
 * @param scene The scene.
 * @param victim Which.
 * @param options What the host loads.
 */
export async function killLauncher(
  scene: Scene,
  { plugin, depth, startedMs }: Victim,
  options: Omit<HostOptions, "act">,
): Promise<RoundResult> {
  const problems: string[] = [];
  const mounts = mountsNow();
  await using host = scene.start({ ...options, act: "hold" });
  let chain: number[] = [];
  if (startedMs === undefined) {
    await host.said("ready");
    const pid = Number((await host.said(`loaded ${plugin}`))?.split(" ")[2]);
    chain = chainBetween(host.pid, pid);
  } else {
    await host.said(`loading ${plugin}`);
    chain = await launcherOf(host, plugin);
    await pause(startedMs);
  }
  scene.processes.look(host.pid);
  const had = countOf(scene);
  const at = `${startedMs === undefined ? "ready" : `loading ${plugin}`}, process ${
    Math.min(depth + 1, chain.length)
  } of ${chain.length}`;
  const target = chain[Math.min(depth, chain.length - 1)];
  if (target === undefined) return { at, had, goneMs: 0, problems: ["there is nothing to kill"] };
  const [name, line] = [commandOf(target), host.lines.length];
  Deno.kill(target, "SIGKILL");
  const began = performance.now();
  const heard = await Promise.race(
    ["crashed", "refused"].map((word) => host.said(`${word} ${plugin}`, line, NOTICED_WITHIN_MS)),
  );
  if (heard === undefined) problems.push(`the host does not say that ${name} was killed`);
  else if (!/ (?:crashed|launch-failed)\b/.test(heard)) problems.push(`the host says ${heard}`);
  while (alive(chain).length > 0 && performance.now() - began < NOTICED_WITHIN_MS) await pause(5);
  const goneMs = Math.round(performance.now() - began);
  problems.push(...alive(chain).map((pid) => `process ${pid} is left: ${commandOf(pid)}`));
  if (await host.said("calling", host.lines.length, NOTICED_WITHIN_MS) === undefined) {
    problems.push(`the host stopped at "${host.last}": ${host.complaint}`);
  }
  problems.push(...await closeHost(host), ...(await untilGone(scene)).left);
  problems.push(...newMounts(mounts, scene.dir), ...leftovers(scene));
  return { at: `${at} (${name})`, had, goneMs, problems };
}

async function closeHost(host: HostProcess): Promise<string[]> {
  await host.close();
  const closed = await host.said("closed", 0, NOTICED_WITHIN_MS);
  if (closed === undefined) return [`the host does not close: ${host.last} ${host.complaint}`];
  const { code } = await host.ended();
  return code === 0 ? [] : [`the host ended with ${code}: ${host.complaint}`];
}

/** Waits for the process that starts a plugin: one that has started none of those before it. */
async function launcherOf(host: HostProcess, plugin: string): Promise<number[]> {
  const others = host.lines.filter((line) => line.startsWith("loaded "))
    .map((line) => chainBetween(host.pid, Number(line.split(" ")[2]))[0]);
  for (let attempt = 0; attempt < 2_000; attempt++) {
    const child = childrenOf(host.pid).find((pid) => {
      const command = commandOf(pid, Infinity);
      const starts = command.includes(" /deno run ") || command.includes(" --args 3 ");
      return starts && !others.includes(pid);
    });
    if (child !== undefined) return [child];
    if (host.lines.some((line) => line.startsWith(`loaded ${plugin}`))) break;
    await pause(1);
  }
  return [];
}

/** A host that is to be killed has no reason to refuse anything. */
function refusals({ lines, complaint }: HostProcess): string[] {
  const found = lines.filter((line) => /^(?:refused|failed|crashed|violation) /.test(line));
  return [...found, ...(complaint === "" ? [] : [complaint])].map((each) => `it said: ${each}`);
}

function alive(pids: readonly number[]): number[] {
  return pids.filter((pid) => commandOf(pid) !== "");
}

function commandOf(pid: number, length = 60): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ").slice(0, length);
  } catch {
    return ""; // it has ended
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
