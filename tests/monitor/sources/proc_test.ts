import assert from "node:assert/strict";
import {
  ancestors,
  countDescriptors,
  readPeakRss,
  readStat,
  readWritten,
} from "../../../src/monitor/sources/proc.ts";
import { ProcessTable } from "../../../src/monitor/sources/process_table.ts";
import { SocketCounter } from "../../../src/monitor/sources/sockets.ts";
import { startShell, until } from "../../helpers/process.ts";
import { requiringTest } from "../../helpers/sandbox.ts";
import { noProc, startWatched } from "../watched_child.ts";

const MIB = 1024 * 1024;

requiringTest(
  "readStat() tells memory, threads and processor time of a process",
  noProc,
  async () => {
    await using child = await startWatched();
    await using control = await startWatched();
    const [before, still] = [readStat(child.pid)!, readStat(control.pid)!];
    assert.equal(before.parent, Deno.pid);
    const rss =
      /^VmRSS:\s+(\d+) kB/m.exec(Deno.readTextFileSync(`/proc/${control.pid}/status`))![1];
    assert.ok(Math.abs(still.rssBytes - Number(rss) * 1024) < 4 * MIB, "the page size is wrong");
    await child.ask("buffers 64");
    await child.ask("workers 3");
    await child.ask("spin 150");
    const after = readStat(child.pid)!;
    assert.equal(after.startTicks, before.startTicks);
    assert.ok(after.rssBytes - before.rssBytes > 50 * MIB);
    // a runtime starts and ends threads of its own, so that one moment may not be the other's
    const listed = () => [...Deno.readDirSync(`/proc/${child.pid}/task`)].length;
    await until(() => readStat(child.pid)!.threads === listed(), "as many threads as are listed");
    assert.ok(after.threads >= before.threads + 3);
    assert.ok(after.cpuTimeMs - before.cpuTimeMs >= 100);
    assert.ok(readPeakRss(child.pid)! >= after.rssBytes - MIB);
    // the control did nothing
    const rested = readStat(control.pid)!;
    assert.ok(rested.rssBytes - still.rssBytes < 8 * MIB);
    assert.ok(rested.cpuTimeMs - still.cpuTimeMs < 100);
    const waiting = readWritten(control.pid)!;
    await control.ask("write /dev/null 100000");
    assert.ok(readWritten(control.pid)! - waiting >= 100_000);
  },
);

requiringTest("readStat() gives nothing for a process that has ended", noProc, async () => {
  const shell = startShell("exit 0");
  await shell.child.exited;
  assert.equal(readStat(shell.child.pid), undefined);
  assert.equal(countDescriptors(shell.child.pid), undefined);
  assert.equal(readPeakRss(shell.child.pid), undefined);
  await shell[Symbol.asyncDispose]();
});

requiringTest("countDescriptors() and SocketCounter count against a control", noProc, async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  await using child = await startWatched();
  await using control = await startWatched();
  const sockets = new SocketCounter();
  // a runtime opens and closes some of its own for a while: both must come to rest
  const more = (count: number) => () =>
    countDescriptors(child.pid)! - countDescriptors(control.pid)! === count;
  await until(more(0), "both have started");
  assert.equal(sockets.count([child.pid]), 0, "the runtime's own socket pairs count");
  assert.equal(await child.ask("files 25"), "done");
  await until(more(25), "25 more than the control");
  assert.equal(sockets.count([child.pid]), 0);
  await child.ask(`connect ${port} 7`);
  await child.ask("listen");
  await until(more(33), "33 more than the control");
  assert.equal(countDescriptors(child.pid), [...Deno.readDirSync(`/proc/${child.pid}/fd`)].length);
  assert.equal(new SocketCounter().count([child.pid]), 7, "a listener is no connection");
  assert.equal(new SocketCounter().count([control.pid]), 0);
  assert.equal(sockets.count([0]), undefined);
});

requiringTest("ProcessTable finds everybody below a process", noProc, async () => {
  // a shell, two below it, and one below one of those
  await using family = startShell("sh -c 'sleep 60 & echo $!; wait' & sleep 60 & echo $!; wait");
  await using stranger = startShell("echo up; read x");
  const grandchildren = [Number(await family.line()), Number(await family.line())];
  await stranger.line();
  const table = new ProcessTable();
  table.refresh();
  const below = table.below(family.child.pid);
  assert.equal(below.length, 3);
  for (const pid of grandchildren) assert.ok(below.includes(pid));
  assert.deepEqual(table.below(stranger.child.pid), []);
  assert.deepEqual(
    ancestors(below.find((pid) => readStat(pid)!.parent !== family.child.pid)!).at(-1),
    family.child.pid,
  );
  for (const pid of below) Deno.kill(pid, "SIGKILL");
});

requiringTest("ProcessTable rests two hundred times as long as a look took", noProc, async () => {
  let now = 0;
  const table = new ProcessTable(() => now += 5); // each look takes 5 ms by this clock
  table.refresh();
  await using late = startShell("sleep 60 & echo up; wait");
  await late.line();
  table.refresh();
  assert.deepEqual(table.below(late.child.pid), [], "it looked too soon");
  now += 1_000;
  table.refresh();
  const below = table.below(late.child.pid);
  assert.equal(below.length, 1);
  Deno.kill(below[0]!, "SIGKILL");
});
