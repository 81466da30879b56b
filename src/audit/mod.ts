/**
 * The audit log: written by hosts, checked and read by operators.
 *
 * @module
 */
export { AuditLog, type AuditLogOptions } from "./write/audit_log.ts";
export type { AuditEntry, AuditEntryType, AuditRecord } from "./chain/entry.ts";
export type { RateBoundOptions } from "./chain/rate_bound.ts";
export { type AuditQuery, readAuditLog } from "./verify/read_log.ts";
export type { AuditProblem, AuditReport, ChainReport } from "./verify/report.ts";
export { verifyAuditLog, type VerifyAuditLogOptions } from "./verify/verify_log.ts";
