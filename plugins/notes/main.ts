/**
 * Keeps notes in a database of its own. It sees no file: statements go to the host, which runs them
 * in the plugin's database and nowhere else.
 *
 * @module
 */
import { type Database, definePlugin } from "@sallyport/host/plugin";
import { checkNote, type FoundNote, MAX_BODY, MAX_TITLE, type NewNote, type Note } from "./note.ts";
import { NoteStore, type Page } from "./store.ts";

let store: NoteStore;

export default definePlugin({
  async init(ctx) {
    store = await NoteStore.open(ctx.get<Database>("database"));
    ctx.log.debug("notes are open", { notes: await store.count() });
  },

  methods: {
    /** Adds a note and gives its number. */
    async add(note: NewNote): Promise<{ id: number }> {
      return { id: await store.put(checkNote(note)) };
    },

    /** Gives one note with its body, or `null`. */
    get({ id }: { id: number }): Promise<(Note & { body: string }) | null> {
      return store.get(id);
    },

    /** Lists notes, the newest first, a page at a time. */
    list(page?: Page): Promise<Note[]> {
      return store.list(page ?? {});
    },

    /** Finds notes that have all words of a query, or words that begin like them; the best first. */
    search({ query, limit }: { query: string; limit?: number }): Promise<FoundNote[]> {
      return store.search(query, limit);
    },

    /** Removes a note and tells whether there was one. */
    async remove({ id }: { id: number }): Promise<{ removed: boolean }> {
      return { removed: await store.remove(id) };
    },
  },

  hooks: {
    /**
     * Keeps a document as a note, tagged by what earlier plugins said of it, and adds `note` to the
     * data. A document from the same `path` replaces its earlier note.
     */
    async on_document(data: unknown) {
      if (!isDocument(data)) return undefined;
      const title = oneLine(data.title) || oneLine(headingOf(data.text)) || oneLine(data.path);
      const body = data.text.slice(0, MAX_BODY).toWellFormed(); // the cut may part a pair
      const note = checkNote({ title, body, tags: tagsOf(data) });
      const id = await store.put(note, data.path);
      return { ...data, note: { id, tags: note.tags } };
    },
  },
});

/** A document on its way through the hook. */
interface Document {
  path: string;
  text: string;
  title?: string;
  /** What `doc-stats` adds when it comes before. */
  counts?: { words: number };
}

function isDocument(data: unknown): data is Document {
  if (typeof data !== "object" || data === null) return false;
  const { path, text, title } = data as Record<string, unknown>;
  return typeof path === "string" && path.trim() !== "" && typeof text === "string" &&
    (title === undefined || typeof title === "string");
}

/** Gives the first heading of a Markdown text. */
function headingOf(text: string): string | undefined {
  return /^#\s+(\S.*)$/m.exec(text)?.[1];
}

function oneLine(text: string = ""): string {
  return text.replace(/\s+/g, " ").trim().slice(0, MAX_TITLE).toWellFormed();
}

function tagsOf({ path, counts }: Document): string[] {
  const type = /\.([a-z0-9]{1,10})$/i.exec(path)?.[1];
  const words = counts?.words;
  return [
    "document",
    ...(type === undefined ? [] : [type]),
    ...(typeof words !== "number" ? [] : [words < 1_000 ? "short" : "long"]),
  ];
}
