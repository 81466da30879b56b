// Permissions in words: what a plugin gets and why, what it does not, and what would grant it.
import { escapeText } from "../errors.ts";
import { OWN_BUNDLE, OWN_STORAGE } from "./findings.ts";
import type { ResolvedPermissions } from "./resolve.ts";

export function explainPermissions(permissions: ResolvedPermissions): string[] {
  const rows = [
    ...permissions.items.map(({ family, value, requested, source }) => {
      const asked = requested === value
        ? "asked for"
        : `asked for as "${escapeText(requested, 300)}"`;
      const isOwn = source === OWN_BUNDLE || source === OWN_STORAGE;
      return [family, value, `${asked}, ${isOwn ? source : `granted by ${source}`}`] as const;
    }),
    ...permissions.dropped.map(({ family, value, reason }) =>
      [family, value, `asked for, dropped: ${reason}`] as const
    ),
  ].map(([family, value, why]) => [family, escapeText(value, 300), why] as const);
  const width = Math.min(48, Math.max(0, ...rows.map(([, value]) => value.length)));
  return rows.map(([family, value, why]) => `${family.padEnd(7)}  ${value.padEnd(width)}  ${why}`);
}
