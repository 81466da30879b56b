// The last acts of the demo: what each plugin was allowed and used, and that nothing is left.
import type { PluginHandle, SandboxReport } from "@sallyport/host";
import { childProcesses, isRunning } from "./processes.ts";
import { expect, type Stage } from "./stage.ts";
import type { Terminal } from "./terminal.ts";

/** Shows what each plugin was allowed, and what it used. */
export async function showAccount({ terminal, host }: Stage): Promise<void> {
  terminal.chapter("What each plugin was allowed, and used");
  const plugins = host.plugins({ state: "active" });
  const rows = await Promise.all(plugins.map(async (plugin) => {
    const usage = await plugin.usage();
    expect(usage.calls > 0, `${plugin.name} was called`);
    return [
      plugin.name,
      usage.calls,
      usage.failures,
      usage.bytesSent,
      usage.bytesReceived,
      usage.peakMemoryBytes === undefined
        ? "-"
        : `${Math.round(usage.peakMemoryBytes / 2 ** 20)} MiB`,
      usage.cpuTimeMs === undefined ? "-" : `${usage.cpuTimeMs} ms`,
    ];
  }));
  terminal.table(
    ["plugin", "calls", "failed", "bytes to it", "bytes from it", "peak memory", "cpu"],
    rows,
  );
  for (const plugin of plugins) showAllowed(terminal, plugin);
  showIsolation(terminal, plugins[0]!.sandbox!);
}

/** Shows what held the plugins, as it was read from a running one. */
function showIsolation(terminal: Terminal, sandbox: SandboxReport): void {
  const { launcher, namespaces, seccomp, seccompProfile, cgroup, rlimits, missing } = sandbox;
  const layers = [
    "Deno's permissions",
    ...(namespaces ? ["a root folder and namespaces of their own"] : []),
    ...(seccomp ? [`the ${seccompProfile} system call filter`] : []),
    ...(cgroup ? ["a cgroup"] : []),
    ...(rlimits ? ["rlimits"] : []),
  ];
  terminal.say(`Isolation here is "${launcher}": ${layers.join(", ")}.`);
  if (missing.length === 0) return;
  terminal.say("Not in force:");
  for (const sentence of missing) terminal.detail(`- ${sentence}`);
}

function showAllowed(terminal: Terminal, plugin: PluginHandle): void {
  const lines = plugin.explain();
  terminal.say(`${plugin.name}${lines.length === 0 ? ": only to read its own bundle" : ""}`);
  for (const line of lines) terminal.detail(line.replace(/\s{2,}/g, "  "));
}

/** Shows that nothing is left, once host and workshop are closed. */
export async function showNothingLeft(
  terminal: Terminal,
  folders: readonly string[],
  pids: readonly number[],
): Promise<void> {
  terminal.chapter("Nothing is left");
  for (const folder of folders) {
    const gone = await Deno.lstat(folder).then(() => false, () => true);
    expect(gone, `${folder} is gone`);
    terminal.done(`${folder} is gone`);
  }
  const running = pids.filter(isRunning);
  expect(pids.length > 0 && running.length === 0, `plugin processes are left: ${running}`);
  const children = await childProcesses();
  expect(children.length === 0, `child processes are left: ${children}`);
  terminal.done(
    `${pids.length} plugin processes (${pids.join(", ")}) have ended; no child is left`,
  );
}
