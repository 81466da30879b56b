// The rollback mark: what a host remembers of a trust list, outside of it.
import { resolve } from "node:path";
import { bytesEqual, sha3_512Hex } from "../../crypto/digest.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { isAbsent } from "../../io/absent.ts";
import type { JsonObject, TrustListContent } from "../list/content.ts";
import {
  badMark,
  decodeMark,
  deriveMarkKey,
  encodeMark,
  type MarkedPlugin,
  type MarkState,
  MAX_MARK_BYTES,
  mergeMarks,
  ranOf,
  withRan,
} from "./mark_state.ts";
import { addRan } from "./ran_versions.ts";
import { checkKnownRoot, type RootReference, type VerifiedRoot } from "../root/root_chain.ts";
import {
  createSealedFile,
  type FileLock,
  readSealedFile,
  replaceSealedFile,
  withFileLock,
} from "../sealed/sealed_file.ts";

export type { MarkedPlugin } from "./mark_state.ts";

const MAX_TRIES = 10;

/** A revision that a host has seen. */
export interface MarkedRevision {
  /** The highest revision. */
  readonly revision: number;
  /** The SHA-512 of its JSON. */
  readonly hash: string;
}

/** Identifies a revision of a list that was opened. */
export interface SeenRevision {
  /** The file it came from, for messages and to tell lists apart. */
  readonly file: string;
  /** Its number. */
  readonly revision: number;
  /** The SHA-512 of its JSON. */
  readonly hash: string;
  /** Its verified roots. */
  readonly roots: readonly VerifiedRoot[];
}

/**
 * Remembers the highest revision of a list, its last root, and the versions that were run.
 *
 * It is authenticated under a secret of the list, so that who can write the file but not open the list
 * cannot set it back. Who removes it makes the host forget: nothing on the same disk prevents that.
 * Several hosts may share it.
 */
export class RollbackMark {
  /** The file. */
  readonly path: string;
  readonly #dir: string;
  readonly #id: string;
  readonly #key: Uint8Array;
  #state: MarkState | undefined;

  private constructor(dir: string, list: Pick<TrustListContent, "id" | "secret">) {
    this.#dir = dir;
    this.#id = list.id;
    this.#key = deriveMarkKey(list);
    this.path = `${dir}/${list.id}.mark`;
  }

  /**
   * Opens the mark of a list; one that is not there yet is empty.
   *
   * @throws {SallyportError} `bad-config` when it was changed or cannot be read.
   */
  static async open(
    dir: string,
    list: Pick<TrustListContent, "id" | "secret">,
  ): Promise<RollbackMark> {
    const mark = new RollbackMark(dir, list);
    await mark.reload();
    return mark;
  }

  /** Tells whether this is the mark of a list. */
  isOf(list: Pick<TrustListContent, "id" | "secret">): boolean {
    return list.id === this.#id && bytesEqual(deriveMarkKey(list), this.#key);
  }

  /** The highest revision that was seen, if any was. */
  get revision(): number | undefined {
    return this.#state?.revision;
  }

  /** The same with its hash. */
  get seen(): MarkedRevision | undefined {
    return this.#state && { revision: this.#state.revision, hash: this.#state.listHash };
  }

  /** The last root that was seen, if the list had one. */
  get root(): RootReference | undefined {
    return this.#state?.root;
  }

  /** Returns the versions of a plugin that were run, the highest first, at most 8. */
  ran(name: string): readonly MarkedPlugin[] {
    return ranOf(this.#state, name);
  }

  /** Returns the highest version of a plugin that was run. */
  plugin(name: string): MarkedPlugin | undefined {
    return this.ran(name)[0];
  }

  /**
   * Checks a revision against what was seen; changes nothing.
   *
   * @throws {SallyportError} `rollback` when a later one was seen, another of the same number, or
   * another list in the same file; `signature-invalid` when its roots do not lead on from the last.
   */
  async check(seen: SeenRevision): Promise<void> {
    const pinned = await readIfThere(this.#pinPath(seen.file));
    const id = pinned === undefined ? undefined : new TextDecoder().decode(pinned).trim();
    // a list made anew would have no mark at all, and so no past
    if (id !== undefined && id !== this.#id) {
      throw rollback(
        seen,
        `this host has used another list in this place ("${escapeText(id, 32)}", this is ` +
          `"${this.#id}")`,
        `If you replaced it on purpose, remove "${this.#pinPath(seen.file)}"`,
      );
    }
    this.#checkState(seen, this.#state);
  }

  /**
   * Checks a revision and remembers it.
   *
   * @throws {SallyportError} As {@linkcode check}; `bad-config` when it cannot be written.
   */
  async accept(seen: SeenRevision): Promise<void> {
    await this.check(seen);
    const pin = this.#pinPath(seen.file);
    if (await readIfThere(pin) === undefined) {
      const bytes = new TextEncoder().encode(`${this.#id}\n`);
      try {
        await this.#locked(pin, (lock) => createSealedFile(pin, bytes, { lock }));
      } catch (error) {
        if (!isOthers(error)) throw error;
        await this.check(seen); // another host was quicker
      }
    }
    const { revision, hash: listHash, roots } = seen;
    const latest = roots.at(-1);
    const root = latest && { version: latest.version, hash: latest.hash };
    const isKnown = (state: MarkState | undefined): boolean =>
      state?.revision === revision && state.root?.version === root?.version;
    if (isKnown(this.#state)) return; // what was checked is all that would be written
    await this.#change((state) => {
      this.#checkState(seen, state); // another host may have seen a later one meanwhile
      if (isKnown(state)) return state;
      const versions = state?.versions ?? {};
      return {
        schema: 1,
        list: this.#id,
        revision,
        listHash,
        ...(root ? { root } : {}),
        versions,
      };
    });
  }

  /**
   * Remembers a plugin that was started, and before it those that were, the eight highest versions.
   *
   * @throws {SallyportError} `bad-config` when it cannot be written.
   * @throws {TypeError} Before {@linkcode accept}.
   */
  async record(
    name: string,
    plugin: { readonly version: string; readonly hash: string; readonly asks?: JsonObject },
  ): Promise<void> {
    const { version, hash, asks } = plugin;
    const entry: MarkedPlugin = { version, hash, ...(asks ? { asks } : {}) };
    const add = (state: MarkState | undefined): readonly MarkedPlugin[] | undefined => {
      const ran = ranOf(state, name);
      const after = addRan(ran, entry);
      return JSON.stringify(after) === JSON.stringify(ran) ? undefined : after;
    };
    if (add(this.#state) === undefined) return;
    await this.#change((state) => {
      if (state === undefined) {
        throw new TypeError("Cannot record a plugin: no revision of the list was accepted");
      }
      const ran = add(state);
      return ran === undefined ? state : withRan(state, name, ran);
    });
  }

  /**
   * Reads what other hosts have remembered meanwhile.
   *
   * @throws {SallyportError} `bad-config` when the file was changed, or lost, or cannot be read.
   */
  async reload(): Promise<void> {
    this.#state = this.#decode(await readIfThere(this.path));
  }

  #checkState(seen: SeenRevision, state: MarkState | undefined): void {
    if (state === undefined) return;
    const { revision, hash, file, roots } = seen;
    // stops a replay: an old list trusts what was revoked since
    if (revision < state.revision) {
      throw rollback(
        seen,
        `it is revision ${revision}, but this host has seen revision ${state.revision}`,
        "Get the current list; its previous revisions are kept for emergencies only",
      );
    }
    if (revision === state.revision && hash !== state.listHash) {
      throw rollback(
        seen,
        `it is another revision ${revision} than the one that this host has seen`,
        "Two lists were changed side by side: make one of them the next revision",
      );
    }
    checkKnownRoot(roots, state.root, file);
  }

  /** Changes the state under a lock, on top of what others wrote, be it at the very same moment. */
  async #change(
    act: (state: MarkState | undefined) => MarkState | undefined,
  ): Promise<void> {
    for (let tries = 1;; tries++) {
      try {
        return await this.#changeOnce(act);
      } catch (error) {
        if (!isOthers(error) || tries >= MAX_TRIES) throw error;
      }
    }
  }

  async #changeOnce(
    act: (state: MarkState | undefined) => MarkState | undefined,
  ): Promise<void> {
    await this.#locked(this.path, async (lock) => {
      const expected = await readIfThere(this.path) ?? null;
      const before = this.#decode(expected ?? undefined);
      const after = act(before);
      if (after !== undefined && after !== before) {
        const bytes = encodeMark(after, this.#key);
        if (bytes.length > MAX_MARK_BYTES) throw badMark(this.path, "it has become too large");
        await replaceSealedFile(this.path, bytes, { lock, expected });
      }
      this.#state = after;
    });
  }

  async #locked(path: string, act: (lock: FileLock) => Promise<void>): Promise<void> {
    try {
      await Deno.mkdir(this.#dir, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw badMark(path, "its folder cannot be made", cause);
    }
    await withFileLock(path, act);
  }

  #decode(bytes: Uint8Array | undefined): MarkState | undefined {
    if (bytes !== undefined) {
      const state = decodeMark(bytes, this.#key, this.path);
      if (state.list !== this.#id) throw badMark(this.path, "it was written for another list");
      // a running host does not forget, though an old copy of the file be put back
      return this.#state === undefined ? state : mergeMarks(state, this.#state);
    }
    return this.#state;
  }

  #pinPath(file: string): string {
    const hash = sha3_512Hex(new TextEncoder().encode(resolve(file))).slice(0, 32);
    return `${this.#dir}/${hash}.list`;
  }
}

/** Tells that another writer came first. */
function isOthers(error: unknown): boolean {
  return error instanceof SallyportError &&
    (error.details.reason === "changed" || error.details.reason === "exists");
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    await Deno.lstat(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      if (await isAbsent(path)) return undefined;
      // another writer may have made it meanwhile
      const isThere = await Deno.lstat(path).then(() => true, () => false);
      if (isThere) return await readSealedFile(path);
      throw badMark(path, "a link on its way leads nowhere", cause);
    }
    throw badMark(path, cause instanceof Error ? escapeText(cause.message, 300) : "", cause);
  }
  return await readSealedFile(path);
}

function rollback(seen: SeenRevision, detail: string, hint: string): SallyportError {
  return new SallyportError(
    "rollback",
    `Cannot use trust list "${escapeText(seen.file, 500)}": ${detail}`,
    { hint, details: { source: seen.file, subject: "list", revision: seen.revision } },
  );
}
