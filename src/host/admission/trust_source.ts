// Whom and what a host trusts now: fixed keys, or a trust list that may change while the host runs.
import { dirname } from "node:path";
import type { Manifest } from "../../bundle/manifest/manifest_schema.ts";
import type { BundleContents } from "../../bundle/reading/reading.ts";
import { SallyportError } from "../../errors.ts";
import { asksOf } from "../../permissions/asks.ts";
import { parsePublicKey, type PublicKey } from "../../trust/keys/keys.ts";
import { isListExpired } from "../../trust/list/list.ts";
import type { TrustChange } from "../../trust/list/diff.ts";
import { countSigners, type JudgedBundle, keysOf } from "../../trust/verify/rules.ts";
import { TrustList } from "../../trust/trust_list.ts";
import {
  judgeAgain,
  type VerifiedPlugin,
  verifyAgain,
  verifyBundle,
} from "../../trust/verify/verify.ts";
import type { KeyAnchors, TrustAnchors } from "../../trust/verify/anchors.ts";
import { changesOf, reopen, type TrustUpdate, unusableError } from "./trust_refresh.ts";
import { nextRevocation } from "./trust_times.ts";
import type { TrustListSettings } from "../settings/trust_list_options.ts";
import {
  baselineOf,
  checkConsent,
  type ConsentState,
  consentState,
  type ConsentSubject,
} from "./update_consent.ts";

/** What a {@linkcode TrustSource} is opened for. */
export interface TrustSourceSettings {
  /** The keys, where there is no list. */
  readonly anchors: KeyAnchors;
  /** The list. */
  readonly trustList?: TrustListSettings;
}

/** Options of {@linkcode TrustSource.open}. */
export interface TrustSourceOptions {
  /** The folder of the rollback marks; without one nothing is remembered or compared. */
  markDir?: string;
  /** Whether anything is written there. */
  remember?: boolean;
}

/** Says whether a bundle may be older than what was run. */
type VerifyOptions = { readonly allowRollback?: true };

/** Notes that a bundle was found good. */
interface Judgement {
  readonly generation: number;
  readonly at: number;
  readonly options: VerifyOptions;
}

/** For so long a verdict needs no second look: a signature, a key or an entry may end at any moment. */
const CURRENT_MS = 1_000;

/** Decides which bundles are trusted, now and while they run. */
export class TrustSource {
  #anchors: KeyAnchors;
  #settings: TrustListSettings | undefined;
  #list: TrustList | undefined;
  #problem: SallyportError | undefined;
  #expiryTold = false;
  #nextRevocation = Infinity;
  /** Counts what could change a verdict. */
  #generation = 0;
  /** When a bundle was last found good. */
  #judged = new WeakMap<VerifiedPlugin, Judgement>();
  #refreshing: Promise<unknown> = Promise.resolve();

  private constructor(anchors: KeyAnchors, settings?: TrustListSettings, list?: TrustList) {
    this.#anchors = anchors;
    this.#settings = settings;
    this.#list = list;
    if (list !== undefined) this.#nextRevocation = nextRevocation(list.content, Date.now());
  }

  /** Trusts fixed keys, and fixed bundles where they are given. */
  static ofKeys(anchors: KeyAnchors): TrustSource {
    return new TrustSource(anchors);
  }

  /**
   * Opens the trust list of a host, where it has one.
   *
   * @throws {SallyportError} `bad-config` when the list cannot be opened, `rollback` when this host has
   * seen a later revision, `signature-invalid` when its root did not sign it.
   */
  static async open(
    settings: TrustSourceSettings,
    options: TrustSourceOptions = {},
  ): Promise<TrustSource> {
    const { anchors, trustList } = settings;
    if (trustList === undefined) return new TrustSource(anchors);
    const { file, secret, pinnedRoot } = trustList;
    const list = await TrustList.open(file, secret, { ...options, pinnedRoot });
    return new TrustSource(anchors, trustList, list);
  }

  /** The trust list in force, where there is one. */
  get list(): TrustList | undefined {
    return this.#list;
  }

  /** The file of the trust list, where there is one. */
  get file(): string | undefined {
    return this.#settings?.file;
  }

  /** The revision of the trust list in force, where there is one. */
  get revision(): number | undefined {
    return this.#list?.revision;
  }

  /** Whether the trust list has expired. */
  get isExpired(): boolean {
    return this.#list !== undefined && isListExpired(this.#list.content, new Date());
  }

  /** All keys that are known, in force or not. */
  get keys(): readonly PublicKey[] {
    if (this.#list === undefined) return this.#anchors.keys;
    return this.#list.content.keys.map(({ publicKey, name }) => parsePublicKey(publicKey, name));
  }

  /**
   * Tells which keys count for a bundle now: one of a trust list may be revoked, out of its window, or
   * not for plugins of that name.
   */
  countingKeys(bundle: JudgedBundle, signed: ReadonlySet<string>): ReadonlySet<string> {
    const list = this.#list?.content;
    if (list === undefined) return signed;
    const now = new Date();
    const keys = keysOf(list).filter(({ id }) => signed.has(id));
    try {
      const counted = countSigners(list, bundle, keys, { now, loadedAt: now });
      return new Set(counted.map(({ id }) => id));
    } catch (error) {
      const counted = error instanceof SallyportError ? error.details.counted : [];
      return new Set(Array.isArray(counted) ? counted.map(String) : []);
    }
  }

  /** Reads what other hosts on the same folder have run meanwhile. */
  async freshen(): Promise<void> {
    await this.#list?.mark?.reload();
  }

  /**
   * Verifies a bundle that was read.
   *
   * @throws {SallyportError} as `verifyBundle`, and as the trust list did when it became unusable.
   */
  async verify(
    contents: BundleContents,
    options: VerifyOptions = {},
  ): Promise<VerifiedPlugin> {
    const generation = this.#generation;
    const verified = await verifyBundle(contents, this.#anchorsFor(options));
    this.#judged.set(verified, { generation, at: Date.now(), options });
    return verified;
  }

  /** Tells whether a bundle was found good for loading just now, and nothing has happened to trust since. */
  isCurrent(verified: VerifiedPlugin): boolean {
    const { generation, at = NaN } = this.#judged.get(verified) ?? {};
    return generation === this.#generation && Math.abs(Date.now() - at) < CURRENT_MS;
  }

  /** Notes that a bundle waits for its start, and is judged anew then, however soon. */
  expire(verified: VerifiedPlugin): void {
    const judged = this.#judged.get(verified);
    if (judged !== undefined) this.#judged.set(verified, { ...judged, at: NaN });
  }

  /** Judges a bundle that was good before again, without reading it: as one that is loaded now. */
  async confirm(verified: VerifiedPlugin): Promise<void> {
    const options = this.#judged.get(verified)?.options ?? {};
    await this.freshen();
    for (;;) {
      const generation = this.#generation;
      await verifyAgain(verified, this.#anchorsFor(options));
      this.#judged.set(verified, { generation, at: Date.now(), options });
      if (generation === this.#generation) return;
    }
  }

  #anchorsFor(options: VerifyOptions): TrustAnchors {
    const anchors = this.#loading();
    return "list" in anchors ? { ...anchors, ...options } : anchors;
  }

  /**
   * Judges a bundle that runs. That time has passed does not end it: neither the expiry of the list,
   * nor that of an entry, a key or a signature; a change of the list does, and a revocation whose date
   * has come.
   */
  async refusalOfRunning(verified: VerifiedPlugin): Promise<SallyportError | undefined> {
    if (this.#list === undefined) return undefined;
    try {
      await judgeAgain(verified, this.#list.content);
    } catch (error) {
      if (error instanceof SallyportError) return error;
      throw error;
    }
  }

  /**
   * Says how a bundle differs from the version of it that this host ran before.
   */
  consentState(manifest: Manifest, bundleHash: string): ConsentState | undefined {
    if (this.#list === undefined) return undefined;
    const { content } = this.#list;
    return consentState({ manifest, bundleHash }, baselineOf(this.#list, manifest.name), content);
  }

  /**
   * Refuses a bundle that asks for more than the version before.
   *
   * @throws {SallyportError} `permission-denied`.
   */
  checkConsent(subject: ConsentSubject): void {
    if (this.#list === undefined || this.#settings === undefined) return;
    const { mark, root } = this.#list;
    checkConsent(subject, this.consentState(subject.manifest, subject.bundleHash), {
      file: this.#settings.file,
      dataDir: mark && dirname(dirname(mark.path)),
      secret: this.#settings.secretOption,
      rootKeys: root?.threshold ?? 0,
    });
  }

  /**
   * Remembers that a bundle runs here: its version for the rollback check, and what it asks
   * for the next update. Writes only where that differs from what is remembered.
   */
  async record({ manifest, bundleHash: hash }: VerifiedPlugin): Promise<void> {
    const mark = this.#list?.mark;
    if (mark === undefined) return;
    const { name, version } = manifest;
    await mark.record(name, { version, hash, asks: { ...asksOf(manifest) } });
  }

  /** Reads the trust list again. */
  refresh(): Promise<TrustUpdate | undefined> {
    const result = this.#refreshing.then(() => this.#refresh());
    this.#refreshing = result.catch(() => {}); // the caller has the error
    return result;
  }

  /** Says why nothing can be loaded by the trust list, if so. */
  get problem(): SallyportError | undefined {
    return this.#problem;
  }

  /** Looks at the clock. */
  tick(): "expiry" | "revocation" | undefined {
    if (this.#list === undefined) return undefined;
    const now = Date.now();
    if (now >= this.#nextRevocation) {
      this.#nextRevocation = nextRevocation(this.#list.content, now);
      this.#generation++;
      return "revocation";
    }
    if (this.#expiryTold || !this.isExpired) return undefined;
    this.#expiryTold = true;
    this.#generation++;
    return "expiry";
  }

  async #refresh(): Promise<TrustUpdate | undefined> {
    const before = this.#list;
    if (before === undefined) return undefined;
    let list: TrustList;
    let changes: TrustChange[];
    try {
      list = await reopen(before, this.#settings?.readSecret);
      changes = changesOf(before, list);
    } catch (cause) {
      return this.#fail(before, cause);
    }
    const wasUnusable = this.#problem !== undefined;
    this.#problem = undefined;
    if (list === before) {
      if (!wasUnusable) return undefined;
      this.#generation++;
      return { status: "restored", revision: list.revision, changes };
    }
    this.#list = list;
    this.#expiryTold = false;
    this.#nextRevocation = nextRevocation(list.content, Date.now());
    this.#generation++;
    return { status: "updated", revision: list.revision, changes };
  }

  /** Keeps the last good list for what runs, and loads nothing. */
  #fail(list: TrustList, cause: unknown): TrustUpdate | undefined {
    const error = unusableError(cause);
    const isNews = this.#problem?.message !== error.message;
    this.#problem = error;
    if (!isNews) return undefined;
    this.#generation++;
    return { status: "unusable", revision: list.revision, changes: [], problem: error };
  }

  #loading(): TrustAnchors {
    if (this.#problem !== undefined) throw this.#problem;
    if (this.#list === undefined) return this.#anchors;
    const { content, mark } = this.#list;
    return {
      list: content,
      allowRollback: this.#settings?.allowRollback,
      ran: (name) => mark?.ran(name) ?? [],
    };
  }
}
