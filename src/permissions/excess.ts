// What a plugin asks for beyond its grants, and the lines of policy that would grant it.
import { escapeText, SallyportError } from "../errors.ts";
import type { AccessLevel } from "../bundle/manifest/manifest_schema.ts";
import { type Excess, PERMISSION_FAMILIES } from "./findings.ts";
import type { Grant, PolicyEntry } from "./policy/policy_schema.ts";

const MAX_IN_MESSAGE = 20;

/** Returns the grant that would cover excess: whole lists, as a plugin's list replaces the default. */
export function missingGrant(entry: PolicyEntry, excess: readonly Excess[]): Grant {
  const grant: Record<string, readonly string[]> = {};
  for (const family of PERMISSION_FAMILIES) {
    const missing = excess.filter((item) => item.family === family && item.grantable);
    if (missing.length === 0) continue;
    const values = [...entry.grant?.[family] ?? [], ...missing.map((item) => item.value)];
    grant[family] = [...new Set(values)];
  }
  return grant as Grant;
}

export function missingPolicyLines(
  plugin: string,
  entry: PolicyEntry,
  excess: readonly Excess[],
): string | undefined {
  const grant = missingGrant(entry, excess);
  return Object.keys(grant).length === 0 ? undefined : policyLines(plugin, grant);
}

export function contextPolicyLines(
  plugin: string,
  entry: PolicyEntry,
  key: string,
  access: AccessLevel,
): string {
  return policyLines(plugin, { context: { ...entry.grant?.context, [key]: access } });
}

export function excessError(
  plugin: string,
  entry: PolicyEntry,
  excess: readonly Excess[],
): SallyportError {
  const listed = excess.slice(0, MAX_IN_MESSAGE).map((item) =>
    `${item.family} "${escapeText(item.value, 300)}" ${item.reason}`
  );
  if (excess.length > listed.length) listed.push(`${excess.length - listed.length} more`);
  const lines = missingPolicyLines(plugin, entry, excess);
  const rest = excess.some((item) => !item.grantable) ? " (no policy can grant the rest)" : "";
  const narrow = 'set "onExcess": "narrow" to load it with less';
  const message = `Cannot load plugin "${plugin}": it asks for more than the policy grants: ${
    listed.join("; ")
  }`;
  return new SallyportError("permission-denied", message, {
    hint: lines === undefined
      ? `No policy can grant that: ask its author to change the manifest, or ${narrow}`
      : `To grant it, write in the policy: ${lines}${rest} – or ${narrow}`,
    details: {
      plugin,
      excess: excess.map(({ family, value, reason }) => ({ family, value, reason })),
      ...(lines === undefined
        ? {}
        : { policy: { plugins: { [plugin]: { grant: missingGrant(entry, excess) } } } }),
    },
  });
}

function policyLines(plugin: string, grant: Grant): string {
  return `"plugins": ${writeJson({ [plugin]: { grant } })}`;
}

/** Writes JSON on one line with spaces, as people do. */
function writeJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writeJson).join(", ")}]`;
  if (typeof value !== "object" || value === null) {
    return escapeText(JSON.stringify(value), 10_000); // \uXXXX is the escape of JSON as well
  }
  const fields = Object.entries(value).map(([key, inner]) =>
    `${JSON.stringify(key)}: ${writeJson(inner)}`
  );
  return `{ ${fields.join(", ")} }`;
}
