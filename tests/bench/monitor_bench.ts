/**
 * What watching 50 plugins once a second takes of the host's processor time. A process of its own watches,
 * so that nothing else is counted; what it would take without watching is measured in it first.
 *
 * @module
 */
import process from "node:process";
import { findCgroupFolders } from "../../src/monitor/sources/cgroup.ts";
import { ResourceMonitor } from "../../src/monitor/samples/monitor.ts";
import { openCgroups } from "../../src/sandbox/cgroup/manager.ts";
import { type Figure, figureOf, type FigureSpec, most } from "./figures.ts";

const PLUGINS = 50;
const MEASURE_MS = 6_000;
const MIB = 1024 * 1024;

/** Holds what it took, in percent of one processor. */
interface Watching {
  readonly cgroup: boolean;
  readonly idle: number;
  readonly watching: number;
}

/** Measures with plugins in control groups, where there are any, and by `/proc` alone. */
export async function benchMonitor(): Promise<Figure[]> {
  const found: Watching[] = [];
  for (const source of ["cgroup", "proc"]) {
    const { stdout, success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", import.meta.filename!, source],
      stderr: "inherit",
    }).output();
    if (!success) throw new Error("the watching process failed");
    found.push(JSON.parse(new TextDecoder().decode(stdout)));
  }
  return found.filter(({ cgroup }, index) => cgroup || index === 1).map(
    ({ cgroup, idle, watching }) => {
      const spec: FigureSpec = {
        bench: "monitor",
        figure: `watching ${PLUGINS} plugins at 1 s`,
        subject: cgroup ? "cgroup" : "/proc",
        unit: "%",
        floorName: "of a processor, not watching; the ratio is the difference",
        bar: most(1),
      };
      return figureOf(spec, watching, idle, Math.max(0, watching - idle));
    },
  );
}

async function measure(wantsCgroup: boolean): Promise<Watching> {
  await using undo = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "sallyport-bench-" });
  undo.defer(() => Deno.remove(dir, { recursive: true }));
  const { manager } = wantsCgroup
    ? await openCgroups({ probeSystemd: false })
    : { manager: undefined };
  if (manager !== undefined) undo.use(manager);
  const pids: number[] = [];
  for (let i = 0; i < PLUGINS; i++) {
    const group = manager === undefined ? undefined : undo.use(
      await manager.create({
        memoryBytes: 128 * MIB,
        cpuPercent: 100,
        threads: 32,
        fileDescriptors: 256,
        fileBytes: MIB,
      }),
    );
    const join = (group?.join ?? []).map((file) => `echo 0 > '${file}' && `).join("");
    const child = new Deno.Command("/bin/sh", {
      args: ["-c", `${join}exec "$@"`, "sh", Deno.execPath(), "eval", IDLE],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = child.stdout.getReader();
    undo.defer(async () => {
      child.kill("SIGKILL");
      await child.status;
      await Promise.allSettled([reader.cancel(), child.stdin.abort()]);
    });
    await reader.read();
    pids.push(child.pid);
  }
  const idle = await load(2_000);
  using monitor = new ResourceMonitor({ intervalMs: 1_000 });
  for (const [index, pid] of pids.entries()) {
    const storageDir = `${dir}/${index}`;
    await Deno.mkdir(storageDir);
    for (const name of ["kv.json", "data.db", "cache"]) {
      await Deno.writeFile(`${storageDir}/${name}`, new Uint8Array(10_000));
    }
    monitor.add({
      name: `plugin-${index}`,
      version: "1.0.0",
      bundleHash: "",
      pid,
      storageDir,
      cgroup: manager === undefined ? undefined : findCgroupFolders(pid),
      traffic: () => ({
        sent: 0,
        received: 0,
        unasked: 0,
        bytesSent: 0,
        bytesReceived: 0,
        inFlight: 0,
        calls: 0,
        logLines: 0,
        hostMs: 0,
        hostHeldMs: 0,
      }),
    });
  }
  // the first samples compile the code and look up every socket
  await load(2_500);
  return { cgroup: manager !== undefined, idle, watching: await load(MEASURE_MS) };
}

const IDLE = `console.log("up"); for await (const _ of Deno.stdin.readable);`;

/** This process's share of one processor while it waits. */
async function load(ms: number): Promise<number> {
  const before = process.cpuUsage();
  const began = performance.now();
  await new Promise((resolve) => setTimeout(resolve, ms));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 10 / (performance.now() - began);
}

if (import.meta.main) {
  const figures = await measure(Deno.args[0] === "cgroup");
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(figures)));
}
