# The floor of a start in a private root, by util-linux alone: already in new user, mount, pid, ipc, uts and
# network namespaces, as root of the first and as the init. Arguments: the folder of the root, the file
# with its mounts, the folder with what its cache folder starts with, the command.
#
# There is no cgroup, no system call filter and no care for descriptors above 9 that the parents of the host
# left open: the floor is lower by what these take. The programs behind `pivot_root` are those of the new root.
set -e
root=$1 mounts=$2 caches=$3
shift 3
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
ulimit -c 0
ulimit -n 256
ulimit -f 65536
/usr/bin/mount --no-mtab --internal-only --no-canonicalize --all --fstab "$mounts"
/usr/bin/cp -R "$caches/." "$root/deno-dir/"
# only a host that is root may write the name so
{ echo plugin >/proc/sys/kernel/hostname; } 2>/dev/null || /usr/bin/hostname plugin
echo 1 >/proc/sys/user/max_user_namespaces
cd "$root"
/usr/sbin/pivot_root . .old
/usr/bin/umount --no-mtab --internal-only --no-canonicalize --lazy /.old
cd /cwd
unset PWD OLDPWD
exec /usr/bin/unshare --user --map-user=65534 --map-group=65534 --keep-caps -- \
  /usr/bin/setpriv --no-new-privs --inh-caps=-all --ambient-caps=-all --bounding-set=-all -- "$@"
