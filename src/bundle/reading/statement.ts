// The statement: what a signer claims about a bundle.
import * as z from "zod";
import { escapeText, SallyportError } from "../../errors.ts";
import type { FileDigest } from "./hash.ts";
import { fileListProblem } from "../manifest/paths.ts";
import type { BundleContents } from "./reading.ts";
import { describeIssues, joinIssues, PARSING } from "../../json/schema_issues.ts";
import { parseStrictJson } from "../../json/strict_json.ts";

/** Claims that a plugin of a name and version consists of exactly these files. */
export interface Statement {
  /** The version of this format. */
  readonly schema: 1;
  /** The plugin's name. */
  readonly name: string;
  /** The plugin's version. */
  readonly version: string;
  /** The bundle hash over `files`, 128 hex digits. */
  readonly bundleHash: string;
  /** Every file but the envelope. */
  readonly files: readonly FileDigest[];
  /** When the statement was made, as `2026-01-31T12:00:00.000Z`. */
  readonly createdAt: string;
  /** From when on it no longer holds, in the same form. */
  readonly expiresAt?: string;
}

/** Options of {@linkcode createStatement}. */
export interface StatementOptions {
  /** When the statement is made; now by default. */
  createdAt?: Date;
  /** From when on it no longer holds; never by default. */
  expiresAt?: Date;
}

const hash = z.string().regex(/^[0-9a-f]{128}$/, { error: "must be 128 lower-case hex digits" });

const time = z.string().refine(isTime, {
  error: "must be a time such as 2026-01-31T12:00:00.000Z",
});

function isTime(text: string): boolean {
  const date = new Date(text);
  return !Number.isNaN(date.getTime()) && date.toISOString() === text; // one spelling only
}

const statementSchema = z.lazy(() =>
  z.strictObject({
    schema: z.literal(1),
    name: z.string().min(1).max(64),
    version: z.string().min(1).max(128),
    bundleHash: hash,
    files: z.array(z.strictObject({
      path: z.string(),
      size: z.int().min(0),
      sha3_512: hash,
    })),
    createdAt: time,
    expiresAt: time.optional(),
  })
);

/**
 * Makes the statement about a bundle.
 *
 * @throws {RangeError} When a date is invalid, or the statement would expire before it is made.
 */
export function createStatement(
  contents: BundleContents,
  options: StatementOptions = {},
): Statement {
  const { createdAt = new Date(), expiresAt } = options;
  for (const [name, date] of Object.entries({ createdAt, expiresAt })) {
    if (date && Number.isNaN(date.getTime())) {
      throw new RangeError(`Cannot create statement: "${name}" is not a valid date`);
    }
  }
  if (expiresAt && expiresAt <= createdAt) {
    throw new RangeError(
      `Cannot create statement: "expiresAt" must be later than ${createdAt.toISOString()}, ` +
        `got ${expiresAt.toISOString()}`,
    );
  }
  return {
    schema: 1,
    name: contents.manifest.name,
    version: contents.manifest.version,
    bundleHash: contents.bundleHash,
    files: contents.files.map(({ path, size, sha3_512 }) => ({ path, size, sha3_512 })),
    createdAt: createdAt.toISOString(),
    ...(expiresAt ? { expiresAt: expiresAt.toISOString() } : {}),
  };
}

/** Encodes a statement as the payload of an envelope. */
export function encodeStatement(statement: Statement): Uint8Array {
  const { schema, name, version, bundleHash, files, createdAt, expiresAt } = statement;
  const ordered = {
    schema,
    name,
    version,
    bundleHash,
    files: files.map(({ path, size, sha3_512 }) => ({ path, size, sha3_512 })),
    createdAt,
    expiresAt,
  };
  return new TextEncoder().encode(JSON.stringify(ordered));
}

/**
 * Parses a statement. Its times are checked for their form only.
 *
 * @throws {SallyportError} `signature-invalid` when it is not a statement of schema 1.
 */
export function parseStatement(bytes: Uint8Array): Statement {
  let value: unknown;
  try {
    value = parseStrictJson(bytes);
  } catch (cause) {
    throw malformed(escapeText((cause as Error).message, 300), cause);
  }
  const result = statementSchema.safeParse(value, PARSING);
  if (!result.success) throw malformed(joinIssues(describeIssues(result.error.issues)));
  // what is listed here becomes paths in the store, so a signer must not name one outside it
  const problem = fileListProblem(result.data.files.map((file) => file.path));
  if (problem !== undefined) throw malformed(problem);
  const { createdAt, expiresAt } = result.data;
  if (expiresAt !== undefined && new Date(expiresAt) <= new Date(createdAt)) {
    throw malformed(`it expires at "${expiresAt}", before it was made at "${createdAt}"`);
  }
  return result.data;
}

function malformed(what: string, cause?: unknown): SallyportError {
  return new SallyportError("signature-invalid", `Cannot read the signed statement: ${what}`, {
    hint: "Sign the bundle again with a current version",
    cause,
  });
}
