// Permissions in words: what a plugin gets and why, what it does not, and what would grant it.
import { escapeText } from "../errors.ts";
import { OWN_BUNDLE, OWN_STORAGE } from "./findings.ts";
import type { ResolvedPermissions } from "./resolve.ts";

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

function formatRows(rows: readonly (readonly [string, string, string])[]): string[] {
  const escaped = rows.map(([family, value, why]) =>
    [family, escapeText(value, 300), why] as const
  );
  const width = Math.min(48, Math.max(0, ...escaped.map(([, value]) => value.length)));
  return escaped.map(([family, value, why]) =>
    `${family.padEnd(7)}  ${value.padEnd(width)}  ${why}`
  );
}
