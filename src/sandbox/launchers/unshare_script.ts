// The shell scripts that set up a root folder with nothing but util-linux.
//
// The first runs outside, as the parent of everything inside; the second inside, and becomes the
// runtime. Both are constant text; what varies comes in as arguments.
import { PROLOGUE, SETUP_FAILED } from "../launch/wrapper.ts";

/** Where the machine's own root is for the moment between `pivot_root` and `umount`. */
export const OLD_ROOT = "/.old";

/** A file in the folder of that name, to be seen only when nothing is mounted there any more. */
export const DETACHED = `${OLD_ROOT}/detached`;

/**
 * Runs in new user, mount, pid, ipc, uts and network namespaces, as root of the first; it is not in
 * the pid namespace itself, but its children are, and the first of them is the init of it.
 *
 * 1. Starts the first child: it makes one more user namespace, in which it is nobody, gives up all
 *    capabilities, and waits. Whatever it executes for that is on the machine's root, so:
 * 2. mounts, when that child is ready changes the root of both, and detaches the machine's.
 * 3. Lets the child go on, and waits for its end. Both die with the host: the kernel kills this
 *    process when the host dies, and the child when this one does.
 *
 * Mounts below a granted folder come along, but not as read-only as the folder, so this is put right
 * for each. Nothing may be started before that first child; so no substitution before it.
 *
 * Arguments after the prologue's: the id of the host, the new root, the file with its mounts, the programs
 * `mount`, `pivot_root`, the loader for `umount`, its library path, `umount`, `hostname` or nothing; then
 * three lists, each after its length: what brings up the loopback, the mount points with `r` or `w` in
 * front (escaped as in mountinfo), and of the mounts in folders in memory, for which the mount points
 * must be made first, source and target, their file before the length; then the command.
 */
export const SETUP_SCRIPT = `${PROLOGUE}host=$1 root=$2 mounts=$3 mount=$4 pivot_root=$5
loader=$6 libraries=$7 umount=$8 hostname=$9
shift 9
loopback=("\${@:2:$1}")
shift "$(($1 + 1))"
points=("\${@:2:$1}")
shift "$(($1 + 1))"
late=$1
shift
made=("\${@:2:$1}")
shift "$(($1 + 1))"
copied=$1 copy=$2
shift 2
[ "$PPID" = "$host" ] || fail "start: the host is gone"
exec 5<&0 6>&1
coproc inside {
  exec 3<&0 4>&1 0<&5 1>&6 5<&- 6>&-
  exec -c "$@"
}
child=$inside_PID in=\${inside[0]} out=\${inside[1]}
exec 5<&- 6>&- </dev/null >/dev/null
"$mount" --no-mtab --internal-only --no-canonicalize --all --fstab "$mounts" || fail "mount its root"
if [ -n "$late" ]; then
  umask 022
  PATH=/usr/bin:/bin:/run/current-system/sw/bin
  for ((i = 0; i < \${#made[@]}; i += 2)); do
    source=\${made[i]} target=$root\${made[i + 1]}
    if [ -d "$source" ]; then mkdir -p -- "$target"; else
      mkdir -p -- "\${target%/*}" && : >>"$target"
    fi || fail "make $target"
  done
  "$mount" --no-mtab --internal-only --no-canonicalize --all --fstab "$late" || fail "mount its grants"
fi
if [ \${#points[@]} -gt 0 ]; then
  while read -r _ _ _ _ point options _; do
    nearest=
    for known in "\${points[@]}"; do
      case $point in
      "\${known#?}") continue 2 ;;
      "\${known#?}"/*) nearest=$known ;;
      esac
    done
    [ -n "$nearest" ] || continue
    mode=ro
    case $nearest,$options, in w*,ro,*) ;; w*) mode=rw ;; esac
    printf -v point %b "\${point//\\\\/\\\\0}"
    "$mount" --no-mtab --internal-only --no-canonicalize \\
      --options "remount,bind,$mode,nosuid,nodev,noexec" "$point" || fail "restrict $point"
  done </proc/self/mountinfo
fi
[ -z "$copied" ] || /bin/cp -R "$copied/." "$root$copy/" 2>/dev/null
[ \${#loopback[@]} = 0 ] || "\${loopback[@]}" || fail "bring up the loopback"
{ echo sallyport >/proc/sys/kernel/hostname; } 2>/dev/null ||
  { [ -n "$hostname" ] && "$hostname" sallyport; }
cd "$root" || fail "enter its root"
read -r word <&"$in" && [ "$word" = ready ] || fail "give up its privileges"
{ echo 1 >/proc/sys/user/max_user_namespaces; } 2>/dev/null
"$pivot_root" . .${OLD_ROOT} || fail "change its root"
"${OLD_ROOT}$loader" --library-path "$libraries" "${OLD_ROOT}$umount" \\
  --no-mtab --internal-only --no-canonicalize --lazy ${OLD_ROOT} || fail "detach the machine's root"
echo go >&"$out" || fail "start"
exec {in}<&- {out}>&- 2>/dev/null
wait "$child"
`;

/**
 * Runs as the init of the pid namespace, without privileges, and becomes the runtime when its root is
 * the new one and nothing else. Arguments: the working folder, the environment, `--`, the command.
 */
export const INSIDE_SCRIPT = `fail() {
  echo "sallyport: cannot $1" >&2
  exit ${SETUP_FAILED}
}
echo ready >&4
exec 4>&-
read -r word <&3 || exit ${SETUP_FAILED}
exec 3<&-
[ "$word" = go ] && [ -e ${DETACHED} ] || fail "find its root"
cd "$1" || fail "enter its working folder"
shift
while [ "$1" != -- ]; do
  export "$1"
  shift
done
shift
unset PWD OLDPWD SHLVL
exec "$@"
`;
