// deno-lint-ignore-file no-console -- a program for people
/**
 * Changes the version of a plugin again and again under the load of eight callers:
 * `reloads.ts [--reloads N] [--isolation plain|unshare|bwrap|auto]`. Exit code 1 when a call
 * was lost, answered twice or by a version that was not live, or when a process is left.
 */
import { parseArgs } from "node:util";
import { PluginHost } from "../../src/host/host.ts";
import type { IsolationMode } from "../../src/sandbox/machine/choose.ts";
import { silentLogger } from "../../src/log.ts";
import { isAlive, processesNaming } from "../helpers/process.ts";
import { COUNTING_MANIFEST, countingPlugin, loadWhile } from "../helpers/reload_load.ts";
import { makeBundle, makeKeys, signDir, tempDir } from "../helpers/signing.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    reloads: { type: "string", default: "50" },
    isolation: { type: "string", default: "auto" },
  },
});
const reloads = Number(values.reloads);
if (!(reloads > 0)) {
  console.error("usage: reloads.ts [--reloads N] [--isolation MODE]");
  Deno.exit(2);
}

let failed = false;
{
  await using dir = await tempDir();
  const keys = await makeKeys("soak");
  const bundle = dir.join("counting");
  const write = async (version: string) => {
    const files = { "main.ts": countingPlugin(version) };
    await makeBundle(bundle, files, { name: "counting", version, ...COUNTING_MANIFEST });
    await signDir(bundle, keys);
  };
  {
    await using host = await PluginHost.open({
      dataDir: dir.join("data"),
      keys: [keys.hex],
      policy: { default: { grant: { hooks: ["*"] } } },
      isolation: values.isolation as IsolationMode,
      logger: silentLogger,
      audit: false,
    });
    await write("1.0.0");
    const plugin = await host.load(bundle);
    const began = performance.now();
    const versions = Array.from({ length: reloads }, (_, i) => `1.0.${i + 1}`);
    const times: number[] = [];
    const pids: number[] = [];
    const result = await loadWhile(host, "counting", versions, async (version) => {
      await write(version);
      pids.push(plugin.pid!);
      const start = performance.now();
      await host.reload("counting");
      times.push(performance.now() - start);
    });
    const ms = performance.now() - began;
    times.sort((a, b) => a - b);
    const { calls, streams, hooks, slowestMs, wrong } = result;
    console.log(
      `${reloads} reloads in ${(ms / 1000).toFixed(1)} s (median ${median(times)} ms): ` +
        `${calls} calls, ${streams} streams, ${hooks} hooks; slowest ${slowestMs.toFixed(0)} ms; ` +
        `${wrong.length} wrong`,
    );
    for (const line of wrong.slice(0, 20)) console.log(`  ${line}`);
    const left = pids.filter(isAlive);
    console.log(
      `${plugin.state}, version ${plugin.version}; ${left.length} of the old processes left`,
    );
    failed = wrong.length > 0 || plugin.version !== versions.at(-1) || left.length > 0;
  }
  const left = processesNaming(dir.path);
  if (left.length > 0) console.log(`left: ${left.join(", ")}`);
  failed ||= left.length > 0;
}
Deno.exit(failed ? 1 : 0);

function median(sorted: readonly number[]): string {
  return (sorted[sorted.length >> 1] ?? NaN).toFixed(0);
}
