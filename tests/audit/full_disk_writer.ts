/**
 * Writes to an audit log on a small file system, fills it, makes room again, and tells what it saw as
 * JSON: `full_disk_writer.ts DIR`.
 */
import { AuditLog } from "../../src/audit/write/audit_log.ts";
import { readAuditLog } from "../../src/audit/verify/read_log.ts";
import { verifyAuditLog } from "../../src/audit/verify/verify_log.ts";

const [root = ""] = Deno.args;
const dir = `${root}/audit`;
const logged: string[] = [];
const take = (message: string) => void logged.push(message);
const logger = { debug: take, info: take, warn: take, error: take };
const thrown: string[] = [];
let log: AuditLog | undefined;

function append(n: number): void {
  try {
    log?.append({ type: "denied", n, text: "x".repeat(50) });
  } catch (error) {
    thrown.push(String(error));
  }
}

/** Fills the file system to its last byte, but for the room that whole pages leave in open files. */
function fill(): void {
  using file = Deno.openSync(`${root}/filler`, { create: true, append: true });
  for (const size of [65_536, 4_096, 1]) {
    try {
      for (;;) if (file.writeSync(new Uint8Array(size)) === 0) break;
    } catch {
      // full for this size
    }
  }
}

log = await AuditLog.open(dir, { maxFileBytes: 16_384, logger, maxLinesPerSecond: 100_000 });
for (let n = 0; n < 100; n++) append(n);
await log.checkpoint();
fill();
for (let n = 100; n < 400; n++) append(n);
await log.checkpoint();
const whileFull = (await verifyAuditLog(dir)).problems;
Deno.removeSync(`${root}/filler`);
for (let n = 400; n < 500; n++) append(n);
await log.checkpoint();

// and full again while it closes and the next one opens
fill();
for (let n = 500; n < 700; n++) append(n);
await log[Symbol.asyncDispose]();
const afterClose = (await verifyAuditLog(dir)).problems;
let reopened = "opened";
try {
  log = await AuditLog.open(dir, { maxFileBytes: 16_384, logger });
  append(700);
  await log[Symbol.asyncDispose]();
} catch (error) {
  reopened = (error as { code?: string }).code ?? String(error);
}
Deno.removeSync(`${root}/filler`);
log = await AuditLog.open(dir, { maxFileBytes: 16_384, logger });
for (let n = 800; n < 810; n++) append(n);
await log[Symbol.asyncDispose]();

const entries = await Array.fromAsync(readAuditLog(dir));
// deno-lint-ignore no-console
console.log(JSON.stringify({
  thrown,
  logged: [...new Set(logged)],
  whileFull,
  afterClose,
  reopened,
  problems: (await verifyAuditLog(dir)).problems,
  numbers: entries.filter(({ type }) => type === "denied").map(({ fields }) => fields.n),
  lost: entries.filter(({ type }) => type === "lost").map(({ fields }) => fields),
}));
