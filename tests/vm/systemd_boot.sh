# Runs as root in a machine that systemd manages: in a service of it, without delegation.
# Argument: the folder with the programs.
set -u
stage=$1
kill -s RTMIN+21 1 # no messages of systemd's between ours
deno=("$stage/deno" run -A --quiet --no-lock)
run=("${deno[@]}" "$stage/cgroup.js")
killed=("${deno[@]}" "$stage/killed_host.js")

"${run[@]}" "root in a service" systemd-run "$stage/group_holder.js"
"${killed[@]}" "root in a service" systemd-run bwrap "$stage/host.js"
systemd-run --scope --quiet -p Delegate=yes -- \
  "${run[@]}" "root in a delegated scope" v2 "$stage/group_holder.js" briefly

useradd --create-home lingering
uid=$(id -u lingering)
loginctl enable-linger lingering
systemctl start "user@$uid.service"
as_lingering() {
  setpriv --reuid lingering --regid lingering --init-groups env -u DBUS_SESSION_BUS_ADDRESS HOME=/home/lingering "$@"
}
as_lingering "${run[@]}" "user with a systemd" systemd-run "$stage/group_holder.js" briefly
as_lingering "${killed[@]}" "user with a systemd" systemd-run bwrap "$stage/host.js"
as_lingering env XDG_RUNTIME_DIR="/run/user/$uid" systemd-run --user --scope --quiet -p Delegate=yes -- \
  "${run[@]}" "user in a delegated scope" v2 "$stage/group_holder.js" briefly

mkdir -p /home/lonely; chown 12345 /home/lonely
setpriv --reuid 12345 --regid 12345 --clear-groups env HOME=/home/lonely \
  "${run[@]}" "user without a systemd" none "$stage/group_holder.js"

left=$(find /sys/fs/cgroup -type d -name 'sallyport*'; systemctl list-units --all --plain --no-legend 'sallyport*'
  as_lingering env XDG_RUNTIME_DIR="/run/user/$uid" systemctl --user list-units --all --plain --no-legend 'sallyport*')
if [ -z "$left" ]; then echo "ok systemd boot: no scope is left"; else echo "FAILED systemd boot: left $left"; fi
