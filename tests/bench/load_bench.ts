/**
 * Cold load of a plugin, from its folder to the first answered call, against `deno run` on an empty file.
 *
 * @module
 */
import { PluginHost, silentLogger } from "@sallyport/host";
import { signForTest } from "@sallyport/host/testing";

/** Holds the medians of both and their ratio. */
export interface LoadFigures {
  /** Milliseconds of `deno run` on an empty file, from spawn to exit. */
  emptyMs: number;
  /** Milliseconds from `host.load` to the answer of the first call. */
  coldMs: number;
  /** The median of the rounds' own ratios. */
  ratio: number;
}

/**
 * Measures in interleaved rounds.
 *
 * @param rounds How many rounds; the first three warm up and do not count.
 */
export async function benchLoad(rounds = 40): Promise<LoadFigures> {
  const dir = await Deno.makeTempDir({ prefix: "sallyport-bench-" });
  try {
    await Deno.writeTextFile(`${dir}/empty.ts`, "");
    const source = new URL("../../plugins/word-count", import.meta.url).pathname;
    await using signed = await signForTest(source);
    await using host = await PluginHost.open({
      dataDir: `${dir}/data`,
      keys: [signed.publicKey],
      isolation: "plain",
      logger: silentLogger,
    });
    const empty: number[] = [];
    const cold: number[] = [];
    for (let round = -3; round < rounds; round++) {
      const emptyMs = await time(async () => {
        await new Deno.Command(Deno.execPath(), {
          args: ["run", `${dir}/empty.ts`],
          env: { DENO_DIR: `${dir}/deno`, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
          clearEnv: true,
        }).output();
      });
      const coldMs = await time(async () => {
        const plugin = await host.load(signed.dir);
        await plugin.call("count", { text: "to be or not to be" });
      });
      await host.unload("word-count");
      if (round >= 0) {
        empty.push(emptyMs);
        cold.push(coldMs);
      }
    }
    // the median of the rounds' own ratios: what slows the machine slows both of a pair
    const ratio = median(cold.map((value, round) => value / empty[round]!));
    return { emptyMs: median(empty), coldMs: median(cold), ratio };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
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
