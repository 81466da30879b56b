import { type DatabaseConfig, MAX_SQL_BYTES } from "./protocol.ts";
import { openSqlite, type Sqlite } from "./sqlite.ts";

const HEAP_BYTES = 64 * 1024 * 1024;
const VALUE_BYTES = 16 * 1024 * 1024;
const JOURNAL_BYTES = 4 * 1024 * 1024;
const BUSY_TIMEOUT_MS = 1_000;
// the check of a program reads it whole
const MAX_OPERATIONS = 250_000;

function openOwn(config: DatabaseConfig): Sqlite {
  const database = openSqlite(config.file, { busyTimeoutMs: BUSY_TIMEOUT_MS });
  // a killed process loses nothing that was committed, and nothing half written is ever seen
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = NORMAL");
  return database;
}

function openShared(config: DatabaseConfig): Sqlite {
  const writes = config.access === "readwrite" &&
    Object.values(config.tables ?? {}).includes("readwrite");
  return openSqlite(config.file, { readOnly: !writes, busyTimeoutMs: BUSY_TIMEOUT_MS });
}

/** Opens a database so that it takes no more memory, disk and privilege than a plugin may have. */
export function openConfined(config: DatabaseConfig): Sqlite {
  const database = config.tables === undefined ? openOwn(config) : openShared(config);

  database.enableDefensive(true);
  database.exec("PRAGMA trusted_schema = OFF");
  database.exec("PRAGMA cell_size_check = ON");
  database.exec("PRAGMA temp_store = MEMORY");
  database.exec("PRAGMA mmap_size = 0");
  database.exec(`PRAGMA hard_heap_limit = ${HEAP_BYTES}`);
  database.exec(`PRAGMA journal_size_limit = ${JOURNAL_BYTES}`);
  if (config.access === "read") database.exec("PRAGMA query_only = ON");
  if (config.maxDatabaseBytes !== undefined) {
    const { page_size } = database.prepare("PRAGMA page_size").get() as { page_size: number };
    const pages = Math.max(1, Math.floor(config.maxDatabaseBytes / page_size));
    database.exec(`PRAGMA max_page_count = ${pages}`);
  }
  database.limits.length = VALUE_BYTES;
  database.limits.sqlLength = 2 * MAX_SQL_BYTES; // with what we put around it
  database.limits.attach = 0;
  database.limits.triggerDepth = 32;
  if (config.tables !== undefined) database.limits.vdbeOp = MAX_OPERATIONS;
  return database;
}
