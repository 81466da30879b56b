// deno-lint-ignore-file no-console -- a program for people
/**
 * Kills hosts with SIGKILL at random moments, again and again, and looks for what remains:
 * `main.ts [--rounds N] [--launcher bwrap|unshare|both] [--user self|nobody] [--seed N]`.
 *
 * A line a round, a summary, and exit code 1 with whatever remained. Every eighth round or so kills a
 * process of a plugin's launcher instead. The same seed makes the same choices; what a moment hits
 * depends on the machine, too.
 *
 * `main.ts --cycles N [--isolation plain|bwrap|unshare]` kills nothing: it loads, uses and unloads a
 * plugin so often, and compares what the host holds in the end with what it held half-way.
 *
 * `main.ts --reloads N [--isolation plain|bwrap|unshare|auto]` changes a plugin's version so often under the
 * load of eight callers: see `reloads.ts`.
 */
import { parseArgs } from "node:util";
import { sampleLine, soakCycles } from "./cycles.ts";
import { chooseRound, type Round } from "./moments.ts";
import { makeOwnedDir } from "./owned_dir.ts";
import { chanceFrom } from "./random.ts";
import { killHost, killLauncher, type RoundResult } from "./rounds.ts";
import { bundleHost, Scene } from "./scene.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    rounds: { type: "string", default: "100" },
    launcher: { type: "string", default: "both" },
    user: { type: "string", default: "self" },
    seed: { type: "string" },
    only: { type: "string" },
    cycles: { type: "string" },
    reloads: { type: "string" },
    isolation: { type: "string", default: "plain" },
  },
});
if (values.cycles !== undefined) Deno.exit(await soakLoading());
if (values.reloads !== undefined) {
  await import("./reloads.ts"); // it reads the arguments itself
  Deno.exit();
}
const rounds = Number(values.rounds);
const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const launchers = values.launcher === "both" ? ["bwrap", "unshare"] : [values.launcher];
if (
  !(rounds > 0) || !Number.isInteger(seed) || !["self", "nobody"].includes(values.user) ||
  !launchers.every((name) => name === "bwrap" || name === "unshare")
) {
  console.error(
    "usage: main.ts [--rounds N] [--launcher bwrap|unshare|both] [--user self|nobody] [--seed N]",
  );
  Deno.exit(2);
}

console.log(`seed ${seed}: ${rounds} rounds for ${launchers.join(" and ")}, as ${values.user}`);
const folder = await makeOwnedDir();
let failed = 0;
try {
  const program = await bundleHost(folder);
  for (const isolation of launchers as ("bwrap" | "unshare")[]) {
    await soak(isolation, program);
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
Deno.exit(failed === 0 ? 0 : 1);

async function soak(isolation: "bwrap" | "unshare", program: string): Promise<void> {
  await using scene = await Scene.set({ isolation, asUser: values.user === "nobody" }, program);
  const began = performance.now();
  const hit = new Map<string, number>();
  const gone: number[] = [];
  const left: string[] = [];
  for (let number = 1; number <= rounds; number++) {
    // each round has chances of its own, so that one can be done again alone
    const round = chooseRound(chanceFrom(seed + number * 7919));
    if (values.only !== undefined && Number(values.only) !== number) continue;
    const start = performance.now();
    const result = await run(scene, round);
    const at = `${round.kill === "launcher" ? "launcher: " : ""}${result.at}`;
    const phase = round.kill === "launcher" ? "launcher" : at.split(" ")[0]!;
    hit.set(phase, (hit.get(phase) ?? 0) + 1);
    gone.push(result.goneMs);
    console.log(line(isolation, number, round, result, performance.now() - start));
    for (const problem of result.problems) {
      console.log(`    ${problem}`);
      left.push(`round ${number}: ${problem}`);
    }
  }
  gone.sort((a, b) => a - b);
  const seconds = ((performance.now() - began) / 1_000).toFixed(0);
  console.log(
    `${isolation}: ${gone.length} rounds in ${seconds} s, killed in ${
      [...hit].map(([phase, count]) => `${phase} ${count}`).join(", ")
    }; processes gone after ${gone[gone.length >> 1]} ms (median), ${gone.at(-1)} ms (longest); ${
      left.length === 0 ? "nothing remained" : `REMAINED, seed ${seed}: ${left.length}`
    }`,
  );
  for (const each of left) console.log(`  ${each}`);
  failed += left.length;
}

async function soakLoading(): Promise<number> {
  const cycles = Number(values.cycles);
  const { isolation } = values;
  if (!(cycles >= 2) || !["plain", "bwrap", "unshare"].includes(isolation)) {
    console.error("usage: main.ts --cycles N [--isolation plain|bwrap|unshare]");
    return 2;
  }
  console.log(`${cycles} cycles with ${isolation}`);
  const began = performance.now();
  const { problems } = await soakCycles({
    cycles,
    isolation: isolation as "plain" | "bwrap" | "unshare",
    onSample: (sample) => console.log(sampleLine(sample)),
  });
  const seconds = ((performance.now() - began) / 1_000).toFixed(0);
  console.log(
    `${isolation}: ${cycles} cycles in ${seconds} s; ${
      problems.length === 0 ? "nothing grew" : `GREW: ${problems.length}`
    }`,
  );
  for (const problem of problems) console.log(`  ${problem}`);
  return problems.length === 0 ? 0 : 1;
}

async function run(scene: Scene, round: Round): Promise<RoundResult> {
  return round.kill === "host"
    ? await killHost(scene, round.moment, round.options)
    : await killLauncher(scene, round.victim, round.options);
}

function line(
  isolation: string,
  number: number,
  { kill, options, ...round }: Round,
  { at, had, goneMs, problems }: RoundResult,
  ms: number,
): string {
  const when = "moment" in round
    ? `${round.moment.delayMs} ms after "${round.moment.after ?? "its start"}"`
    : round.victim.plugin;
  return [
    `${String(number).padStart(4)} ${isolation}${options.temporary ? " (temporary)" : ""}:`,
    `${kill} killed ${when}, at "${at}";`,
    `had ${had.processes} processes, ${had.groups} cgroups, ${had.files} files;`,
    `gone in ${goneMs} ms; ${problems.length === 0 ? "ok" : "PROBLEMS"}`,
    `(${(ms / 1_000).toFixed(1)} s)`,
  ].join(" ");
}
