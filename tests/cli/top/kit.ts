import { holdLock } from "../../../src/host/data/liveness_lock.ts";
import {
  encodeStatus,
  type HostStatus,
  type PluginStatus,
} from "../../../src/host/supervision/status_file.ts";
import type { PluginSample } from "../../../src/monitor/samples/sample.ts";

/** A host as a data folder shows it, until it is disposed as a killed one: its files stay. */
export interface ShownHost extends Disposable {
  readonly run: string;
  readonly file: string;
  /** Writes what it tells. */
  tell(content: HostStatus | string): Promise<void>;
}

/** Makes the files of a host that runs. */
export async function showHost(dataDir: string, run: string): Promise<ShownHost> {
  const folder = `${dataDir}/run/${run}`;
  await Deno.mkdir(`${dataDir}/run`, { recursive: true });
  const lock = new DisposableStack(); // may be disposed twice
  lock.use(holdLock(`${folder}.lock`));
  await Deno.mkdir(folder);
  const file = `${folder}/status.json`;
  return {
    run,
    file,
    async tell(content) {
      if (typeof content === "string") await Deno.writeTextFile(file, content);
      else await Deno.writeFile(file, encodeStatus(content));
    },
    [Symbol.dispose]: () => lock.dispose(),
  };
}

/** Makes a status that is up to date. */
export function hostStatus(
  plugins: readonly PluginStatus[],
  more: Partial<HostStatus> = {},
): HostStatus {
  const time = new Date().toISOString();
  const host = { pid: 4_242, startedAt: time, version: "0.1.0" };
  return { schema: 1, host, time, intervalMs: 10_000, plugins, ...more };
}

/** Makes what a host tells of a plugin that runs. */
export function pluginStatus(
  name: string,
  used: Partial<PluginSample> = {},
  more: Partial<PluginStatus> = {},
): PluginStatus {
  const bundleHash = "ab".repeat(64);
  return {
    name,
    version: "1.2.3",
    bundleHash,
    state: "active",
    pid: 5_000,
    sandbox: "bwrap",
    restarts: 0,
    violations: 0,
    calls: { total: 0, failed: 0, inFlight: 0, perSecond: 0 },
    sample: {
      time: new Date().toISOString(),
      plugin: name,
      version: "1.2.3",
      bundleHash,
      pid: 5_000,
      sources: {},
      elapsedMs: 1_000,
      ...used,
    },
    ...more,
  };
}
