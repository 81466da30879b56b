// `sallyport audit verify`: checks every line, hash and signature of an audit log.
//
// Exit code 0 when nothing is wrong, 1 when something is, 2 for wrong usage.
import { decodeHex } from "@std/encoding/hex";
import type { Command } from "commander";
import type { AuditReport, ChainReport } from "../../audit/mod.ts";
import { verifyAuditLog } from "../../audit/verify/verify_log.ts";
import { escapeText } from "../../errors.ts";
import { findAuditFolder } from "./folder.ts";
import type { CliContext } from "../shared/context.ts";
import { BadFindings } from "../terminal/failure.ts";
import { columns, plural } from "../terminal/layout.ts";
import type { Output } from "../terminal/output.ts";
import { readPublicKey } from "../shared/read_keys.ts";

const MAX_SHOWN = 50;
const MAX_NOTE = 1_000;

export function addAuditVerify(audit: Command, context: CliContext): void {
  audit.command("verify")
    .description("find what was edited, removed, reordered or cut off; exit 1 with where if so")
    .argument("<dir>", "the data folder of a host, or its audit folder")
    .option("--key <pub>", "the log's public key, kept elsewhere: a file or 64 hex digits")
    .action((dir: string, options: { key?: string }) => verify(dir, options, context));
}

async function verify(
  dir: string,
  { key }: { key?: string },
  { output }: CliContext,
): Promise<void> {
  const folder = await findAuditFolder(dir);
  const pinned = key === undefined ? {} : { publicKey: decodeHex((await readPublicKey(key)).hex) };
  const report = await verifyAuditLog(folder, pinned);
  output.result(report, () => reportLines(report, output));
  if (!report.ok) throw new BadFindings();
}

function reportLines(report: AuditReport, output: Output): string[] {
  const { dir, keyId = "none", pinned, chains, notes, problems, limits } = report;
  const lines = [
    output.style("bold", escapeText(dir)),
    ...columns([["key", pinned ? keyId : `${keyId}, the one beside the log`]]),
    ...noteLines(notes, output),
    ...chains.flatMap((chain) => ["", ...chainLines(chain, output)]),
    "",
  ];
  if (report.ok) {
    const found = plural(chains.reduce((sum, chain) => sum + chain.lines, 0), "line");
    lines.push(`${output.style("green", "Nothing is wrong")} in ${found}`);
  } else {
    const count = problems.length +
      chains.reduce((sum, chain) => sum + chain.problemCount - chain.problems.length, 0);
    lines.push(`${output.style("red", plural(count, "problem"))}:`);
    for (const { chain, kind, message } of problems.slice(0, MAX_SHOWN)) {
      const where = chain === 0 ? "" : `chain ${chain}: `;
      lines.push(`  ${where}${output.style("red", kind)}: ${escapeText(message)}`);
    }
    if (count > MAX_SHOWN) lines.push(`  and ${count - MAX_SHOWN} more`);
  }
  lines.push("", "What this cannot find:", ...limits.map((limit) => `  - ${limit}`));
  return lines;
}

function chainLines(chain: ChainReport, output: Output): string[] {
  const { files, fromSeq, toSeq, from, to, signedSeq, closed, retainedFrom, keyIds } = chain;
  const span = toSeq === 0 ? "no lines" : `lines ${fromSeq} to ${toSeq}`;
  const ends = files.length > 1 ? `${files[0]} to ${files.at(-1)}` : files[0];
  const unsigned = toSeq - signedSeq;
  return [
    output.style("bold", `Chain ${chain.chain}`) + `  ${span}`,
    ...columns([
      ["files", ends],
      ["from", from],
      ["to", to],
      ["signed", signedSeq === 0 ? "nothing" : `up to line ${signedSeq}`],
      ["unsigned", unsigned > 0 ? `${plural(unsigned, "line")} at the end` : undefined],
      ["open", closed || toSeq === 0 ? undefined : "a host writes to it, or was killed"],
      ["signed by", keyIds.map((id) => escapeText(id, 64)).join(", ") || undefined],
      [
        "removed",
        retainedFrom === undefined
          ? undefined
          : `by retention, as recorded: what is before line ${retainedFrom}`,
      ],
    ]),
    ...noteLines(chain.notes, output),
  ];
}

function noteLines(notes: readonly string[], output: Output): string[] {
  return notes.map((note) => `  ${output.style("yellow", "note")}: ${escapeText(note, MAX_NOTE)}`);
}
