import { BundleStore } from "../../src/bundle/store/store.ts";
import { DataDir } from "../../src/host/data/data_dir.ts";
import { openLaunch } from "../../src/host/process/process_resources.ts";
import { Admission } from "../../src/host/admission/admit.ts";
import { parseHostOptions } from "../../src/host/settings/host_options.ts";
import type { IsolationOptions } from "../../src/sandbox/machine/choose.ts";
import { openLaunchers } from "../../src/sandbox/launchers.ts";
import type { Launcher, LaunchOutcome, SandboxReport } from "../../src/sandbox/launch/launcher.ts";
import { recordingLogger } from "../helpers/host.ts";
import { until } from "../helpers/process.ts";
import { makeKeys } from "../helpers/signing.ts";
import type { Attack } from "./attack.ts";
import { familyOf } from "./processes.ts";
import { type BundlePlaces, stageBundle } from "./staging.ts";

const MIB = 1024 * 1024;
const PROBE_MS = 15_000;

/** What is tried in one process, in this order; what may end it has one of its own. */
export const PROBES: readonly (readonly string[])[] = [
  [
    ...["sees", "leaks", "reads", "writes", "kernelFiles", "metadata", "network", "keys"],
    ...["spawns", "privileges"],
  ],
  ["fills"],
  ["forks"],
  ["killsAll"],
];

/** What came of one probe, or of the process of several. */
export interface BypassReport {
  /** The probe under its filter, such as `bypassed strict reads`. */
  readonly key: string;
  /** What it found. */
  readonly answer?: unknown;
  /** How it failed. */
  readonly error?: { readonly code: string; readonly message: string };
  /** What was in force. */
  readonly sandbox?: SandboxReport;
  /** What became of the process. */
  readonly outcome?: LaunchOutcome;
  /** Whether the process ended before it was told to. */
  readonly ended: boolean;
  /** Whether nothing of it is left. */
  readonly gone: boolean;
  /** What it wrote to its error output, shortened. */
  readonly stderr: string;
}

/** Tries with every permission of the runtime granted what the system below it still holds. */
export async function runBypass(
  options: BundlePlaces & { isolation: "plain" | IsolationOptions; seccomp: "strict" | "off" },
): Promise<BypassReport[]> {
  const { seccomp, isolation } = options;
  const keys = await makeKeys("zoo");
  const settings = await parseHostOptions({
    dataDir: options.dataDir,
    keys: [keys.hex],
    isolation,
    policy: { default: { seccomp } },
    logger: recordingLogger(),
  });
  await using data = await DataDir.open(settings.dataDir);
  await using launchers = await openLaunchers({
    isolation,
    executable: settings.executable,
    scratchDir: data.scratch,
  });
  const admission = new Admission(settings, data, launchers);
  const bundle = await stageBundle(await bypassAttack(options), `bypass-${seccomp}`, options, keys);
  const verified = await admission.verify(bundle);
  await new BundleStore(data.store).put(verified);
  const reports = await Promise.all(PROBES.map(async (probes) => {
    const prepared = await admission.admit(verified);
    await using launch = await openLaunch({
      ...prepared,
      containment: { ...prepared.containment, launcher: unbound(prepared.containment.launcher) },
    }, { executable: settings.executable, data, require: false, caches: [] });
    return await run(
      launch.command,
      {
        control: false,
        probes,
        world: options.world,
        ...(launch.enter?.seccomp === undefined
          ? {}
          : { seccomp: [...launch.enter.seccomp.filter] }),
      },
      (pid) => launch.inspect(pid),
      () => launch.outcome(),
    );
  }));
  return reports.flat().map((report) => ({ ...report, key: `bypassed ${seccomp} ${report.key}` }));
}

/** Tries the same on the machine itself, apart from what would harm it. */
export async function runBypassDirectly(places: BundlePlaces): Promise<BypassReport[]> {
  const bundle = await stageBundle(await bypassAttack(places), "bypass-direct", places);
  const command = {
    command: Deno.execPath(),
    args: ["run", "-A", "--no-config", "--no-lock", `${bundle}/main.ts`],
    env: { DENO_DIR: `${bundle}-cache`, NO_COLOR: "1", ZOO_MARKER: places.world.marker },
    cwd: bundle,
  };
  const reports: BypassReport[] = [];
  for (const probes of PROBES.filter(([first]) => first !== "killsAll")) {
    reports.push(...await run(command, { control: true, probes, world: places.world }));
  }
  return reports.map((report) => ({ ...report, key: `bypassed ${report.key}` }));
}

async function bypassAttack({ plugins }: BundlePlaces): Promise<Attack> {
  const syscalls = await Deno.readTextFile(`${plugins}/syscalls.ts`);
  return {
    plugin: "bypass",
    manifest: {
      limits: { memoryBytes: 160 * MIB, threads: 32 },
      storage: { quotaBytes: 4 * MIB },
      permissions: { read: ["$STORAGE"], write: ["$STORAGE"] },
    },
    files: { "syscalls.ts": syscalls },
  } as unknown as Attack;
}

/** Starts the same sandbox with every flag of the runtime's permissions replaced by one that grants all. */
function unbound(launcher: Launcher): Launcher {
  return {
    name: launcher.name,
    privateRoot: launcher.privateRoot,
    libraries: launcher.libraries,
    describe: (spec) => launcher.describe(spec),
    report: (spec) => launcher.report(spec),
    launch: (spec) => {
      const fixed = spec.args.filter((each) => /^--(?:no-|v8-flags|cached-only)/.test(each));
      const bundle = spec.root === undefined ? undefined : "/plugin";
      const entry = `${bundle}/main.ts`;
      return launcher.launch({ ...spec, args: ["run", "-A", ...fixed, entry] });
    },
  };
}

interface Order {
  readonly control: boolean;
  readonly probes: readonly string[];
  readonly world: BundlePlaces["world"];
  readonly seccomp?: readonly number[];
}

async function run(
  command: {
    command: string;
    args: readonly string[];
    env: Readonly<Record<string, string>>;
    cwd: string;
  },
  order: Order,
  inspect?: (pid: number) => SandboxReport,
  outcome?: () => Promise<LaunchOutcome>,
): Promise<BypassReport[]> {
  const child = new Deno.Command(command.command, {
    args: [...command.args],
    env: command.env,
    clearEnv: true,
    cwd: command.cwd,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  let exited = false;
  const status = child.status.then(() => exited = true);
  const timer = setTimeout(() => kill(child), PROBE_MS);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`${JSON.stringify(order)}\n`)).catch(() => {});
  const answers = new Map<string, object>();
  let sandbox: SandboxReport | undefined;
  let family = familyOf(child.pid);
  let rest = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    rest += chunk;
    const lines = rest.split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const { probe, ...answer } = JSON.parse(line);
      answers.set(probe, answer);
      sandbox ??= inspect?.(child.pid);
      if (sandbox?.facts !== undefined) family = familyOf(sandbox.facts.pid);
    }
    if (answers.size === order.probes.length) break;
  }
  const ended = exited;
  kill(child);
  await status;
  clearTimeout(timer);
  await writer.abort().catch(() => {});
  const gone = await until(() => family.alive().length === 0, "it is gone", 3_000)
    .then(() => true, () => false);
  const became = await outcome?.();
  const said = (await stderr).slice(0, 2_000);
  return order.probes.map((probe) => ({
    key: probe,
    ...answers.get(probe),
    sandbox,
    outcome: became,
    ended,
    gone,
    stderr: said,
  }));
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // it has ended
  }
}
