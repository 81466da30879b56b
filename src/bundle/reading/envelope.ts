// The envelope, `plugin.sig.json`: a statement with its signatures, in DSSE v1 form.
//
// @see https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import * as z from "zod";
import { escapeText, SallyportError } from "../../errors.ts";
import { describeIssues, joinIssues, PARSING } from "../../json/schema_issues.ts";
import { parseStrictJson } from "../../json/strict_json.ts";

/** Is the payload type of a Sallyport statement. */
export const STATEMENT_PAYLOAD_TYPE = "application/vnd.sallyport.statement+json";

/** Is the greatest size of `plugin.sig.json`, 8 MiB: room for 10,000 files with long paths. */
export const MAX_ENVELOPE_BYTES: number = 8 * 1024 * 1024;

/** Is the greatest number of signatures in one envelope. */
export const MAX_SIGNATURES = 64;

/** Holds one signature of an envelope. */
export interface EnvelopeSignature {
  /** The id of the key: a claim, until that key has verified the signature. */
  readonly keyid: string;
  /** The 64 bytes of the Ed25519 signature over {@linkcode pae}. */
  readonly sig: Uint8Array;
}

/** Holds a parsed envelope. Nothing in it is trusted yet. */
export interface Envelope {
  /** What the payload is; always {@linkcode STATEMENT_PAYLOAD_TYPE}. */
  readonly payloadType: string;
  /** The bytes that were signed, after {@linkcode pae}. */
  readonly payload: Uint8Array;
  /** The signatures, each of another key. */
  readonly signatures: readonly EnvelopeSignature[];
}

const encoder = new TextEncoder();

const base64 = z.string().refine((text) => decode(text) !== undefined, {
  error: "must be standard base64 with padding",
});

const envelopeSchema = z.lazy(() =>
  z.strictObject({
    payloadType: z.literal(STATEMENT_PAYLOAD_TYPE),
    payload: base64,
    signatures: z.array(z.strictObject({
      keyid: z.string().regex(/^[0-9a-f]{16}$/, { error: "must be 16 lower-case hex digits" }),
      sig: base64.refine((text) => decode(text)?.length === 64, { error: "must be 64 bytes" }),
    })).min(1).max(MAX_SIGNATURES),
  })
);

/** Decodes base64 that has one spelling only: no white space, no URL alphabet, no stray bits. */
function decode(text: string): Uint8Array | undefined {
  try {
    const bytes = decodeBase64(text);
    return encodeBase64(bytes) === text ? bytes : undefined;
  } catch {
    return undefined; // not base64 is the answer, not a failure
  }
}

/**
 * Encodes what is signed: DSSE's pre-authentication encoding, which binds the payload to its type.
 */
export function pae(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = encoder.encode(payloadType);
  const head = encoder.encode(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `);
  const bytes = new Uint8Array(head.length + payload.length);
  bytes.set(head);
  bytes.set(payload, head.length);
  return bytes;
}

/**
 * Parses an envelope, without believing anything in it.
 *
 * @throws {SallyportError} `signature-invalid` when it is not such an envelope, or has no signature,
 * more than 64, or two of one key.
 */
export function parseEnvelope(bytes: Uint8Array): Envelope {
  if (bytes.length > MAX_ENVELOPE_BYTES) {
    throw malformed(`is larger than ${MAX_ENVELOPE_BYTES} bytes`);
  }
  let value: unknown;
  try {
    value = parseStrictJson(bytes);
  } catch (cause) {
    throw malformed(escapeText((cause as Error).message, 300), cause);
  }
  // counted before the schema looks at each
  const { signatures: listed } = (value ?? {}) as { signatures?: unknown };
  if (Array.isArray(listed) && listed.length > MAX_SIGNATURES) {
    throw malformed(`has more than ${MAX_SIGNATURES} signatures`);
  }
  const result = envelopeSchema.safeParse(value, PARSING);
  if (!result.success) throw malformed(joinIssues(describeIssues(result.error.issues)));
  const { payloadType, payload, signatures } = result.data;
  const keyIds = new Set<string>();
  for (const { keyid } of signatures) {
    // a second signature of one key would let it count twice
    if (keyIds.has(keyid)) throw malformed(`has two signatures of key "${keyid}"`);
    keyIds.add(keyid);
  }
  return {
    payloadType,
    payload: decodeBase64(payload),
    signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig: decodeBase64(sig) })),
  };
}

function malformed(what: string, cause?: unknown): SallyportError {
  return new SallyportError(
    "signature-invalid",
    `Cannot read envelope "plugin.sig.json": ${what}`,
    {
      hint: "Sign the bundle again",
      cause,
    },
  );
}

/** Encodes an envelope as the text of `plugin.sig.json`. */
export function encodeEnvelope(envelope: Envelope): string {
  const value = {
    payloadType: envelope.payloadType,
    payload: encodeBase64(envelope.payload),
    signatures: envelope.signatures.map(({ keyid, sig }) => ({ keyid, sig: encodeBase64(sig) })),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}
