/**
 * Finds the `deno` executable that this host is permitted to run.
 *
 * @module
 */
import { SallyportError } from "../errors.ts";

/**
 * Finds the executable for child processes: this very runtime, or `deno` by name where the host was
 * given no more than `--allow-run=deno`.
 *
 * @returns An absolute path, or `deno`.
 * @throws {SallyportError} `bad-config` when the host may run neither.
 */
export function denoExecutable(): string {
  const own = Deno.build.standalone ? undefined : Deno.execPath();
  for (const command of own === undefined ? ["deno"] : [own, "deno"]) {
    if (Deno.permissions.querySync({ name: "run", command }).state === "granted") return command;
  }
  throw new SallyportError("bad-config", "Cannot start plugins: the host may not run deno", {
    hint: "Start the host with --allow-run=deno",
  });
}
