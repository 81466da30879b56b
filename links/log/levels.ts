/**
 * Stands in for `@std/log/levels`.
 *
 * @module
 */

/** Maps the names of the levels to their numbers. */
export const LogLevels = {
  NOTSET: 0,
  DEBUG: 10,
  INFO: 20,
  WARN: 30,
  ERROR: 40,
  CRITICAL: 50,
} as const;

/** Names a level. */
export type LevelName = keyof typeof LogLevels;

/** Numbers a level. */
export type LogLevel = typeof LogLevels[LevelName];

/** Lists the names of the levels, lowest first. */
export const LogLevelNames: LevelName[] = Object.keys(LogLevels) as LevelName[];

/**
 * Gives the number of a level.
 *
 * @param name The name.
 * @returns The number.
 * @throws {Error} When there is no such level.
 */
export function getLevelByName(name: LevelName): LogLevel {
  const level: LogLevel | undefined = LogLevels[name];
  if (level === undefined) throw new Error(`Cannot get log level: no level named ${name}`);
  return level;
}

/**
 * Gives the name of a level.
 *
 * @param level The number.
 * @returns The name.
 * @throws {Error} When there is no such level.
 */
export function getLevelName(level: LogLevel): LevelName {
  const name = LogLevelNames.find((each) => LogLevels[each] === level);
  if (name === undefined) throw new Error(`Cannot get log level: no name for level: ${level}`);
  return name;
}
