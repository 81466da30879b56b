// Caps what a process of the host's own uses that works for a plugin.
import { SallyportError } from "../../errors.ts";
import type { ProcessLimits } from "../launch/launch_spec.ts";
import { writeKernelFile } from "./groups/kernel_files.ts";
import type { CgroupManager } from "./groups/cgroup_manager.ts";

/** The group of one helper process. Disposing it kills what is left inside and removes it. */
export interface HelperGroup extends AsyncDisposable {
  /** What comes before the command where a program makes the group; empty otherwise. */
  readonly prefix: readonly string[];
  /** What that program needs in its environment. */
  readonly prefixEnv: Readonly<Record<string, string>>;
  /**
   * Moves the running process into the group.
   *
   * @throws {SallyportError} `launch-failed` when it is not in it then.
   */
  adopt(pid: number): void;
}

/**
 * Makes a group beside that of a plugin.
 *
 * @throws {SallyportError} `launch-failed` when the kernel refuses it.
 */
export async function helperGroup(
  manager: Pick<CgroupManager, "create">,
  limits: ProcessLimits,
): Promise<HelperGroup> {
  const group = await manager.create(limits);
  return {
    prefix: group.prefix,
    prefixEnv: group.prefixEnv,
    adopt(pid) {
      let cause: unknown;
      try {
        // "tasks" of version 1 takes a single thread
        for (const file of group.join) {
          writeKernelFile(file.replace(/\/tasks$/, "/cgroup.procs"), String(pid));
        }
      } catch (error) {
        cause = error;
      }
      if (cause === undefined && group.facts(pid) !== undefined) return;
      throw new SallyportError("launch-failed", `Cannot limit process ${pid} with a cgroup`, {
        cause,
      });
    },
    [Symbol.asyncDispose]: () => group[Symbol.asyncDispose](),
  };
}
