// `sallyport audit`: checks and shows the audit log of hosts.
import type { Command } from "commander";
import { addAuditShow } from "./show.ts";
import { addAuditVerify } from "./verify.ts";
import { type CliContext, withProgram } from "../shared/context.ts";

const HELP = `
DIR is the data folder of a host, or its audit folder. Neither command changes anything, and both
can be used while hosts write.

  sallyport audit verify data --key audit.pub
  sallyport audit show data --plugin word-count --type denied --since 2027-01-31`;

export function addAudit(program: Command, context: CliContext): void {
  const audit = program.command("audit")
    .description("the audit log: verify, show")
    .addHelpText("after", withProgram(HELP));
  addAuditVerify(audit, context);
  addAuditShow(audit, context);
}
