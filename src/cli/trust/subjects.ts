// How the command line names the parts of a trust list.
import { UsageError } from "../terminal/failure.ts";

export function splitAt(text: string): { name: string; rest: string | undefined } {
  const [name = "", ...rest] = text.split("@");
  return { name, rest: rest.length === 0 ? undefined : rest.join("@") };
}

/** Finds the one option of several that was passed, and its meaning. */
export function exactlyOne<T>(
  options: Readonly<Record<string, readonly [given: unknown, meaning: T]>>,
): { subject: string; meaning: T } {
  const given = Object.entries(options).filter(([, [value]]) => value !== undefined);
  const [first, ...others] = given;
  if (first !== undefined && others.length === 0) {
    return { subject: first[0], meaning: first[1][1] };
  }
  throw new UsageError(
    first === undefined
      ? "Nothing was named to work on"
      : `Cannot do ${given.map(([name]) => name).join(" and ")} at once`,
    `Pass one of ${Object.keys(options).join(", ")}`,
  );
}

/** Refuses options that would silently do nothing beside another. */
export function refuseOthers(subject: string, options: Readonly<Record<string, unknown>>): void {
  const [name] = Object.entries(options).find(([, value]) => value !== undefined) ?? [];
  if (name !== undefined) throw new UsageError(`Cannot use ${name} together with ${subject}`);
}
