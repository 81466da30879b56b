// Dates and spans of time on the command line.
import { UsageError } from "../terminal/failure.ts";

const DATE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;
const SPAN = /^(\d{1,5})d$/;
const DAY_MS = 86_400_000;

/** Parses a date, where one is given. */
export function parseDate(text: string | undefined, what: string): Date | undefined {
  return text === undefined ? undefined : parse(text, what, "");
}

function parse(text: string, what: string, others: string): Date {
  const date = DATE.test(text) ? new Date(text) : new Date(Number.NaN);
  // 31 February becomes 3 March in some engines: the day must come back as it was written
  const roundTrips = !Number.isNaN(date.getTime()) &&
    (text.length > 10 || date.toISOString().startsWith(text));
  if (roundTrips) return date;
  throw new UsageError(
    `Cannot use "${text}" as ${what}: it is not a date`,
    `Write ${others}a date such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z`,
  );
}

/** Parses a future date, where one is given. */
export function parseFutureDate(text: string | undefined, what: string): Date | undefined {
  return text === undefined ? undefined : checkFuture(parse(text, what, ""), text, what);
}

function checkFuture(date: Date, text: string, what: string): Date {
  if (date > new Date()) return date;
  throw new UsageError(`Cannot use "${text}" as ${what}: it has passed`, "Name a later date");
}

/** Parses a future date, or a number of days from now. */
export function parseFutureDateOrSpan(text: string, what: string): Date {
  const days = SPAN.exec(text)?.[1];
  const date = days === undefined
    ? parse(text, what, "days such as 365d, ")
    : new Date(Date.now() + Number(days) * DAY_MS);
  return checkFuture(date, text, what);
}

/** Writes a time without the parts that are zero, and without seconds. */
export function shortDate(time: string): string {
  return time.replace(/T00:00:00(?:\.000)?Z$/, "").replace(/:\d{2}\.\d{3}Z$/, "Z");
}
