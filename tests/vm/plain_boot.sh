# Runs as root in a machine that nobody manages: its first process is a shell, the tree is version 2.
# Argument: the folder with the programs.
set -u
stage=$1 tree=/sys/fs/cgroup user=12345

deno=("$stage/deno" run -A --quiet --no-lock)
run=("${deno[@]}" "$stage/cgroup.js")

"${run[@]}" "root" v2 "$stage/group_holder.js"
"${deno[@]}" "$stage/killed_host.js" "root" v2 bwrap "$stage/host.js"

# a subtree as an administrator hands it over: the folder and the two files that let one use it
hand_over() {
  mkdir -p "$1"
  chown "$user" "$1" "$1/cgroup.procs" "$1/cgroup.subtree_control"
}
# runs in a group, as the user, without a process beside it
as_handed() {
  bash -c 'echo 0 > "$1/cgroup.procs"; user=$0; shift; exec setpriv --reuid "$user" --regid "$user" --clear-groups env HOME=/home/handed "$@"' \
    "$user" "$@"
}
mkdir -p /home/handed; chown "$user" /home/handed
hand_over $tree/alone
as_handed $tree/alone "${run[@]}" "user alone in a delegated group" v2 "$stage/group_holder.js" briefly
left=$(find $tree/alone -mindepth 1 -type d)$(cat $tree/alone/cgroup.subtree_control)
if [ -z "$left" ]; then echo "ok user alone in a delegated group: all is as it was"
else echo "FAILED user alone in a delegated group: left $left"; fi

hand_over $tree/shared; hand_over $tree/shared/app
sleep 1000 & echo $! > $tree/shared/app/cgroup.procs
as_handed $tree/shared/app "${run[@]}" "user below a delegated group" v2 "$stage/group_holder.js" briefly

# as in a container: a namespace whose root is the group, and nobody else in it
mkdir $tree/box
bash -c 'echo 0 > "$0/cgroup.procs"; exec unshare --cgroup --mount bash -c "umount \$0; mount -t cgroup2 none \$0; exec \"\$@\"" "$@"' \
  $tree/box $tree "${run[@]}" "root of a container" v2 "$stage/group_holder.js" briefly

mkdir $tree/foreign
as_handed $tree/foreign "${run[@]}" "user without a delegated group" none "$stage/group_holder.js"

left=$(find $tree -type d -name 'sallyport*')
if [ -z "$left" ]; then echo "ok plain boot: no group is left"; else echo "FAILED plain boot: left $left"; fi
