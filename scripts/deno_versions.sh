#!/usr/bin/env bash
# Tries other versions of Deno than the one that the tests run with: the oldest that is supported and the newest
# that the npm registry has must start plugins; what is older must say so in one line.
set -euo pipefail
cd "$(dirname "$0")/.."

constant() { sed -n "s/^export const $1 = \"\(.*\)\";\$/\1/p" src/version.ts; }
oldest=$(constant OLDEST_DENO)
tested=$(constant NEWEST_TESTED_DENO)
newest=$(npm view deno version)
passed=0

fail() {
  echo "$1" >&2
  exit 1
}

# a start with all that it uses, the demo, and a few tests of flags, lane and bootstrap
try() {
  local deno=(npx -y "deno@$1") found
  # the gate runs where every layer can be had or only some: what counts is that plugins start
  found=$("${deno[@]}" run -A src/cli/main.ts doctor --json) || true
  [[ $found == *'"name":"plugin start","status":"ok"'* ]] ||
    fail "Deno $1: doctor says that no plugin starts: $found"
  "${deno[@]}" run -A scripts/demo.ts >/dev/null || fail "Deno $1: the demo fails"
  "${deno[@]}" test -A --no-check --parallel tests/pins tests/permissions/flags_test.ts \
    tests/host/process/socket_lane_test.ts tests/host/deno_path_test.ts tests/plugin/bootstrap_test.ts || fail "Deno $1: tests fail"
  passed=$((passed + 1))
}

refuse() {
  local deno=(npx -y "deno@$1") said status=0
  said=$("${deno[@]}" run -A src/cli/main.ts doctor 2>&1) || status=$?
  [ "$status" -eq 1 ] && [ "$(wc -l <<<"$said")" -eq 1 ] && [[ $said == *"needs Deno $oldest or later"* ]] ||
    fail "Deno $1: the command line says (status $status): $said"
  # the library, which has to be linked first
  status=0
  said=$("${deno[@]}" run -A - 2>&1 <<<'import { PluginHost } from "./mod.ts"; await PluginHost.open();') ||
    status=$?
  [ "$status" -eq 1 ] && [[ $said == *"needs Deno $oldest or later"* ]] ||
    fail "Deno $1: PluginHost.open() says (status $status): $said"
  passed=$((passed + 1))
}

refuse 2.4.4
refuse 2.8.3
try "$oldest"
[ "$newest" = "$tested" ] || try "$newest"
echo "versions: $passed passed, 0 failed"
