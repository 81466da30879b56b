/**
 * The audit log: written by hosts, checked and read by operators.
 *
 * @module
 */
export { AuditLog, type AuditLogOptions } from "./audit_log.ts";
export type { AuditEntry, AuditEntryType, AuditRecord } from "./entry.ts";
export type { RateBoundOptions } from "./rate_bound.ts";
export { type AuditQuery, readAuditLog } from "./read_log.ts";
export type {
  AuditProblem,
  AuditProblemKind,
  AuditReport,
  ChainReport,
  TakenOverLines,
} from "./report.ts";
export { verifyAuditLog, type VerifyAuditLogOptions } from "./verify_log.ts";
