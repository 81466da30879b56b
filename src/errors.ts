// The error family of the host: one class, a stable code, typed details, a hint.

/**
 * Says what went wrong in a form that programs may rely on; messages may change, codes do not.
 *
 * @category Errors and logs
 */
export type SallyportErrorCode =
  | "signature-invalid"
  | "hash-mismatch"
  | "untrusted"
  | "revoked"
  | "expired"
  | "rollback"
  | "manifest-invalid"
  | "bundle-invalid"
  | "permission-denied"
  | "launch-failed"
  | "protocol-violation"
  | "timeout"
  | "cancelled"
  | "crashed"
  | "limit-exceeded"
  | "method-not-found"
  | "plugin-error"
  | "service-denied"
  | "bad-state"
  | "bad-config";

/** Every code once, in the order of the documentation. */
export const SALLYPORT_ERROR_CODES: readonly SallyportErrorCode[] = Object.freeze([
  "signature-invalid",
  "hash-mismatch",
  "untrusted",
  "revoked",
  "expired",
  "rollback",
  "manifest-invalid",
  "bundle-invalid",
  "permission-denied",
  "launch-failed",
  "protocol-violation",
  "timeout",
  "cancelled",
  "crashed",
  "limit-exceeded",
  "method-not-found",
  "plugin-error",
  "service-denied",
  "bad-state",
  "bad-config",
]);

/**
 * Options of {@linkcode SallyportError}.
 *
 * @category Errors and logs
 */
export interface SallyportErrorOptions {
  /** What the reader can do about it, in one sentence. */
  hint?: string;
  /**
   * The part of the message that says why, for whoever reports this as part of another failure.
   *
   * @default {the message}
   */
  reason?: string;
  /** Facts as plain JSON values. */
  details?: Readonly<Record<string, unknown>>;
  /** The error that caused this one. */
  cause?: unknown;
}

const BRAND = Symbol.for("@sallyport/host/SallyportError");

/**
 * Reports that the host refused or failed to do something, with a stable {@linkcode code}.
 *
 * Misuse of the API is a `TypeError` or `RangeError` instead.
 *
 * @category Errors and logs
 * @example
 * ```ts
 * import { SallyportError } from "@sallyport/host";
 *
 * const error = new SallyportError("untrusted", 'Cannot load plugin "x": no trusted key signed it', {
 *   hint: "Pass the author's public key in `keys`",
 * });
 * if (error.code !== "untrusted") throw error;
 * ```
 */
export class SallyportError extends Error {
  /** The stable code of the error. */
  readonly code: SallyportErrorCode;
  /** What the reader can do about it, where there is something. */
  readonly hint: string | undefined;
  /** Why, without what was tried; the whole message where the two are not told apart. */
  readonly reason: string;
  /** Facts about the error as plain JSON values. */
  readonly details: Readonly<Record<string, unknown>>;

  /**
   * Makes an error.
   *
   * @param code The stable code.
   * @param message What happened, with the values quoted.
   * @param options Hint, details and cause.
   */
  constructor(code: SallyportErrorCode, message: string, options: SallyportErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SallyportError";
    this.code = code;
    this.hint = options.hint;
    // a message that becomes part of a sentence begins it no more
    this.reason = options.reason ?? `${message.charAt(0).toLowerCase()}${message.slice(1)}`;
    this.details = Object.freeze({ ...options.details });
  }

  static {
    Object.defineProperty(this.prototype, BRAND, { value: true });
  }

  /** Tells one of any copy of the package from other values: an application may have loaded several. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== SallyportError) return super[Symbol.hasInstance](value);
    return typeof value === "object" && value !== null && BRAND in value;
  }

  /** Returns code, message, hint and details as plain data; never the stack or the cause. */
  toJSON(): {
    code: SallyportErrorCode;
    message: string;
    hint?: string;
    details: SallyportError["details"];
  } {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      details: this.details,
    };
  }
}

/**
 * Matches what shows as nothing, or changes how the text around it shows: controls, bidirectional and
 * zero-width characters (CVE-2021-42574), line separators, tags, variation selectors, fillers, lone
 * surrogates.
 */
const INVISIBLE =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800\ufffe\uffff]/u;
const EACH_INVISIBLE = new RegExp(INVISIBLE, "gu");

/** Whether a text has a character that cannot be seen, and that {@linkcode escapeText} would escape. */
export function hasInvisible(text: string): boolean {
  return INVISIBLE.test(text);
}

/**
 * Quotes text from outside for a message: escapes what a terminal would act on and what cannot be seen,
 * caps length. The one function for it, in logs, messages and what commands print.
 */
export function escapeText(text: string, maxLength = 2_000): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut.replace(EACH_INVISIBLE, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    if (character === "\r") return "\\r";
    let escaped = "";
    for (let at = 0; at < character.length; at++) { // JSON writes those above U+FFFF as two
      escaped += `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
    }
    return escaped;
  });
}

/** Says what was thrown, whatever that is. */
export interface ThrownText {
  /** The error's name; that of its class for an object that is no error. */
  readonly name: string;
  /** Its message; the value as JSON for an object that is no error. */
  readonly message: string;
  /** Its stack, as it is; empty where it has none. */
  readonly stack: string;
}

const MAX_THROWN_NAME = 100;
const MAX_THROWN_MESSAGE = 2_000;
const MAX_THROWN_STACK = 16_000;
const MAX_THROWN_DEPTH = 4;
const MAX_THROWN_VALUES = 100;

/**
 * Reads name, message and stack of anything that was thrown, within bounds; what refuses to be read is
 * said to.
 */
export function readThrown(thrown: unknown): ThrownText {
  try {
    if ((typeof thrown !== "object" || thrown === null) && typeof thrown !== "function") {
      return { name: "Error", message: String(thrown).slice(0, MAX_THROWN_MESSAGE), stack: "" };
    }
    const { name, message, stack } = thrown as Record<string, unknown>;
    if (typeof message === "string") {
      return {
        name: typeof name === "string" ? name.slice(0, MAX_THROWN_NAME) : "Error",
        message: message.slice(0, MAX_THROWN_MESSAGE),
        stack: typeof stack === "string" ? stack.slice(0, MAX_THROWN_STACK) : "",
      };
    }
    const className = (thrown as { constructor?: { name?: unknown } }).constructor?.name;
    const members = firstMembers(thrown, MAX_THROWN_DEPTH, { left: MAX_THROWN_VALUES });
    return {
      name: typeof className === "string" ? className.slice(0, MAX_THROWN_NAME) : "Object",
      message: (JSON.stringify(members) ?? String(thrown)).slice(0, MAX_THROWN_MESSAGE),
      stack: "",
    };
  } catch {
    return { name: "Error", message: "an error that cannot be read", stack: "" };
  }
}

/** Copies the first members of a value, no deeper than {@linkcode MAX_THROWN_DEPTH}: a cycle ends there. */
function firstMembers(value: unknown, depth: number, room: { left: number }): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return value.slice(0, MAX_THROWN_MESSAGE);
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return "…";
  const take = (member: unknown) => room.left-- > 0 ? firstMembers(member, depth - 1, room) : "…";
  if (Array.isArray(value)) return value.slice(0, Math.max(1, room.left)).map(take);
  const keys = Object.keys(value).slice(0, Math.max(1, room.left));
  return Object.fromEntries(
    keys.map((
      key,
    ) => [key.slice(0, MAX_THROWN_NAME), take((value as Record<string, unknown>)[key])]),
  );
}
