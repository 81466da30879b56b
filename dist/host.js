/* @ts-self-types="../src/mod.ts" */
// Made by `deno task build` from src/; do not edit.
import {
  inspectBundle,
  readAuditLog,
  verifyAuditLog
} from "./part_1.js";
import {
  HOOK_PRIORITY,
  HookRegistry,
  PluginContext,
  PluginHandle,
  PluginHost,
  TrustList,
  createLogger,
  createTrustListContent,
  manifestJsonSchema,
  parseManifest,
  parsePolicy,
  policyJsonSchema,
  silentLogger
} from "./part_2.js";
import {
  VERSION
} from "./part_3.js";
import "./part_4.js";
import "./part_5.js";
import {
  SallyportError
} from "./part_6.js";
import "./part_7.js";
export {
  HOOK_PRIORITY,
  HookRegistry,
  PluginContext,
  PluginHandle,
  PluginHost,
  SallyportError,
  TrustList,
  VERSION,
  createLogger,
  createTrustListContent,
  inspectBundle,
  manifestJsonSchema,
  parseManifest,
  parsePolicy,
  policyJsonSchema,
  readAuditLog,
  silentLogger,
  verifyAuditLog
};
