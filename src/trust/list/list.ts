/**
 * What a trust list says: whom and what an operator trusts, and what no longer.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import { joinIssues, type SchemaIssue } from "../../json/schema_issues.ts";
import { parseStrictJson } from "../../json/strict_json.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { isObject } from "../../json/json_shape.ts";
import { toPluginLines, withPluginLines } from "./plugins.ts";
import { findListIssues } from "./schema.ts";

/** Holds plain JSON that this room carries without reading it. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Says from when on something no longer counts, and why. */
export interface KeyRevocation {
  /** From this moment on, as `2026-01-31T12:00:00.000Z`. */
  readonly from: string;
  /** The reason, for people. */
  readonly reason: string;
}

/** Holds a key whose signatures count, within its window. */
export interface ListedKey {
  /** What the operator calls it; no two keys have one name. */
  readonly name: string;
  /** The key, 64 hex digits. */
  readonly publicKey: string;
  /** The first moment of its window. */
  readonly notBefore?: string;
  /** The first moment after its window. */
  readonly notAfter?: string;
  /** Set when it no longer counts, not even for what it signed before: signatures carry no date. */
  readonly revoked?: KeyRevocation;
}

/** Reserves names of plugins for keys. */
export interface Publisher {
  /** A plugin's name, the start of names with `*` at its end, or `*` for all. */
  readonly namespace: string;
  /** The ids of the only keys that may sign these plugins, and that may sign no others. */
  readonly keys: readonly string[];
  /** How many of them must sign; the list's threshold by default. */
  readonly threshold?: number;
}

/** Names a bundle that may load; other bundles of its name may not. */
export interface ListedPlugin {
  /** The plugin's name. */
  readonly name: string;
  /** Its version, compared as text. */
  readonly version: string;
  /** The bundle hash, 128 hex digits. */
  readonly hash: string;
  /** The ids of the only keys that count for it, among those that its name allows. */
  readonly keys?: readonly string[];
  /** How many keys must sign; that of the publisher or of the list by default. */
  readonly threshold?: number;
  /** A remark for people. */
  readonly note?: string;
  /** From when on it no longer loads. */
  readonly expiresAt?: string;
  /** What it asked for when it was added, as the room for permissions puts it. */
  readonly asks?: JsonObject;
}

/** Revokes one bundle. */
export interface HashRevocation extends KeyRevocation {
  /** The bundle hash, 128 hex digits. */
  readonly hash: string;
}

/** Revokes versions of a plugin. */
export interface VersionRevocation extends KeyRevocation {
  /** The plugin's name. */
  readonly name: string;
  /** The range of versions; a pre-release is in it when it or its release is. */
  readonly versions: string;
}

/** Revokes bundles, whoever signed them. */
export type PluginRevocation = HashRevocation | VersionRevocation;

/** Records that the operator accepted what a bundle asks for. */
export interface AcceptedBundle {
  /** The plugin's name. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
  /** The bundle hash, 128 hex digits. */
  readonly hash: string;
  /** When it was accepted. */
  readonly at: string;
}

/** Holds the content of a trust list, as {@linkcode parseTrustListContent} read it. */
export interface TrustListContent {
  /** The version of this format. */
  readonly schema: 1;
  /** Tells lists apart: 32 random hex digits. */
  readonly id: string;
  /** Counts the changes, from 1. */
  readonly revision: number;
  /** When the list was made. */
  readonly createdAt: string;
  /** When this revision was made. */
  readonly updatedAt: string;
  /** From when on nothing is loaded by it. */
  readonly expiresAt: string;
  /** Authenticates the rollback marks of hosts: 32 random bytes in base64. */
  readonly secret: string;
  /** How many distinct keys must sign a plugin, where nothing else says. */
  readonly threshold: number;
  /** Whether only listed plugins load; otherwise only those names that are listed are held to it. */
  readonly onlyListed: boolean;
  /** The keys, at most 1,000. */
  readonly keys: readonly ListedKey[];
  /** The namespaces, at most 1,000. */
  readonly publishers: readonly Publisher[];
  /** The bundles, at most 20,000. */
  readonly plugins: readonly ListedPlugin[];
  /** What must not load, at most 10,000. */
  readonly revocations: readonly PluginRevocation[];
  /** The lowest version that may load, by plugin name. */
  readonly minimumVersions: Readonly<Record<string, string>>;
  /** The bundles whose requests were accepted, at most 20,000. */
  readonly accepted: readonly AcceptedBundle[];
}

/** Options of {@linkcode createTrustListContent}. */
export interface CreateTrustListContentOptions {
  /** From when on nothing is loaded by the list. */
  expiresAt: Date;
  /** When it is made; now by default. */
  now?: Date;
  /** How many distinct keys must sign; 1 by default. */
  threshold?: number;
  /** Whether only listed plugins load; not by default. */
  onlyListed?: boolean;
}

/** Is the greatest size of a list, 32 MiB of JSON. */
export const MAX_TRUST_LIST_BYTES: number = 32 * 1024 * 1024;

/**
 * Makes the content of a new, empty list.
 *
 * @param options Expiry and defaults.
 * @returns Revision 1, with an id and a secret from the system's random source.
 * @throws {RangeError} When a date is invalid.
 * @throws {SallyportError} `bad-config` when the threshold is not 1 to 64.
 */
export function createTrustListContent(
  options: CreateTrustListContentOptions,
): TrustListContent {
  const { expiresAt, now = new Date(), threshold = 1, onlyListed = false } = options;
  return checkTrustListContent({
    schema: 1,
    id: encodeHex(crypto.getRandomValues(new Uint8Array(16))),
    revision: 1,
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
    expiresAt: expiresAt.toISOString(),
    secret: encodeBase64(crypto.getRandomValues(new Uint8Array(32))),
    threshold,
    onlyListed,
    keys: [],
    publishers: [],
    plugins: [],
    revocations: [],
    minimumVersions: {},
    accepted: [],
  });
}

/** Encodes a list: the one spelling that {@linkcode parseTrustListContent} takes. */
export function encodeTrustListContent(content: TrustListContent): Uint8Array {
  const { plugins, ...rest } = content;
  return new TextEncoder().encode(`${JSON.stringify(rest)}\n${toPluginLines(plugins)}`);
}

/**
 * Parses a list and checks every field of it; of the plugins only when `plugins` is read, or
 * `pluginsNamed` asks for some of them, which then throws the same errors.
 *
 * @throws {SallyportError} `bad-config`, naming all mistakes at once; they are in `details.issues`
 * as `{ path, message }`, the first 100 of them.
 */
export function parseTrustListContent(
  input: Uint8Array,
  source: string = "trust list",
): TrustListContent {
  if (input.length > MAX_TRUST_LIST_BYTES) {
    throw invalid(source, [{ path: "", message: `is larger than ${MAX_TRUST_LIST_BYTES} bytes` }]);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(input);
  } catch (cause) {
    throw invalid(source, [{ path: "", message: "is not UTF-8" }], cause);
  }
  const end = text.indexOf("\n");
  if (end === -1 || !text.endsWith("\n")) {
    throw invalid(source, [{ path: "", message: "is cut off: it does not end in a line break" }]);
  }
  const head = parseLine(text.slice(0, end), source);
  if (isObject(head) && Object.hasOwn(head, "plugins")) {
    throw invalid(source, [{ path: "plugins", message: "must be one line each" }]);
  }
  const issues = findListIssues(isObject(head) ? { ...head, plugins: [] } : head);
  if (issues.length > 0) throw invalid(source, issues);
  return withPluginLines(
    head as Omit<TrustListContent, "plugins">,
    text.slice(end),
    (issues) => invalid(source, issues),
  );
}

/**
 * Checks a list that a program put together, the plugins as well.
 *
 * @throws {SallyportError} `bad-config` as {@linkcode parseTrustListContent}.
 */
export function checkTrustListContent(
  value: unknown,
  source: string = "trust list",
): TrustListContent {
  const text = JSON.stringify(value) ?? "null";
  if (text.length > MAX_TRUST_LIST_BYTES) {
    throw invalid(source, [{ path: "", message: `is larger than ${MAX_TRUST_LIST_BYTES} bytes` }]);
  }
  const copy: unknown = JSON.parse(text);
  const issues = findListIssues(copy);
  if (issues.length > 0) throw invalid(source, issues);
  return copy as TrustListContent;
}

/** Tells whether a list has expired: then nothing more is loaded by it. */
export function isListExpired(content: TrustListContent, now: Date): boolean {
  return now >= new Date(content.expiresAt);
}

/**
 * Reads JSON of one meaning only: what is spelled as we write it repeats no key and hides none. The
 * strict parser only says what is wrong with what is not, in words.
 */
function parseLine(text: string, source: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (JSON.stringify(value) === text) return value;
  } catch {
    // no JSON, or too deep
  }
  try {
    parseStrictJson(text);
  } catch (cause) {
    const message = escapeText((cause as Error).message, 300);
    throw invalid(source, [{ path: "", message }], cause);
  }
  throw invalid(source, [{ path: "", message: "is not spelled as trust lists are written" }]);
}

function invalid(source: string, issues: SchemaIssue[], cause?: unknown): SallyportError {
  return new SallyportError(
    "bad-config",
    `Cannot use trust list "${escapeText(source, 500)}": ${joinIssues(issues)}`,
    {
      hint: "Change the list with the `trust` commands; its previous revision is kept beside it",
      details: { source, issues },
      cause,
    },
  );
}
