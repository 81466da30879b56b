/**
 * The plugins of a trust list that was read: one line each, looked at when somebody asks.
 *
 * A verdict is about one plugin. To parse and check the lines of 10,000 others takes longer than to
 * start a process; a list is checked as a whole when it is written, and when all of it is wanted.
 *
 * @module
 */

import type { SchemaIssue } from "../bundle/schema_issues.ts";
import type { ListedPlugin, TrustListContent } from "./list.ts";
import { findListIssues, findPluginIssues } from "./list_schema.ts";

/** Makes the error about a list that is not valid. */
type Invalid = (issues: SchemaIssue[]) => Error;

/** Holds the plugins of a list as text. */
class PluginLines {
  readonly #text: string;
  readonly #invalid: Invalid;
  readonly #named = new Map<string, readonly ListedPlugin[]>();

  /** Takes lines, each between two line breaks. */
  constructor(text: string, invalid: Invalid) {
    this.#text = text;
    this.#invalid = invalid;
  }

  /**
   * Finds the entries of one name by how their lines start. JSON has no line break within, so nothing
   * that an entry quotes looks like the start of a line.
   */
  named(name: string): readonly ListedPlugin[] {
    const known = this.#named.get(name);
    if (known !== undefined) return known;
    const start = `\n{"name":${JSON.stringify(name)},`;
    const entries: ListedPlugin[] = [];
    for (let at = this.#text.indexOf(start); at !== -1;) {
      const end = this.#text.indexOf("\n", at + 1);
      entries.push(this.#parse(this.#text.slice(at + 1, end)));
      at = this.#text.indexOf(start, end);
    }
    this.#named.set(name, entries);
    return entries;
  }

  /** Parses and checks them all. */
  all(rest: Omit<TrustListContent, "plugins">): readonly ListedPlugin[] {
    const lines = this.#text.split("\n").slice(1, -1);
    const plugins = lines.map((line) => parseLine(line));
    const bad = plugins.indexOf(undefined);
    if (bad !== -1) throw this.#invalid([notOurs(`plugins[${bad}]`)]);
    const issues = findListIssues({ ...rest, plugins });
    if (issues.length > 0) throw this.#invalid(issues);
    return plugins as ListedPlugin[];
  }

  #parse(line: string): ListedPlugin {
    const plugin = parseLine(line);
    const issues = plugin === undefined ? [notOurs("plugins")] : findPluginIssues(plugin);
    if (issues.length > 0) throw this.#invalid(issues);
    return plugin as ListedPlugin;
  }
}

const lines: WeakMap<TrustListContent, PluginLines> = new WeakMap();

/**
 * Puts the plugins to the rest of a list; they are parsed when `plugins` is read.
 *
 * @param rest The list without them.
 * @param text Their lines, with a line break before each and after the last.
 * @param invalid Makes the error about what is wrong with them.
 * @returns The list.
 */
export function withPluginLines(
  rest: Omit<TrustListContent, "plugins">,
  text: string,
  invalid: Invalid,
): TrustListContent {
  const own = new PluginLines(text, invalid);
  const content = Object.defineProperty({ ...rest }, "plugins", {
    enumerable: true,
    configurable: true,
    get: () => {
      const value = own.all(rest);
      Object.defineProperty(content, "plugins", { value, enumerable: true });
      return value;
    },
  }) as TrustListContent;
  lines.set(content, own);
  return content;
}

/**
 * Gives the plugins of one name, without looking at the others where they were not read yet.
 *
 * @param content The list.
 * @param name The plugins' name.
 * @returns The entries in the order of the list.
 * @throws {SallyportError} `bad-config` when one of them is not valid.
 */
export function pluginsNamed(
  content: TrustListContent,
  name: string,
): readonly ListedPlugin[] {
  return lines.get(content)?.named(name) ??
    content.plugins.filter((plugin) => plugin.name === name);
}

/** Puts plugins into lines. */
export function toPluginLines(plugins: readonly ListedPlugin[]): string {
  return plugins.map((plugin) => {
    // the name first: entries are found by how their line starts
    const { name, ...fields } = plugin;
    return `${JSON.stringify({ name, ...fields })}\n`;
  }).join("");
}

/** Parses a line that is spelled as we write it, or gives `undefined`. */
function parseLine(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line);
    return JSON.stringify(value) === line ? value : undefined;
  } catch {
    return undefined; // not one of ours is the answer, not a failure
  }
}

function notOurs(path: string): SchemaIssue {
  return { path, message: "is not spelled as trust lists are written" };
}
