// Checks plain JSON against a shape, all mistakes at once.
//
// A list of 10,000 plugins must be checked in a few milliseconds, before a plugin starts; the schema
// library takes ten times as long for its first list. So nothing is allocated for what is right.
import { quoteValue, type SchemaIssue } from "./schema_issues.ts";
import { escapeText } from "../errors.ts";

/** As many mistakes are described, as for other files. */
const MAX_ISSUES = 100;

/** Names an entry of a list or an object. */
export type Key = string | number;

/** Collects mistakes, the first 100 of them. */
export class Report {
  /** The mistakes so far. */
  readonly issues: SchemaIssue[] = [];
  readonly #inside: Key[] = [];

  /** Goes into the entry of a container, where there is one. */
  enter(key: Key | undefined): void {
    if (key !== undefined) this.#inside.push(key);
  }

  /** Comes back out of it. */
  leave(key: Key | undefined): void {
    if (key !== undefined) this.#inside.pop();
  }

  /** Adds a mistake about what lies there, seen from the container that was entered last. */
  add(path: Key | readonly Key[] | undefined, message: string): void {
    if (this.issues.length >= MAX_ISSUES) return;
    const keys = path === undefined ? [] : typeof path === "object" ? path : [path];
    this.issues.push({ path: formatPath([...this.#inside, ...keys]), message });
  }
}

/** Checks the entry `key` of the container that was entered; the whole value without a key. */
export type Check = (value: unknown, report: Report, key?: Key) => void;

/** Makes a check of a value that holds no others. */
export function leaf(find: (value: unknown) => string | undefined): Check {
  return (value, report, key) => {
    const problem = find(value);
    if (problem !== undefined) report.add(key, `${problem}, got ${quoteValue(value)}`);
  };
}

/** Makes a check of a text by a pattern, which bounds its length too. */
export function matching(pattern: RegExp, problem: string): Check {
  return leaf((value) => typeof value === "string" && pattern.test(value) ? undefined : problem);
}

/** Makes a check of a whole number in a range. */
export function wholeNumber(min: number, max: number): Check {
  const problem = `must be a whole number from ${min} to ${max}`;
  return leaf((value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : problem
  );
}

/** Makes a check of a list with bounds on its length. */
export function listOf(item: Check, max: number, min = 0): Check {
  return (value, report, key) => {
    if (!Array.isArray(value)) return report.add(key, `must be a list${got(value)}`);
    if (value.length > max) return report.add(key, `must have at most ${max} entries`);
    if (value.length < min) return report.add(key, "must not be empty");
    report.enter(key);
    for (let index = 0; index < value.length; index++) item(value[index], report, index);
    report.leave(key);
  };
}

/** Makes a check of an object whose keys are data. */
export function recordOf(name: RegExp, item: Check, max: number): Check {
  return (value, report, key) => {
    if (!isObject(value)) return report.add(key, `must be an object${got(value)}`);
    const names = Object.keys(value);
    if (names.length > max) return report.add(key, `must have at most ${max} entries`);
    report.enter(key);
    for (const inner of names) {
      if (name.test(inner)) item(value[inner], report, inner);
      else report.add(inner, "has a bad name");
    }
    report.leave(key);
  };
}

/** Makes a check of an object with known fields; others are refused. */
export function objectOf(
  required: Readonly<Record<string, Check>>,
  optional: Readonly<Record<string, Check>> = {},
): Check {
  const fields = new Map(Object.entries({ ...required, ...optional }));
  const needed = Object.keys(required);
  return (value, report, key) => {
    if (!isObject(value)) return report.add(key, `must be an object${got(value)}`);
    report.enter(key);
    for (const name in value) { // JSON has own keys only
      const check = fields.get(name);
      if (check === undefined) report.add(name, "unknown field");
      else check(value[name], report, name);
    }
    for (let index = 0; index < needed.length; index++) {
      const name = needed[index]!;
      if (value[name] === undefined) report.add(name, "is missing");
    }
    report.leave(key);
  };
}

/**
 * Makes a check of an object that is carried unread: deep ones would exhaust who walks them, and a
 * `__proto__` would change what they are copied to.
 */
export function anyObject(maxDepth: number): Check {
  return (value, report, key) => {
    if (!isObject(value)) return report.add(key, `must be an object${got(value)}`);
    if (!isWithin(value, maxDepth)) {
      report.add(key, `must not be nested deeper than ${maxDepth} levels, nor have a __proto__`);
    }
  };
}

/** Tells whether a value is a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isWithin(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && !Object.hasOwn(value, "__proto__") &&
    Object.values(value).every((inner) => isWithin(inner, depth - 1));
}

function got(value: unknown): string {
  return isObject(value) || Array.isArray(value) ? "" : `, got ${quoteValue(value)}`;
}

function formatPath(keys: readonly Key[]): string {
  let path = "";
  for (const key of keys) {
    if (typeof key === "number") path += `[${key}]`;
    else path += `${path === "" ? "" : "."}${escapeText(key, 80)}`;
  }
  return path;
}
