/**
 * The `database` service, and databases that the application shares.
 *
 * @module
 */

import type { AccessLevel } from "../../bundle/manifest/manifest_schema.ts";
import { SallyportError } from "../../errors.ts";
import type { ServiceCaller } from "../calls/caller.ts";
import { DatabaseClient } from "./client.ts";
import type { DatabaseConfig } from "./protocol.ts";
import type { MethodTable, ServiceMethod } from "../calls/method_table.ts";
import type { ServiceScratch } from "./scratch.ts";

/** Options of {@linkcode PluginContext.provideDatabase}. */
export interface SharedDatabaseOptions {
  /** The SQLite file; it must be there when a plugin first uses it. */
  readonly file: string;
  /**
   * The tables that plugins may use, and how far; a plugin whose own access is `read` reads only.
   * Views give access to nothing but the tables named here, and triggers of a table act only on such.
   */
  readonly tables: Readonly<Record<string, AccessLevel>>;
  /** What it is for, for people. */
  readonly description?: string;
  /** How large the file may become by what plugins write, in bytes; unbounded where it is missing. */
  readonly maxDatabaseBytes?: number;
}

/** Options of {@linkcode DatabaseService}. */
export interface DatabaseServiceOptions {
  /** Where processes live. */
  readonly scratch: ServiceScratch;
  /** Says which file a plugin opens, and how. */
  readonly config: (
    caller: ServiceCaller,
  ) => Promise<Omit<DatabaseConfig, "maxRows" | "maxResultBytes">>;
  /** How long one call may take, in milliseconds. */
  readonly timeoutMs: number;
}

const MAX_QUEUED = 64;
const MAX_ROWS = 10_000;
const MAX_RESULT_BYTES = 8 * 1024 * 1024;

/** Gives each plugin its process for one database. */
export class DatabaseService {
  /** The methods. */
  readonly table: MethodTable = new Map<string, ServiceMethod>([
    ["query", this.#method("query", "read")],
    ["execute", this.#method("execute", "readwrite")],
    ["batch", this.#method("batch", "readwrite")],
  ]);
  readonly #options: DatabaseServiceOptions;
  readonly #clients = new Map<string, DatabaseClient>();

  /** Makes the service; starts nothing. */
  constructor(options: DatabaseServiceOptions) {
    this.#options = options;
  }

  /** Ends a plugin's process. */
  async release(plugin: string): Promise<void> {
    const client = this.#clients.get(plugin);
    this.#clients.delete(plugin);
    await client?.close();
  }

  /** Ends all processes. */
  async close(): Promise<void> {
    await Promise.all([...this.#clients.keys()].map((plugin) => this.release(plugin)));
  }

  #method(name: "query" | "execute" | "batch", access: AccessLevel): ServiceMethod {
    return {
      access,
      call: (args, { caller, signal }) => this.#client(caller).run(name, args, signal),
    };
  }

  #client(caller: ServiceCaller): DatabaseClient {
    let client = this.#clients.get(caller.plugin);
    if (client === undefined) {
      const { config, scratch, timeoutMs } = this.#options;
      // an answer is one message to the plugin, in which JSON may double a text
      const maxResultBytes = Math.min(
        MAX_RESULT_BYTES,
        Math.floor(caller.limits.messageBytes / 2),
      );
      client = new DatabaseClient({
        plugin: caller.plugin,
        config: async () => ({ ...await config(caller), maxRows: MAX_ROWS, maxResultBytes }),
        place: () => scratch.databasePlace(caller.limits),
        timeoutMs,
        maxQueued: MAX_QUEUED,
      });
      this.#clients.set(caller.plugin, client);
    }
    return client;
  }
}

/** Makes what opens a plugin's own database. */
export function ownDatabase(dir: string, key: string): DatabaseServiceOptions["config"] {
  return async (caller) => {
    await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
    return {
      file: `${await Deno.realPath(dir)}/${caller.plugin}.sqlite`,
      access: caller.context.get(key) ?? "read",
      maxDatabaseBytes: caller.limits.storageBytes,
    };
  };
}

/**
 * Makes what opens a shared database.
 *
 * @throws {TypeError} when no table is named, or an access is none.
 */
export function sharedDatabase(
  key: string,
  options: SharedDatabaseOptions,
): DatabaseServiceOptions["config"] {
  const tables = Object.entries(options.tables);
  if (tables.length === 0) {
    throw new TypeError(`Cannot provide database "${key}": it names no table`);
  }
  for (const [table, access] of tables) {
    if (access !== "read" && access !== "readwrite") {
      throw new TypeError(
        `Cannot provide database "${key}": access of table "${table}" must be "read" or ` +
          `"readwrite", got "${String(access)}"`,
      );
    }
    if (/^sqlite_/i.test(table)) {
      throw new TypeError(`Cannot provide database "${key}": "${table}" is SQLite's own table`);
    }
  }
  const shared = Object.fromEntries(tables);
  const { file, maxDatabaseBytes } = options;
  return async (caller) => ({
    file: await existing(file, key),
    access: caller.context.get(key) ?? "read",
    tables: shared,
    ...(maxDatabaseBytes === undefined ? {} : { maxDatabaseBytes }),
  });
}

async function existing(file: string, key: string): Promise<string> {
  try {
    const real = await Deno.realPath(file);
    // to open a named pipe would wait for its writer
    if ((await Deno.stat(real)).isFile) return real;
  } catch (cause) {
    throw new SallyportError("bad-state", `Cannot open database "${key}": its file is not there`, {
      cause,
      hint: "The application must create the database before plugins use it",
    });
  }
  throw new SallyportError(
    "bad-state",
    `Cannot open database "${key}": what is there is not a regular file`,
    { hint: "Name the file of an SQLite database" },
  );
}
