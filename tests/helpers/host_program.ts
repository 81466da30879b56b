import { fileURLToPath } from "node:url";
import { startCommand, type TestChild } from "./process.ts";

const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

/** Starts a program of `tests/fixtures/hosts` as a process of its own. */
export function startHost(
  name: string,
  args: readonly string[],
  permissions: readonly string[] = ["-A"],
  env: Readonly<Record<string, string>> = {},
): TestChild {
  const program = fileURLToPath(new URL(`../fixtures/hosts/${name}.ts`, import.meta.url));
  return startCommand({
    command: Deno.execPath(),
    args: [
      ...["run", "--no-prompt", "--no-check", "--no-lock", `--config=${CONFIG}`],
      ...permissions,
      program,
      ...args,
    ],
    env: { ...Deno.env.toObject(), ...env },
    cwd: "/",
  });
}
