// The shape of a trust list.
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { MAX_SIGNATURES } from "../../bundle/reading/envelope.ts";
import type { SchemaIssue } from "../../json/schema_issues.ts";
import { isVersionRange } from "../../bundle/manifest/version_range.ts";
import {
  anyObject,
  type Check,
  isObject,
  leaf,
  listOf,
  matching,
  objectOf,
  recordOf,
  Report,
  wholeNumber,
} from "../../json/json_shape.ts";
import type { TrustListContent } from "./content.ts";
import { findDisagreements, findPluginDisagreements } from "./agreement.ts";

/** Are the greatest numbers of entries in a list. */
export const TRUST_LIST_LIMITS = Object.freeze({
  keys: 1_000,
  publishers: 1_000,
  plugins: 20_000,
  revocations: 10_000,
  minimumVersions: 20_000,
  accepted: 20_000,
  keysOfOne: 100,
  textCharacters: 1_000,
});

const PRINTABLE = /^[\x20-\x7e]*$/;
const NAME = /^[a-z][a-z0-9_-]{0,63}$/;
const NAMESPACE = /^(?:\*|[a-z][a-z0-9_-]{0,63}\*?)$/;
// the pattern of semver.org, with the numbers kept below 2^53, as in the manifest
const VERSION =
  /^(?=.{1,128}$)(?:0|[1-9]\d{0,14})\.(?:0|[1-9]\d{0,14})\.(?:0|[1-9]\d{0,14})(?:-(?:0|[1-9]\d{0,14}|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d{0,14}|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$/;

const name = matching(
  NAME,
  "must be a lower-case letter, then at most 63 lower-case letters, digits, _ or -",
);
const version = matching(VERSION, "must be a version as of SemVer 2.0.0, such as 1.2.3");
const hash = leaf((value) => isHash(value) ? undefined : "must be 128 lower-case hex digits");
const id = matching(/^[0-9a-f]{16}$/, "must be a key id, 16 lower-case hex digits");
const publicKey = matching(/^[0-9a-f]{64}$/, "must be 64 lower-case hex digits");
const threshold = wholeNumber(1, MAX_SIGNATURES);

const scratch = new Uint8Array(64);

/** The runtime's decoder takes a tenth of the time of a pattern, which a long list feels. */
function isHash(value: unknown): boolean {
  if (typeof value !== "string" || value.length !== 128 || value.toLowerCase() !== value) {
    return false;
  }
  try {
    scratch.setFromHex(value);
    return true;
  } catch {
    return false; // not hex is the answer, not a failure
  }
}

function text(max: number, min = 0): Check {
  const problem = `must be one line of ${min} to ${max} characters without control characters`;
  return leaf((value) =>
    typeof value === "string" && value.length >= min && value.length <= max &&
      (PRINTABLE.test(value) || (value.isWellFormed() && !/\p{Cc}/u.test(value)))
      ? undefined
      : problem
  );
}

const time = leaf((value) =>
  isTime(value) ? undefined : "must be a time such as 2026-01-31T12:00:00.000Z"
);

function isTime(value: unknown): boolean {
  if (typeof value !== "string" || value.length !== 24) return false; // years of four digits
  const date = new Date(value);
  return !Number.isNaN(date.getTime()) && date.toISOString() === value; // one spelling only
}

const range = leaf((value) =>
  typeof value === "string" && isVersionRange(value)
    ? undefined
    : "must be a range of versions, such as <1.4.2"
);

function isSecret(value: unknown): boolean {
  if (typeof value !== "string" || value.length !== 44) return false;
  try {
    const bytes = decodeBase64(value);
    return bytes.length === 32 && encodeBase64(bytes) === value;
  } catch {
    return false; // not base64 is the answer, not a failure
  }
}

const { keysOfOne, textCharacters } = TRUST_LIST_LIMITS;
const reason = text(textCharacters, 1);
const keyIds = listOf(id, keysOfOne, 1);

const revocationByHash = objectOf({ hash, from: time, reason });
const revocationByVersion = objectOf({ name, versions: range, from: time, reason });

const plugin: Check = objectOf({ name, version, hash }, {
  keys: keyIds,
  threshold,
  note: text(textCharacters),
  expiresAt: time,
  asks: anyObject(16),
});

const plugins = listOf(plugin, TRUST_LIST_LIMITS.plugins);

const content = objectOf({
  schema: leaf((value) => value === 1 ? undefined : "must be 1: written by a later version"),
  id: matching(/^[0-9a-f]{32}$/, "must be 32 lower-case hex digits"),
  revision: wholeNumber(1, Number.MAX_SAFE_INTEGER),
  createdAt: time,
  updatedAt: time,
  expiresAt: time,
  secret: (value, report, key) => {
    // not quoted: it may be a secret all the same
    if (!isSecret(value)) report.add(key, "must be 32 bytes in base64");
  },
  threshold,
  onlyListed: leaf((value) => typeof value === "boolean" ? undefined : "must be true or false"),
  keys: listOf(
    objectOf({ name: text(100, 1), publicKey }, {
      notBefore: time,
      notAfter: time,
      revoked: objectOf({ from: time, reason }),
    }),
    TRUST_LIST_LIMITS.keys,
  ),
  publishers: listOf(
    objectOf({
      namespace: matching(NAMESPACE, "must be the name of a plugin, or the start of one and *"),
      keys: keyIds,
    }, { threshold }),
    TRUST_LIST_LIMITS.publishers,
  ),
  plugins,
  revocations: listOf(
    (value, report, key) => {
      const byHash = isObject(value) && "hash" in value;
      (byHash ? revocationByHash : revocationByVersion)(value, report, key);
    },
    TRUST_LIST_LIMITS.revocations,
  ),
  minimumVersions: recordOf(NAME, version, TRUST_LIST_LIMITS.minimumVersions),
  accepted: listOf(objectOf({ name, version, hash, at: time }), TRUST_LIST_LIMITS.accepted),
});

/** Finds everything that is wrong with a list, up to 100 mistakes. */
export function findListIssues(value: unknown): SchemaIssue[] {
  const report = new Report();
  content(value, report);
  // what is compared across entries must at least have its form
  if (report.issues.length === 0) findDisagreements(value as TrustListContent, report);
  return report.issues;
}

/** Finds everything that is wrong with entries for plugins, by themselves and for a list. */
export function findPluginIssues(
  value: readonly unknown[],
  list: Omit<TrustListContent, "plugins">,
): SchemaIssue[] {
  const report = new Report();
  plugins(value, report, "plugins");
  if (report.issues.length === 0) {
    findPluginDisagreements(value as TrustListContent["plugins"], list.keys, report);
  }
  return report.issues;
}
