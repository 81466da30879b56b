// Changes to the keys of a trust list and to the names that they may sign; pure.
import { encodeHex } from "@std/encoding/hex";
import { escapeText, hasInvisible } from "../../errors.ts";
import { parsePublicKey } from "../keys/keys.ts";
import { cannot, change, defined, toTime } from "./change.ts";
import { findKey, toListKey } from "./list_keys.ts";
import type { ListedKey, Publisher, TrustListContent } from "./content.ts";

/** Says when a key counts. */
export interface KeyWindow {
  /** The first moment; always by default. */
  notBefore?: Date;
  /** The first moment after; never by default. */
  notAfter?: Date;
}

/** Describes a key to add. */
export interface NewKey extends KeyWindow {
  /** What to call it, 1 to 100 characters. */
  name: string;
  /** The key: 64 hex digits, or an SPKI PEM. */
  publicKey: string;
}

/** Says why something no longer counts. */
export interface RevokeOptions {
  /** The reason, for people, 1 to 1,000 characters. */
  reason: string;
  /** From when on; now by default. */
  from?: Date;
}

/** Describes a namespace to add. */
export interface NewPublisher {
  /** A plugin's name, the start of names with `*` at its end, or `*`. */
  namespace: string;
  /** The keys that may sign it, by name, id, hex or PEM. */
  keys: readonly string[];
  /** How many of them must. */
  threshold?: number;
}

/** Options of changes that may replace what is there. */
export interface ReplaceOptions {
  /** Whether to replace an entry of the same name; otherwise one is an error. */
  replace?: boolean;
}

/**
 * Adds a key.
 *
 * @throws {SallyportError} `bad-config` when the key or its name is there already, or it is no key
 * that an honest signer can have.
 */
export function addKey(content: TrustListContent, key: NewKey): TrustListContent {
  const { id, raw } = parsePublicKey(key.publicKey, key.name);
  // it would be taken for the id of another key
  if (/^(?:[0-9a-f]{16}|[0-9a-f]{64})$/i.test(key.name)) {
    throw cannot("add key", key.name, "its name looks like a key", "Give it another name");
  }
  // two names that look the same would stand for two keys
  if (hasInvisible(key.name) || key.name !== key.name.normalize("NFKC").trim()) {
    const detail =
      "its name does not look like what it is, such as by a character that cannot be seen";
    throw cannot("add key", key.name, detail, "Give it a name of plain letters, digits and spaces");
  }
  const publicKey = encodeHex(raw);
  const same = content.keys.find((other) =>
    other.publicKey === publicKey || toListKey(other).id === id
  );
  if (same !== undefined) {
    const revoked = same.revoked === undefined ? "" : ", and revoked";
    const detail = `its key is there already as "${escapeText(same.name, 100)}"${revoked}`;
    throw cannot("add key", key.name, detail, "Change that one, or add another key");
  }
  if (content.keys.some(({ name }) => name === key.name)) {
    throw cannot("add key", key.name, "another key has this name", "Give it another name");
  }
  const { notBefore, notAfter } = key;
  const listed = { name: key.name, publicKey, ...toWindow({ notBefore, notAfter }) };
  return change(content, { keys: [...content.keys, listed] });
}

/**
 * Sets when a key counts, in place of what was set before.
 *
 * @throws {SallyportError} `bad-config` when there is no such key, or the window is empty.
 */
export function setKeyWindow(
  content: TrustListContent,
  key: string,
  window: KeyWindow,
): TrustListContent {
  return replaceKey(
    content,
    key,
    ({ name, publicKey, revoked }) => defined({ name, publicKey, ...toWindow(window), revoked }),
  );
}

/** Options of {@linkcode removeKey}. */
export interface RemoveKeyOptions {
  /** Whether a key may go that is revoked; nothing then keeps it from being added again. */
  liftRevocation?: boolean;
}

/**
 * Removes a key.
 *
 * @throws {SallyportError} `bad-config` when there is no such key, a namespace or a plugin names it, or
 * it is revoked.
 */
export function removeKey(
  content: TrustListContent,
  key: string,
  options: RemoveKeyOptions = {},
): TrustListContent {
  const { id, name, publicKey, revoked } = findKey(content, key);
  if (revoked !== undefined && options.liftRevocation !== true) {
    throw cannot(
      "remove key",
      name,
      `it is revoked from "${revoked.from}" on: ${escapeText(revoked.reason, 300)}`,
      "Leave it, or it could be added again as if nothing had been; --lift-revocation says you mean it",
    );
  }
  const user = content.publishers.find(({ keys }) => keys.includes(id))?.namespace ??
    content.plugins.find(({ keys }) => keys?.includes(id))?.name;
  if (user !== undefined) {
    throw cannot(
      "remove key",
      name,
      `the list names it for "${user}"`,
      `Change or remove the entry for "${user}" first, or revoke the key`,
    );
  }
  return change(content, { keys: content.keys.filter((other) => other.publicKey !== publicKey) });
}

/**
 * Revokes a key: from then on nothing that it signed loads by it, old bundles included, since a
 * signature has no date that could be trusted. It stays in the list, for errors to name it.
 *
 * @throws {SallyportError} `bad-config` when there is no such key, or it was revoked from an earlier
 * moment.
 */
export function revokeKey(
  content: TrustListContent,
  key: string,
  options: RevokeOptions,
): TrustListContent {
  const from = toTime("from", options.from ?? new Date());
  return replaceKey(content, key, (listed) => {
    if (listed.revoked !== undefined && listed.revoked.from <= from) {
      const detail = `it is revoked from "${listed.revoked.from}" on`;
      throw cannot("revoke key", listed.name, detail, "Nothing is left to do");
    }
    return { ...listed, revoked: { from, reason: options.reason } };
  });
}

/**
 * Reserves a namespace for keys, which then sign nothing outside the namespaces that name them.
 *
 * @throws {SallyportError} `bad-config` when a key is unknown, or the namespace is there already.
 */
export function addPublisher(
  content: TrustListContent,
  publisher: NewPublisher,
  options: ReplaceOptions = {},
): TrustListContent {
  const { namespace, threshold } = publisher;
  const there = content.publishers.findIndex((other) => other.namespace === namespace);
  if (there !== -1 && options.replace !== true) {
    throw cannot("add publisher", namespace, "it is there already", "Ask for it to be replaced");
  }
  const entry: Publisher = defined({
    namespace,
    keys: toKeyIds(content, publisher.keys),
    threshold,
  });
  const publishers = there === -1
    ? [...content.publishers, entry]
    : content.publishers.with(there, entry);
  return change(content, { publishers });
}

/**
 * Removes a namespace.
 *
 * @throws {SallyportError} `bad-config` when it is not there.
 */
export function removePublisher(content: TrustListContent, namespace: string): TrustListContent {
  const publishers = content.publishers.filter((other) => other.namespace !== namespace);
  if (publishers.length === content.publishers.length) {
    throw cannot("remove publisher", namespace, "the list has none of this name", LIST_HINT);
  }
  return change(content, { publishers });
}

/** Returns the ids of keys that an operator named, each once. */
export function toKeyIds(content: TrustListContent, keys: readonly string[]): string[] {
  return [...new Set(keys.map((key) => findKey(content, key).id))];
}

/** Says where names come from. */
export const LIST_HINT = "Take the name from what `trust list` shows";

function toWindow({ notBefore, notAfter }: KeyWindow): { notBefore?: string; notAfter?: string } {
  return defined({
    notBefore: notBefore && toTime("notBefore", notBefore),
    notAfter: notAfter && toTime("notAfter", notAfter),
  });
}

function replaceKey(
  content: TrustListContent,
  key: string,
  replace: (listed: ListedKey) => ListedKey,
): TrustListContent {
  const { publicKey } = findKey(content, key);
  const keys = content.keys.map((listed) =>
    listed.publicKey === publicKey ? replace(listed) : listed
  );
  return change(content, { keys });
}
