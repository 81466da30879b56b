/**
 * What the command line of the benchmarks takes.
 *
 * @module
 */

/** Holds the options. */
export interface Options {
  /** Whether one JSON document is printed instead of the table. */
  readonly json: boolean;
  /** Whether as little as possible is measured. */
  readonly quick: boolean;
  /** How many rounds each bench measures; its own number where nothing is said. */
  readonly rounds: number | undefined;
  /** Which benches are run; all where nothing is said. */
  readonly only: ReadonlySet<string>;
  /** Where the chart goes. */
  readonly svg: string | undefined;
}

/** Says how the benchmarks are called. */
export const USAGE =
  `deno task bench [--only NAME[,NAME]] [--rounds N] [--quick] [--json] [--svg FILE]

  --only NAME[,NAME]  runs these alone
  --rounds N          rounds that count, instead of each bench's own number
  --quick             measures as little as possible; the figures then say nothing
  --json              prints one JSON document instead of the table
  --svg FILE          writes the chart of "peers" too`;

const MAX_ROUNDS = 1_000;

/**
 * Parses the command line.
 *
 * @param args The arguments.
 * @param names The benches that there are.
 * @throws {RangeError} when something is wrong with them.
 */
export function parseOptions(args: readonly string[], names: readonly string[]): Options {
  let [json, quick] = [false, false];
  let rounds: number | undefined;
  let svg: string | undefined;
  let only = new Set(names);
  const left = [...args];
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    const [option = "", given] = arg.split(/=(.*)/s);
    const value = (): string => {
      const found = given ?? left.shift();
      if (found === undefined) throw new RangeError(`${option} needs a value`);
      return found;
    };
    if (option === "--json") json = true;
    else if (option === "--quick") quick = true;
    else if (option === "--svg") svg = value();
    else if (option === "--rounds") rounds = parseRounds(value());
    else if (option === "--only") only = parseNames(value(), names);
    else throw new RangeError(`unknown option "${arg}"`);
  }
  if (svg !== undefined && !only.has("peers")) {
    throw new RangeError('--svg needs the bench "peers"');
  }
  return { json, quick, rounds, only, svg };
}

function parseRounds(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > MAX_ROUNDS) {
    throw new RangeError(`--rounds must be 1 to ${MAX_ROUNDS}, is "${text}"`);
  }
  return rounds;
}

function parseNames(text: string, names: readonly string[]): Set<string> {
  const chosen = text.split(",");
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new RangeError(`there is no bench "${unknown}", but ${names.join(", ")}`);
  }
  return new Set(chosen);
}
