// The trust list as a file: opened, verified, changed.
import { encodeHex } from "@std/encoding/hex";
import { bytesEqual } from "../crypto/digest.ts";
import { openSealed, SealingKey, type SealSecret } from "../crypto/sealed.ts";
import { escapeText, SallyportError } from "../errors.ts";
import {
  checkTrustListContent,
  encodeTrustListContent,
  parseTrustListContent,
} from "./list/list.ts";
import type { TrustListContent } from "./list/content.ts";
import { checkListSignatures, decodeListFile } from "./list/list_file.ts";
import { cannotChange, compose, makeRoot, type RootOptions } from "./list/signing.ts";
import { type MarkedRevision, RollbackMark, type SeenRevision } from "./mark/rollback_mark.ts";
import {
  checkKnownRoot,
  type SignedRoot,
  type VerifiedRoot,
  verifyRootChain,
} from "./root/root_chain.ts";
import {
  createSealedFile,
  type FileLock,
  readSealedFile,
  replaceSealedFile,
  withFileLock,
} from "./sealed/sealed_file.ts";
import type {
  CreateTrustListOptions,
  ListRevision,
  OpenTrustListOptions,
  UpdateTrustListOptions,
} from "./trust_list_options.ts";

export type { RootOptions } from "./list/signing.ts";

const PURPOSE = "trust-list";

/** What a file was opened from. */
interface Source {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly plaintext: Uint8Array;
  readonly key: SealingKey;
  readonly options: OpenTrustListOptions;
  readonly mark?: RollbackMark;
}

/**
 * Is one revision of a trust list, opened and verified; never changed.
 *
 * @category Trust
 */
export class TrustList implements ListRevision {
  /** The file. */
  readonly file: string;
  /** What it says. */
  readonly content: TrustListContent;
  /** The SHA-512 of its JSON, 128 hex digits. */
  readonly hash: string;
  /** Its roots, version 1 first; empty when it is not signed. */
  readonly roots: readonly VerifiedRoot[];
  /**
   * What this host remembers of it, where a folder for that was given.
   *
   * @internal
   */
  readonly mark: RollbackMark | undefined;
  /**
   * What this host had seen of it until this was opened.
   *
   * @internal
   */
  readonly seenBefore: MarkedRevision | undefined;
  /** Opens and seals its file without deriving the key again. */
  readonly #key: SealingKey;
  readonly #bytes: Uint8Array;
  readonly #plaintext: Uint8Array;
  readonly #signedRoots: readonly SignedRoot[];
  readonly #options: OpenTrustListOptions;

  private constructor(
    source: Source,
    content: TrustListContent,
    hash: string,
    roots: readonly VerifiedRoot[],
    signedRoots: readonly SignedRoot[],
    mark: RollbackMark | undefined,
    seenBefore: MarkedRevision | undefined,
  ) {
    this.file = source.file;
    this.content = content;
    this.hash = hash;
    this.#key = source.key;
    this.roots = roots;
    this.mark = mark;
    this.seenBefore = seenBefore;
    this.#bytes = source.bytes;
    this.#plaintext = source.plaintext;
    this.#signedRoots = signedRoots;
    this.#options = source.options;
  }

  /** Counts the changes, from 1. */
  get revision(): number {
    return this.content.revision;
  }

  /** The root that signs the list, if one does. */
  get root(): VerifiedRoot | undefined {
    return this.roots.at(-1);
  }

  /**
   * Opens a list. That it has expired does not matter here: it can be shown and changed.
   *
   * @param file The file.
   * @param secret What it is sealed with.
   * @param options Against what to hold it.
   * @returns The revision in the file.
   * @throws {SallyportError} `bad-config` when the file, the secret, the list or the mark is not right
   * (`details.reason` names what is wrong with a sealed file); `signature-invalid` when the root keys
   * did not sign it, or are not those that are known; `rollback` when a later revision was seen.
   */
  static async open(
    file: string,
    secret: SealSecret,
    options: OpenTrustListOptions = {},
  ): Promise<TrustList> {
    const bytes = await readSealedFile(file);
    const { plaintext, key } = await openSealed(bytes, secret, PURPOSE);
    return await TrustList.#load({ file, bytes, plaintext, key, options });
  }

  /**
   * Writes a new list.
   *
   * @param file The file, which must not be there yet.
   * @param secret What to seal it with.
   * @param options What it says, and who signs it.
   * @returns The list.
   * @throws {SallyportError} As {@linkcode open}; `bad-state` when the file is there already.
   */
  static async create(
    file: string,
    secret: SealSecret,
    options: CreateTrustListOptions,
  ): Promise<TrustList> {
    const { root, logN } = options;
    const content = checkTrustListContent(options.content, file);
    const key = await SealingKey.create(secret, logN === undefined ? {} : { logN });
    const signedRoots = root === undefined ? [] : [await makeRoot(file, content.id, [], root)];
    const seeds = root?.rootKeys ?? [];
    const plaintext = await compose(file, content, signedRoots, seeds);
    const bytes = key.seal(plaintext, PURPOSE);
    const source: Source = { file, bytes, plaintext, key, options };
    return await TrustList.#load(source, () => createSealedFile(file, bytes));
  }

  /**
   * Opens the file again.
   *
   * @param secret Needed when the list was sealed with another secret meanwhile.
   * @returns This list when the file is as it was, else the revision that is there now.
   * @throws {SallyportError} As {@linkcode open}; `bad-config` with `details.reason` `other-key` when a
   * secret is needed.
   */
  async refresh(secret?: SealSecret): Promise<TrustList> {
    const bytes = await readSealedFile(this.file);
    if (bytesEqual(bytes, this.#bytes)) return this;
    const { plaintext, key } = secret !== undefined && !this.#key.matches(bytes, PURPOSE)
      ? await openSealed(bytes, secret, PURPOSE)
      : { plaintext: this.#key.open(bytes, PURPOSE), key: this.#key };
    const { file, mark } = this;
    await mark?.reload();
    return await TrustList.#load({ file, bytes, plaintext, key, options: this.#options, mark });
  }

  /**
   * Reads the revision that was in the file before the last change, which is kept beside it.
   *
   * @returns It; `undefined` where there is none of this list, or none that opens with the same secret.
   */
  async previous(): Promise<ListRevision | undefined> {
    const file = `${this.file}.previous`;
    const key = this.#key;
    try {
      const bytes = await readSealedFile(file);
      if (!key.matches(bytes, PURPOSE)) return undefined;
      const plaintext = key.open(bytes, PURPOSE);
      const list = await TrustList.#load({ file, bytes, plaintext, key, options: {} });
      const { content, hash, root } = list;
      return content.id === this.content.id ? { content, hash, root } : undefined;
    } catch (error) {
      if (error instanceof SallyportError) return undefined; // that none can be used is the answer
      throw error;
    }
  }

  /**
   * Changes the list: reads the newest revision under a lock, and writes the next one.
   *
   * @param change Gives the new content; its revision and time are set here.
   * @param options Root keys and time.
   * @returns The new revision; what is in the file when nothing changes.
   * @throws {SallyportError} As {@linkcode refresh}; `bad-config` when root keys are missing or the new
   * content is not valid; `timeout` when others keep the lock. The file is then as it was.
   */
  async update(
    change: (content: TrustListContent) => TrustListContent,
    options: UpdateTrustListOptions = {},
  ): Promise<TrustList> {
    return await this.#underLock(options.signal, async (list, lock) => {
      const changed = change(list.content);
      if (bytesEqual(encodeTrustListContent(changed), encodeTrustListContent(list.content))) {
        return list;
      }
      return await list.#write(changed, list.#signedRoots, lock, options);
    });
  }

  /**
   * Hands the list over to other root keys, or to its first.
   *
   * @param root The new keys, and the private keys that sign: a threshold of the old and of the new.
   * @param options Time and signal.
   * @returns The new revision.
   * @throws {SallyportError} As {@linkcode update}; `signature-invalid` when too few keys sign.
   */
  async rotateRoot(
    root: RootOptions,
    options: Pick<UpdateTrustListOptions, "now" | "signal"> = {},
  ): Promise<TrustList> {
    return await this.#underLock(options.signal, async (list, lock) => {
      const { file, content: { id } } = list;
      const next = await makeRoot(file, id, list.roots, root);
      const roots = [...list.#signedRoots, next];
      await verifyRootChain(roots, file);
      const { rootKeys } = root;
      return await list.#write(list.content, roots, lock, { ...options, rootKeys });
    });
  }

  /**
   * Seals the list with another secret; what it says stays. The previous file, which the old secret
   * opens, is kept beside it until the next change.
   *
   * @param secret The new passphrase or key.
   * @param options The cost of a passphrase.
   * @returns The list.
   * @throws {SallyportError} As {@linkcode update}.
   */
  async changeSecret(
    secret: SealSecret,
    options: { logN?: number; signal?: AbortSignal } = {},
  ): Promise<TrustList> {
    const { logN, signal } = options;
    const key = await SealingKey.create(secret, logN === undefined ? {} : { logN });
    return await this.#underLock(signal, async (list, lock) => {
      const plaintext = list.#plaintext;
      const bytes = key.seal(plaintext, PURPOSE);
      const source = { ...list.#source(bytes, plaintext), key };
      const expected = list.#bytes;
      return await TrustList.#load(
        source,
        () => replaceSealedFile(list.file, bytes, { lock, expected }),
      );
    });
  }

  async #underLock(
    signal: AbortSignal | undefined,
    act: (list: TrustList, lock: FileLock) => Promise<TrustList>,
  ): Promise<TrustList> {
    return await withFileLock(
      this.file,
      async (lock) => await act(await this.refresh(), lock),
      signal === undefined ? {} : { signal },
    );
  }

  async #write(
    changed: TrustListContent,
    signedRoots: readonly SignedRoot[],
    lock: FileLock,
    { rootKeys = [], now = new Date() }: UpdateTrustListOptions,
  ): Promise<TrustList> {
    const { content, file } = this;
    for (const field of ["schema", "id", "secret", "createdAt"] as const) {
      if (changed[field] !== content[field]) {
        throw cannotChange(file, `its ${field} never changes`, "Make a new list instead");
      }
    }
    const revision = content.revision + 1;
    const next = checkTrustListContent(
      { ...changed, revision, updatedAt: now.toISOString() },
      file,
    );
    const plaintext = await compose(file, next, signedRoots, rootKeys);
    const bytes = this.#key.seal(plaintext, PURPOSE);
    const expected = this.#bytes;
    return await TrustList.#load(
      this.#source(bytes, plaintext),
      () => replaceSealedFile(file, bytes, { lock, expected }),
    );
  }

  #source(bytes: Uint8Array, plaintext: Uint8Array): Source {
    const { file, mark } = this;
    return { file, bytes, plaintext, key: this.#key, options: this.#options, mark };
  }

  /** Verifies what was unsealed, step by step; then `save` may put it on the disk. */
  static async #load(source: Source, save?: () => Promise<void>): Promise<TrustList> {
    const { file, plaintext, options } = source;
    const parts = decodeListFile(plaintext, file);
    const digest = crypto.subtle.digest("SHA-512", parts.payload as Uint8Array<ArrayBuffer>);
    // 1. Roots. Stops a take-over by keys that the earlier ones did not hand over to.
    const roots = await verifyRootChain(parts.roots, file);
    checkKnownRoot(roots, options.pinnedRoot, file);
    // 2. Signatures. Stops a change by whoever knows the passphrase alone.
    await checkListSignatures(parts, roots.at(-1), file);
    // 3. Content. Nothing of the list was read before.
    const content = parseTrustListContent(parts.payload, file);
    if (roots.some((root) => root.list !== content.id)) {
      throw new SallyportError(
        "signature-invalid",
        `Cannot use trust list "${escapeText(file, 500)}": its root keys are those of another list`,
        {
          hint: "Get the current list from whoever holds its root keys",
          details: { source: file, subject: "root" },
        },
      );
    }
    const hash = encodeHex(await digest);
    // 4. Rollback mark. Stops an earlier revision, or another list, being put in its place.
    const seen: SeenRevision = { file, revision: content.revision, hash, roots };
    const mark = await openMark(source, content);
    const seenBefore = mark?.seen;
    await mark?.check(seen);
    await save?.();
    if (options.remember !== false) await mark?.accept(seen);
    return new TrustList(source, content, hash, roots, parts.roots, mark, seenBefore);
  }
}

async function openMark(
  { mark, options }: Source,
  content: TrustListContent,
): Promise<RollbackMark | undefined> {
  if (options.markDir === undefined) return undefined;
  if (mark?.isOf(content)) return mark;
  return await RollbackMark.open(options.markDir, content);
}
