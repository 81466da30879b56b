/**
 * Writes to an audit log until it is killed: `audit_writer.ts DIR RUN KEEP`.
 *
 * Each number is told on stdout once its line was written.
 */
import { AuditLog } from "../../src/audit/write/audit_log.ts";

const [dir = "", run = "", keep = ""] = Deno.args;
const encoder = new TextEncoder();

function tell(text: string): void {
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));
}

tell("begun");
const log = await AuditLog.open(dir, {
  maxFileBytes: 4_096,
  maxLinesPerSecond: 1_000_000,
  maxBytesPerHour: 1_000_000_000,
  ...(keep === "" ? {} : { keepFiles: Number(keep) }),
});
tell("open");
for (let n = 0;; n++) {
  log.append({ type: "denied", plugin: "p", run, n, text: "x".repeat((n * 37) % 700) });
  tell(String(n));
  if (n % 5 === 4) {
    if (n % 3 === 0) void log.checkpoint();
    await new Promise((resolve) => setTimeout(resolve, n % 4));
  }
}
