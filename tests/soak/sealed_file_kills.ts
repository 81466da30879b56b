// deno-lint-ignore-file no-console -- a program for people
/**
 * Kills a writer of a sealed file with SIGKILL at random moments, again and again, and opens what is
 * left: `sealed_file_kills.ts [--rounds N] [--seed N]`, 500 rounds unless told otherwise.
 *
 * After each kill the file opens as the last revision that was said to be written or the one after;
 * the one before is kept beside it; the lock is free; and the next writer removes what was left.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { SealingKey } from "../../src/crypto/sealed.ts";
import {
  createSealedFile,
  PREVIOUS_ENDING,
  readSealedFile,
  replaceSealedFile,
  withFileLock,
} from "../../src/trust/sealed/sealed_file.ts";
import { makeRevision, readRevision } from "../fixtures/sealed/revision.ts";
import { startCommand, type TestChild } from "../helpers/process.ts";
import { chanceFrom } from "./random.ts";

/** Options of {@linkcode killSealedFileWriters}. */
export interface KillOptions {
  /** How many writers are killed. */
  readonly rounds: number;
  /** Chooses the moments. */
  readonly seed: number;
  /** An empty folder. */
  readonly dir: string;
  /** Is told each round. */
  readonly log?: (line: string) => void;
}

/** Counts what the kills hit. */
export interface KillCounts {
  /** Writers that were killed. */
  kills: number;
  /** Kills after which the file was at the revision that was said last. */
  old: number;
  /** Kills after which the file was at the next one, which nobody had said yet. */
  new: number;
  /** Kills that left a temporary file. */
  leftTemporary: number;
  /** Kills between the two renames, after which the copy is of the revision that is in place. */
  betweenRenames: number;
  /** Times that the file was read while a writer ran. */
  reads: number;
  /** The last revision. */
  revision: number;
}

const SECRET = { key: crypto.getRandomValues(new Uint8Array(32)) };
/** Within how many milliseconds after a writer's first word it is killed. */
const WITHIN_MS = 60;
const TEMPORARY = /\.tmp$/;

/**
 * Kills writers.
 *
 * @param options How many, and where.
 * @returns What was hit; the most that a kill may leave is asserted.
 */
export async function killSealedFileWriters(options: KillOptions): Promise<KillCounts> {
  const { rounds, seed, dir, log = () => {} } = options;
  const chance = chanceFrom(seed);
  const file = `${dir}/trust.list`;
  const key = await SealingKey.create(SECRET);
  await createSealedFile(file, makeRevision(key, 1));
  await replaceSealedFile(file, makeRevision(key, 2));
  const counts: KillCounts = {
    kills: 0,
    old: 0,
    new: 0,
    leftTemporary: 0,
    betweenRenames: 0,
    reads: 0,
    revision: 2,
  };
  for (let round = 1; round <= rounds; round++) {
    const delayMs = chance.next() * WITHIN_MS;
    const began = counts.revision;
    const said = await killOne(file, key, delayMs, counts);
    await check(file, key, Math.max(said, began), counts);
    log(
      `${String(round).padStart(4)}: killed after ${delayMs.toFixed(1)} ms, ` +
        `${counts.revision - began} revisions, now ${counts.revision}`,
    );
    await writeOnce(file, key, counts);
  }
  return counts;
}

/** Starts a writer, reads beside it, kills it, and gives the last revision that it had said. */
async function killOne(
  file: string,
  key: SealingKey,
  delayMs: number,
  counts: KillCounts,
): Promise<number> {
  await using writer = startWriter("rewrite", file);
  assert.equal(await writer.line(), "ready");
  const deadline = performance.now() + delayMs;
  let last = 0;
  while (performance.now() < deadline) {
    const revision = readRevision(key, await readSealedFile(file));
    assert.ok(revision >= last, `a reader saw ${revision} after ${last}`);
    last = revision;
    counts.reads++;
    const leftMs = deadline - performance.now();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, Math.min(2, leftMs))));
  }
  writer.child.kill("SIGKILL");
  await writer.child.exited;
  counts.kills++;
  let said = last;
  try {
    for (;;) said = Math.max(said, Number((await writer.line()).split(" ")[1]));
  } catch {
    return said; // the end of its output
  }
}

async function check(
  file: string,
  key: SealingKey,
  said: number,
  counts: KillCounts,
): Promise<void> {
  const revision = readRevision(key, await readSealedFile(file));
  assert.ok(revision === said || revision === said + 1, `${revision} in place, ${said} was said`);
  counts[revision === said ? "old" : "new"]++;
  const previous = readRevision(key, await readSealedFile(`${file}${PREVIOUS_ENDING}`));
  assert.ok(previous === revision || previous === revision - 1, `${previous} before ${revision}`);
  if (previous === revision) counts.betweenRenames++;
  const temporary = list(file).filter((name) => TEMPORARY.test(name));
  assert.ok(temporary.length <= 2, `left: ${temporary}`);
  if (temporary.length > 0) counts.leftTemporary++;
  counts.revision = revision;
}

/** Writes as the next writer does: at once, and with nothing left of the one before. */
async function writeOnce(file: string, key: SealingKey, counts: KillCounts): Promise<void> {
  const next = makeRevision(key, ++counts.revision);
  await withFileLock(file, (lock) => replaceSealedFile(file, next, { lock }), { timeoutMs: 0 });
  assert.deepEqual(await readSealedFile(file), next);
  const previous = readRevision(key, await readSealedFile(`${file}${PREVIOUS_ENDING}`));
  assert.equal(previous, counts.revision - 1);
  assert.deepEqual(list(file), ["trust.list", "trust.list.lock", "trust.list.previous"]);
}

function list(file: string): string[] {
  const folder = file.slice(0, file.lastIndexOf("/"));
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

/** Starts the program that writes, as a process of its own. */
function startWriter(act: string, file: string): TestChild {
  const program = fileURLToPath(new URL("../fixtures/sealed/writer.ts", import.meta.url));
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const flags = ["run", "-A", "--no-prompt", "--no-check", "--no-lock", `--config=${config}`];
  return startCommand({
    command: Deno.execPath(),
    args: [...flags, program, act, file, SECRET.key.toHex()],
    env: Deno.env.toObject(),
    cwd: "/",
  });
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { rounds: { type: "string", default: "500" }, seed: { type: "string" } },
  });
  const rounds = Number(values.rounds);
  const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  if (!(rounds > 0) || !Number.isInteger(seed)) {
    console.error("usage: sealed_file_kills.ts [--rounds N] [--seed N]");
    Deno.exit(2);
  }
  console.log(`seed ${seed}: ${rounds} rounds`);
  const dir = await Deno.makeTempDir({ prefix: "soak-sealed-" });
  try {
    const began = performance.now();
    const counts = await killSealedFileWriters({ rounds, seed, dir, log: console.log });
    console.log(
      `${JSON.stringify(counts)} in ${((performance.now() - began) / 1_000).toFixed(0)} s`,
    );
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
