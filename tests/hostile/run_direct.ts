import { type Attack, keyOf, ranOn, type Report } from "./attack.ts";
import { until } from "../helpers/process.ts";
import { type BundlePlaces, stageBundle } from "./staging.ts";

/** How long a process must go on to count as one that does not end. */
const RUNS_ON_MS = 300;
const ENDS_MS = 20_000;
/** How long a process may take to end that has answered; one that keeps itself alive does not. */
const EXIT_MS = 1_000;

/** Runs an attack by `deno run -A`: what it does where nothing protects. */
export async function runDirect(
  attack: Attack,
  name: string,
  places: BundlePlaces & { readonly program: string },
): Promise<Report> {
  const control = attack.control;
  if (control.by !== "direct") throw new TypeError("it has another control");
  const { again, nextRun, params, flags = [] } = control.params ?? {};
  const bundle =
    await (changesItself(attack) ? stageBundle(attack, name, places) : shared(attack, places));
  const own = `${places.bundles}/${name}`;
  const storage = `${own}-storage`;
  await Deno.mkdir(storage);
  const { entry = "main.ts" } = (attack.manifest ?? {}) as { entry?: string };
  const { world } = places;
  const [method, parameters] = attack.call ?? [];
  const call = (method: string, more: unknown) => ({
    method,
    params: { ...world, ...more as object },
  });
  const runs = [
    [
      ...(method === undefined ? [] : [call(method, parameters)]),
      ...(again === undefined ? [] : [call(again, params)]),
    ],
    ...(nextRun === undefined ? [] : [[call(nextRun, params)]]),
  ];
  const began = performance.now();
  let outcome: Outcome | undefined;
  for (const [index, calls] of runs.entries()) {
    outcome = await run(
      [...flags, places.program, `${bundle}/${entry}`, storage, `${own}-${index}`],
      calls,
      {
        denoDir: attack.plugin === "shared_state" ? `${own}-cache` : `${places.bundles}/cache`,
        endless: control.succeeded === ranOn,
        stays: attack.plugin === "stays",
      },
    );
  }
  return {
    key: keyOf(attack),
    phase: "call",
    state: "none",
    violations: [],
    events: [],
    gone: true,
    witness: true,
    ms: { attack: Math.round(performance.now() - began), unload: 0 },
    ...outcome!,
  };
}

/** Bundles that are the same for several attacks; the runtime compiles each only once. */
const staged = new Map<string, Promise<string>>();

function shared(attack: Attack, places: BundlePlaces): Promise<string> {
  const key = JSON.stringify([attack.plugin, attack.files, attack.links]);
  let bundle = staged.get(key);
  if (bundle === undefined) {
    staged.set(key, bundle = stageBundle(attack, `shared-${staged.size}`, places));
  }
  return bundle;
}

function changesItself({ call }: Attack): boolean {
  return call?.[0] === "ownBundle";
}

type Outcome = Pick<Report, "answer" | "error" | "exit" | "outputBytes">;

async function run(
  args: string[],
  calls: readonly unknown[],
  options: { denoDir: string; endless: boolean; stays: boolean },
): Promise<Outcome> {
  const answers = args.at(-1)!;
  await Deno.writeTextFile(answers, "");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-config", "--no-lock", "--no-check", ...args, JSON.stringify(calls)],
    env: {
      DENO_DIR: options.denoDir,
      NO_COLOR: "1",
      ZOO_SECRET: "a secret",
      HOME: Deno.env.get("HOME")!,
      PATH: "/usr/bin:/bin",
    },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const counted = count(child.stdout);
  const lines = async () => (await Deno.readTextFile(answers)).split("\n").slice(0, -1);
  let ended: Deno.CommandStatus | undefined;
  const exited = child.status.then((status) => ended = status);
  const within = (ms: number) => Promise.race([exited, delay(ms)]);
  if (options.endless) {
    await until(async () => (await lines()).length > 0 || ended !== undefined, "it has begun");
    await within(RUNS_ON_MS);
    if (options.stays) {
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) kill(child, signal);
      await within(RUNS_ON_MS);
    }
  } else {
    const isDone = async () => ended !== undefined || (await lines()).length > calls.length;
    await until(isDone, "it has answered", ENDS_MS).catch(() => {});
    await within(EXIT_MS);
  }
  const status = ended;
  kill(child, "SIGKILL");
  await exited;
  await child.stdin.abort().catch(() => {});
  const outputBytes = await counted;
  const last = (await lines()).map((line) => JSON.parse(line)).at(-1) ?? {};
  return {
    ...("begun" in last ? {} : last),
    outputBytes,
    ...(status === undefined ? {} : { exit: { code: status.code, signal: status.signal } }),
  };
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // it has ended
  }
}

async function count(stream: ReadableStream<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return bytes;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
