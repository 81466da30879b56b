/**
 * Finds text that the runtime would cut: it reads a text of SQLite only up to a NUL character.
 *
 * @module
 */

const MAX_ARGUMENTS = 500;

/**
 * Puts a query into one that gives a column more: the number of the last column whose text has a NUL,
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
