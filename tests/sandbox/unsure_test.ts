/** What cannot be found out is not taken for what cannot be: no host runs plugins with less for that. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Probed } from "../fixtures/sandbox/probing.ts";
import { sandboxTest } from "../helpers/sandbox.ts";
import { tempDir } from "../helpers/signing.ts";
import { writeProgram } from "../helpers/process.ts";

const PROGRAM = fileURLToPath(new URL("../fixtures/sandbox/probing.ts", import.meta.url));

const UNSHARE = ["/usr/bin/unshare", "--user", "--map-root-user", "--mount"];
/** Only who owns the pid namespace may mount its `/proc`. */
const PIDS = ["--pid", "--fork", "--kill-child"];

/** Runs the program in a shell, `$dir` being the test's folder, in mounts of its own where it makes some. */
async function probe(
  args: readonly string[],
  before = "",
  dir?: string,
): Promise<Probed[]> {
  await using own = await tempDir();
  const folder = dir ?? own.path;
  const run = ["run", "-A", "--no-config", "--no-lock", "--no-check", PROGRAM, ...args, folder];
  const shell = ["/bin/sh", "-c", `dir=$1; shift; ${before} exec "$@"`, "sh", folder];
  const [command, ...rest] = [
    ...(before.includes("mount") ? [...UNSHARE, ...(/-t proc/.test(before) ? PIDS : [])] : []),
    ...[...shell, Deno.execPath(), ...run],
  ];
  const { stdout, stderr } = await new Deno.Command(command!, { args: rest }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(text.startsWith("{"), new TextDecoder().decode(stderr));
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

sandboxTest(
  "without a free descriptor no launcher is judged; with one it is",
  "bwrap",
  async () => {
    const [without, later] = await probe(["descriptors", "auto"], "ulimit -n 200;");
    assert.equal(without!.code, "bad-config", JSON.stringify(without));
    assert.match(
      without!.message!,
      /^Cannot tell (?:whether "bwrap"|which cgroup) works here: .*open files/,
    );
    assert.match(without!.hint!, /ulimit -n/);
    assert.equal(later!.launcher, "bwrap", "it is tried again");
  },
);

sandboxTest("a full disk judges no launcher", "bwrap", async () => {
  const mount = 'mount -t tmpfs -o size=8m none "$dir";';
  const [full, later] = await probe(["room", "auto"], mount);
  assert.equal(full!.code, "bad-config", JSON.stringify(full));
  assert.match(full!.message!, /^Cannot tell whether "bwrap" works here: No space left/);
  assert.match(full!.hint!, /^Free space/);
  assert.equal(later!.launcher, "bwrap", "it is tried again");
});

sandboxTest("a working folder that is gone is no matter", "bwrap", async () => {
  const [gone] = await probe(["folder", "auto"]);
  assert.equal(gone!.launcher, "bwrap", JSON.stringify(gone));
});

sandboxTest("a bwrap that does not run is not called too old", "bwrap", async () => {
  await using dir = await tempDir();
  const broken = dir.join("bwrap");
  await writeProgram(broken, "echo 'no libcap.so.2' >&2\nexit 127");
  const [probed] = await probe(
    ["nothing", "bwrap"],
    'mount --bind "$dir/bwrap" "$(command -v bwrap)";',
    dir.path,
  );
  assert.match(probed!.message!, /it does not run: status 127: no libcap/);
});

sandboxTest(
  "unshare works with a folder from which nothing is executed",
  "unshare",
  async () => {
    const mount = 'mount -t tmpfs -o noexec none "$dir"; cp /bin/true "$dir/true";';
    const [probed] = await probe(
      ["nothing", "unshare"],
      `${mount} if "$dir/true" 2>/dev/null; then exit 1; fi;`,
    );
    assert.equal(probed!.launcher, "unshare", JSON.stringify(probed));
  },
);

sandboxTest("unshare works where /proc shows processes only", "unshare", async () => {
  const [probed] = await probe(["nothing", "unshare"], "mount -t proc -o subset=pid proc /proc;");
  assert.equal(probed!.launcher, "unshare", JSON.stringify(probed));
});
