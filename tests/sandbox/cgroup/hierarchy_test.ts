import assert from "node:assert/strict";
import { folderOf, parseMounts, parsePaths } from "../../../src/sandbox/cgroup/groups/hierarchy.ts";

const MOUNTS = [
  "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw",
  "30 22 0:26 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate",
  "31 22 0:27 /box/7 /sys/fs/cgroup/cpu,cpuacct rw,nosuid master:3 propagate_from:2 - cgroup cgroup rw,cpu,cpuacct",
  "32 22 0:28 / /sys/fs/cgroup/name\\040with\\134odd rw - cgroup cgroup rw,xattr,name=systemd",
  "33 22 0:29 / /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory",
  "garbage",
].join("\n");

Deno.test("parseMounts() finds the hierarchies among the mounts", () => {
  assert.deepEqual(
    parseMounts(MOUNTS).map((tree) => [tree.version, tree.mountPoint, tree.root, tree.readOnly]),
    [
      [2, "/sys/fs/cgroup/unified", "/", false],
      [1, "/sys/fs/cgroup/cpu,cpuacct", "/box/7", false],
      [1, "/sys/fs/cgroup/name with\\odd", "/", false],
      [1, "/sys/fs/cgroup/memory", "/", true],
    ],
  );
  assert.ok(parseMounts(MOUNTS)[1]!.controllers.includes("cpu"));
  assert.deepEqual(parseMounts(""), []);
});

Deno.test("parsePaths() gives the path of each controller, and the unified one under no name", () => {
  const paths = parsePaths("9:name=systemd:/a\n4:cpu,cpuacct:/b:c\n0::/d\nnonsense\n");
  assert.deepEqual([...paths], [["name=systemd", "/a"], ["cpu", "/b:c"], ["cpuacct", "/b:c"], [
    "",
    "/d",
  ]]);
});

Deno.test("folderOf() gives the folder of a path only where the mount shows it", () => {
  const tree = (root: string) => ({
    version: 2 as const,
    controllers: [],
    root,
    mountPoint: "/m",
    readOnly: false,
  });
  assert.equal(folderOf(tree("/"), "/"), "/m");
  assert.equal(folderOf(tree("/"), "/a/b"), "/m/a/b");
  assert.equal(folderOf(tree("/box"), "/box"), "/m");
  assert.equal(folderOf(tree("/box"), "/box/a"), "/m/a");
  assert.equal(folderOf(tree("/box"), "/boxes"), undefined);
  assert.equal(folderOf(tree("/box"), "/"), undefined);
  assert.equal(folderOf(tree("/"), "/../up"), undefined);
  assert.equal(folderOf(tree("/.."), "/../up"), undefined);
});
