/**
 * The notes in the database: every value is a parameter, never a part of a statement.
 *
 * @module
 */
import type { Database, Service, SqlParameters } from "@sallyport/host/plugin";
import type { FoundNote, NewNote, Note } from "./note.ts";

// the index has a copy of title and body under the same number
const SCHEMA = [
  `CREATE TABLE IF NOT EXISTS notes (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     source TEXT UNIQUE,
     title TEXT NOT NULL,
     body TEXT NOT NULL,
     tags TEXT NOT NULL CHECK (json_valid(tags))
   ) STRICT`,
  `CREATE VIRTUAL TABLE IF NOT EXISTS note_index USING fts5(title, body)`,
] as const;

const COLUMNS = "notes.id, notes.title, notes.tags, length(notes.body) AS length";

interface Row {
  id: number;
  title: string;
  tags: string;
  length: number;
}

/** Chooses a page of notes. */
export interface Page {
  /** Only notes with this tag. */
  tag?: string;
  /**
   * How many at most; 1 to 100.
   *
   * @default {20}
   */
  limit?: number;
  /** Only notes older than this one: the last `id` of the page before. */
  before?: number;
}

/** Keeps notes in a database. */
export class NoteStore {
  readonly #database: Service<Database>;

  private constructor(database: Service<Database>) {
    this.#database = database;
  }

  /**
   * Opens the store, and makes its tables where they are not there yet.
   *
   * @param database The database.
   */
  static async open(database: Service<Database>): Promise<NoteStore> {
    await database.batch(SCHEMA.map((sql) => [sql]));
    return new NoteStore(database);
  }

  /**
   * Adds a note, or replaces the one that came from the same source.
   *
   * @param note The note, checked.
   * @param source Where it comes from; notes without a source are never replaced.
   * @returns Its number.
   */
  async put(note: Required<NewNote>, source: string | null = null): Promise<number> {
    const { title, body } = note;
    const tags = JSON.stringify(note.tags);
    // one transaction: the table and its index never disagree
    const [, saved] = await this.#database.batch([
      [
        "DELETE FROM note_index WHERE rowid = (SELECT id FROM notes WHERE source = :source)",
        { source },
      ],
      [
        `INSERT INTO notes (source, title, body, tags) VALUES (:source, :title, :body, :tags)
         ON CONFLICT (source) DO UPDATE SET title = :title, body = :body, tags = :tags
         RETURNING id`,
        { source, title, body, tags },
      ],
      [
        `INSERT INTO note_index (rowid, title, body)
         SELECT id, title, body FROM notes
         WHERE CASE WHEN :source IS NULL THEN id = last_insert_rowid() ELSE source = :source END`,
        { source },
      ],
    ]);
    return Number(saved!.rows![0]!.id);
  }

  /**
   * Lists notes, the newest first.
   *
   * @param page Which.
   */
  async list({ tag, limit = 20, before }: Page = {}): Promise<Note[]> {
    const rows = await this.#rows<Row>(
      `SELECT ${COLUMNS} FROM notes
       WHERE (:before IS NULL OR id < :before)
         AND (:tag IS NULL OR EXISTS (SELECT 1 FROM json_each(notes.tags) WHERE value = :tag))
       ORDER BY id DESC LIMIT :limit`,
      { before: before ?? null, tag: tag?.toLowerCase() ?? null, limit: checkLimit(limit) },
    );
    return rows.map(toNote);
  }

  /**
   * Finds notes that have all words of a query, or words that begin like them; the best first.
   *
   * @param query The words.
   * @param limit How many at most; 1 to 100.
   */
  async search(query: string, limit = 20): Promise<FoundNote[]> {
    if (typeof query !== "string") throw new TypeError("query must be a string");
    // quoted, so that nothing in it is an operator of FTS5
    const terms = query.split(/\s+/).filter((term) => /[\p{L}\p{N}]/u.test(term))
      .map((term) => `"${term.replaceAll('"', '""')}"*`);
    if (terms.length === 0) return [];
    const rows = await this.#rows<Row & { excerpt: string }>(
      `SELECT ${COLUMNS}, snippet(note_index, -1, '[', ']', '…', 12) AS excerpt
       FROM note_index JOIN notes ON notes.id = note_index.rowid
       WHERE note_index MATCH :terms ORDER BY rank, notes.id LIMIT :limit`,
      { terms: terms.join(" "), limit: checkLimit(limit) },
    );
    return rows.map((row) => ({
      ...toNote(row),
      excerpt: row.excerpt.replace(/\s+/g, " ").trim(),
    }));
  }

  /**
   * Gives a note's text.
   *
   * @param id The note.
   * @returns The note with its body, or `null`.
   */
  async get(id: number): Promise<(Note & { body: string }) | null> {
    const [row] = await this.#rows<Row & { body: string }>(
      `SELECT ${COLUMNS}, body FROM notes WHERE id = ?`,
      [checkId(id)],
    );
    return row === undefined ? null : { ...toNote(row), body: row.body };
  }

  /**
   * Removes a note.
   *
   * @param id The note.
   * @returns Whether there was one.
   */
  async remove(id: number): Promise<boolean> {
    const [removed] = await this.#database.batch([
      ["DELETE FROM notes WHERE id = ?", [checkId(id)]],
      ["DELETE FROM note_index WHERE rowid = ?", [id]],
    ]);
    return removed!.changes === 1;
  }

  /** Counts the notes. */
  async count(): Promise<number> {
    const [row] = await this.#rows<{ count: number }>(
      "SELECT count(*) AS count FROM notes",
    );
    return row!.count;
  }

  async #rows<R extends object>(sql: string, parameters?: SqlParameters): Promise<R[]> {
    return await this.#database.query(sql, parameters) as R[];
  }
}

function toNote({ id, title, tags, length }: Row): Note {
  return { id, title, tags: JSON.parse(tags), length };
}

function checkId(id: number): number {
  if (!Number.isSafeInteger(id)) throw new TypeError("id must be the number of a note");
  return id;
}

function checkLimit(limit: number): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > 100) {
    throw new RangeError(`limit must be an integer from 1 to 100, got ${limit}`);
  }
  return limit;
}
