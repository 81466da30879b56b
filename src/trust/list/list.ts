// What a trust list says: whom and what an operator trusts, and what no longer.
import { encodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import { joinIssues, type SchemaIssue } from "../../json/schema_issues.ts";
import { parseStrictJson } from "../../json/strict_json.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { isObject } from "../../json/json_shape.ts";
import { toPluginLines, withPluginLines } from "./plugins.ts";
import { findListIssues } from "./schema.ts";
import type { TrustListContent } from "./content.ts";

/**
 * Options of {@linkcode createTrustListContent}.
 *
 * @category Trust
 */
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
 * @category Trust
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
