import assert from "node:assert/strict";
import { type BindMount, INSIDE } from "../../../src/sandbox/launch/launch_spec.ts";
import { machineMounts, showPresent } from "../../../src/sandbox/launch/machine_mounts.ts";
import { requiringTest } from "../../helpers/sandbox.ts";
import { startShell } from "../../helpers/process.ts";
import { tempDir } from "../../helpers/signing.ts";

const bind = (source: string, target = source): BindMount => ({ source, target, writable: false });

Deno.test("storage, grants and what resolves names are of the machine, and nothing of ours is", () => {
  const machine = [
    bind("/data/storage/one", INSIDE.storage),
    bind("/srv/shared"),
    bind("/etc/resolv.conf"),
  ];
  const own = [
    bind("/usr/bin/deno", INSIDE.executable),
    bind("/data/run/1/slot", INSIDE.bundle),
    bind("/data/run/1/io", INSIDE.sockets),
    { ...bind("/lib/libc.so.6"), fixed: true },
  ];
  assert.deepEqual(machineMounts({ binds: [...own, ...machine], tmpfs: [] }), machine);
  assert.deepEqual(machineMounts(undefined), []);
});

const linux = Deno.build.os === "linux" ? undefined : "not Linux";

requiringTest(
  "only the very same files and folders are taken for what is mounted",
  linux,
  async () => {
    await using dir = await tempDir();
    await using child = startShell("read -r _");
    const { pid } = child.child;
    const [one, two, link] = [dir.join("one"), dir.join("two"), dir.join("link")];
    await Deno.mkdir(one);
    await Deno.writeTextFile(two, "");
    await Deno.symlink(one, link);
    assert.equal(showPresent(pid, [bind(one), bind(two)]), true, "it has the machine's own root");
    assert.equal(showPresent(pid, [bind(one), bind(two, one)]), false, "another");
    assert.equal(showPresent(pid, [bind(link, one)]), false, "a link to the same");
    assert.equal(showPresent(pid, [bind(dir.join("none"), one)]), false, "missing outside");
    assert.equal(showPresent(pid, [bind(one, dir.join("none"))]), false, "missing inside");
    await child.endInput();
    await child.child.exited;
    assert.equal(showPresent(pid, [bind(one)]), false, "the process is gone");
  },
);
