import { escapeText, SallyportError } from "../../errors.ts";
import { findOpenToOthers } from "../../io/open_to_others.ts";
import type { Logger } from "../../log.ts";
import { realPathProblem } from "../../permissions/scopes/path_scope.ts";
import { warnOpenToOthers } from "../settings/config_files.ts";

/** Refuses what neither a flag of the runtime nor a line of mounts can express. */
export function checkPath(path: string, remedy = "choose another dataDir"): void {
  const problem = realPathProblem(path);
  if (problem === undefined) return;
  throw new SallyportError(
    "bad-config",
    `Cannot use "${escapeText(path, 500)}" as dataDir: the path ${problem}`,
    { hint: `Deno's permission flags cannot express it: ${remedy}`, details: { dataDir: path } },
  );
}

/** Refuses a folder that anybody could put records, keys or code into; of a group it warns. */
export function checkAccess(root: string, logger: Pick<Logger, "warn">): void {
  const inside = [...Deno.readDirSync(root)].filter(({ isDirectory }) => isDirectory);
  let warned = false;
  for (const dir of [root, ...inside.map(({ name }) => `${root}/${name}`)]) {
    const open = findOpenToOthers(dir);
    if (open === undefined) continue;
    const { path, who, mode } = open;
    if (who !== "everybody" || path.length < root.length) {
      if (!warned) warnOpenToOthers(logger, "the data folder", open);
      warned = true;
      continue;
    }
    throw new SallyportError(
      "bad-config",
      `Cannot use "${root}" as dataDir: everybody may write "${path}" (mode ${mode})`,
      {
        hint:
          `Run chmod o-w on it and see what others have put there, or name a folder that does ` +
          "not exist yet: the host makes one for its user alone",
        details: { dataDir: root, path, mode },
      },
    );
  }
}
