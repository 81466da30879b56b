// What is sealed in a trust list's file: a line with the signatures and roots, then the list itself.
//
// The list is not put into the JSON of its signatures, since a long one would have to be decoded twice.
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import type { EnvelopeSignature } from "../../bundle/reading/envelope.ts";
import { joinIssues } from "../../json/schema_issues.ts";
import { parseStrictJson } from "../../json/strict_json.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { listOf, objectOf, Report } from "../../json/json_shape.ts";
import { MAX_ROOTS, type SignedRoot, type VerifiedRoot } from "../root/root_chain.ts";
import {
  countKeys,
  fromJsonSignatures,
  jsonBytes,
  type JsonSignature,
  jsonSignatures,
  toJsonSignatures,
} from "../keys/signatures.ts";

/** Is the payload type of a list. */
export const TRUST_LIST_PAYLOAD_TYPE = "application/vnd.sallyport.trust-list+json";

/** 100 roots, each with 64 keys and the signatures of 128. */
const MAX_HEAD_BYTES = 4 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Holds the parts of a file; nothing of them is verified. */
export interface ListFile {
  /** The JSON of the list. */
  readonly payload: Uint8Array;
  /** The signatures of the root keys over it. */
  readonly signatures: readonly EnvelopeSignature[];
  /** The chain of roots. */
  readonly roots: readonly SignedRoot[];
}

interface JsonHead {
  readonly signatures: readonly JsonSignature[];
  readonly roots: readonly {
    readonly payload: string;
    readonly signatures: readonly JsonSignature[];
  }[];
}

const checkHead = objectOf({
  signatures: jsonSignatures,
  roots: listOf(objectOf({ payload: jsonBytes, signatures: jsonSignatures }), MAX_ROOTS),
});

/** Puts the parts of a file together, to be sealed. */
export function encodeListFile({ payload, signatures, roots }: ListFile): Uint8Array {
  const head: JsonHead = {
    signatures: toJsonSignatures(signatures),
    roots: roots.map((root) => ({
      payload: encodeBase64(root.payload),
      signatures: toJsonSignatures(root.signatures),
    })),
  };
  const line = new TextEncoder().encode(`${JSON.stringify(head)}\n`);
  const bytes = new Uint8Array(line.length + payload.length);
  bytes.set(line);
  bytes.set(payload, line.length);
  return bytes;
}

/**
 * Takes the parts of a file apart.
 *
 * @throws {SallyportError} `bad-config` when it is no such file.
 */
export function decodeListFile(bytes: Uint8Array, source: string): ListFile {
  const end = bytes.subarray(0, MAX_HEAD_BYTES).indexOf(NEWLINE);
  if (end === -1) throw malformed(source, "it has no line with its signatures");
  let value: unknown;
  try {
    value = parseStrictJson(bytes.subarray(0, end));
  } catch (cause) {
    throw malformed(source, `its head ${escapeText((cause as Error).message, 300)}`, cause);
  }
  const report = new Report();
  checkHead(value, report);
  if (report.issues.length > 0) throw malformed(source, joinIssues(report.issues));
  const head = value as JsonHead;
  return {
    payload: bytes.subarray(end + 1),
    signatures: fromJsonSignatures(head.signatures),
    roots: head.roots.map((root) => ({
      payload: decodeBase64(root.payload),
      signatures: fromJsonSignatures(root.signatures),
    })),
  };
}

/**
 * Checks that the latest root signed a list: stops whoever knows the passphrase alone, and an old
 * list's signatures under a new one (TUF: mix and match).
 *
 * @throws {SallyportError} `signature-invalid` when too few of its keys did.
 */
export async function checkListSignatures(
  file: ListFile,
  root: VerifiedRoot | undefined,
  source: string,
): Promise<void> {
  if (root === undefined) return;
  const { payload, signatures } = file;
  const count = await countKeys(TRUST_LIST_PAYLOAD_TYPE, payload, signatures, root.keys);
  if (count >= root.threshold) return;
  throw new SallyportError(
    "signature-invalid",
    `Cannot use trust list "${escapeText(source, 500)}": it is signed by ${count} of the ` +
      `${root.threshold} root keys that it takes (root version ${root.version})`,
    {
      hint: "Get the current list from whoever holds its root keys",
      details: { source, subject: "list", count, threshold: root.threshold },
    },
  );
}

function malformed(source: string, detail: string, cause?: unknown): SallyportError {
  return new SallyportError(
    "bad-config",
    `Cannot use trust list "${escapeText(source, 500)}": ${detail}`,
    {
      hint: "Get the list again, or go back to its previous revision, which is kept beside it",
      details: { source },
      cause,
    },
  );
}
