// What a rollback mark remembers: its form, its authentication, and how two of them become one.
import { decodeBase64 } from "@std/encoding/base64";
import { decodeHex, encodeHex } from "@std/encoding/hex";
import { joinIssues } from "../../json/schema_issues.ts";
import { parseStrictJson } from "../../json/strict_json.ts";
import { bytesEqual } from "../../crypto/digest.ts";
import { hkdfSha512, hmacSha512 } from "../../crypto/hkdf.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import {
  anyObject,
  leaf,
  listOf,
  matching,
  objectOf,
  recordOf,
  Report,
  wholeNumber,
} from "../../json/json_shape.ts";
import type { JsonObject } from "../list/content.ts";
import { MAX_RAN, mergeRan } from "./ran_versions.ts";
import type { RootReference } from "../root/root_chain.ts";
import { compareVersions } from "./versions.ts";

/** Holds a version of a plugin that a host has run. */
export interface MarkedPlugin {
  /** The version. */
  readonly version: string;
  /** The bundle hash, 128 hex digits. */
  readonly hash: string;
  /** What it asked for. */
  readonly asks?: JsonObject;
}

/** Holds the highest version of a plugin that a host has run, and those before it. */
export interface MarkedVersions extends MarkedPlugin {
  /** The next lower ones, the highest first. */
  readonly lower?: readonly MarkedPlugin[];
}

/** Holds what was seen of a list, and run by it. */
export interface MarkState {
  /** The version of this format. */
  readonly schema: 1;
  /** The id of the list. */
  readonly list: string;
  /** The highest revision. */
  readonly revision: number;
  /** The SHA-512 of that revision. */
  readonly listHash: string;
  /** The last root of it. */
  readonly root?: RootReference;
  /** The highest versions by plugin name. */
  readonly versions: Readonly<Record<string, MarkedVersions>>;
}

/** Is the greatest size of a mark: far more than the plugins of one host. */
export const MAX_MARK_BYTES: number = 16 * 1024 * 1024;

const hash = matching(/^[0-9a-f]{128}$/, "must be 128 lower-case hex digits");
const version = leaf((value) => {
  try {
    compareVersions(value as string, "0.0.0");
    return undefined;
  } catch {
    return "must be a version"; // that it is none is the answer
  }
});
const asks = anyObject(16);

const lower = listOf(objectOf({ version, hash }, { asks }), MAX_RAN - 1, 1);

const checkState = objectOf({
  schema: leaf((value) => value === 1 ? undefined : "must be 1: written by a later version"),
  list: matching(/^[0-9a-f]{32}$/, "must be 32 lower-case hex digits"),
  revision: wholeNumber(1, Number.MAX_SAFE_INTEGER),
  listHash: hash,
  versions: recordOf(
    /^[a-z][a-z0-9_-]{0,63}$/,
    objectOf({ version, hash }, { asks, lower }),
    100_000,
  ),
}, { root: objectOf({ version: wholeNumber(1, Number.MAX_SAFE_INTEGER), hash }) });

/** Derives the key of a list's marks from its secret. */
export function deriveMarkKey(list: { readonly id: string; readonly secret: string }): Uint8Array {
  return hkdfSha512(
    decodeBase64(list.secret),
    decodeHex(list.id),
    "sallyport rollback mark v1",
    64,
  );
}

/** Encodes a state: a line with the HMAC-SHA-512 of the rest, then JSON. */
export function encodeMark(state: MarkState, key: Uint8Array): Uint8Array {
  const encoder = new TextEncoder();
  const body = encoder.encode(`${JSON.stringify(state)}\n`);
  const line = encoder.encode(`${encodeHex(hmacSha512(key, body))}\n`);
  const bytes = new Uint8Array(line.length + body.length);
  bytes.set(line);
  bytes.set(body, line.length);
  return bytes;
}

/**
 * Decodes a state, if nobody changed it.
 *
 * @throws {SallyportError} `bad-config` when it was changed or is malformed; it is never ignored, or
 * spoiling it would be all that a rollback takes.
 */
export function decodeMark(bytes: Uint8Array, key: Uint8Array, path: string): MarkState {
  const end = bytes.indexOf(0x0a);
  const line = new TextDecoder().decode(bytes.subarray(0, Math.max(end, 0)));
  const body = bytes.subarray(end + 1);
  if (!/^[0-9a-f]{128}$/.test(line) || !bytesEqual(decodeHex(line), hmacSha512(key, body))) {
    throw badMark(path, "it was changed, damaged, or written for another list");
  }
  let value: unknown;
  try {
    value = parseStrictJson(body);
  } catch (cause) {
    throw badMark(path, escapeText((cause as Error).message, 300), cause);
  }
  const report = new Report();
  checkState(value, report);
  if (report.issues.length > 0) throw badMark(path, joinIssues(report.issues));
  return value as MarkState;
}

/** Makes the error about a mark that cannot be used. */
export function badMark(path: string, detail: string, cause?: unknown): SallyportError {
  return new SallyportError(
    "bad-config",
    `Cannot use rollback mark "${escapeText(path, 500)}": ${detail}`,
    {
      hint: "Find out who changed it; removing it makes this host forget which versions it has run",
      details: { path, subject: "mark" },
      cause,
    },
  );
}

/** Returns the versions of a plugin that were run, the highest first. */
export function ranOf(state: MarkState | undefined, name: string): readonly MarkedPlugin[] {
  const marked = state && Object.hasOwn(state.versions, name) ? state.versions[name] : undefined;
  if (marked === undefined) return [];
  const { lower = [], ...highest } = marked;
  return [highest, ...lower];
}

/** Puts the versions of a plugin into a state; at least one. */
export function withRan(
  state: MarkState,
  name: string,
  ran: readonly MarkedPlugin[],
): MarkState {
  const [highest, ...lower] = ran;
  const marked: MarkedVersions = { ...highest!, ...(lower.length === 0 ? {} : { lower }) };
  return { ...state, versions: { ...state.versions, [name]: marked } };
}

/** Makes one of two states: the later revision, and of each plugin the versions of both. */
export function mergeMarks(stored: MarkState, known: MarkState): MarkState {
  let merged = stored;
  for (const name of Object.keys(known.versions)) {
    const there = ranOf(stored, name);
    const ran = mergeRan(there, ranOf(known, name));
    if (ran !== there) merged = withRan(merged, name, ran);
  }
  if (known.revision <= stored.revision) return merged;
  return { ...known, versions: merged.versions };
}
