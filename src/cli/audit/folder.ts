// Finds the audit folder that a command line means.
import { withoutSlash } from "../shared/files.ts";
import { checkIsLog } from "../../audit/verify/verify_log.ts";

export async function findAuditFolder(dir: string): Promise<string> {
  const path = withoutSlash(dir);
  const inside = `${path}/audit`;
  const found = await Deno.stat(inside).then(({ isDirectory }) => isDirectory, () => false);
  const folder = found ? inside : path;
  await checkIsLog(folder);
  return folder;
}
