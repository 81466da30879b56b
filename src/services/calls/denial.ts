import type { AccessLevel } from "../../bundle/manifest/manifest_schema.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { contextPolicyLines } from "../../permissions/excess.ts";
import { accessCovers, type ServiceCaller } from "./caller.ts";

/** Checks that a plugin's manifest names a service and that the policy granted it at all. */
export function checkServiceKey(caller: ServiceCaller, key: string, needed: AccessLevel): void {
  const request = caller.requested.find((each) => each.key === key);
  if (request === undefined) {
    const reason = `plugin.json does not declare context key ${quote(key)}`;
    throw denied(caller, key, reason, `Add to plugin.json: ${manifestLine(key, needed)}`);
  }
  if (!caller.context.has(key)) throw notGranted(caller, key, request.access);
}

/** Checks that a plugin's access to a service is enough for one of its methods. */
export function checkServiceAccess(
  caller: ServiceCaller,
  key: string,
  method: string,
  needed: AccessLevel,
): void {
  if (accessCovers(caller.context.get(key), needed)) return;
  const request = caller.requested.find((each) => each.key === key);
  if (!accessCovers(request?.access, needed)) {
    const reason = `method ${
      quote(method)
    } needs access "${needed}", plugin.json declares "${request?.access}"`;
    throw denied(caller, key, reason, `Change plugin.json to ${manifestLine(key, needed)}`);
  }
  throw notGranted(caller, key, needed);
}

export function notProvided(caller: ServiceCaller, key: string): SallyportError {
  const hint = `Provide it with host.services.provide("${key}", …)`;
  return denied(caller, key, "the application does not provide it", hint);
}

function manifestLine(key: string, access: AccessLevel): string {
  return `"context": [{ "key": ${JSON.stringify(escapeText(key, 100))}, "access": "${access}" }]`;
}

function notGranted(caller: ServiceCaller, key: string, needed: AccessLevel): SallyportError {
  const granted = caller.context.get(key);
  // with what is granted already, because a plugin's list of services is replaced as a whole
  const grant = { context: Object.fromEntries(caller.context) };
  const line = contextPolicyLines(caller.plugin, { grant }, key, needed);
  const reason = granted === undefined
    ? `the policy does not grant it; it needs ${line}`
    : `the policy grants "${granted}" and "${needed}" is needed; it needs ${line}`;
  return denied(caller, key, reason, `Add to the policy: ${line}`);
}

function denied(
  { plugin }: ServiceCaller,
  key: string,
  reason: string,
  hint: string,
): SallyportError {
  const message = `Plugin "${plugin}" may not use service ${quote(key)}: ${reason}`;
  const details = { plugin, key: escapeText(key, 100) };
  return new SallyportError("service-denied", message, { hint, details });
}

function quote(text: string): string {
  return `"${escapeText(text, 100)}"`;
}
