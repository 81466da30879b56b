import { SallyportError } from "../../errors.ts";
import {
  openSqlite,
  type Sqlite,
  SQLITE_BUSY,
  SQLITE_FULL,
  sqliteCode,
} from "../database/sqlite.ts";

export interface KvCaps {
  /** Bytes of all keys and values, with 64 for each entry's own. */
  readonly maxBytes: number;
  readonly maxEntries: number;
}

/** What an entry costs besides its bytes, so that many small ones are bounded, too. */
const ENTRY_BYTES = 64;
/** Tables, indexes and free pages take more than the entries themselves. */
const FILE_FACTOR = 3;
const FILE_BYTES = 1024 * 1024;
const PAGE_BYTES = 4_096;
// waiting for another host's write blocks this thread
const BUSY_TIMEOUT_MS = 250;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS entry (key BLOB PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS usage (id INTEGER PRIMARY KEY CHECK (id = 1), entries INTEGER, bytes INTEGER);
  INSERT OR IGNORE INTO usage SELECT 1, 0, 0;
`;

/** Holds keys as bytes, so that their order is that of UTF-8, and values as JSON text. */
export class KvStore {
  readonly #database: Sqlite;
  readonly #caps: KvCaps;
  readonly #statements: ReturnType<typeof prepare>;

  constructor(file: string, caps: KvCaps) {
    this.#caps = caps;
    try {
      this.#database = openSqlite(file, { busyTimeoutMs: BUSY_TIMEOUT_MS });
      this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
      const pages = Math.ceil((caps.maxBytes * FILE_FACTOR + FILE_BYTES) / PAGE_BYTES);
      this.#database.exec(`PRAGMA max_page_count = ${pages}`);
      this.#database.exec(SCHEMA);
      this.#statements = prepare(this.#database);
    } catch (cause) {
      throw new SallyportError("bad-state", `Cannot open the key-value store: ${cause}`, {
        cause,
        hint: "Look at the store's file and whether its disk is full",
      });
    }
  }

  get(key: Uint8Array): string | undefined {
    return (this.#statements.get.get(key) as { value: string } | undefined)?.value;
  }

  /** Lists keys that start with a prefix and come after a key, in order. */
  list(prefix: Uint8Array, after: Uint8Array | undefined, limit: number): Uint8Array[] {
    const end = successor(prefix);
    const from = after !== undefined && compare(after, prefix) >= 0 ? after : undefined;
    const rows = this.#statements.list.all({
      from: from ?? prefix,
      inclusive: from === undefined ? 1 : 0,
      end: end ?? null,
      limit,
    });
    return (rows as { key: Uint8Array }[]).map(({ key }) => key);
  }

  set(key: Uint8Array, value: string): void {
    const { maxBytes, maxEntries } = this.#caps;
    this.#change(() => {
      const old = this.#statements.size.get(key) as { size: number } | undefined;
      const usage = this.#statements.usage.get() as { entries: number; bytes: number };
      const entries = usage.entries + (old === undefined ? 1 : 0);
      const size = key.length + new TextEncoder().encode(value).length + ENTRY_BYTES;
      const bytes = usage.bytes + size - (old?.size ?? 0);
      if (bytes > maxBytes || entries > maxEntries) {
        // a smaller value than the old one always fits: it is the way out
        if (old === undefined || size > old.size) throw full(this.#caps);
      }
      this.#statements.set.run(key, value);
      this.#statements.account.run(entries, bytes);
    });
  }

  delete(key: Uint8Array): boolean {
    return this.#change(() => {
      const old = this.#statements.size.get(key) as { size: number } | undefined;
      if (old === undefined) return false;
      const usage = this.#statements.usage.get() as { entries: number; bytes: number };
      this.#statements.delete.run(key);
      this.#statements.account.run(usage.entries - 1, usage.bytes - old.size);
      return true;
    });
  }

  close(): void {
    this.#database.close();
  }

  #change<T>(act: () => T): T {
    try {
      // IMMEDIATE: several hosts may share the folder, and the account must be read under the lock
      this.#database.exec("BEGIN IMMEDIATE");
      const result = act();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      if (sqliteCode(error) === SQLITE_FULL) throw full(this.#caps);
      if (sqliteCode(error) === SQLITE_BUSY) {
        throw new SallyportError("timeout", "The key-value store is locked", {
          hint: "Another host is writing to it; try again",
          cause: error,
        });
      }
      throw error;
    }
  }
}

function prepare(database: Sqlite) {
  const size = `length(key) + octet_length(value) + ${ENTRY_BYTES}`;
  return {
    get: database.prepare("SELECT value FROM entry WHERE key = ?"),
    size: database.prepare(`SELECT ${size} AS size FROM entry WHERE key = ?`),
    list: database.prepare(
      "SELECT key FROM entry WHERE (key > :from OR (:inclusive = 1 AND key = :from)) " +
        "AND key >= :from AND (:end IS NULL OR key < :end) ORDER BY key LIMIT :limit",
    ),
    set: database.prepare(
      "INSERT INTO entry VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    ),
    delete: database.prepare("DELETE FROM entry WHERE key = ?"),
    usage: database.prepare("SELECT entries, bytes FROM usage WHERE id = 1"),
    account: database.prepare("UPDATE usage SET entries = ?, bytes = ? WHERE id = 1"),
  };
}

/** Returns the first key after all that start with a prefix; none where there is no end. */
function successor(prefix: Uint8Array): Uint8Array | undefined {
  const last = prefix.findLastIndex((byte) => byte < 0xff);
  if (last < 0) return undefined;
  const end = prefix.slice(0, last + 1);
  end[last]! += 1;
  return end;
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    if (a[index] !== b[index]) return a[index]! - b[index]!;
  }
  return a.length - b.length;
}

function full(caps: KvCaps): SallyportError {
  const message =
    `The key-value store is full: at most ${caps.maxBytes} bytes and ${caps.maxEntries} entries`;
  return new SallyportError("limit-exceeded", message, {
    hint: 'Delete entries, or raise "storageBytes" in plugin.json and the policy',
    details: { maxBytes: caps.maxBytes, maxEntries: caps.maxEntries },
  });
}
