/**
 * What a greedy plugin costs its neighbour: the round trip of a quiet plugin while another one takes all
 * the memory, threads or processor time that it can get, or floods every channel.
 *
 * @module
 */
import { type PluginHandle, PluginHost, SallyportError, silentLogger } from "@sallyport/host";
import { signForTest } from "@sallyport/host/testing";
import type { BenchIsolation } from "./load_bench.ts";

/** Holds the round trips of the quiet plugin. */
export interface NeighbourFigure {
  /** What the other one did. */
  attack: string;
  /** Median round trip while the other one is idle, in microseconds. */
  quietUs: number;
  /** Median round trip while it attacks, in microseconds. */
  busyUs: number;
  /** The median of the rounds' own ratios. */
  ratio: number;
  /** How often the greedy plugin was ended and started again meanwhile. */
  restarts: number;
}

const QUIET = "export default { methods: { echo: (params: unknown) => params } };\n";

const SPIN = "for (;;);";
const GREEDY = `
const held: unknown[] = [];
const rest = () => new Promise(() => {});
export default {
  methods: {
    memory() { for (;;) held.push(new Uint8Array(4 << 20).fill(1)); },
    threads() {
      for (let i = 0; i < 500; i++) held.push(new Worker(new URL("./spin.ts", import.meta.url), { type: "module" }));
      return rest();
    },
    cpu() {
      for (let i = 0; i < 4; i++) held.push(new Worker(new URL("./spin.ts", import.meta.url), { type: "module" }));
      for (;;);
    },
    async channels(_params: unknown, call: { progress(value: unknown): void }) {
      const line = "x".repeat(4_000);
      for (;;) {
        for (let i = 0; i < 200; i++) {
          console.log(line);
          console.error(line);
          call.progress(line);
          Deno.stderr.writeSync(new TextEncoder().encode(line + "\\n"));
        }
        await Promise.resolve();
      }
    },
  },
};
`;
const ATTACKS = ["memory", "threads", "cpu", "channels"];
const ROUNDS = 3;
const MEASURE_MS = 700;
const MODES: readonly BenchIsolation[] = ["plain", "unshare", "bwrap"];

/** Finds what can contain a plugin here. */
export async function workingModes(): Promise<BenchIsolation[]> {
  const working: BenchIsolation[] = [];
  for (const mode of MODES) {
    try {
      await (await PluginHost.open({ isolation: mode, logger: silentLogger })).close();
      working.push(mode);
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
    }
  }
  return working;
}

/** Measures each attack in rounds of quiet and attack; only where the kernel can cap the greedy one. */
export async function benchNeighbours(): Promise<NeighbourFigure[]> {
  await using undo = new AsyncDisposableStack();
  const quiet = undo.use(await bundle("quiet", { "main.ts": QUIET }));
  const greedy = undo.use(await bundle("greedy", { "main.ts": GREEDY, "spin.ts": SPIN }));
  const host = undo.use(
    await PluginHost.open({
      keys: [quiet.publicKey, greedy.publicKey],
      logger: silentLogger,
      drainMs: 0,
      shutdownMs: 0,
      graceMs: 0,
    }),
  );
  const plugin = await host.load(quiet.dir);
  if (plugin.sandbox?.cgroup !== true) return [];
  await measure(plugin);
  const figures: NeighbourFigure[] = [];
  for (const attack of ATTACKS) {
    const quietUs: number[] = [];
    const busyUs: number[] = [];
    let restarts = 0;
    for (let round = 0; round < ROUNDS; round++) {
      quietUs.push(await measure(plugin));
      const stop = new AbortController();
      const attacking = (async () => {
        while (!stop.signal.aborted) {
          const attacker = await host.load(greedy.dir);
          await attacker.call(attack, {}, { signal: stop.signal, onProgress: () => {} })
            .catch(() => {});
          await attacker.unload();
          restarts++;
        }
      })();
      busyUs.push(await measure(plugin));
      stop.abort();
      await attacking;
    }
    figures.push({
      attack,
      quietUs: median(quietUs),
      busyUs: median(busyUs),
      ratio: median(busyUs.map((value, round) => value / quietUs[round]!)),
      restarts,
    });
  }
  return figures;
}

/** Gives the median round trip in microseconds. */
async function measure(plugin: PluginHandle): Promise<number> {
  const times: number[] = [];
  const end = performance.now() + MEASURE_MS;
  while (performance.now() < end) {
    const began = performance.now();
    await plugin.call("echo", { text: "hello" });
    times.push((performance.now() - began) * 1_000);
  }
  return median(times);
}

async function bundle(name: string, files: Record<string, string>) {
  const dir = await Deno.makeTempDir({ prefix: "sallyport-bench-" });
  try {
    const manifest = { name, version: "1.0.0", entry: "main.ts" };
    await Deno.writeTextFile(`${dir}/plugin.json`, JSON.stringify(manifest));
    for (const [path, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${dir}/${path}`, text);
    }
    return await signForTest(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
