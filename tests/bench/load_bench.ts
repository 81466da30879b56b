/**
 * Cold and warm load of a plugin, from its folder to the first answered call, against `deno run` on an empty file.
 *
 * @module
 */
import { PluginHost, silentLogger } from "@sallyport/host";
import { signForTest } from "@sallyport/host/testing";

/** Names what contains the plugin that is loaded. */
export type BenchIsolation = "plain" | "bwrap" | "unshare";

/** Holds the medians of a load and its ratio to the floor. */
export interface LoadFigure {
  /** Milliseconds from `host.load` to the answer of the first call. */
  coldMs: number;
  /** The median of the rounds' own ratios. */
  ratio: number;
  /** The same for a load into a process that waits. */
  warmMs: number;
  /** The median of the rounds' own ratios. */
  warmRatio: number;
}

/** Holds the floor and the loads that were measured beside it. */
export interface LoadFigures {
  /** Milliseconds of `deno run` on an empty file, from spawn to exit. */
  emptyMs: number;
  /** The loads, by what contains the plugin. */
  loads: Partial<Record<BenchIsolation, LoadFigure>>;
}

/**
 * Measures in interleaved rounds.
 *
 * @param modes What contains the plugin.
 * @param rounds How many rounds; the first three warm up and do not count.
 */
export async function benchLoad(
  modes: readonly BenchIsolation[],
  rounds = 40,
): Promise<LoadFigures> {
  await using undo = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "sallyport-bench-" });
  undo.defer(() => Deno.remove(dir, { recursive: true }));
  await Deno.writeTextFile(`${dir}/empty.ts`, "");
  const source = new URL("../../plugins/word-count", import.meta.url).pathname;
  const signed = undo.use(await signForTest(source));
  const open = async (mode: BenchIsolation, size: number) =>
    undo.use(
      await PluginHost.open({
        dataDir: `${dir}/${mode}-${size}`,
        keys: [signed.publicKey],
        isolation: mode,
        logger: silentLogger,
        pool: { size },
      }),
    );
  const hosts = new Map<BenchIsolation, readonly [cold: PluginHost, warm: PluginHost]>();
  for (const mode of modes) hosts.set(mode, [await open(mode, 0), await open(mode, 1)]);
  const empty: number[] = [];
  const cold = new Map(modes.map((mode) => [mode, [] as number[]]));
  const warm = new Map(modes.map((mode) => [mode, [] as number[]]));
  for (let round = -3; round < rounds; round++) {
    const emptyMs = await time(async () => {
      await new Deno.Command(Deno.execPath(), {
        args: ["run", `${dir}/empty.ts`],
        env: { DENO_DIR: `${dir}/deno`, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
        clearEnv: true,
      }).output();
    });
    if (round >= 0) empty.push(emptyMs);
    for (const [mode, pair] of hosts) {
      for (const [host, times] of [[pair[0], cold], [pair[1], warm]] as const) {
        await host.filled();
        const loadMs = await time(async () => {
          const plugin = await host.load(signed.dir);
          await plugin.call("count", { text: "to be or not to be" });
        });
        await host.unload("word-count");
        if (round >= 0) times.get(mode)!.push(loadMs);
      }
    }
  }
  // the median of the rounds' own ratios: what slows the machine slows all of a round
  const ratioOf = (times: number[]) => median(times.map((value, round) => value / empty[round]!));
  const figure = (mode: BenchIsolation, times: number[]): LoadFigure => ({
    coldMs: median(times),
    ratio: ratioOf(times),
    warmMs: median(warm.get(mode)!),
    warmRatio: ratioOf(warm.get(mode)!),
  });
  const loads = Object.fromEntries([...cold].map(([mode, times]) => [mode, figure(mode, times)]));
  return { emptyMs: median(empty), loads };
}

async function time(act: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
