/** Starts programs under a filter, the two ways that the launchers do it, and without one. */
import { denoForAll } from "../../helpers/deno_for_all.ts";
import { compileSeccomp, type SeccompOptions } from "../../../src/sandbox/seccomp/filter.ts";

const { arch, os } = Deno.build;

/** Whether this machine runs filters that we make. */
export const hasSeccomp: boolean = os === "linux" && (arch === "x86_64" || arch === "aarch64");

/** Where bubblewrap is; `undefined` where it is not installed. */
export const bwrap: string | undefined = ["/usr/bin/bwrap", "/usr/local/bin/bwrap"].find(isFile);

/** Whether we are root, and have util-linux to become somebody else. */
export const isRoot: boolean = os !== "windows" && Deno.uid() === 0;

/** Ignores a test for a reason, unless this run must skip nothing. */
export function unless(reason: string, missing: boolean): { ignore: boolean; suffix: string } {
  const required = Deno.env.get("REQUIRE_SANDBOX") === "1";
  return { ignore: missing && !required, suffix: missing ? ` (${reason})` : "" };
}

/** A folder with compiled filters, which other users can read and write. */
export interface Filters extends Disposable {
  readonly folder: string;
  /** Compiles a filter for this machine into a file. */
  write(options: Omit<SeccompOptions, "arch">): string;
  /** Makes an empty folder. */
  empty(): string;
}

/** Makes a folder for filters. */
export function makeFilters(): Filters {
  const folder = Deno.makeTempDirSync({ prefix: "sallyport-seccomp-" });
  Deno.chmodSync(folder, 0o777);
  let made = 0;
  return {
    folder,
    write(options) {
      const path = `${folder}/${made++}.bpf`;
      if (arch !== "x86_64" && arch !== "aarch64") throw new Error(`no filter for ${arch}`);
      Deno.writeFileSync(path, compileSeccomp({ ...options, arch }));
      return path;
    },
    empty() {
      const path = `${folder}/${made++}`;
      Deno.mkdirSync(path);
      Deno.chmodSync(path, 0o777);
      return path;
    },
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

/** How a program is started. */
export interface Start {
  /** Runs it under bubblewrap, in namespaces of its own. */
  wrapped?: boolean;
  /** Has bubblewrap load a filter. */
  bwrapFilter?: string;
  /** Runs it as an ordinary user. */
  unprivileged?: boolean;
  /** A folder for caches. */
  denoDir: string;
  stdin?: string;
}

/** What became of it. */
export interface Outcome {
  stdout: string;
  stderr: string;
  code: number;
  signal: string | null;
}

/** Runs a Deno program with all permissions to its end. */
export async function runDeno(args: readonly string[], start: Start): Promise<Outcome> {
  const deno = start.unprivileged ? denoForAll() : Deno.execPath();
  let command = [deno, "run", "--no-lock", "--no-check", "-A", ...args];
  const { bwrapFilter, wrapped = bwrapFilter !== undefined } = start;
  if (wrapped) {
    command = [
      ...[bwrap ?? "bwrap", ...(bwrapFilter === undefined ? [] : ["--seccomp", "9"])],
      ...["--unshare-all", "--die-with-parent", "--new-session", "--dev-bind", "/", "/"],
      ...["--proc", "/proc", "--", ...command],
    ];
  } else {
    command = ["setsid", "--wait", ...command];
  }
  if (bwrapFilter !== undefined) {
    // the descriptor's number has one digit: a shell opens no other
    command = ["sh", "-c", 'exec 9<"$1"; shift; exec "$@"', "sh", bwrapFilter, ...command];
  }
  if (start.unprivileged && isRoot) {
    command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", ...command];
  }
  const process = new Deno.Command(command[0]!, {
    args: command.slice(1),
    clearEnv: true,
    env: {
      PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
      DENO_DIR: start.denoDir,
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
    },
    cwd: "/",
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(60_000),
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(start.stdin ?? "")).catch(() => {});
  await writer.close().catch(() => {});
  const { stdout, stderr, code, signal } = await process.output();
  const decoder = new TextDecoder();
  return { stdout: decoder.decode(stdout), stderr: decoder.decode(stderr), code, signal };
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
