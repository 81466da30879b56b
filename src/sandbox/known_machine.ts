// What is known of this machine: looked at once, or remembered from an earlier host.
import { CannotTell } from "../io/bounded_command.ts";
import { librariesOf } from "./machine/libraries.ts";
import type { MachineMemory, Remembered } from "./machine/memory.ts";
import { type Survey, survey } from "./machine/survey.ts";
import type { Scratch } from "./launchers/scratch.ts";
import { forgetProbes, type LauncherProbe, probeLauncher } from "./probe.ts";

/** What a launcher with a root folder is made of. */
export interface MachineParts {
  readonly survey: Survey;
  readonly libraries: readonly string[];
  readonly executable: string;
  readonly scratch: Scratch;
}

/** Knows what works here. */
export class Machine implements AsyncDisposable {
  readonly #executable: string;
  readonly #scratch: Scratch;
  readonly #memory: MachineMemory | undefined;
  #recalling: Promise<Remembered | undefined> | undefined;
  #remembering: Promise<void> = Promise.resolve();
  readonly #works = new Set<LauncherProbe["name"]>();

  constructor(executable: string, scratch: Scratch, memory: MachineMemory | undefined) {
    this.#executable = executable;
    this.#scratch = scratch;
    this.#memory = memory;
  }

  /** Says whether a launcher works: as it is remembered, else by starting the runtime with it. */
  async probe(name: LauncherProbe["name"]): Promise<LauncherProbe> {
    const remembered = await this.#recall();
    if (remembered?.works.includes(name)) {
      return { name, works: true, path: remembered.survey.programs[name] };
    }
    const probe = await this.#try(name);
    if (probe.works) this.#remember(name);
    return probe;
  }

  /**
   * Returns what launchers that work are made of.
   *
   * @throws {CannotTell} where it could not look.
   */
  async parts(): Promise<MachineParts> {
    const found = (await this.#recall())?.survey ?? await survey(this.#executable);
    if (typeof found === "string") throw new CannotTell(found);
    return {
      survey: found,
      libraries: librariesOf(found),
      executable: this.#executable,
      scratch: this.#scratch,
    };
  }

  /**
   * Forgets what was remembered, and tries a launcher.
   *
   * @returns Whether it works; `false` too where nothing was remembered.
   */
  async relearn(name: LauncherProbe["name"]): Promise<boolean> {
    if (await this.#recall() === undefined) return false;
    this.#recalling = Promise.resolve(undefined);
    await this.#memory?.forget();
    forgetProbes(this.#executable);
    return (await this.probe(name)).works;
  }

  /** Waits until what was found out is remembered. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remembering;
  }

  #recall(): Promise<Remembered | undefined> {
    return this.#recalling ??= this.#memory?.recall(this.#executable) ?? Promise.resolve(undefined);
  }

  async #try(name: LauncherProbe["name"]): Promise<LauncherProbe> {
    try {
      const found = await survey(this.#executable);
      const libraries = librariesOf(typeof found === "string" ? undefined : found);
      const [executable, scratch] = [this.#executable, this.#scratch];
      return await probeLauncher(name, { executable, libraries, scratch });
    } catch (error) {
      if (!(error instanceof CannotTell)) throw error;
      return { name, works: false, reason: error.message, unsure: error };
    }
  }

  #remember(name: LauncherProbe["name"]): void {
    this.#works.add(name);
    this.#remembering = this.#remembering.then(async () => {
      const { survey } = await this.parts();
      await this.#memory?.remember(this.#executable, { survey, works: [...this.#works] });
    }).catch(() => {}); // the next host looks for itself
  }
}
