// Looks around on this machine: which shell and programs there are, and what they need.
//
// All of it goes through the shell, because a host that may run one may seldom read `/usr` and `/proc`.
import { type BoundedResult, CannotTell, runBounded } from "../../io/bounded_command.ts";
import type { Shell } from "../launch/wrapper.ts";

/** Names a program of the system that launchers use. */
export type ProgramName =
  | "bwrap"
  | "hostname"
  | "ip"
  | "mount"
  | "pivot_root"
  | "setpriv"
  | "sh"
  | "umount"
  | "unshare";

/** Says how to run a program whose root folder is no longer the machine's. */
export interface DetachedProgram {
  /** The real path of the program. */
  readonly path: string;
  /** The real path of its dynamic loader. */
  readonly loader: string;
  /** The real paths of the folders that its libraries are in. */
  readonly folders: readonly string[];
}

/** What was found. */
export interface Survey {
  /** The shell that looked, bash where there is one. */
  readonly shell: Shell;
  /** A shell that starts quicker, where there is one. */
  readonly quickShell: Shell;
  /** Paths of the programs that there are. */
  readonly programs: Readonly<Partial<Record<ProgramName, string>>>;
  /** What became of this bwrap where it does not even print its options. */
  readonly bwrapFails: string | undefined;
  /** The options of this bwrap that older versions do not have. */
  readonly bwrapOptions: ReadonlySet<string>;
  /** What the dynamic loader opens for the deno executable, by those paths; `undefined` if it did not say. */
  readonly libraries: readonly string[] | undefined;
  /** How to run `umount` at the end of a setup. */
  readonly umount: DetachedProgram | undefined;
  /** Whether the host is root, which is then the owner of most of `/proc` and `/dev` inside too. */
  readonly root: boolean;
  /** Names in `/proc` that only root may read, without needing a capability for it. */
  readonly rootOnly: readonly string[];
  /** Whether the kernel has cgroup namespaces. */
  readonly cgroupNamespaces: boolean;
  /** Whether the kernel has system call filters. */
  readonly seccomp: boolean;
}

const SHELLS: readonly Shell[] = [
  ...["/usr/bin/bash", "/bin/bash", "/usr/local/bin/bash", "/run/current-system/sw/bin/bash"]
    .map((path) => ({ path, bash: true })),
  ...["/bin/sh", "/usr/bin/sh"].map((path) => ({ path, bash: false })),
];
const TIMEOUT_MS = 10_000;
const MAX_LINES = 1_000;

/**
 * Prints one finding a line: a word, and the rest of the line. Its argument is the deno executable. The
 * end is there only if more processes could be started to the last.
 *
 * Of `umount` the loader is asked by name, because what is set-uid does not listen to LD_ variables.
 */
const SCRIPT = `PATH=/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin:/usr/local/sbin
PATH=$PATH:/run/current-system/sw/bin
export PATH
trace() {
  found=$(LD_TRACE_LOADED_OBJECTS=1 "$1" --version </dev/null 2>/dev/null)
  case $found in
  *"(0x"*) ;;
  *) for musl in /lib/ld-musl-*.so.1; do
    [ -x "$musl" ] && found=$("$musl" --list "$1" 2>/dev/null)
  done ;;
  esac
  case $found in
  *"(0x"*) printf '%s\\n' "$found" ;;
  ?*) echo static ;;
  esac
}
for name in bwrap hostname ip mount pivot_root setpriv sh umount unshare; do
  printf 'program %s ' "$name"
  command -v "$name" || echo
done
trace "$1" | while read -r name arrow path rest; do
  [ "$name" = static ] && echo static
  [ "$arrow" = "=>" ] || path=
  case $name in /*) echo "library $name" ;; esac
  case $path in /*) echo "library $path" ;; esac
done
loader=$(trace "$(command -v setpriv)" | while read -r name arrow path rest; do
  [ "$arrow" = "=>" ] || path=$name
  case $name in /* | *ld-musl*) readlink -f "$path" ;; esac
done)
umount=$(command -v umount) && [ -n "$loader" ] && {
  echo "umount $(readlink -f "$umount")"
  echo "umount-loader $loader"
  "$loader" --list "$umount" | while read -r name arrow path rest; do
    [ "$arrow" = "=>" ] || path=$name
    case $path in /*) cd -P "\${path%/*}" && echo "umount-folder $PWD" ;; esac
  done
}
sh -c '[ -z "\${BASH_VERSION-}" ]' && echo quick-shell
for entry in /proc/self/fd/*; do
  case \${entry##*/} in [0-9][0-9]*) echo inherited; break ;; esac
done
newline='
'
if help=$(bwrap --help 2>&1); then
  for option in size clearenv disable-userns; do
    case $help in *"--$option"*) echo "bwrap $option" ;; esac
  done
else echo "bwrap-fails status $?: \${help##*"$newline"}"
fi
[ "\${EUID-$(id -u)}" = 0 ] && {
  echo root
  for name in kpagecgroup kpagecount kpageflags pagetypeinfo sched_debug slabinfo timer_list \\
    vmallocinfo; do
    [ -e "/proc/$name" ] && echo "root-only $name"
  done
}
[ -e /proc/self/ns/cgroup ] && echo cgroup-namespaces
if [ -r /proc/self/status ]; then
  while read -r key rest; do
    case $key in Seccomp:) echo seccomp ;; esac
  done </proc/self/status
else echo seccomp
fi
( : ) && echo end
`;

const surveys = new Map<string, Promise<Survey | string>>();

/**
 * Looks around; once for each executable.
 *
 * @throws {CannotTell} where it could not look now, and may the next time.
 */
export function survey(executable: string): Promise<Survey | string> {
  let found = surveys.get(executable);
  if (found === undefined) {
    surveys.set(executable, found = look(executable));
    found.catch(() => surveys.delete(executable));
  }
  return found;
}

/** Forgets it, so that the next call looks again. */
export function forgetSurvey(executable: string): void {
  surveys.delete(executable);
}

async function look(executable: string): Promise<Survey | string> {
  if (Deno.build.os !== "linux") return "only Linux has namespaces";
  const usable = SHELLS.filter(({ path }) => mayRun(path));
  if (usable.length === 0) {
    return `the host may not run a shell, which takes --allow-run=${SHELLS[0]!.path}`;
  }
  let [problem, began] = ["", false];
  for (const shell of usable) {
    const result = await runBounded(shell.path, ["-c", SCRIPT, "sh", executable], {}, TIMEOUT_MS);
    if (result.stdout.endsWith("end\n")) return read(shell, result);
    if (result.unsure !== undefined) throw result.unsure;
    began ||= result.status !== undefined;
    problem ||= `${shell.path} does not work: ${result.stderr || "it was ended"}`;
  }
  // one that is there and cannot go on, as where no more processes may be started, may be able to later
  if (began) throw new CannotTell(problem);
  return problem;
}

function read(shell: Shell, { stdout }: BoundedResult): Survey {
  const found = new Map<string, string[]>();
  for (const line of stdout.split("\n").slice(0, MAX_LINES)) {
    const space = line.indexOf(" ");
    const [word, rest] = space < 0 ? [line, ""] : [line.slice(0, space), line.slice(space + 1)];
    found.set(word, [...found.get(word) ?? [], rest]);
  }
  const all = (word: string): readonly string[] => [...new Set(found.get(word) ?? [])];
  const programs = all("program").map((line) => [
    line.slice(0, line.indexOf(" ")),
    line.slice(line.indexOf(" ") + 1),
  ]).filter(([, path]) => path!.startsWith("/"));
  const sh = programs.find(([name]) => name === "sh")?.[1];
  const [path] = all("umount");
  const [loader] = all("umount-loader");
  return {
    shell,
    // what inherits descriptors that it cannot close would only go on with bash, which costs twice
    quickShell:
      found.has("quick-shell") && !found.has("inherited") && sh !== undefined && shell.bash &&
        mayRun(sh)
        ? { path: sh, bash: false, orBash: shell.path }
        : shell,
    programs: Object.fromEntries(programs),
    bwrapFails: all("bwrap-fails")[0],
    bwrapOptions: new Set(all("bwrap")),
    libraries: found.has("library") || found.has("static") ? all("library") : undefined,
    umount: path && loader ? { path, loader, folders: all("umount-folder") } : undefined,
    root: found.has("root"),
    rootOnly: all("root-only"),
    cgroupNamespaces: found.has("cgroup-namespaces"),
    seccomp: found.has("seccomp"),
  };
}

function mayRun(command: string): boolean {
  return Deno.permissions.querySync({ name: "run", command }).state === "granted";
}
