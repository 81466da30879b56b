import type { AccessLevel } from "../../bundle/manifest/manifest_schema.ts";
import { SallyportError } from "../../errors.ts";
import type { ServiceCaller } from "../calls/caller.ts";
import { DatabaseClient } from "./client.ts";
import type { DatabaseConfig, DatabaseMethod } from "./protocol.ts";
import type { ServiceMethod } from "../calls/method_table.ts";
import { PerPlugin, type Service } from "../calls/service.ts";
import type { ServiceScratch } from "./scratch.ts";

/**
 * Options of {@linkcode PluginContext.provideDatabase}.
 *
 * @category Services
 */
export interface SharedDatabaseOptions {
  /** The SQLite file; it must be there when a plugin first uses it. */
  readonly file: string;
  /**
   * The tables that plugins may use, and how far; a plugin whose own access is `read` reads only.
   * Views open nothing but the tables named here, and triggers of a table act only on such.
   */
  readonly tables: Readonly<Record<string, AccessLevel>>;
  /** What it is for, for people. */
  readonly description?: string;
  /** How large the file may become by what plugins write, in bytes; unbounded where it is missing. */
  readonly maxDatabaseBytes?: number;
}

/** Says which file a plugin opens, and how. */
export type OpensDatabase = (
  caller: ServiceCaller,
) => Promise<Omit<DatabaseConfig, "maxRows" | "maxResultBytes">>;

const MAX_QUEUED = 64;
const MAX_ROWS = 10_000;
const MAX_RESULT_BYTES = 8 * 1024 * 1024;

/** Makes a service of one database, for which each plugin has its process; starts nothing yet. */
export function databaseService(
  scratch: ServiceScratch,
  opens: OpensDatabase,
  timeoutMs: number,
): Service {
  const held = new PerPlugin((caller) => {
    // an answer is one message to the plugin, in which JSON may double a text
    const maxResultBytes = Math.min(MAX_RESULT_BYTES, Math.floor(caller.limits.messageBytes / 2));
    return new DatabaseClient({
      plugin: caller.plugin,
      config: async () => ({ ...await opens(caller), maxRows: MAX_ROWS, maxResultBytes }),
      place: () => scratch.databasePlace(caller.limits),
      timeoutMs,
      maxQueued: MAX_QUEUED,
    });
  }, (client) => client.close());
  const method = (name: DatabaseMethod, access: AccessLevel): [string, ServiceMethod] => [name, {
    access,
    call: (args, { caller, signal }) => held.of(caller).run(name, args, signal),
  }];
  return {
    methods: new Map([
      method("query", "read"),
      method("execute", "readwrite"),
      method("batch", "readwrite"),
    ]),
    held,
  };
}

export function ownDatabase(dir: string, key: string): OpensDatabase {
  return async (caller) => {
    await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
    return {
      file: `${await Deno.realPath(dir)}/${caller.plugin}.sqlite`,
      access: caller.context.get(key) ?? "read",
      maxDatabaseBytes: caller.limits.storageBytes,
    };
  };
}

export function sharedDatabase(key: string, options: SharedDatabaseOptions): OpensDatabase {
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
    maxDatabaseBytes,
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
  const message = `Cannot open database "${key}": what is there is not a regular file`;
  throw new SallyportError("bad-state", message, { hint: "Name the file of an SQLite database" });
}
