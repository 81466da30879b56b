// Looks at the text of statements: for parameters, because SQLite silently takes a missing one for NULL,
// and for queries whose text the runtime would cut, because it reads a text only up to a NUL character.

export interface SqlScan {
  /** The first word in small letters; none where all is white space, comments and semicolons. */
  readonly verb: string;
  readonly start: number;
  /** Where the last one ends, before semicolons and comments. */
  readonly end: number;
  /** How many values the statement's `?` and `?N` take in order. */
  readonly positional: number;
  readonly selects: boolean;
  /** The names behind `:`, `@` and `$`. */
  readonly names: ReadonlySet<string>;
}

/** How many arguments a function of SQLite takes. */
const MAX_ARGUMENTS = 500;

// SQLite's own tokens (https://www.sqlite.org/lang.html, tokenize.c) as far as they can hide or be
// a parameter. An unterminated string or comment runs to the end, as it does there.
const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$)|\ufeff|\?(\d*)|[:@$]([A-Za-z_0-9$\u0080-\uffff]+)|[A-Za-z_\u0080-\uffff][A-Za-z_0-9$\u0080-\uffff]*|\d[\w.]*|[\s\S]/g;

export function scanSql(sql: string): SqlScan {
  const names = new Set<string>();
  let verb = "";
  let start = 0;
  let end = 0;
  let selects = false;
  let positional = 0;
  for (const match of sql.matchAll(TOKEN)) {
    const [token, number, name] = match;
    if (number !== undefined) {
      // "?" takes the place after the highest one so far, "?N" the Nth
      positional = number === "" ? positional + 1 : Math.max(positional, Number(number));
    } else if (name !== undefined) names.add(name);
    else if (token.length === 6 && token.toLowerCase() === "select") selects = true;
    if (/^(?:[ \t\n\v\f\r\ufeff;]|--|\/\*)/.test(token)) continue;
    end = match.index + token.length;
    if (verb !== "") continue;
    verb = token.toLowerCase();
    start = match.index;
  }
  return { verb, start, end, positional, selects, names };
}

/**
 * Puts a query into one with a further column: the number of the last column whose text has a NUL,
 * 0 where none has.
 */
export function withNulCheck(query: string, count: number): string {
  const columns = Array.from({ length: count }, (_, index) => `c${index + 1}`);
  const numbers = columns.map((column, index) =>
    `(typeof(${column}) = 'text' AND instr(${column}, char(0)) > 0) * ${index + 1}`
  );
  let name = "result";
  while (query.toLowerCase().includes(name)) name += "_";
  // materialized: what a column takes to compute is not done again for the check
  return `WITH ${name}(${columns}) AS MATERIALIZED (${query}) ` +
    `SELECT *, ${greatest(numbers)} FROM ${name}`;
}

function greatest(numbers: readonly string[]): string {
  if (numbers.length <= MAX_ARGUMENTS) return `max(0, ${numbers})`;
  const half = Math.ceil(numbers.length / 2);
  return `max(${greatest(numbers.slice(0, half))}, ${greatest(numbers.slice(half))})`;
}
