// What the audit log records: entries as the host gives them, records as they are read again.

/** Names the kinds of entries that the host writes. */
export type AuditEntryType =
  | "opened"
  | "closed"
  | "verdict"
  | "granted"
  | "loaded"
  | "denied"
  | "violation"
  | "unloaded"
  | "crashed"
  | "trust"
  | "connection"
  | "failed";

/** Says that something happened; fields of any shape are cut to bounds when they are written. */
export interface AuditEntry {
  /** What happened: one of ours or a word of the host's own, of `a` to `z` and `-`. */
  readonly type: AuditEntryType | (string & Record<never, never>);
  /** The plugin that it is about. */
  readonly plugin?: string;
  /** The version of that plugin. */
  readonly version?: string;
  /** The hash of its bundle. */
  readonly bundleHash?: string;
  /** Facts, best as plain JSON values. */
  readonly [field: string]: unknown;
}

/**
 * Holds one line of the log as it was read; what the fields say may come from a hostile plugin.
 *
 * @category Audit log
 */
export interface AuditRecord {
  /** The number of the chain. */
  readonly chain: number;
  /** The file's name. */
  readonly file: string;
  /** The line in that file, from 1. */
  readonly line: number;
  /** The number of the line in its chain, from 1; 0 for a line that cannot be read. */
  readonly seq: number;
  /** When it was written, in RFC 3339; empty for a line that cannot be read. */
  readonly time: string;
  /** What happened; `unreadable` for a line that cannot be read. */
  readonly type: string;
  /** All other fields, without the hash and the signature. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Set on a line that a killed run left unsigned and the next one took over, or after the end of a run. */
  readonly unsigned?: true;
}

/** What the log writes about itself; the host cannot write these. */
export const OWN_TYPES: ReadonlySet<string> = new Set([
  "started",
  "stopped",
  "checkpoint",
  "damaged",
  "suppressing",
  "suppressed",
  "lost",
  "retention",
  "unreadable",
]);

const TYPE = /^[a-z][a-z-]{0,39}$/;

/** Returns the type that an entry is recorded under. */
export function checkType(type: unknown): string {
  return typeof type === "string" && TYPE.test(type) && !OWN_TYPES.has(type) ? type : "other";
}
