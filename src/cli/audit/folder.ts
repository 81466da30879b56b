/**
 * Finds the audit folder that a command line means.
 *
 * @module
 */
import { checkIsLog } from "../../audit/verify/verify_log.ts";

/**
 * Finds an audit folder.
 *
 * @throws {SallyportError} `bad-config` when there is no audit log.
 */
export async function findAuditFolder(dir: string): Promise<string> {
  const path = dir.replace(/(?<=.)\/+$/, "");
  const inside = `${path}/audit`;
  const found = await Deno.stat(inside).then(({ isDirectory }) => isDirectory, () => false);
  const folder = found ? inside : path;
  await checkIsLog(folder);
  return folder;
}
