// The answer to `initialize`: what a plugin's module says that it offers.
import { escapeText, SallyportError } from "../../errors.ts";

/** Holds what a plugin's module offers, as far as it has the right shape. */
export interface InitializeAnswer {
  /** The names of its methods. */
  readonly methods: readonly string[];
  /** The hooks that it handles. */
  readonly hooks: readonly { readonly name: string; readonly priority: number | undefined }[];
  /** Whether it can hand its state to a newer version. */
  readonly snapshot: boolean;
}

const MAX_NAMES = 1_000;

/**
 * Checks the answer of a plugin's process, which the host believes nothing of.
 *
 * @throws {SallyportError} `protocol-violation` when it has another shape.
 */
export function parseInitializeAnswer(answer: unknown, plugin: string): InitializeAnswer {
  const refuse = (what: string): never => {
    throw new SallyportError(
      "protocol-violation",
      `Plugin "${plugin}" answered initialize with ${what}`,
      { details: { plugin } },
    );
  };
  if (typeof answer !== "object" || answer === null) return refuse("no object");
  const { protocol, methods, hooks, snapshot } = answer as Record<string, unknown>;
  if (protocol !== 1) return refuse(`protocol ${escapeText(JSON.stringify(protocol) ?? "none")}`);
  if (!Array.isArray(methods) || methods.length > MAX_NAMES || !methods.every(isName)) {
    return refuse("malformed methods");
  }
  if (!Array.isArray(hooks) || hooks.length > MAX_NAMES) return refuse("malformed hooks");
  return {
    methods: [...methods],
    hooks: hooks.map((hook) => {
      const { name, priority } = (hook ?? {}) as Record<string, unknown>;
      if (!isName(name)) return refuse("a hook without a name");
      return { name, priority: Number.isSafeInteger(priority) ? priority as number : undefined };
    }),
    snapshot: snapshot === true,
  };
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= 256;
}
