// Made by `deno task build` from src/; do not edit.
// src/errors.ts
var SALLYPORT_ERROR_CODES = Object.freeze([
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
  "bad-config"
]);
var BRAND = Symbol.for("@sallyport/host/SallyportError");
var SallyportError = class _SallyportError extends Error {
  /** The stable code of the error. */
  code;
  /** What the reader can do about it, where there is something. */
  hint;
  /** Why, without what was tried; the whole message where the two are not told apart. */
  reason;
  /** Facts about the error as plain JSON values. */
  details;
  /**
   * Makes an error.
   *
   * @param code The stable code.
   * @param message What happened, with the values quoted.
   * @param options Hint, details and cause.
   */
  constructor(code, message, options = {}) {
    super(message, options.cause === void 0 ? void 0 : {
      cause: options.cause
    });
    this.name = "SallyportError";
    this.code = code;
    this.hint = options.hint;
    this.reason = options.reason ?? `${message.charAt(0).toLowerCase()}${message.slice(1)}`;
    this.details = Object.freeze({
      ...options.details
    });
  }
  static {
    Object.defineProperty(this.prototype, BRAND, {
      value: true
    });
  }
  /** Tells one of any copy of the package from other values: an application may have loaded several. */
  static [Symbol.hasInstance](value) {
    if (this !== _SallyportError) return super[Symbol.hasInstance](value);
    return typeof value === "object" && value !== null && BRAND in value;
  }
  /** Returns code, message, hint and details as plain data; never the stack or the cause. */
  toJSON() {
    return {
      code: this.code,
      message: this.message,
      ...this.hint === void 0 ? {} : {
        hint: this.hint
      },
      details: this.details
    };
  }
};
var INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800\ufffe\uffff]/u;
var EACH_INVISIBLE = new RegExp(INVISIBLE, "gu");
function hasInvisible(text) {
  return INVISIBLE.test(text);
}
function escapeText(text, maxLength = 2e3) {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}\u2026` : text;
  return cut.replace(EACH_INVISIBLE, (character) => {
    if (character === "\n") return "\\n";
    if (character === "	") return "\\t";
    if (character === "\r") return "\\r";
    let escaped = "";
    for (let at = 0; at < character.length; at++) {
      escaped += `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
    }
    return escaped;
  });
}
var MAX_THROWN_NAME = 100;
var MAX_THROWN_MESSAGE = 2e3;
var MAX_THROWN_STACK = 16e3;
var MAX_THROWN_DEPTH = 4;
var MAX_THROWN_VALUES = 100;
function readThrown(thrown) {
  try {
    if ((typeof thrown !== "object" || thrown === null) && typeof thrown !== "function") {
      return {
        name: "Error",
        message: String(thrown).slice(0, MAX_THROWN_MESSAGE),
        stack: ""
      };
    }
    const { name, message, stack } = thrown;
    if (typeof message === "string") {
      return {
        name: typeof name === "string" ? name.slice(0, MAX_THROWN_NAME) : "Error",
        message: message.slice(0, MAX_THROWN_MESSAGE),
        stack: typeof stack === "string" ? stack.slice(0, MAX_THROWN_STACK) : ""
      };
    }
    const className = thrown.constructor?.name;
    const members = firstMembers(thrown, MAX_THROWN_DEPTH, {
      left: MAX_THROWN_VALUES
    });
    return {
      name: typeof className === "string" ? className.slice(0, MAX_THROWN_NAME) : "Object",
      message: (JSON.stringify(members) ?? String(thrown)).slice(0, MAX_THROWN_MESSAGE),
      stack: ""
    };
  } catch {
    return {
      name: "Error",
      message: "an error that cannot be read",
      stack: ""
    };
  }
}
function firstMembers(value, depth, room) {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "string") return value.slice(0, MAX_THROWN_MESSAGE);
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return "\u2026";
  const take = (member) => room.left-- > 0 ? firstMembers(member, depth - 1, room) : "\u2026";
  if (Array.isArray(value)) return value.slice(0, Math.max(1, room.left)).map(take);
  const keys = Object.keys(value).slice(0, Math.max(1, room.left));
  return Object.fromEntries(keys.map((key) => [
    key.slice(0, MAX_THROWN_NAME),
    take(value[key])
  ]));
}

export {
  SALLYPORT_ERROR_CODES,
  SallyportError,
  hasInvisible,
  escapeText,
  readThrown
};
