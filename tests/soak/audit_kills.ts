// deno-lint-ignore-file no-console -- a program for people
/**
 * Kills writers of an audit log with SIGKILL at random moments and checks the log after each:
 * `audit_kills.ts [--kills N] [--seed N]`.
 *
 * Exit code 1 when a line that was written is not there, or anything but the last line is broken.
 */
import { parseArgs } from "node:util";
import { killWriters } from "./audit_rounds.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: { kills: { type: "string", default: "500" }, seed: { type: "string" } },
});
const kills = Number(values.kills);
const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
if (!(kills > 0) || !Number.isInteger(seed)) {
  console.error("usage: audit_kills.ts [--kills N] [--seed N]");
  Deno.exit(2);
}
console.log(`seed ${seed}: ${kills} kills`);
const folder = await Deno.makeTempDir({ prefix: "audit-kills-" });
try {
  const began = performance.now();
  const summary = await killWriters(folder, { kills, seed, tell: (line) => console.log(line) });
  const seconds = ((performance.now() - began) / 1_000).toFixed(0);
  console.log(
    `${summary.kills} kills in ${seconds} s, ${summary.whileOpening} of them before the log was ` +
      `open; ${summary.lines} lines, none lost; ${summary.torn} torn and repaired`,
  );
} finally {
  await Deno.remove(folder, { recursive: true });
}
