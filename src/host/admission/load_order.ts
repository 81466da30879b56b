// The order in which plugins that depend on each other are loaded.
import { isInRange } from "../../bundle/manifest/version_range.ts";
import { SallyportError } from "../../errors.ts";

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
 * @throws {SallyportError} `bad-state` when one is missing, has the wrong version, or depends on itself.
 */
export function orderDependencies(
  name: string,
  find: (name: string) => DependencyNode | undefined,
): string[] {
  const order: string[] = [];
  const done = new Set<string>();
  // a stack of our own: a chain may be longer than the engine's
  const trail: { name: string; rest: [name: string, range: string][] }[] = [];
  const refuse = (message: string, hint: string, details: Record<string, unknown>): never => {
    throw new SallyportError("bad-state", `Cannot load plugin "${name}": ${message}`, {
      hint,
      details: { plugin: name, ...details },
    });
  };
  const onTrail = new Set<string>();
  const enter = (current: string) => {
    const entries = Object.entries(find(current)?.dependencies ?? {});
    trail.push({ name: current, rest: entries.sort(([a], [b]) => a < b ? 1 : -1) });
    onTrail.add(current);
  };
  enter(name);
  for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
    const next = top.rest.pop();
    if (next === undefined) {
      trail.pop();
      onTrail.delete(top.name);
      done.add(top.name);
      order.push(top.name);
      continue;
    }
    const [dependency, range] = next;
    const found = find(dependency);
    if (found === undefined) {
      refuse(
        `"${top.name}" depends on "${dependency}" ${range}, which is not registered or not trusted`,
        `Discover or load a trusted "${dependency}" ${range} first`,
        { missing: dependency, range },
      );
    } else if (!isInRange(found.version, range)) {
      refuse(
        `"${top.name}" depends on "${dependency}" ${range}, but version ${found.version} is registered`,
        `Install a version of "${dependency}" in the range ${range}`,
        { dependency, range, version: found.version },
      );
    }
    if (onTrail.has(dependency)) {
      const names = trail.map((entry) => entry.name);
      const cycle = [...names.slice(names.indexOf(dependency)), dependency];
      refuse(
        `dependency cycle ${cycle.map((entry) => `"${entry}"`).join(" → ")}`,
        "Remove one of these dependencies from its plugin.json",
        { cycle },
      );
    }
    if (!done.has(dependency)) enter(dependency);
  }
  return order;
}
