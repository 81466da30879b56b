// The plain launcher: Deno's permission flags and nothing below them.
import type { LaunchCommand, Launcher, SandboxReport } from "../launch/launcher.ts";
import type { LaunchSpec } from "../launch/launch_spec.ts";
import { UNKNOWN_OUTCOME } from "./root_launch.ts";

/** Options of {@linkcode plainLauncher}. */
export interface PlainLauncherOptions {
  /** The path of util-linux's `setpriv`, where it exists and the host may run it. */
  setpriv?: string;
  /**
   * Why it is not used, where it is not.
   *
   * @default {"no setpriv"}
   */
  without?: string;
  /** Why the launchers that contain more do not work, one sentence each. */
  missing?: readonly string[];
}

/**
 * Makes the launcher that relies on Deno's flags alone.
 *
 * Flags alone are not a boundary against a determined plugin; `docs/security.md` says what they leave.
 * With `setpriv` the kernel kills the process when the host dies, even one that is in a busy loop.
 */
export function plainLauncher(options: PlainLauncherOptions = {}): Launcher {
  const { setpriv, without = "no setpriv" } = options;
  const missing = [
    ...options.missing ?? [],
    "no namespaces: the plugin's process sees the machine as the host's user does, held by Deno's flags only",
    "no seccomp filter",
    "no cgroup: memory outside the V8 heap, cpu time and threads are not capped by the kernel",
    "no rlimits: open files and the size of a written file are not capped by the kernel",
  ];
  if (setpriv === undefined) {
    missing.push(
      `${without}: a plugin in a busy loop outlives a host that is killed with SIGKILL`,
    );
  }
  const describe = (spec: LaunchSpec): LaunchCommand =>
    setpriv === undefined
      ? { command: spec.executable, args: spec.args, env: spec.env, cwd: spec.cwd }
      : {
        command: setpriv,
        args: ["--pdeathsig", "KILL", "--", spec.executable, ...spec.args],
        env: spec.env,
        cwd: spec.cwd,
      };
  const report = (): SandboxReport => ({
    launcher: "plain",
    denoPermissions: true,
    namespaces: false,
    seccomp: false,
    seccompProfile: "off",
    network: "host",
    cgroup: false,
    rlimits: false,
    diesWithHost: setpriv === undefined ? "stdin" : "kernel",
    missing: Object.freeze([...missing]),
  });
  return {
    name: "plain",
    privateRoot: false,
    libraries: Object.freeze([]),
    describe,
    report,
    launch(spec) {
      return Promise.resolve({
        command: describe(spec),
        seccompFilter: undefined,
        inspect: report,
        inspectStarted: report, // nothing is added to the flags that it is executed with
        outcome: () => Promise.resolve(UNKNOWN_OUTCOME),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    },
  };
}
