/**
 * Permissions in words: what a plugin gets and why, what it does not, and what would grant it.
 *
 * @module
 */
import { escapeText, SallyportError } from "../errors.ts";
import type { AccessLevel } from "../bundle/manifest/manifest.ts";
import { type Excess, OWN_BUNDLE, OWN_STORAGE, PERMISSION_FAMILIES } from "./findings.ts";
import type { Grant, PolicyEntry } from "./policy.ts";
import type { ResolvedPermissions } from "./resolve.ts";

const MAX_IN_MESSAGE = 20;

/** Explains permissions to people, one line for each thing that a plugin gets or is denied. */
export function explainPermissions(permissions: ResolvedPermissions): string[] {
  const rows: [family: string, value: string, why: string][] = permissions.items.map((item) => {
    const asked = item.requested === item.value
      ? "asked for"
      : `asked for as "${escapeText(item.requested, 300)}"`;
    const given = item.source === OWN_BUNDLE || item.source === OWN_STORAGE
      ? item.source
      : `granted by ${item.source}`;
    return [item.family, item.value, `${asked}, ${given}`];
  });
  for (const excess of permissions.dropped) {
    rows.push([excess.family, excess.value, `asked for, dropped: ${excess.reason}`]);
  }
  return formatRows(rows);
}

/**
 * Gives the grant that would cover excess: whole lists, because a plugin's list replaces the default.
 */
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

/** Writes the lines of `policy.json` that would grant excess. */
export function missingPolicyLines(
  plugin: string,
  entry: PolicyEntry,
  excess: readonly Excess[],
): string | undefined {
  const grant = missingGrant(entry, excess);
  return Object.keys(grant).length === 0 ? undefined : policyLines(plugin, grant);
}

/** Writes the lines of `policy.json` that would let a plugin use a service. */
export function contextPolicyLines(
  plugin: string,
  entry: PolicyEntry,
  key: string,
  access: AccessLevel,
): string {
  return policyLines(plugin, { context: { ...entry.grant?.context, [key]: access } });
}

/** Makes the one error that lists everything the policy does not cover. */
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
  return new SallyportError(
    "permission-denied",
    `Cannot load plugin "${plugin}": it asks for more than the policy gives: ${listed.join("; ")}`,
    {
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
    },
  );
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

function formatRows(rows: readonly (readonly [string, string, string])[]): string[] {
  const escaped = rows.map(([family, value, why]) =>
    [family, escapeText(value, 300), why] as const
  );
  const width = Math.min(48, Math.max(0, ...escaped.map(([, value]) => value.length)));
  return escaped.map(([family, value, why]) =>
    `${family.padEnd(7)}  ${value.padEnd(width)}  ${why}`
  );
}
