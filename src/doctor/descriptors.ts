// Tries whether descriptors that the host has inherited stay out of a plugin's process.
import { fails, works } from "./probes.ts";
import { runProgram } from "./run.ts";
import type { Probe } from "./types.ts";
import { survey } from "../sandbox/machine/survey.ts";
import { PROLOGUE, scriptCommand } from "../sandbox/launch/wrapper.ts";

const LIMITS = { fileDescriptors: 64, fileBytes: 1024 * 1024 };

/** Leaves descriptors open, as a careless parent of the host would, before what each start does first. */
export async function probeDescriptors(executable: string): Promise<Probe> {
  const found = await survey(executable);
  if (typeof found === "string") return fails(found);
  const { shell } = found;
  const [low, high] = [7, 12];
  const open = shell.bash ? [low, high] : [low];
  const leave = `${open.map((fd) => `exec ${fd}</dev/null`).join("; ")}; exec "$@"`;
  const look = [
    shell.path,
    "-c",
    `for fd in ${open.join(" ")}; do [ -e "/proc/self/fd/$fd" ] && echo open; done; echo end`,
  ];
  const script = `${PROLOGUE}exec "$@"\n`;
  const without = await runProgram([shell.path, "-c", leave, "sh", ...look]);
  const held = await runProgram(
    [shell.path, "-c", leave, "sh", ...scriptCommand(shell, script, LIMITS, [], look)],
  );
  if (!without.out.startsWith("open")) return fails("the control failed");
  if (!held.ok) return fails(held.why);
  if (held.out !== "end") return fails("inherited ones stay open");
  const most =
    "inherited ones below 10 are closed; one above ends the start, as only bash can close it";
  return works(shell.bash ? "inherited ones are closed" : most);
}
