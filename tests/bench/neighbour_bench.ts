/**
 * What a greedy plugin costs its neighbour: the round trip of a quiet plugin while another one takes all
 * the memory, threads or processor time that it can get, or floods every channel.
 *
 * @module
 */
import type { PluginHandle } from "@sallyport/host";
import { ECHO, openBench } from "./bench_host.ts";
import { type Figure, figure, type FigureSpec, missing, most } from "./figures.ts";
import { type BenchSettings, median, roundsOf } from "./rounds.ts";

const GREEDY = `
const held: unknown[] = [];
const spin = () => held.push(new Worker("data:text/javascript,for(;;);", { type: "module" }));
const rest = () => new Promise(() => {});
export default {
  methods: {
    memory() { for (;;) held.push(new Uint8Array(4 << 20).fill(1)); },
    threads() {
      for (let i = 0; i < 500; i++) spin();
      return rest();
    },
    cpu() {
      for (let i = 0; i < 4; i++) spin();
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
const MEASURE_MS = 700;

/** Measures each attack in rounds of quiet and attack; only where the kernel can cap the greedy one. */
export async function benchNeighbours(settings: BenchSettings): Promise<Figure[]> {
  await using undo = new AsyncDisposableStack();
  const options = { isolation: "auto", times: { drainMs: 0, shutdownMs: 0, graceMs: 0 } } as const;
  const bench = undo.use(await openBench([ECHO, { name: "greedy", source: GREEDY }], options));
  const { host, dirs: [quiet, greedy] } = bench;
  const plugin = await host.load(quiet!);
  if (plugin.sandbox?.cgroup !== true) {
    return ATTACKS.map((attack) => missing(specOf(attack), "no control groups here"));
  }
  await measure(plugin);
  const rounds = roundsOf(settings, 3);
  const figures: Figure[] = [];
  for (const attack of ATTACKS) {
    const quietUs: number[] = [];
    const busyUs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      quietUs.push(await measure(plugin));
      const stop = new AbortController();
      const attacking = (async () => {
        while (!stop.signal.aborted) {
          const attacker = await host.load(greedy!);
          await attacker.call(attack, {}, { signal: stop.signal, onProgress: () => {} })
            .catch(() => {});
          await attacker.unload();
        }
      })();
      busyUs.push(await measure(plugin));
      stop.abort();
      await attacking;
    }
    figures.push(figure(specOf(attack), busyUs, quietUs));
  }
  return figures;
}

function specOf(attack: string): FigureSpec {
  return {
    bench: "neighbour",
    figure: `round trip beside greed for ${attack}`,
    subject: "default",
    unit: "µs",
    floorName: "the same beside an idle one",
    bar: most(3),
  };
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
