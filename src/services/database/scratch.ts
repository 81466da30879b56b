import type { Limits } from "../../bundle/manifest/limits.ts";
import { removeTree } from "../../io/remove_tree.ts";
import { isPresent } from "../../io/is_present.ts";
import { findDeno } from "../../sandbox/machine/find_deno.ts";
import type { DatabasePlace } from "./child.ts";
import type { HelperGroup } from "../../sandbox/cgroup/helper_group.ts";
import { DATABASE_PROCESS_SOURCE } from "./database_process.generated.ts";

/** Makes the group that caps a process which works for a plugin; nothing where none can be made. */
export type Confine = (limits: Limits) => Promise<HelperGroup | undefined>;

/** Makes and removes what database processes need on disk. */
export class ServiceScratch implements AsyncDisposable {
  readonly #dir: string;
  readonly #confine: Confine | undefined;
  #executable: string | undefined;
  #prepared: Promise<string> | undefined;
  #isPrepared = false;
  #next = 1;

  constructor(dir: string, executable?: string, confine?: Confine) {
    this.#dir = dir;
    this.#confine = confine;
    this.#executable = executable;
  }

  /** Makes the folder and group of one database process, and the process's script where it is missing. */
  async databasePlace(limits: Limits): Promise<DatabasePlace & AsyncDisposable> {
    // a cleaner of temporary files may have removed it
    if (this.#isPrepared && !isPresent(scriptIn(this.#dir))) this.#prepared = undefined;
    const prepared = this.#prepared ??= this.#prepare();
    prepared.catch(() => {
      // what failed once may succeed the next time
      if (this.#prepared === prepared) this.#prepared = undefined;
    });
    const dir = await prepared;
    const denoDir = `${dir}/${this.#next++}`;
    await Deno.mkdir(denoDir, { mode: 0o700 });
    await using undo = new AsyncDisposableStack();
    undo.defer(() => removeTree(denoDir));
    this.#executable ??= (await findDeno()).path;
    const group = await this.#confine?.(limits);
    undo.use(group);
    const stack = undo.move();
    return {
      executable: this.#executable,
      script: scriptIn(dir),
      denoDir,
      group,
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#prepared === undefined) return;
    await this.#prepared.catch(() => {}); // a folder that was never made is removed already
    this.#prepared = undefined;
    await removeTree(this.#dir);
  }

  async #prepare(): Promise<string> {
    this.#isPrepared = false;
    await Deno.mkdir(this.#dir, { recursive: true, mode: 0o700 });
    const dir = await Deno.realPath(this.#dir);
    const script = scriptIn(dir);
    await Deno.remove(script).catch(() => {}); // a part of it may be left from a full disk
    await Deno.writeTextFile(script, DATABASE_PROCESS_SOURCE, { mode: 0o400 });
    this.#isPrepared = true;
    return dir;
  }
}

function scriptIn(dir: string): string {
  return `${dir}/database_process.js`;
}
