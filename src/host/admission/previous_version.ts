// The version of a plugin that ran before the present one, so that an operator can return to it.

/** Names a bundle that ran, with what is needed to verify the stored copy of it again. */
export interface KeptVersion {
  /** The version in its manifest. */
  readonly version: string;
  /** The bundle hash: its name in the store. */
  readonly bundleHash: string;
  /** The bytes of its `plugin.sig.json`, which the store does not hold. */
  readonly envelope: Uint8Array;
}

/** Remembers two versions of one plugin: the one that ran last, and the one before it. */
export class VersionsKept {
  #last: KeptVersion | undefined;
  #before: KeptVersion | undefined;

  /** Returns the version to return to. */
  before(bundleHash: string | undefined): KeptVersion | undefined {
    return this.#last?.bundleHash === bundleHash ? this.#before : this.#last;
  }

  /** Notes that a bundle has taken up service. */
  note(kept: KeptVersion): void {
    if (this.#last !== undefined && this.#last.bundleHash !== kept.bundleHash) {
      this.#before = this.#last;
    }
    this.#last = kept;
  }
}
