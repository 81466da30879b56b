import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { AuditLog } from "../../src/audit/write/audit_log.ts";
import { fileName, listFiles } from "../../src/audit/chain/folder.ts";
import { readAuditLog } from "../../src/audit/verify/read_log.ts";
import type { AuditProblem, AuditReport } from "../../src/audit/verify/report.ts";
import { verifyAuditLog } from "../../src/audit/verify/verify_log.ts";
import { SallyportError } from "../../src/errors.ts";
import { type Chance, chanceFrom } from "./random.ts";

/** What many kills have shown. */
export interface KillSummary {
  /** How often a writer was killed. */
  kills: number;
  /** How often before the log was open. */
  whileOpening: number;
  /** How many lines were told to be written. */
  lines: number;
  /** How often the last line was torn, most often by cutting into it as a loss of power does. */
  torn: number;
}

const WRITER = fileURLToPath(new URL("./audit_writer.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));
/** How many runs write to one folder before the next one is begun. */
const RUNS_A_FOLDER = 10;

/**
 * Kills writers of an audit log with SIGKILL at random moments, and checks the log after each.
 *
 * @param dir A folder for the logs.
 * @param options How many, and the seed of chance.
 * @returns What was seen. Throws when anything is wrong.
 */
export async function killWriters(
  dir: string,
  options: { kills: number; seed: number; tell?: (line: string) => void },
): Promise<KillSummary> {
  const { kills, seed, tell = () => {} } = options;
  const summary = { kills: 0, whileOpening: 0, lines: 0, torn: 0 };
  const tornPlaces = new Set<string>();
  for (let round = 0; round < kills; round++) {
    const chance = chanceFrom(seed + round * 7_919);
    const folder = `${dir}/${Math.floor(round / RUNS_A_FOLDER)}`;
    const first = round % RUNS_A_FOLDER === 0;
    if (first) tornPlaces.clear();
    const atOpening = first || chance.below(4) === 0;
    const keep = chance.below(3) === 0 ? "3" : "";
    const last = await killOne(folder, `${round}`, keep, {
      after: atOpening ? "begun" : "open",
      delayMs: chance.next() * (atOpening ? 30 : 120),
    });
    summary.kills++;
    summary.lines += last + 1;
    if (last === -1) summary.whileOpening++;
    try {
      let torn = await checkLog(folder, `${round}`, last);
      if (torn === undefined && chance.below(3) === 0) torn = await tearLast(folder, chance);
      if (torn !== undefined && !tornPlaces.has(torn)) {
        tornPlaces.add(torn);
        summary.torn++;
      }
      tell(`round ${round}: ${last + 1} lines${torn === undefined ? "" : ", torn"}`);
      const folderEnds = (round + 1) % RUNS_A_FOLDER === 0 || round === kills - 1;
      if (folderEnds) await checkRepaired(folder, tornPlaces);
    } catch (cause) {
      throw new Error(`seed ${seed}, round ${round}: ${cause}`, { cause });
    }
  }
  return summary;
}

/** Starts a writer and kills it; gives the last number that it told, -1 without any. */
async function killOne(
  folder: string,
  run: string,
  keep: string,
  moment: { after: string; delayMs: number },
): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--no-lock", `--config=${CONFIG}`, WRITER, folder, run, keep],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  let text = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (timer === undefined && text.includes(`${moment.after}\n`)) {
      timer = setTimeout(() => child.kill("SIGKILL"), moment.delayMs);
    }
  }
  clearTimeout(timer);
  const status = await child.status;
  assert.equal(status.signal, "SIGKILL", `the writer ended by itself: ${await errors}`);
  await errors;
  // a number without its line end was cut off while it was told
  const told = text.split("\n").slice(0, -1).filter((line) => /^\d+$/.test(line));
  return told.length === 0 ? -1 : Number(told.at(-1));
}

/** Checks that the log is whole up to the cut, and has every line that was told; says what is torn. */
async function checkLog(folder: string, run: string, last: number): Promise<string | undefined> {
  let report: AuditReport;
  try {
    report = await verifyAuditLog(folder);
  } catch (error) {
    // killed before there was a key
    const early = error instanceof SallyportError && error.code === "bad-config" && last === -1;
    if (early) return undefined;
    throw error;
  }
  const torn = report.problems.filter(({ kind }) => kind === "torn");
  // killed between the key and the first chain: the same as when all chains were removed
  if (last === -1 && report.chains.length === 0) return undefined;
  assert.deepEqual(report.problems.filter(({ kind }) => kind !== "torn"), []);
  assert.ok(torn.length <= 1, "more than the last line is torn");
  if (torn.length === 1) assert.equal(torn[0]!.file, report.chains[0]!.files.at(-1));
  const numbers: number[] = [];
  for await (const { fields } of readAuditLog(folder, { types: ["denied"] })) {
    if (fields.run === run) numbers.push(fields.n as number);
  }
  const end = numbers.at(-1) ?? -1;
  assert.ok(end === last || end === last + 1, `told up to ${last}, but the log ends with ${end}`);
  numbers.forEach((n, index) => assert.equal(n, numbers[0]! + index, "a line is missing"));
  return torn.map(placeOf)[0];
}

function placeOf({ file, line }: AuditProblem): string {
  return `${file} ${line}`;
}

/** Cuts into the last line, as a loss of power may, unless the head covers that line. */
async function tearLast(folder: string, chance: Chance): Promise<string | undefined> {
  const chain = `${folder}/1`;
  const head = await Deno.readTextFile(`${chain}/head.json`).then(JSON.parse, () => undefined);
  const [last] = (await listFiles(chain)).numbers.slice(-1);
  if (head === undefined || last === undefined) return undefined;
  const path = `${chain}/${fileName(last)}`;
  const bytes = await Deno.readFile(path);
  const start = bytes.lastIndexOf(10, bytes.length - 2) + 1;
  const covered = head.file === last && start < head.offset;
  if (covered || bytes.length - start < 2) return undefined;
  await Deno.truncate(path, start + 1 + chance.below(bytes.length - start - 1));
  const report = await verifyAuditLog(folder);
  assert.deepEqual(report.problems.map(({ kind }) => kind), ["torn"]);
  return report.problems.map(placeOf)[0];
}

/** Checks that the next start cuts off what is torn and records that. */
async function checkRepaired(folder: string, torn: ReadonlySet<string>): Promise<void> {
  {
    await using log = await AuditLog.open(folder);
    assert.equal(log.chain, 1, "the chain was given up");
  }
  const report = await verifyAuditLog(folder);
  assert.deepEqual(report.problems, []);
  const recorded = new Set<unknown>();
  for await (const { fields } of readAuditLog(folder, { types: ["started"] })) {
    recorded.add((fields.torn as { file: string } | undefined)?.file);
  }
  for (const place of torn) {
    const [file = ""] = place.split(" ");
    if (!report.chains[0]!.files.includes(file)) continue; // retention removed it
    assert.ok(recorded.has(file), `no start tells of the torn line ${place}`);
  }
  const left: string[] = [];
  for await (const { name } of Deno.readDir(folder)) left.push(name);
  assert.deepEqual(left.sort(), ["1", "key.pem", "key.pub"]);
}
