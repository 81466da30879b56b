import type { PluginHandle, PluginHost } from "../../src/mod.ts";
import type { EventRecord, RecordingLogger } from "../helpers/host.ts";
import { until } from "../helpers/process.ts";
import { type Attack, keyOf, type Report, type Stage } from "./attack.ts";
import { type Family, familyOf } from "./processes.ts";
import type { Group } from "./staging.ts";
import type { World } from "./world.ts";

/** What groups are run in. */
export interface Theatre {
  /** The host under attack. */
  readonly host: PluginHost;
  /** What happened in it. */
  readonly events: EventRecord;
  /** The well-behaved plugin. */
  readonly witness: PluginHandle;
  /** What the attacks aim at. */
  readonly world: World;
  /** The folder of bundles. */
  readonly bundles: string;
  /** What was logged. */
  readonly logger: RecordingLogger;
}

const CALL_MS = 10_000;
const WITNESS_MS = 5_000;

/** Loads the plugin of a group, has it attack, and takes it away. */
export async function runGroup(group: Group, theatre: Theatre): Promise<Report[]> {
  const { host, world, bundles } = theatre;
  const { name, attacks } = group;
  const stage: Stage = {
    host,
    name,
    world,
    bundle: `${bundles}/${name}`,
    plugin: undefined,
    get records() {
      return theatre.logger.entries.map(({ message, fields }) => ({
        message,
        plugin: fields.plugin,
      }));
    },
  };
  const reports: (Omit<Report, "gone" | "ms"> & { attackMs: number })[] = [];
  let family: Family | undefined;
  let failure: unknown;
  let plugin: PluginHandle | undefined;
  const began = performance.now();
  try {
    await attacks[0].before?.(stage);
    plugin = await host.load(stage.bundle);
    family = plugin.pid === undefined ? undefined : familyOf(plugin.pid);
  } catch (error) {
    failure = error;
  }
  for (const attack of attacks) {
    const outcome = failure === undefined
      ? await act(attack, plugin!, world)
      : { error: told(failure), phase: "load" as const };
    const attackMs = performance.now() - began;
    const sandbox = plugin?.sandbox;
    const state = host.plugin(name)?.state ?? "unknown";
    const after = await afterwards(attack, Object.assign(Object.create(stage), { plugin }));
    reports.push({
      key: keyOf(attack),
      ...outcome,
      ...(attack.after === undefined ? {} : { after }),
      state,
      violations: violationsOf(host, name),
      events: theatre.events.story(name),
      sandbox,
      witness: await answers(theatre.witness),
      attackMs,
    });
  }
  const unloading = performance.now();
  for (const each of [`${name}-other`, name]) {
    if (host.plugin(each) !== undefined) await host.unload(each);
  }
  const unload = performance.now() - unloading;
  const gone = await isGone(family);
  return reports.map(({ attackMs, ...report }) => ({
    ...report,
    gone,
    ms: { attack: Math.round(attackMs), unload: Math.round(unload) },
  }));
}

async function act(
  attack: Attack,
  plugin: PluginHandle,
  world: World,
): Promise<Pick<Report, "answer" | "error" | "phase">> {
  if (attack.call === undefined) return { phase: "load" };
  const [method, params] = attack.call;
  try {
    const timeoutMs = attack.timeoutMs ?? CALL_MS;
    const answer = await plugin.call(method, { ...world, ...params }, { timeoutMs });
    return { answer, phase: "call" };
  } catch (error) {
    return { error: told(error), phase: "call" };
  }
}

async function afterwards(attack: Attack, stage: Stage): Promise<unknown> {
  try {
    return await attack.after?.(stage);
  } catch (error) {
    return `${attack.what}: ${(error as Error).message}`;
  }
}

function violationsOf(host: PluginHost, name: string): string[] {
  return host.plugin(name) === undefined ? [] : host.violations(name).map(({ code }) => code);
}

function told(error: unknown): NonNullable<Report["error"]> {
  const { code = "uncoded", message, details } = error as {
    code?: string;
    message: string;
    details?: unknown;
  };
  return { code, message, details };
}

async function answers(witness: PluginHandle): Promise<boolean> {
  const token = crypto.randomUUID();
  try {
    return await witness.call("echo", token, { timeoutMs: WITNESS_MS }) === token;
  } catch {
    return false;
  }
}

async function isGone(family: Family | undefined): Promise<boolean> {
  if (family === undefined) return true;
  try {
    await until(() => family.alive().length === 0, "its processes are gone", 3_000);
    return true;
  } catch {
    return false;
  }
}
