// One block of PEM (RFC 7468), read strictly and explained where it is another one.
import { ContentError } from "./content_error.ts";
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { escapeText } from "../errors.ts";

/** Says what a block is expected to hold. */
export interface PemForm {
  /** The label of the block. */
  readonly label: PemLabel;
  /** What it is called in messages. */
  readonly name: "private key" | "public key";
}

/** The labels that are read. */
export type PemLabel = "PRIVATE KEY" | "PUBLIC KEY" | "SALLYPORT SEALED PRIVATE KEY";

/** Says what to do where another kind of key was given. */
export const NEW_KEY_HINT =
  "Make an Ed25519 key with `keygen` or `openssl genpkey -algorithm ed25519`";

/** How many characters the text of a key may have. */
const MAX_PEM_CHARACTERS = 4_096;
const LINE_CHARACTERS = 64;

/**
 * Throws the error for a text that is not the expected key. No message may quote from the body: it may
 * be a secret.
 *
 * @throws {SallyportError} `bad-config`.
 */
export function refusePem(form: PemForm, problem: string, hint: string): never {
  throw new ContentError(`Cannot read ${form.name}`, problem, { hint });
}

/**
 * Reads the bytes of a text that is one whole block.
 *
 * @throws {SallyportError} `bad-config` saying what else it is.
 */
export function decodePemBlock(form: PemForm, text: string): Uint8Array {
  if (typeof text !== "string") throw new TypeError("PEM must be a string");
  if (text.length > MAX_PEM_CHARACTERS) {
    const problem =
      `it has ${text.length} characters, more than the ${MAX_PEM_CHARACTERS} that are read`;
    refusePem(form, problem, `Pass a PEM file with one "${form.label}"`);
  }
  const labels = [...text.matchAll(/-----BEGIN ([^\r\n]*?)-----/g)].map((match) => match[1]!);
  if (labels.length === 0) {
    refusePem(form, 'it has no "-----BEGIN" line', `Pass a PEM file with "${form.label}"`);
  }
  if (labels.length > 1) {
    refusePem(form, `it holds ${labels.length} PEM blocks`, `Pass a file with one "${form.label}"`);
  }
  const label = labels[0]!;
  if (label !== form.label) refuseLabel(form, label);
  const block = /^\s*-----BEGIN ([A-Z ]+)-----[ \t]*\r?\n([^-]*)-----END \1-----\s*$/.exec(text);
  if (block === null) {
    const hint = "Remove what is before and after the PEM block, and complete its END line";
    refusePem(form, "it is not one whole PEM block", hint);
  }
  return decodeBody(form, block[2]!);
}

/** Writes a block. */
export function encodePemBlock(label: PemLabel, bytes: Uint8Array): string {
  const lines = encodeBase64(bytes).match(new RegExp(`.{1,${LINE_CHARACTERS}}`, "g"))!;
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

function refuseLabel(form: PemForm, label: string): never {
  const isPrivate = form.name === "private key";
  const publicHint = "Pass the file with the public key, such as NAME.pub";
  if (label === "PUBLIC KEY") {
    refusePem(form, "it is a public key", "Pass the file with the private key, such as NAME.key");
  }
  if (label === "PRIVATE KEY") {
    // said of a sealed key that is expected, too: then nothing is there to be unsealed
    const problem = isPrivate ? "it is a private key that is not sealed" : "it is a private key";
    refusePem(form, problem, isPrivate ? "Leave out the passphrase" : publicHint);
  }
  if (label === "SALLYPORT SEALED PRIVATE KEY") {
    const hint = "Pass --passphrase-file FILE with its passphrase";
    const problem = isPrivate
      ? "it is sealed with a passphrase, which --passphrase-file must name"
      : "it is a sealed private key";
    refusePem(form, problem, isPrivate ? hint : publicHint);
  }
  if (label === "ENCRYPTED PRIVATE KEY") {
    const hint = isPrivate
      ? "Decrypt it with `openssl pkey -in FILE -out NEW_FILE`"
      : "Pass the file with the public key, such as NAME.pub";
    refusePem(form, "it is an encrypted private key", hint);
  }
  const shown = escapeText(label, 64);
  if (label.startsWith("OPENSSH ")) refusePem(form, "it is in the format of OpenSSH", NEW_KEY_HINT);
  if (label.endsWith(" KEY")) {
    refusePem(form, `it is of kind "${shown}", not Ed25519`, NEW_KEY_HINT);
  }
  refusePem(form, `it holds "${shown}", not a key`, `Pass a PEM file with "${form.label}"`);
}

function decodeBody(form: PemForm, body: string): Uint8Array {
  const base64 = body.replace(/[ \t\r\n]+/g, "");
  const hint = form.label === "SALLYPORT SEALED PRIVATE KEY"
    ? "Copy the whole file again, or take it from a backup"
    : "Copy the whole file again, or write it anew with `openssl pkey`";
  try {
    const bytes = decodeBase64(base64);
    // one text for one key: no missing padding, no spare bits
    if (encodeBase64(bytes) === base64) return bytes;
  } catch {
    // its error quotes a character of the body
  }
  refusePem(form, "what is between its BEGIN and END lines is not base64", hint);
}
