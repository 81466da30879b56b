// The built-in services as a plugin sees them: `ctx.get<Database>("database")`.

/**
 * A value that JSON can hold.
 *
 * @category Services
 */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/**
 * The plugin's settings, as the application gives them; needs `read`.
 *
 * @category Services
 */
export interface Config {
  /** Returns the whole object; empty where the application set nothing. */
  get(): Promise<{ readonly [key: string]: JsonValue }>;
  /**
   * Returns one setting.
   *
   * @param key The setting.
   * @returns Its value; `null` where it is not set.
   */
  get(key: string): Promise<JsonValue>;
}

/**
 * The host's log under the plugin's name; needs `read`. Messages above a rate are dropped and counted.
 *
 * @category Services
 */
export interface Log {
  /** Logs what helps to find a fault. */
  debug(message: string, fields?: { readonly [key: string]: JsonValue }): Promise<void>;
  /** Logs what happens in the normal course. */
  info(message: string, fields?: { readonly [key: string]: JsonValue }): Promise<void>;
  /** Logs what someone should look at. */
  warn(message: string, fields?: { readonly [key: string]: JsonValue }): Promise<void>;
  /** Logs a failure. */
  error(message: string, fields?: { readonly [key: string]: JsonValue }): Promise<void>;
}

/**
 * Keys and JSON values of the plugin's own that outlive it; reading needs `read`, the rest
 * `readwrite`. A key has at most 512 bytes, a value 64 KiB, all together the plugin's `storageBytes`.
 *
 * @category Services
 */
export interface Kv {
  /**
   * Returns a value.
   *
   * @param key The key.
   * @returns The value; `null` where there is none.
   */
  get(key: string): Promise<JsonValue>;
  /**
   * Tells whether a key has a value.
   *
   * @param key The key.
   */
  has(key: string): Promise<boolean>;
  /**
   * Lists keys in the order of their UTF-8 bytes.
   *
   * @param options Which, and how many.
   */
  list(options?: {
    /** Only keys that start with this. */
    prefix?: string;
    /**
     * How many keys at most; 1 to 1000.
     *
     * @default 100
     */
    limit?: number;
    /** Only keys after this one: the last key of the page before. */
    after?: string;
  }): Promise<string[]>;
  /**
   * Sets a value.
   *
   * @param key The key.
   * @param value The value.
   */
  set(key: string, value: JsonValue): Promise<void>;
  /**
   * Removes a value.
   *
   * @param key The key.
   * @returns Whether there was one.
   */
  delete(key: string): Promise<boolean>;
}

/**
 * A value in a database: a result, or a parameter.
 *
 * @category Services
 */
export type SqlValue = null | number | string | Uint8Array;

/**
 * The parameters of a statement: in order for `?`, or by name for `:name`, `@name` and `$name`.
 *
 * @category Services
 */
export type SqlParameters = readonly SqlValue[] | { readonly [name: string]: SqlValue };

/**
 * One row of a result, by column name.
 *
 * @category Services
 */
export type SqlRow = { [column: string]: SqlValue };

/**
 * Says what a statement did.
 *
 * @category Services
 */
export interface ExecuteResult {
  /** How many rows it inserted, updated or deleted. */
  changes: number;
  /** The rowid of the last row inserted; `null` where it is no safe integer. */
  lastInsertRowid: number | null;
  /** The rows of a `RETURNING` clause. */
  rows?: SqlRow[];
}

/**
 * A SQLite database: the plugin's own, or one that the application shares.
 *
 * One statement a call; `BEGIN`, `ATTACH`, `PRAGMA`, `VACUUM`, temporary tables and extensions are
 * refused. A call has a deadline; one past it ends with `timeout`, and nothing of it is kept.
 *
 * @category Services
 */
export interface Database {
  /**
   * Runs a statement that reads; needs `read`.
   *
   * @param sql One statement.
   * @param parameters A value for each of its parameters.
   * @returns The rows; more than 10,000 rows or 8 MiB are an error, `limit-exceeded`.
   */
  query<Row extends object = SqlRow>(sql: string, parameters?: SqlParameters): Promise<Row[]>;
  /**
   * Runs a statement that writes; needs `readwrite`.
   *
   * @param sql One statement.
   * @param parameters A value for each of its parameters.
   */
  execute(sql: string, parameters?: SqlParameters): Promise<ExecuteResult>;
  /**
   * Runs statements in one transaction: all of them, or none; needs `readwrite`.
   *
   * @param statements At most 1000.
   * @returns What each did.
   */
  batch(
    statements: readonly (readonly [sql: string, parameters?: SqlParameters])[],
  ): Promise<ExecuteResult[]>;
}
