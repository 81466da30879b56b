/**
 * Hook chains and a broadcast over several plugins, as multiples of one round trip of one of them.
 *
 * @module
 */
import { type BenchBundle, openBench } from "./bench_host.ts";
import { roundTrips } from "./call_times.mjs";
import { type Figure, figure, type FigureSpec, most } from "./figures.ts";
import { FloorHost } from "./floor_host.ts";
import { type BenchSettings, interleave, type Measure, roundsOf } from "./rounds.ts";

const CHAINS = [1, 5, 20];
const PLUGINS = Math.max(...CHAINS);
const CHILDREN = "children in turn";
const ALL_CHILDREN = "children at once";
const DATA = { text: "hello" };

/** Measures chains and a broadcast. */
export async function benchHooks(settings: BenchSettings): Promise<Figure[]> {
  const plugins = settings.quick ? CHAINS[1]! : PLUGINS;
  const chains = CHAINS.filter((length) => length <= plugins);
  const bundles = Array.from({ length: plugins }, (_, index) => bundle(index, chains));
  const policy = { default: { grant: { hooks: ["*"] } } };
  await using bench = await openBench(bundles, { policy });
  const { host, dirs } = bench;
  const [first] = await Promise.all(dirs.map((dir) => host.load(dir)));
  await using undo = new AsyncDisposableStack();
  const children = Array.from({ length: plugins }, () => undo.use(new FloorHost()));
  const count = settings.quick ? 5 : 100;
  const time = (call: () => Promise<unknown>): Measure<number> => async () =>
    (await roundTrips(call, count)).p50;
  const results = await interleave(
    new Map([
      ["floor", time(() => first!.call("echo", DATA))],
      ...chains.map((length): [string, Measure<number>] => [
        `chain of ${length}`,
        time(() => host.hooks.run(hookOf(length), DATA)),
      ]),
      [
        `broadcast to ${plugins}`,
        time(async () => {
          const answers = await host.hooks.broadcast(hookOf(plugins), DATA);
          const failed = answers.find(({ status }) => status === "rejected");
          if (failed !== undefined) throw new Error(`the hook failed in ${failed.owner}`);
        }),
      ],
      // as many processes in turn are slower than one again and again, whoever calls them
      [CHILDREN, time(() => callInTurn(children))],
      [ALL_CHILDREN, time(() => Promise.all(children.map((child) => child.call(DATA))))],
    ]),
    roundsOf(settings, 9),
  );
  const bars: Record<string, number> = { "chain of 20": 20, "broadcast to 20": 10 };
  const make = (name: string, floor: string, floorName: string): Figure => {
    const bar = floor === "floor" ? bars[name] : undefined;
    const spec: FigureSpec = {
      bench: "hooks",
      figure: `hook, ${name}`,
      subject: "default",
      unit: "µs",
      floorName,
      bar: bar === undefined ? undefined : most(bar),
    };
    return figure(spec, results.get(name)!, results.get(floor)!);
  };
  const broadcast = `broadcast to ${plugins}`;
  return [
    ...[...chains.map((length) => `chain of ${length}`), broadcast].map((name) =>
      make(name, "floor", "one round trip of one plugin")
    ),
    make(`chain of ${plugins}`, CHILDREN, `${plugins} hand-written children in turn`),
    make(broadcast, ALL_CHILDREN, `${plugins} hand-written children at once`),
  ];
}

async function callInTurn(children: readonly FloorHost[]): Promise<void> {
  for (const child of children) await child.call(DATA);
}

function hookOf(length: number): string {
  return `on_chain_${length}`;
}

function bundle(index: number, chains: readonly number[]): BenchBundle {
  const hooks = chains.filter((length) => index < length).map(hookOf);
  const handlers = hooks.map((name) => `${name}: (data: unknown) => data`).join(", ");
  return {
    name: `chained-${index}`,
    manifest: { hooks: hooks.map((name) => ({ name })) },
    source: `export default {
  methods: { echo: (params: unknown) => params },
  hooks: { ${handlers} },
};
`,
  };
}
