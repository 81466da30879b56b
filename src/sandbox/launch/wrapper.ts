// The shell script that every sandboxed process starts as: cgroups, rlimits, descriptors, exec.
//
// All of it is constant text: what varies comes in as arguments, and nothing is ever spliced in. It
// stays the same process to the end, so whoever watches its id watches the plugin.
import type { ProcessLimits } from "./launch_spec.ts";

/** The exit code of a start that was given up: a layer of the sandbox could not be put up. */
export const SETUP_FAILED = 97;

/** The descriptor on which bwrap finds its arguments. */
export const ARGUMENTS_FD = 3;

/** The descriptor on which bwrap finds the system call filter. */
export const FILTER_FD = 4;

/** The first descriptor on which bwrap finds a file to copy. */
export const FIRST_COPY_FD = 5;

/** As many files as can be copied: no shell names a descriptor above 9 in the same way. */
export const MAX_COPIES = 5;

/** A shell that runs our scripts. */
export interface Shell {
  /** Its path. */
  readonly path: string;
  /** Whether it is bash, which can close every descriptor that it inherits. */
  readonly bash: boolean;
  /** The path of bash, for a shell that starts quicker, to go on with where it cannot. */
  readonly orBash?: string;
}

/**
 * What each start does first. Arguments: the path of bash or nothing, this script for it, open files,
 * KiB a file, files by which cgroups are joined, `--`, the rest.
 *
 * - A cgroup that cannot be joined ends the start. `0` means the writer itself.
 * - Bash counts files in units of 1024 bytes unless it is in POSIX mode, every other shell of 512.
 * - A hard limit that is lower than ours already stays: only a privileged process could raise it.
 * - Descriptors that the host's own parents left open are closed (threat LA-04). Dash cannot name
 *   those above 9: then bash goes on, and where there is none the start ends.
 */
export const PROLOGUE = `fail() {
  echo "sallyport: cannot $1" >&2
  exit ${SETUP_FAILED}
}
limit() {
  ulimit "$1" "$2" 2>/dev/null && return
  if [ -n "\${BASH_VERSION-}" ]; then
    ulimit -S "$1" hard
  else
    ulimit -S "$1" "$(ulimit -H "$1")"
  fi || fail "set a limit: ulimit $1 $2"
}
bash=$1 script=$2 descriptors=$3 kib=$4
shift 4
while [ "$1" != -- ]; do
  echo 0 >"$1" || fail "join the cgroup $1"
  shift
done
shift
ulimit -c 0 || fail "forbid core dumps"
if [ -n "\${BASH_VERSION-}" ]; then
  set +o posix
  limit -f "$kib"
else
  limit -f "$((kib * 2))"
fi
limit -n "$descriptors"
for entry in /proc/self/fd/*; do
  fd=\${entry##*/}
  case $fd in
  [0-2]) continue ;;
  *[!0-9]*) fail "list its descriptors: there is no /proc" ;;
  esac
  if [ -n "\${BASH_VERSION-}" ]; then
    exec {fd}>&-
  elif [ "$fd" -lt 10 ] || (eval "exec $fd>&-") 2>/dev/null; then
    eval "exec $fd>&-"
  elif [ -n "$bash" ]; then
    exec "$bash" --norc -c "$script" sallyport "" "" "$descriptors" "$kib" -- "$@"
  else
    fail "close the inherited descriptor $fd: that takes bash"
  fi
done
`;

/**
 * Starts bwrap. After the prologue's arguments: the file of its arguments, the filter or nothing, the
 * files to copy, `--`, the command. Bash empties the environment, which the process could read as that of its own init;
 * of the host's there is nothing in it.
 */
export const WRAPPER_SCRIPT = `${PROLOGUE}arguments=$1 filter=$2
shift 2
fd=${FIRST_COPY_FD}
while [ "$1" != -- ]; do
  eval "exec $fd<\\"\\$1\\"" || fail "open $1"
  fd=$((fd + 1))
  shift
done
shift
exec ${ARGUMENTS_FD}<"$arguments" || fail "open its arguments"
[ -z "$filter" ] || exec ${FILTER_FD}<"$filter" || fail "open the system call filter"
if [ -n "\${BASH_VERSION-}" ]; then
  exec -c "$@"
fi
unset PWD
exec "$@"
`;

/** Returns the command line that runs one of our scripts. */
export function scriptCommand(
  shell: Shell,
  script: string,
  limits: Pick<ProcessLimits, "fileDescriptors" | "fileBytes">,
  cgroups: readonly string[],
  rest: readonly string[],
): string[] {
  // --norc: bash reads ~/.bashrc when it takes its standard input for a network connection
  const options = shell.bash ? ["--norc", "-c"] : ["-c"];
  const kib = Math.max(1, Math.floor(limits.fileBytes / 1024));
  return [
    shell.path,
    ...options,
    script,
    "sallyport",
    ...(shell.orBash === undefined ? ["", ""] : [shell.orBash, script]),
    String(limits.fileDescriptors),
    String(kib),
    ...cgroups,
    "--",
    ...rest,
  ];
}
