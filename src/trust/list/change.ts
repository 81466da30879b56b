// What the changes of a trust list have in common.
import { escapeText, SallyportError } from "../../errors.ts";
import { checkTrustListContent } from "./list.ts";
import type { TrustListContent } from "./content.ts";

/** Makes the error about a change that does not fit the list. */
export function cannot(
  action: string,
  subject: string,
  detail: string,
  hint: string,
): SallyportError {
  return new SallyportError(
    "bad-config",
    `Cannot ${action} "${escapeText(subject, 150)}": ${detail}`,
    { hint, details: { subject } },
  );
}

/** Lays fields over a list, and checks the whole. */
export function change(
  content: TrustListContent,
  fields: Partial<TrustListContent>,
): TrustListContent {
  return checkTrustListContent({ ...content, ...fields });
}

/** Writes a time as lists do. */
export function toTime(name: string, date: Date): string {
  if (Number.isNaN(date.getTime())) {
    throw new RangeError(`Cannot change the trust list: "${name}" is not a valid date`);
  }
  return date.toISOString();
}

/** Leaves out what is not given. */
export function defined<T extends Record<string, unknown>>(fields: T): T {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as T;
}
