// Tries whether a scope of systemd really caps what it is told to.
import { escapeText } from "../../../errors.ts";
import type { CgroupFacts } from "../../launch/launcher.ts";
import type { ProcessLimits } from "../../launch/launch_spec.ts";
import { OWN_SESSION } from "../../../io/own_session.ts";
import { CannotTell, kill } from "../../../io/bounded_command.ts";
import type { CgroupManager } from "../groups/cgroup_manager.ts";

const TIMEOUT_MS = 10_000;
const READY = "ready";

const LIMITS: ProcessLimits = Object.freeze({
  memoryBytes: 64 * 1024 * 1024,
  cpuPercent: 100,
  threads: 16,
  fileDescriptors: 64,
  fileBytes: 0,
});

/**
 * Starts a shell in a scope, reads the limits that the kernel holds it to, and ends it.
 *
 * @throws {CannotTell} where it took too long.
 */
export async function tryScope(manager: CgroupManager): Promise<CgroupFacts | string> {
  await using scope = await manager.create(LIMITS);
  const [command, ...args] = [...scope.prefix, "/bin/sh", "-c", `echo ${READY}; read x`];
  const child = new Deno.Command(command!, {
    args,
    env: { ...scope.prefixEnv, LC_ALL: "C" },
    clearEnv: true,
    cwd: "/",
    ...OWN_SESSION,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill(child);
  }, TIMEOUT_MS);
  const complaint = new Response(child.stderr).text();
  try {
    if (await startsWith(child.stdout, READY)) {
      return scope.facts(child.pid) ?? "the process was not in the scope that systemd-run made";
    }
    kill(child);
    const text = escapeText((await complaint).trim(), 300);
    if (late) throw new CannotTell(`systemd-run did not answer within ${TIMEOUT_MS} ms: ${text}`);
    return `systemd-run fails: ${text || "it ended without a word"}`;
  } finally {
    kill(child);
    clearTimeout(timer);
    await Promise.allSettled([child.stdin.abort(), child.stdout.cancel(), complaint, child.status]);
  }
}

async function startsWith(stream: ReadableStream<Uint8Array>, text: string): Promise<boolean> {
  const reader = stream.getReader();
  let seen = "";
  const decoder = new TextDecoder();
  try {
    while (seen.length < text.length) {
      const { done, value } = await reader.read();
      if (done) return false;
      seen += decoder.decode(value, { stream: true });
    }
    return seen.startsWith(text);
  } finally {
    reader.releaseLock();
  }
}
