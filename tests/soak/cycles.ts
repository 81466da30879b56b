/**
 * Loads, uses and unloads a plugin thousands of times in a host process of its own, and compares what
 * that process holds after the second half with what it held after the first.
 */
import { fileURLToPath } from "node:url";
import { startCommand } from "../helpers/process.ts";
import { makeBundle, makeKeys, signDir, tempDir } from "../helpers/signing.ts";
import { PROJECT } from "../helpers/snippets.ts";
import type { CyclesSample, CyclesSettings } from "./cycles_host.ts";
import { EndlessServer } from "./server.ts";

/** Options of {@linkcode soakCycles}. */
export interface CyclesOptions extends Pick<CyclesSettings, "cycles" | "isolation"> {
  /** Every which cycle ends in a crash or a violation. @default {50} */
  readonly failEvery?: number;
  /** How many samples are taken; an even number. @default {20} */
  readonly samples?: number;
  /** Is told each sample as it comes. */
  readonly onSample?: (sample: CyclesSample) => void;
}

/** What came of it. */
export interface CyclesResult {
  /** What the host held, in order. */
  readonly samples: readonly CyclesSample[];
  /** Which figures grew by more than they may. */
  readonly problems: readonly string[];
}

/** What is compared; `memory` is shown only, as it says where a change of `rss` comes from. */
type Figure = Exclude<keyof CyclesSample, "cycle" | "memory">;

const MIB = 1024 * 1024;
/** By how much a figure may differ between the two halves, whatever it was: a share, or so much. */
const SHARE = 0.05;
/**
 * What is so small that it says nothing: pages that the allocator keeps, code that V8 has compiled since,
 * threads of the runtime's pools, which come and go.
 */
const FLOORS: Readonly<Record<Figure, number>> = {
  rss: 4 * MIB,
  heapUsed: MIB / 2,
  external: MIB / 2,
  descriptors: 1,
  threads: 8,
  children: 0,
  groups: 0,
  runFiles: 0,
  files: 1,
  hooks: 0,
  handles: 0,
};
const FIGURES = Object.keys(FLOORS) as Figure[];

/**
 * Runs the cycles.
 *
 * @param options How many, with which launcher.
 * @returns The samples, and what was wrong.
 */
export async function soakCycles(options: CyclesOptions): Promise<CyclesResult> {
  const { cycles, isolation, failEvery = 50, samples: count = 20, onSample } = options;
  await using dir = await tempDir();
  await using server = EndlessServer.start();
  const keys = await makeKeys("soak");
  const main = await Deno.readTextFile(new URL("tests/fixtures/plugins/every_feature.ts", PROJECT));
  const bundle = await makeBundle(dir.join("cycled"), { "main.ts": main }, {
    name: "cycled",
    storage: { quotaBytes: MIB },
    permissions: {
      read: ["$STORAGE"],
      write: ["$STORAGE"],
      net: [`127.0.0.1:${server.port}`],
    },
    hooks: [{ name: "on_cycle" }, { name: "on_wait" }],
    context: ["kv", "database", "counter"].map((key) => ({ key, access: "readwrite" })),
  });
  await signDir(bundle, keys);
  const settings: CyclesSettings = {
    isolation,
    cycles,
    every: Math.max(1, Math.floor(cycles / count)),
    failEvery,
    key: keys.hex,
    bundle,
    dataDir: dir.join("data"),
    port: server.port,
  };
  await using child = startCommand({
    command: Deno.execPath(),
    args: [
      ...["run", "-A", "--no-prompt", "--no-check", "--no-lock", "--v8-flags=--expose-gc"],
      `--config=${fileURLToPath(new URL("deno.json", PROJECT))}`,
      fileURLToPath(new URL("tests/soak/cycles_host.ts", PROJECT)),
      JSON.stringify(settings),
    ],
    env: Deno.env.toObject(),
    cwd: "/",
  });
  const samples: CyclesSample[] = [];
  while (samples.length < Math.floor(cycles / settings.every)) {
    const line = await child.line().catch(async () => {
      const { code, signal } = await child.child.exited;
      throw new Error(`the host ended with ${signal ?? code}: ${child.child.stderr.text()}`);
    });
    const sample: CyclesSample = JSON.parse(line);
    samples.push(sample);
    onSample?.(sample);
  }
  const { code, signal } = await child.child.exited;
  const problems = compareHalves(samples);
  if (code !== 0) problems.push(`the host ended with ${signal ?? code}`);
  return { samples, problems };
}

/**
 * Compares what was held at the end with what was held half-way.
 *
 * @param samples In order; the last one is the end, the one in the middle is half-way.
 * @returns What differs by more than 5 % and its floor.
 */
export function compareHalves(samples: readonly CyclesSample[]): string[] {
  const last = samples.at(-1)!;
  const half = samples.find(({ cycle }) => cycle * 2 >= last.cycle)!;
  return FIGURES.filter((figure) => {
    const grown = last[figure] - half[figure];
    return grown > Math.max(FLOORS[figure], half[figure] * SHARE);
  }).map((figure) =>
    `${figure} grew from ${half[figure]} after ${half.cycle} cycles ` +
    `to ${last[figure]} after ${last.cycle}`
  );
}

/** Gives a sample as a line for people. */
export function sampleLine(sample: CyclesSample): string {
  const mib = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;
  const { cycle, rss, memory, heapUsed, external, ...counts } = sample;
  const rest = Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(", ");
  return `${String(cycle).padStart(5)}: rss ${mib(rss)} (${mib(memory)}), heap ${mib(heapUsed)}, ` +
    `external ${mib(external)}, ${rest}`;
}
