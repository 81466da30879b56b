import assert from "node:assert/strict";
import {
  parsePs,
  parseTasklist,
  readPlatformTable,
  sumTree,
} from "../../../src/monitor/sources/platform.ts";
import { readStat } from "../../../src/monitor/sources/proc.ts";
import { startShell } from "../../helpers/process.ts";
import { requiringTest } from "../../helpers/sandbox.ts";
import { noProc } from "../watched_child.ts";

Deno.test("parsePs() takes the times of macOS and of Linux", () => {
  const table = parsePs(
    "    1     0   9000   12:34.56\n  300     1  2048 01:02:03\n  301   300   16 2-00:00:10\n" +
      "garbage\n  302 300 4 -\n",
  );
  assert.deepEqual([...table], [
    [1, { parent: 0, rssBytes: 9_000 * 1024, cpuTimeMs: 754_560 }],
    [300, { parent: 1, rssBytes: 2_048 * 1024, cpuTimeMs: 3_723_000 }],
    [301, { parent: 300, rssBytes: 16 * 1024, cpuTimeMs: 172_810_000 }],
    [302, { parent: 300, rssBytes: 4 * 1024, cpuTimeMs: undefined }],
  ]);
  assert.equal(sumTree(table, 300)!.rssBytes, 2_068 * 1024);
  assert.equal(sumTree(table, 300)!.cpuTimeMs, undefined, "one is not known");
  assert.deepEqual(sumTree(table, 301), { rssBytes: 16 * 1024, cpuTimeMs: 172_810_000 });
  assert.equal(sumTree(table, 999), undefined);
});

Deno.test("parseTasklist() takes any separator of thousands", () => {
  const table = parseTasklist(
    '"deno.exe","4711","Console","1","61,236 K"\r\n"deno.exe","12","Services","0","1.024 K"\r\n' +
      '"x","13","Services","0","N/A"\r\nINFO: none\r\n',
  );
  assert.deepEqual([...table], [
    [4711, { parent: undefined, rssBytes: 61_236 * 1024, cpuTimeMs: undefined }],
    [12, { parent: undefined, rssBytes: 1_024 * 1024, cpuTimeMs: undefined }],
  ]);
});

requiringTest("readPlatformTable() agrees with /proc", noProc, async () => {
  await using family = startShell("sleep 60 & echo $!; wait");
  const child = Number(await family.line());
  const table = await readPlatformTable();
  if (table === undefined) return assert.throws(() => Deno.statSync("/bin/ps"));
  const expected = readStat(family.child.pid)!.rssBytes + readStat(child)!.rssBytes;
  assert.equal(table.get(child)?.parent, family.child.pid);
  assert.ok(Math.abs(sumTree(table, family.child.pid)!.rssBytes - expected) < 2 * 1024 * 1024);
  Deno.kill(child, "SIGKILL");
});

Deno.test("readPlatformTable() gives nothing where the tool is missing", async () => {
  if (Deno.build.os !== "windows") assert.equal(await readPlatformTable("windows"), undefined);
});
