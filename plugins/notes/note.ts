/**
 * What a note is, and the rules for one.
 *
 * @module
 */

/** A note as callers give it. */
export interface NewNote {
  /** One line, at most 200 characters. */
  title: string;
  /** The text, at most 100,000 characters. */
  body?: string;
  /** Words to find it by, at most 20; kept in lower case. */
  tags?: string[];
}

/** A note as it is kept. */
export interface Note {
  /** The number of the note; never given twice. */
  id: number;
  /** Its title. */
  title: string;
  /** Its tags in alphabetical order. */
  tags: string[];
  /** How many characters its body has. */
  length: number;
}

/** A note that a search found. */
export interface FoundNote extends Note {
  /** The passage that matched, with the match in brackets. */
  excerpt: string;
}

/** The most characters that a body keeps. */
export const MAX_BODY = 100_000;
/** The most characters that a title has. */
export const MAX_TITLE = 200;
const MAX_TAGS = 20;
const TAG = /^[\p{L}\p{N}][\p{L}\p{N}_-]{0,49}$/u;

/**
 * Checks a note.
 *
 * @param note What a caller gave, whatever it is.
 * @returns The note with all its fields.
 * @throws {TypeError} when a field has the wrong type.
 * @throws {RangeError} when a field is too long or a tag is not a word.
 */
export function checkNote(note: NewNote): Required<NewNote> {
  const { title, body = "", tags = [] } = note ?? {};
  if (typeof title !== "string" || title.trim() === "") {
    throw new TypeError("title must be a text that is not empty");
  }
  if (title.length > MAX_TITLE || /[\r\n]/.test(title)) {
    throw new RangeError(`title must be one line of at most ${MAX_TITLE} characters`);
  }
  if (typeof body !== "string") throw new TypeError(`body must be a string, got ${typeof body}`);
  if (body.length > MAX_BODY) {
    throw new RangeError(`body must have at most ${MAX_BODY} characters, got ${body.length}`);
  }
  return { title: title.trim(), body, tags: checkTags(tags) };
}

/**
 * Checks tags and brings them to one form.
 *
 * @param tags What a caller gave.
 * @returns The tags in lower case, each once, in order.
 * @throws {TypeError} when they are no array of strings.
 * @throws {RangeError} when there are too many, or one is not a word.
 */
export function checkTags(tags: string[]): string[] {
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === "string")) {
    throw new TypeError("tags must be an array of strings");
  }
  if (tags.length > MAX_TAGS) {
    throw new RangeError(`at most ${MAX_TAGS} tags, got ${tags.length}`);
  }
  for (const tag of tags) {
    if (!TAG.test(tag)) {
      throw new RangeError(`"${tag.slice(0, 60)}" is no tag: letters, digits, _ and - only`);
    }
  }
  return [...new Set(tags.map((tag) => tag.toLowerCase()))].sort();
}
