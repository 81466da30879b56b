import { readThrown, SallyportError } from "../errors.ts";
import { partsOfThrown } from "../rpc/wire/error_parts.ts";
import { WIRE_CODES, type WireError } from "../rpc/wire/message.ts";

const MAX_STACK_LENGTH = 4_000;

/** Says no in the bootstrap's own name, where an error would else be the plugin's. */
export class Refusal extends Error {
  /** The numeric code on the wire. */
  readonly wireCode: number;

  constructor(
    message: string,
    wireCode: number = WIRE_CODES.own,
    /** Says the same to programs. */
    readonly reason?: string,
  ) {
    super(message);
    this.wireCode = wireCode;
  }
}

/** Says at which stage of the start a plugin failed, and how. */
export class StartFailure extends Error {
  /** `import` or `init`. */
  readonly stage: string;

  constructor(stage: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.stage = stage;
  }
}

/** Keeps the lines of a stack that lie in the plugin's own files, relative to its entry. */
export function pluginStack(stack: string, entry: string, bootstrap: string): string {
  const base = entry.slice(0, entry.lastIndexOf("/") + 1);
  const lines = stack.split("\n").filter((line) =>
    line.trimStart().startsWith("at ") && line.includes("file://") && !line.includes(bootstrap)
  );
  const text = lines.map((line) => line.replaceAll(base, "./").trim()).join("\n");
  return text.slice(0, MAX_STACK_LENGTH);
}

/**
 * Makes the function that turns what plugin code threw into its wire form: name, message, the plugin's
 * part of the stack, and the same of its causes and of the errors in it, bounded.
 */
export function errorDescriber(
  bootstrap: string,
  entry: () => string,
): (error: unknown) => WireError {
  return (error) => {
    if (error instanceof Refusal) {
      const { wireCode, message, reason } = error;
      const details = reason === undefined ? {} : { data: { details: { code: reason } } };
      return { code: wireCode, message, ...details };
    }
    const stage = error instanceof StartFailure ? { stage: error.stage } : {};
    const thrown = error instanceof StartFailure && error.cause !== undefined ? error.cause : error;
    const { name, message, stack } = readThrown(thrown);
    const ownStack = (stack: string) => pluginStack(stack, entry(), bootstrap);
    const code = error instanceof SallyportError ? { code: error.code } : {};
    return {
      code: WIRE_CODES.own,
      message: error instanceof StartFailure ? error.message : message,
      data: {
        code: "plugin-error",
        details: {
          ...stage,
          ...code,
          name,
          stack: ownStack(stack),
          ...partsOfThrown(thrown, ownStack),
        },
      },
    };
  };
}
