/**
 * How the command line names the parts of a trust list.
 *
 * @module
 */
import { UsageError } from "../terminal/failure.ts";

/** Splits `NAME@REST`. */
export function splitAt(text: string): { name: string; rest: string | undefined } {
  const at = text.indexOf("@");
  if (at < 0) return { name: text, rest: undefined };
  return { name: text.slice(0, at), rest: text.slice(at + 1) };
}

/**
 * Splits `NAME@VERSION`.
 *
 * @throws {UsageError} When one is missing.
 */
export function nameAndVersion(text: string, option: string): { name: string; version: string } {
  const { name, rest } = splitAt(text);
  if (name !== "" && rest !== undefined && rest !== "") return { name, version: rest };
  throw new UsageError(
    `Cannot use "${text}" for ${option}: it is not NAME@VERSION`,
    `Write such as ${option} word-count@1.4.2`,
  );
}

/**
 * Finds the one option of several that was given.
 *
 * @throws {UsageError} When none or several were given.
 */
export function exactlyOne<K extends string>(options: Readonly<Record<K, unknown>>): K {
  const names = Object.keys(options) as K[];
  const given = names.filter((name) => options[name] !== undefined);
  if (given.length === 1) return given[0]!;
  throw new UsageError(
    given.length === 0
      ? "Nothing was named to work on"
      : `Cannot do ${given.join(" and ")} at once`,
    `Pass one of ${names.join(", ")}`,
  );
}

/**
 * Refuses options that have no meaning beside another.
 *
 * @throws {UsageError} Naming the first that was given.
 */
export function refuseOthers(subject: string, options: Readonly<Record<string, unknown>>): void {
  const [name] = Object.entries(options).find(([, value]) => value !== undefined) ?? [];
  if (name !== undefined) throw new UsageError(`Cannot use ${name} together with ${subject}`);
}
