// The plugins of a trust list that was read: one line each, looked at when somebody asks.
//
// A verdict is about one plugin. To parse and check the lines of 10,000 others takes longer than to
// start a process; a list is checked as a whole when it is written, and when all of it is wanted. One
// name and all of them are read from the same places, so that nothing is shown that does not hold.
import type { SchemaIssue } from "../../json/schema_issues.ts";
import type { ListedPlugin, TrustListContent } from "./content.ts";
import { findPluginIssues, TRUST_LIST_LIMITS } from "./schema.ts";

/** Makes the error about a list that is not valid. */
type Invalid = (issues: SchemaIssue[]) => Error;

/**
 * Finds a line that does not begin as each of ours does: it would be under no name. A name has no
 * character that JSON could spell in two ways.
 */
const NAMELESS_LINE = /\n(?!\{"name":"[a-z][a-z0-9_-]{0,63}",|$)/;

/** Holds the plugins of a list as text. */
class PluginLines {
  readonly #text: string;
  readonly #rest: Omit<TrustListContent, "plugins">;
  readonly #invalid: Invalid;
  readonly #named = new Map<string, readonly ListedPlugin[]>();

  /** Takes lines, each between two line breaks; refuses one that could be found under no name. */
  constructor(rest: Omit<TrustListContent, "plugins">, text: string, invalid: Invalid) {
    this.#text = text;
    this.#rest = rest;
    this.#invalid = invalid;
    const nameless = text.search(NAMELESS_LINE);
    if (nameless !== -1) throw invalid([notOurs(countLines(text.slice(0, nameless)))]);
    if (countLines(text) - 1 > TRUST_LIST_LIMITS.plugins) {
      const message = `must have at most ${TRUST_LIST_LIMITS.plugins} entries`;
      throw invalid([{ path: "plugins", message }]);
    }
  }

  /**
   * Finds the entries of one name by how their lines start, which is as each line does. JSON has no
   * line break within, so nothing that an entry quotes looks like the start of a line.
   */
  named(name: string): readonly ListedPlugin[] {
    const known = this.#named.get(name);
    if (known !== undefined) return known;
    const start = `\n{"name":${JSON.stringify(name)},`;
    const found: string[] = [];
    for (let at = this.#text.indexOf(start); at !== -1;) {
      const end = this.#text.indexOf("\n", at + 1);
      found.push(this.#text.slice(at + 1, end));
      at = this.#text.indexOf(start, end);
    }
    const entries = this.#read(found, name);
    this.#named.set(name, entries);
    return entries;
  }

  /** Parses and checks them all. */
  all(): readonly ListedPlugin[] {
    return this.#read(this.#text.split("\n").slice(1, -1));
  }

  /** Parses and checks some of them: what is twice there is refused, as in the whole. */
  #read(lines: readonly string[], name?: string): readonly ListedPlugin[] {
    if (lines.length === 0) return [];
    const plugins = lines.map((line) => parseLine(line));
    const bad = plugins.indexOf(undefined);
    const issues = bad === -1 ? findPluginIssues(plugins, this.#rest) : [notOurs(bad)];
    if (issues.length === 0) return plugins as readonly ListedPlugin[];
    // among those of one name the numbers are not the list's
    const at = (path: string) =>
      name === undefined ? path : path.replace(/^plugins\[(\d+)\]/, `plugins of ${name}[$1]`);
    throw this.#invalid(issues.map(({ path, message }) => ({ path: at(path), message })));
  }
}

/** Parses a line that is spelled as we write it, or gives `undefined`. */
function parseLine(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line);
    // what is spelled so has no key twice: its name is the one that it begins with
    return JSON.stringify(value) === line ? value : undefined;
  } catch {
    return undefined; // not one of ours is the answer, not a failure
  }
}

function countLines(text: string): number {
  let count = 0;
  for (let at = -1; (at = text.indexOf("\n", at + 1)) !== -1;) count++;
  return count;
}

const lines: WeakMap<TrustListContent, PluginLines> = new WeakMap();

/**
 * Puts the plugins to the rest of a list; they are parsed when `plugins` is read.
 *
 * @throws What `invalid` made, when a line is nobody's.
 */
export function withPluginLines(
  rest: Omit<TrustListContent, "plugins">,
  text: string,
  invalid: Invalid,
): TrustListContent {
  const own = new PluginLines(rest, text, invalid);
  const content = Object.defineProperty({ ...rest }, "plugins", {
    enumerable: true,
    configurable: true,
    get: () => {
      const value = own.all();
      Object.defineProperty(content, "plugins", { value, enumerable: true });
      return value;
    },
  }) as TrustListContent;
  lines.set(content, own);
  return content;
}

/**
 * Returns the plugins of one name, without looking at the others where they were not read yet.
 *
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

function notOurs(index: number): SchemaIssue {
  return { path: `plugins[${index}]`, message: "is not spelled as trust lists are written" };
}
