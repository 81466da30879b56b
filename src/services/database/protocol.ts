import type { AccessLevel } from "../../bundle/manifest/manifest_schema.ts";
import type { SallyportErrorCode } from "../../errors.ts";

export interface DatabaseConfig {
  readonly file: string;
  readonly access: AccessLevel;
  /** The tables of a shared database; without it the database is the plugin's own. */
  readonly tables?: Readonly<Record<string, AccessLevel>>;
  /** How large the database may become; unbounded where it is missing. */
  readonly maxDatabaseBytes?: number;
  readonly maxRows: number;
  readonly maxResultBytes: number;
}

export type DatabaseMethod = "query" | "execute" | "batch";

/** One request to the process: a method and its arguments as the plugin sent them. */
export interface DatabaseRequest {
  readonly method: DatabaseMethod | "open" | "close";
  readonly args: readonly unknown[];
}

/** The answer: a value, or an error of the family as plain data. */
export type DatabaseAnswer = { readonly value: unknown } | {
  readonly error: {
    readonly code: SallyportErrorCode;
    readonly message: string;
    readonly hint?: string;
    /** The name of an error that was none of the family. */
    readonly name?: string;
  };
};

export const MAX_SQL_BYTES = 256 * 1024;
export const MAX_BATCH = 1_000;
export const PROCESS_METHOD = "database/run";
/** The exit code of a process whose statement took too much memory. */
export const MEMORY_EXIT_CODE = 77;
