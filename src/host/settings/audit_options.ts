// The options of the audit log.
import { refuseUnknown } from "./known_options.ts";
import { AuditLog } from "../../audit/write/audit_log.ts";
import { SallyportError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { toPath } from "./config_files.ts";

/**
 * Says how the audit log is kept.
 *
 * @category Host
 */
export interface AuditOptions {
  /**
   * The folder of the log; several hosts may share one.
   *
   * @default {the folder `audit` of `dataDir`}
   */
  dir?: string | URL;
  /**
   * The size at which a new file is begun, in bytes, from 4,096 to 1 GiB.
   *
   * @default {16777216}
   */
  maxFileBytes?: number;
  /**
   * How many files are kept, at least 2; older ones are removed, which is recorded.
   *
   * @default {all}
   */
  keepFiles?: number;
}

/** Holds the options of the audit log in one form. */
export interface AuditSettings {
  /** The folder; `undefined` for the folder `audit` of the host's own. */
  readonly dir: string | undefined;
  /** The size at which a new file is begun, in bytes. */
  readonly maxFileBytes: number | undefined;
  /** How many full files are kept. */
  readonly keepFiles: number | undefined;
}

/**
 * Checks the options of the audit log.
 *
 * @throws {TypeError} when an option is unknown or of the wrong type.
 * @throws {SallyportError} `bad-config` when a log is wanted that would go away with the host.
 */
export function parseAuditOptions(
  audit: boolean | AuditOptions | undefined,
  dataDir: string | undefined,
): AuditSettings | undefined {
  if (audit === false || (audit === undefined && dataDir === undefined)) return undefined;
  const options = audit === true || audit === undefined ? {} : audit;
  if (typeof options !== "object" || options === null) {
    throw new TypeError("Cannot open the host: audit must be a boolean or { dir, … }");
  }
  const { dir, maxFileBytes, keepFiles, ...others } = options;
  refuseUnknown(others, "audit.");
  if (dir === undefined && dataDir === undefined) {
    throw new SallyportError(
      "bad-config",
      "Cannot keep an audit log: the host's folder is a temporary one",
      { hint: "Pass a dataDir, or audit: { dir }" },
    );
  }
  return {
    dir: dir === undefined ? undefined : toPath(dir),
    maxFileBytes,
    keepFiles,
  };
}

/**
 * Opens the audit log of a host, where it keeps one.
 *
 * @throws {SallyportError} `bad-config` when it cannot be opened.
 */
export async function openAudit(
  settings: AuditSettings | undefined,
  root: string,
  logger: Logger,
): Promise<AuditLog | undefined> {
  if (settings === undefined) return undefined;
  const { dir = `${root}/audit`, maxFileBytes, keepFiles } = settings;
  return await AuditLog.open(dir, { maxFileBytes, keepFiles, logger });
}
