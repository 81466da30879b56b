/**
 * The order in which plugins that depend on each other are loaded.
 *
 * @module
 */
import { isInRange } from "../bundle/version_range.ts";
import { SallyportError } from "../errors.ts";

/** Holds what the order needs to know of a plugin. */
export interface DependencyNode {
  /** The plugin's version. */
  readonly version: string;
  /** The plugins it needs, with the ranges of their versions. */
  readonly dependencies: Readonly<Record<string, string>>;
}

/**
 * Orders a plugin and everything it depends on so that each comes after what it needs.
 *
 * @param name The plugin to load.
 * @param find Gives a registered plugin by name.
 * @returns The names, dependencies first, `name` last.
 * @throws {SallyportError} `bad-state` when one is missing, has the wrong version, or depends on itself.
 */
export function orderDependencies(
  name: string,
  find: (name: string) => DependencyNode | undefined,
): string[] {
  const order: string[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const refuse = (message: string, hint: string, details: Record<string, unknown>) => {
    throw new SallyportError("bad-state", `Cannot load plugin "${name}": ${message}`, {
      hint,
      details: { plugin: name, ...details },
    });
  };
  const visit = (current: string) => {
    if (done.has(current)) return;
    const start = trail.indexOf(current);
    if (start >= 0) {
      const cycle = [...trail.slice(start), current];
      refuse(
        `dependency cycle ${cycle.map((entry) => `"${entry}"`).join(" → ")}`,
        "Remove one of these dependencies from its plugin.json",
        { cycle },
      );
    }
    trail.push(current);
    const entries = Object.entries(find(current)?.dependencies ?? {});
    for (const [dependency, range] of entries.sort(([a], [b]) => a < b ? -1 : 1)) {
      const found = find(dependency);
      if (found === undefined) {
        refuse(
          `"${current}" depends on "${dependency}" ${range}, which is not registered or not trusted`,
          `Discover or load a trusted "${dependency}" ${range} first`,
          { missing: dependency, range },
        );
      } else if (!isInRange(found.version, range)) {
        refuse(
          `"${current}" depends on "${dependency}" ${range}, but version ${found.version} is registered`,
          `Install a version of "${dependency}" in the range ${range}`,
          { dependency, range, version: found.version },
        );
      }
      visit(dependency);
    }
    trail.pop();
    done.add(current);
    order.push(current);
  };
  visit(name);
  return order;
}
