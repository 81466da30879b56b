// Mistakes in a file that people write, put so that people can fix them.
import type * as z from "zod";
import { escapeText } from "../errors.ts";

/**
 * How values are checked: messages may show what was wrong, and no code is made for it at run time, which takes
 * longer than all that a host ever checks.
 */
export const PARSING = { reportInput: true, jitless: true } as const;

/** Names one mistake in a manifest or another file of settings. */
export interface SchemaIssue {
  /** Where it is, such as `hooks[2].priority`; empty for the whole file. */
  readonly path: string;
  /** What is wrong, such as `must be at least 100, got 5`. */
  readonly message: string;
}

/** As many mistakes are described; a file with more is not one that a person fixes line by line. */
const MAX_ISSUES = 100;
const MAX_IN_MESSAGE = 20;

/** Messages that a schema of ours gives start like this; zod's own do not. */
const OURS = /^(?:must|is|has) /;

/** Describes what a schema found, one entry a mistake, at most 100. */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  unknownField: (path: string) => string | undefined = () => undefined,
): SchemaIssue[] {
  const described: SchemaIssue[] = [];
  for (const issue of issues) {
    if (described.length >= MAX_ISSUES) break;
    if (issue.code !== "unrecognized_keys") {
      described.push({ path: formatPath(issue.path), message: describe(issue) });
      continue;
    }
    for (const key of issue.keys.slice(0, MAX_ISSUES - described.length)) {
      const path = formatPath([...issue.path, key]);
      const reason = unknownField(path);
      described.push({ path, message: reason ? `unknown field: ${reason}` : "unknown field" });
    }
  }
  return described;
}

/** Puts mistakes into one line of a message. */
export function joinIssues(issues: readonly SchemaIssue[]): string {
  const lines = issues.slice(0, MAX_IN_MESSAGE).map(({ path, message }) =>
    path === "" ? message : `${path}: ${message}`
  );
  if (issues.length > lines.length) lines.push("…");
  const count = issues.length >= MAX_ISSUES
    ? `${MAX_ISSUES} mistakes or more`
    : `${issues.length} mistakes`;
  return issues.length === 1 ? lines[0]! : `${count}: ${lines.join("; ")}`;
}

function describe(issue: z.core.$ZodIssue): string {
  const got = issue.input === undefined || isContainer(issue.input)
    ? ""
    : `, got ${quoteValue(issue.input)}`;
  if (issue.code !== "invalid_key" && OURS.test(issue.message)) return `${issue.message}${got}`;
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return "is missing";
      return `must be ${nameType(issue.expected)}, got ${quoteValue(issue.input)}`;
    case "invalid_value":
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(" or ")}${got}`;
    case "too_small":
      if (issue.origin === "string" && issue.minimum === 1) return "must not be empty";
      return `must be at least ${issue.minimum}${got}`;
    case "too_big":
      if (issue.origin === "string") return `must be at most ${issue.maximum} characters long`;
      if (issue.origin === "array") return `must have at most ${issue.maximum} entries`;
      return `must be at most ${issue.maximum}${got}`;
    case "invalid_key":
      return `has a bad name: ${escapeText(issue.issues[0]?.message ?? "", 200)}`;
    default:
      return `${issue.message}${got}`;
  }
}

function nameType(expected: string): string {
  switch (expected) {
    case "int":
      return "a whole number";
    case "record":
    case "object":
      return "an object";
    case "array":
      return "a list";
    default:
      return `a ${expected}`;
  }
}

function isContainer(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** Quotes a value for a message; lists and objects are only named. */
export function quoteValue(value: unknown): string {
  if (typeof value === "string") return `"${escapeText(value, 80)}"`;
  if (Array.isArray(value)) return "a list";
  if (isContainer(value)) return "an object";
  return String(value);
}

function formatPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += `${text === "" ? "" : "."}${escapeText(String(part), 80)}`;
  }
  return text;
}
