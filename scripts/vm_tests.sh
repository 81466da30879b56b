#!/usr/bin/env bash
# Runs tests/vm in virtual machines with a cgroup v2 tree of their own: one whose first process is a
# shell, one that systemd manages. Prints a line for each check and at the end "vm: N passed, M failed".
#
# VM_RUN names the program that boots a machine; it is called as
# `$VM_RUN [--systemd] --timeout SECONDS -- COMMAND…`. Without it these tests are ignored. A new
# program is a file tests/vm/NAME.ts that writes its results with report.ts, and a line in one of the
# two *_boot.sh, where it is "$stage/NAME.js".
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
vm=${VM_RUN:-}
if [ ! -x "$vm" ]; then
  echo "vm: ignored: VM_RUN${vm:+ (\"$vm\")} names no program that boots a virtual machine, so cgroup v2 and systemd-run were not tested here"
  exit 0
fi

# Deno by the version that the gate uses; the machine needs a file that every user may run
deno=(npx -y deno@2.9.6)
if command -v deno >/dev/null; then deno=(deno); fi
# not in /tmp, which systemd empties when it boots
stage=$(mktemp -d /var/tmp/sallyport-vm.XXXXXX)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
cp "$("${deno[@]}" eval --no-lock 'console.log(Deno.execPath())')" "$stage/deno"
cd "$root"
# bundle NAME PROGRAM
bundle() { "${deno[@]}" bundle --quiet --no-lock --platform=deno --output "$stage/$1.js" "$2"; }
for program in tests/vm/*.ts; do
  grep -q '^export' "$program" || bundle "$(basename "$program" .ts)" "$program"
done
bundle group_holder tests/sandbox/cgroup/killed_host.ts
bundle host tests/fixtures/hosts/killed_host.ts
cp tests/vm/*.sh "$stage/"
chmod -R a+rX "$stage"

# boot NAME [OPTION…]: runs tests/vm/NAME.sh in a machine
boot() {
  local name=$1 status=0; shift
  mkdir "$stage/$name"
  TMPDIR="$stage/$name" "$vm" "$@" -- /bin/bash "$stage/$name.sh" "$stage" > "$stage/$name.log" 2>&1 ||
    status=$?
  echo "$status" > "$stage/$name.status"
}
# under_way NAME: waits until a machine runs, or has failed to; before that two would share files
under_way() {
  until [ -e "$stage/$1.status" ] || compgen -G "$stage/$1/*/log" > /dev/null; do sleep 0.1; done
}
# report NAME: shows what its checks say
report() {
  local name=$1 status
  status=$(cat "$stage/$name.status")
  grep -aE '^(ok|FAILED|#) ' "$stage/$name.log" | tee -a "$stage/results" || true
  if [ "$status" -gt 1 ] || ! grep -qaE '^ok ' "$stage/$name.log"; then
    echo "FAILED $name: the machine ended with status $status" | tee -a "$stage/results"
  fi
  if grep -qaE '^FAILED ' "$stage/$name.log"; then
    echo "the end of what else the machine wrote:" >&2
    grep -avE '^(ok|FAILED|#) ' "$stage/$name.log" | tail -n 40 >&2 || true
  fi
}
# both at once: each keeps little more than one core busy
boot systemd_boot --systemd --timeout 1200 &
under_way systemd_boot
boot plain_boot --timeout 900
report plain_boot
wait
report systemd_boot

passed=$(grep -cE '^ok ' "$stage/results" || true)
failed=$(grep -cE '^FAILED ' "$stage/results" || true)
echo "vm: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
