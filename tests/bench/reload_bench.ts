/**
 * Reload of a running plugin, until the new process has answered, against the start of a hand-written child.
 *
 * @module
 */
import { ECHO, openBench } from "./bench_host.ts";
import { timeMs } from "./call_times.mjs";
import { type Figure, figure, most } from "./figures.ts";
import { FloorHost } from "./floor_host.ts";
import { workingModes } from "./isolation.ts";
import { type BenchSettings, interleave, type Measure, roundsOf } from "./rounds.ts";

const PARAMS = { text: "hello" };

/** Measures with everything that can contain a plugin here, without a pool and with one. */
export async function benchReload(settings: BenchSettings): Promise<Figure[]> {
  await using undo = new AsyncDisposableStack();
  const subjects = new Map<string, Measure<number>>([["floor", timeFloor]]);
  for (const isolation of settings.quick ? ["plain" as const] : await workingModes()) {
    for (const size of [0, 1]) {
      const { host, dirs } = undo.use(await openBench([ECHO], { isolation, pool: { size } }));
      const plugin = await host.load(dirs[0]!);
      subjects.set(size === 0 ? isolation : `${isolation}, pool`, async () => {
        await host.filled();
        return await timeMs(async () => {
          await plugin.reload();
          await plugin.call("echo", PARAMS);
        });
      });
    }
  }
  const results = await interleave(subjects, roundsOf(settings, 25), settings.quick ? 1 : 3);
  const floors = results.get("floor")!;
  results.delete("floor");
  return [...results].map(([subject, times]) =>
    figure(
      {
        bench: "reload",
        figure: "reload to the next answer",
        subject,
        unit: "ms",
        floorName: "start of a hand-written child",
        bar: most(subject.endsWith("pool") ? 0.4 : 1.5),
      },
      times,
      floors,
    )
  );
}

async function timeFloor(): Promise<number> {
  await using undo = new AsyncDisposableStack();
  return await timeMs(async () => {
    await undo.use(new FloorHost()).call(PARAMS);
  });
}
