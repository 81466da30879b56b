// Finds out whether a launcher works here, by starting the runtime with it.
import { isAbsolute } from "node:path";
import { escapeText } from "../errors.ts";
import { isShortage } from "../io/system_error.ts";
import { bwrapLauncher } from "./launchers/bwrap.ts";
import { CannotTell, runBounded } from "../io/bounded_command.ts";
import type { Launcher } from "./launch/launcher.ts";
import { bindLibrary } from "./machine/libraries.ts";
import { createLaunchSpec, INSIDE, type LaunchSpec } from "./launch/launch_spec.ts";
import type { RootLauncherOptions } from "./launchers/root_launch.ts";
import { Scratch } from "./launchers/scratch.ts";
import { forgetSurvey, type Survey, survey } from "./machine/survey.ts";
import { unshareLacks, unshareLauncher } from "./launchers/unshare.ts";

/** Says whether a launcher works here. */
export interface LauncherProbe {
  /** The launcher. */
  readonly name: "bwrap" | "unshare";
  /** Whether it started the runtime in a root folder of its own, with every layer. */
  readonly works: boolean;
  /** The path of its program. */
  readonly path?: string;
  /** Why it does not work: what is not installed or not permitted, or what it wrote to stderr. */
  readonly reason?: string;
  /** What kept this from being found out; nothing is known of the launcher then. */
  readonly unsure?: CannotTell;
}

/** Options of {@linkcode probeLauncher}. */
export interface ProbeOptions {
  /** The deno executable. */
  executable: string;
  /** The libraries that it needs. */
  libraries: readonly string[];
  /**
   * A private folder for its files.
   *
   * @default {a temporary folder}
   */
  scratchDir?: string;
  /**
   * What is made on the disk for the starts of a host, which then finds it made.
   *
   * @default {its own}
   */
  scratch?: Scratch;
}

const TIMEOUT_MS = 10_000;
/** As much as the files of a start take. */
const CONTROL_BYTES = 64 * 1024;
const MAX_REASON = 300;
const MIB = 1024 * 1024;
/** Older versions cannot cap a folder in memory, or empty the environment. */
const NEEDED_OF_BWRAP = ["size", "clearenv"];

const probes = new Map<string, Promise<LauncherProbe>>();

/**
 * Tries a launcher, once for each set of inputs in the life of this process; again where it could not be
 * found out.
 */
export function probeLauncher(
  name: LauncherProbe["name"],
  options: ProbeOptions,
): Promise<LauncherProbe> {
  const key = JSON.stringify([name, options.executable, options.libraries]);
  let probe = probes.get(key);
  if (probe === undefined) {
    probes.set(key, probe = tryLauncher(name, options).catch((error) => failed(name, error)));
    void probe.then(({ unsure }) => unsure && probes.delete(key));
  }
  return probe;
}

/** Forgets what was found out, so that the next probe tries again. */
export function forgetProbes(executable: string): void {
  forgetSurvey(executable);
  probes.clear();
}

/** What makes one of the launchers with a root folder. */
export interface LauncherParts extends RootLauncherOptions {
  /** The deno executable. */
  readonly executable: string;
}

/** Makes a launcher by its name. */
export function makeLauncher(name: LauncherProbe["name"], parts: LauncherParts): Launcher {
  return name === "bwrap" ? bwrapLauncher(parts) : unshareLauncher(parts);
}

/** A probe that could not be made because of an error. */
function failed(name: LauncherProbe["name"], error: unknown): LauncherProbe {
  const message = oneLine(error instanceof Error ? error.message : String(error));
  const known = [error, error instanceof Error ? error.cause : undefined]
    .find((each) => each instanceof CannotTell);
  const unsure = known !== undefined
    ? known
    : isShortage(error)
    ? new CannotTell(message, { cause: error })
    : undefined;
  return { name, works: false, reason: message, unsure };
}

async function tryLauncher(
  name: LauncherProbe["name"],
  options: ProbeOptions,
): Promise<LauncherProbe> {
  const { executable, libraries } = options;
  const fails = (reason: string): LauncherProbe => ({ name, works: false, reason });
  if (!isAbsolute(executable)) {
    return fails(`the path of deno is not known, which takes --allow-run=<the path of deno>`);
  }
  const found = await survey(executable);
  if (typeof found === "string") return fails(found);
  const path = found.programs[name];
  if (path === undefined) return fails("not installed");
  const lacks = name === "bwrap" ? bwrapLacks(found) : unshareLacks(found);
  if (lacks !== undefined) return { ...fails(lacks), path };
  await using undo = new AsyncDisposableStack();
  let { scratch } = options;
  if (scratch === undefined) {
    const folder = options.scratchDir ?? await Deno.makeTempDir({ prefix: "sallyport-probe-" });
    if (options.scratchDir === undefined) {
      undo.defer(() => Deno.remove(folder, { recursive: true }));
    }
    scratch = new Scratch(folder);
  }
  const launcher = makeLauncher(name, {
    survey: found,
    libraries,
    executable,
    scratch,
    cgroups: { manager: undefined, missing: [] },
  });
  try {
    const launch = undo.use(await launcher.launch(probeSpec(executable, libraries)));
    const { command, args, env } = launch.command;
    const result = await runBounded(command, args, env, TIMEOUT_MS);
    if (result.ok && result.stdout.startsWith("deno ")) return { name, works: true, path };
    if (result.unsure !== undefined) throw result.unsure;
    throw new Error(result.stderr || result.stdout || "it was ended without a word");
  } catch (error) {
    await control(executable, scratch.dir);
    return { ...failed(name, error), path };
  }
}

/**
 * Does what every start does besides containing.
 *
 * @throws What keeps that from working for the moment: then a failure of the launcher means nothing.
 */
async function control(executable: string, scratchDir: string): Promise<void> {
  const path = `${scratchDir}/${crypto.randomUUID()}-control`;
  try {
    await Deno.writeFile(path, new Uint8Array(CONTROL_BYTES), { mode: 0o600, createNew: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return; // for good: the launcher has said so
    throw new CannotTell(error instanceof Error ? error.message : String(error), { cause: error });
  } finally {
    await Deno.remove(path).catch(() => {}); // it was not written
  }
  const { unsure } = await runBounded(executable, ["--version"], {}, TIMEOUT_MS);
  if (unsure !== undefined) throw unsure;
}

/** The least that starts: the runtime, its libraries, every namespace, a filter. */
function probeSpec(executable: string, libraries: readonly string[]): LaunchSpec {
  const spec = createLaunchSpec({
    plugin: "probe",
    executable: INSIDE.executable,
    flags: [],
    importMap: "",
    bootstrap: "",
    denoDir: INSIDE.temporary,
    cwd: INSIDE.temporary,
    root: {
      binds: [
        { source: executable, target: INSIDE.executable, writable: false },
        ...libraries.map(bindLibrary),
      ],
      tmpfs: [{ target: INSIDE.temporary, sizeBytes: MIB }],
    },
    network: "isolated",
    seccomp: "strict",
    limits: {
      memoryBytes: 256 * MIB,
      cpuPercent: 100,
      threads: 64,
      fileDescriptors: 256,
      fileBytes: MIB,
    },
  });
  return { ...spec, args: ["--version"] };
}

function bwrapLacks({ bwrapFails, bwrapOptions, seccomp }: Survey): string | undefined {
  if (bwrapFails !== undefined) return oneLine(`it does not run: ${bwrapFails}`);
  const absent = NEEDED_OF_BWRAP.filter((option) => !bwrapOptions.has(option));
  if (absent.length > 0) {
    return `this version is too old: it has no ${
      absent.map((name) => `--${name}`).join(" and no ")
    }`;
  }
  return seccomp ? undefined : "the kernel has no system call filters";
}

function oneLine(text: string): string {
  return escapeText(text.trim().replaceAll(/\s+/g, " "), MAX_REASON);
}
