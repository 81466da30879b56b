// Finds private keys among the files of a bundle: what is signed is meant to be given away.
import { Buffer } from "node:buffer";
import { createPrivateKey } from "node:crypto";

/** A binary key is smaller than this; it is the size of the largest RSA key in use, many times over. */
const MAX_KEY_BYTES = 65_536;
/** One block of PEM, wherever it stands, also within a string of a module. */
const PEM =
  /-{4,5} ?BEGIN ((?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?) ?-{4,5}((?:[^-]|-(?!-)){16,65536})-{4,5} ?END \1/g;
/** How a file of PEM begins in base64, as settings and secrets of other tools hold one. */
const PEM_IN_BASE64 = "LS0tLS1CRUdJTi";
const WRAPPED = /LS0tLS1CRUdJTi[A-Za-z0-9+/\s]{40,90000}/g;
/** What the text of a key has, in UTF-16 of either order. */
const WIDE = ["PRIVATE KEY", '"kty"'].map((text) => Buffer.from(text, "utf16le").subarray(0, -1));
const MAX_WIDE_BYTES = 1024 * 1024;
/** An object without another in it that may be a JWK, wherever it stands: in a list, a setting, a module. */
const JWK = /\{[^{}]*\}/g;
const KEY_TYPE = /\bkty["']?\s*:\s*["'](?:OKP|EC|RSA|oct)["']/;
const SECRET_PART = /(?:^|[{,\s"'])[dk]["']?\s*:\s*["'][A-Za-z0-9_-]{6,}["']/;
const COMMENT = /^\s*(?:\/\/|#+|\*)\s/;
const OPENSSH = "openssh-key-v1\0";
/** Marks of key files that are text, each as the tool writes it. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/^PuTTY-User-Key-File-\d: /, "PuTTY"],
  [/^untrusted comment: [^\n]*secret key[^\n]*\r?\n[A-Za-z0-9+/=]{40,}/i, "minisign"],
  [/\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b/, "age"],
];
/** Starts of key files that are not. */
const STARTS: readonly (readonly [string, string])[] = [
  [OPENSSH, "OpenSSH"],
  ["\xfe\xed\xfe\xed\0\0\0", "Java key store"],
];
/** How an encrypted PKCS#8 key and PKCS#12 begin, in hex: lengths, then the identifier of PKCS#5, 7 or 12. */
const LENGTH = "(?:[0-8].|81..|82....|83......)";
const ENCRYPTED = new RegExp(`^30${LENGTH}30${LENGTH}06(?:09|0a)2a864886f70d01(?:05|0c01)`);
const PKCS12 = new RegExp(`^30${LENGTH}02010330${LENGTH}06092a864886f70d0107`);

/**
 * Says whether a file has a private key in it.
 *
 * A key in PEM is found anywhere in a file, if what stands between its lines can be a key: a module may
 * know the lines. Of 32 bytes nobody can say what they are, but for those of a key that is known.
 */
export function findPrivateKey(
  bytes: Uint8Array,
  known: readonly Uint8Array[] = [],
): string | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const key of known) {
    if (copiesOf(key).some((copy) => buffer.includes(copy))) return "the very key that signs";
  }
  // editors and shells of Windows write UTF-16
  if (WIDE.some((mark) => buffer.includes(mark))) {
    return findPrivateKey(bytes.filter((byte) => byte !== 0).subarray(0, MAX_WIDE_BYTES));
  }
  if (buffer.includes(PEM_IN_BASE64)) {
    for (const [text] of buffer.toString("latin1").matchAll(WRAPPED)) {
      const form = findPrivateKey(Buffer.from(text, "base64"), known);
      if (form !== undefined) return form;
    }
  }
  if (buffer.includes("PRIVATE KEY")) {
    for (const [, label, body] of buffer.toString("latin1").matchAll(PEM)) {
      if (isKeyBody(label!, body!)) return nameOf(label!);
    }
  }
  if (bytes.length > MAX_KEY_BYTES) return undefined;
  const text = buffer.toString("latin1");
  return STARTS.find(([start]) => text.startsWith(start))?.[1] ??
    TEXTS.find(([pattern]) => pattern.test(text))?.[1] ??
    (isJwk(text) ? "JWK" : undefined) ??
    (isSecretPacket(buffer) ? "OpenPGP" : undefined) ??
    binaryForm(buffer);
}

function copiesOf(key: Uint8Array): (Buffer | string)[] {
  const buffer = Buffer.from(key);
  // in base64 the first and last digits depend on what is before and after, as of a key in DER
  const shifted = [0, 1, 2].flatMap((before) =>
    (["base64", "base64url"] as const).map((form) =>
      Buffer.concat([Buffer.alloc(before), buffer]).toString(form)
        .slice(Math.ceil(before * 8 / 6), Math.floor((before + buffer.length) * 8 / 6))
    )
  );
  const hex = buffer.toString("hex");
  return [buffer, hex, hex.toUpperCase(), ...shifted];
}

function nameOf(label: string): string {
  if (label === "PRIVATE KEY") return "PKCS#8";
  if (label === "ENCRYPTED PRIVATE KEY") return "encrypted PKCS#8";
  if (label === "EC PRIVATE KEY") return "SEC1";
  if (label === "RSA PRIVATE KEY") return "PKCS#1";
  if (label.startsWith("PGP")) return "OpenPGP";
  return label;
}

/** Whether what stands between the lines decodes to what a key begins with. */
function isKeyBody(label: string, body: string): boolean {
  // headers, and the line ends of a string in a module
  const lines = body.split(/\\+[rn]|[\r\n]/).map((line) => line.replace(COMMENT, ""));
  const headers = lines.filter((line) => /^\s*[A-Za-z-]+: /.test(line));
  const digits = lines.filter((line) => !headers.includes(line)).join("\n")
    .replace(/\\+[nrt]|["'`+,\s]|^=[A-Za-z0-9+/]{4}$/gm, "");
  const bytes = Buffer.from(/^[A-Za-z0-9+/=]*/.exec(digits)![0], "base64");
  if (bytes.length < 24) return false;
  if (label.startsWith("OPENSSH")) return bytes.toString("latin1").startsWith(OPENSSH);
  if (label.startsWith("PGP")) return isSecretPacket(bytes);
  // an encrypted one of old, ours, and those of SSH2 have a form of their own
  if (/ENCRYPTED|SEALED|SSH2/.test(label) || headers.some((line) => /DEK-Info/.test(line))) {
    return true;
  }
  return bytes[0] === 0x30;
}

function isJwk(text: string): boolean {
  return text.matchAll(JWK).some(([object]) => KEY_TYPE.test(object) && SECRET_PART.test(object));
}

/** Whether bytes begin with a packet of OpenPGP that is a secret key or subkey (RFC 9580, section 5.5). */
function isSecretPacket(bytes: Uint8Array): boolean {
  const [first = 0, second = 0] = bytes;
  const newForm = (first & 0xc0) === 0xc0;
  const tag = newForm ? first & 0x3f : (first & 0x3c) >> 2;
  if ((first & 0x80) === 0 || (tag !== 5 && tag !== 7)) return false;
  const lengths = newForm ? (second < 192 ? 1 : second < 224 ? 2 : 5) : [1, 2, 4, 0][first & 3]!;
  const version = bytes[1 + lengths] ?? 0;
  const algorithm = bytes[1 + lengths + 5] ?? 0;
  return version >= 4 && version <= 6 && algorithm >= 1 && algorithm <= 28 && bytes.length > 40;
}

/** Names the form of a whole file in DER. */
function binaryForm(buffer: Buffer): string | undefined {
  if (buffer[0] !== 0x30) return undefined;
  const start = buffer.subarray(0, 40).toString("hex");
  if (ENCRYPTED.test(start)) return "encrypted PKCS#8";
  if (PKCS12.test(start)) return "PKCS#12";
  for (
    const [type, name] of [["pkcs8", "PKCS#8"], ["sec1", "SEC1"], ["pkcs1", "PKCS#1"]] as const
  ) {
    try {
      createPrivateKey({ key: buffer, format: "der", type });
      return name;
    } catch {
      // it is not of this form
    }
  }
  return undefined;
}
