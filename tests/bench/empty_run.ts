/**
 * The floor of everything that starts a process: `deno run` on an empty file.
 *
 * @module
 */

/** Runs an empty file, from spawn to exit. */
export class EmptyRun implements AsyncDisposable {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Writes the empty file, to a folder that goes with this. */
  static async make(): Promise<EmptyRun> {
    const dir = await Deno.makeTempDir({ prefix: "sallyport-bench-" });
    await Deno.writeTextFile(`${dir}/empty.ts`, "");
    return new EmptyRun(dir);
  }

  /** Runs it once. */
  async run(): Promise<void> {
    await new Deno.Command(Deno.execPath(), {
      args: ["run", `${this.#dir}/empty.ts`],
      env: { DENO_DIR: `${this.#dir}/deno`, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      clearEnv: true,
    }).output();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#dir, { recursive: true });
  }
}
