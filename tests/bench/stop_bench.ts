/**
 * How long a plugin that takes too much of something goes on, in intervals of the monitor: from the call
 * that begins to take it until its process is gone. Threads take their time to start: there it is from the
 * moment at which it has as many as it may have.
 *
 * @module
 */
import { findLibraries } from "../../src/sandbox/machine/libraries.ts";
import { probeLauncher } from "../../src/sandbox/probe.ts";
import { type Greed, GREEDS, GREEDY } from "../helpers/greedy.ts";
import { hostTest } from "../helpers/host.ts";
import { isAlive, until } from "../helpers/process.ts";
import { type Figure, figureOf, type FigureSpec, most } from "./figures.ts";

const INTERVAL_MS = 1_000;

/** Measures each kind of greed, in `bwrap` where that works here, and plain. */
export async function benchStops(): Promise<Figure[]> {
  const executable = Deno.execPath();
  const libraries = await findLibraries(executable);
  const { works } = await probeLauncher("bwrap", { executable, libraries });
  const figures: Figure[] = [];
  for (const mode of works ? ["bwrap", "plain"] as const : ["plain"] as const) {
    for (const [kind, greed] of Object.entries(GREEDS)) {
      const spec: FigureSpec = {
        bench: "stop",
        figure: `greed: ${kind}`,
        subject: mode,
        unit: "intervals",
        floorName: "interval of the monitor, until its process is gone",
        bar: most(2.1), // two intervals, and the end of a process
      };
      const intervals = await measure(mode, greed);
      figures.push(figureOf(spec, intervals, 1, intervals));
    }
  }
  return figures;
}

async function measure(isolation: "bwrap" | "plain", greed: Greed): Promise<number> {
  await using test = await hostTest();
  const { intervalMs = INTERVAL_MS, ...rates } = greed.monitor ?? {};
  const host = await test.open({
    isolation,
    times: { startTimeoutMs: 30_000 },
    monitor: { intervalMs },
    policy: {
      default: {
        grant: { context: { bell: "read" } },
        restart: { maxRestarts: 0 },
        monitor: rates,
      },
    },
  });
  host.services.provide("bell", { ring: () => 1 }, { access: { ring: "read" } });
  const plugin = await host.load(await test.bundle("greedy", GREEDY, greed.manifest));
  const pid = plugin.pid!;
  let began = performance.now();
  const call = plugin.call(greed.method).catch(() => {});
  if (greed.kind === "threads") {
    const { threads } = greed.manifest!.limits as { threads: number };
    await until(() => !isAlive(pid) || threadsOf(pid) >= threads - 1, "it has its threads");
    began = performance.now();
  }
  await call;
  await until(() => !isAlive(pid), "its process is gone");
  return (performance.now() - began) / intervalMs;
}

function threadsOf(pid: number): number {
  try {
    return [...Deno.readDirSync(`/proc/${pid}/task`)].length;
  } catch {
    return 0; // it has ended
  }
}
