// What a host that was killed leaves, and what the next one makes of it.
import assert from "node:assert/strict";
import { openCgroups } from "../../../src/sandbox/cgroup/manager.ts";
import { assertRemoved } from "./checks.ts";
import { eventually, runs } from "./members.ts";

/** What `killed_host.ts` says. */
interface Report {
  readonly kind: string;
  readonly folders: string[];
  readonly prefix: string[];
  readonly pid: number;
}

/** A host in a process of its own; it is killed when its scope ends. */
export interface OtherHost extends AsyncDisposable {
  /** What it made. */
  readonly report: Report;
  /** Kills it with SIGKILL and waits for its end. */
  kill(): Promise<void>;
}

/** Starts a host in a process of its own. */
export async function startOtherHost(program: readonly string[]): Promise<OtherHost> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", ...program],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { done, value } = await reader.read();
    if (done) throw new Error("the other host did not come up");
    text += value;
  }
  const kill = async () => {
    try {
      child.kill("SIGKILL");
    } catch {
      // it has ended
    }
    await child.status;
    await Promise.allSettled([child.stdin.abort(), reader.cancel()]);
  };
  return { report: JSON.parse(text), kill, [Symbol.asyncDispose]: kill };
}

/**
 * Kills a host with SIGKILL while a process lives in its group. As long as the host lives nobody touches
 * that; afterwards the next host ends the process and removes the group.
 */
export async function sweepsAfterAKill(program: readonly string[]): Promise<void> {
  await using other = await startOtherHost(program);
  const { report } = other;
  try {
    await open();
    assert.ok(runs(report.pid), "a process of a living host was killed");
    for (const folder of report.folders) assert.ok(Deno.statSync(folder).isDirectory);
    await other.kill();
    assert.ok(runs(report.pid), "the process died by itself: nothing is proven");
    await open();
    await eventually(() => !runs(report.pid), "the process that was left is dead");
    assertRemoved(report.folders);
    for (const folder of report.folders) {
      const host = folder.slice(0, folder.lastIndexOf("/"));
      assert.throws(() => Deno.statSync(host), Deno.errors.NotFound, `${host} is still there`);
    }
  } finally {
    if (runs(report.pid)) Deno.kill(report.pid, "SIGKILL");
  }
}

async function open(): Promise<void> {
  const { manager, missing } = await openCgroups();
  assert.ok(manager, missing.join("; "));
  await manager[Symbol.asyncDispose]();
}
