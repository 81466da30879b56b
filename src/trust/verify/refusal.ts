// The errors by which a bundle is refused.
import { escapeText, SallyportError, type SallyportErrorCode } from "../../errors.ts";

/** As many keys or versions are named in one message. */
export const MAX_NAMED = 10;

/** Makes the error that says why a plugin may not load. */
export function refuse(
  plugin: { readonly name: string },
  code: SallyportErrorCode,
  what: string,
  hint: string,
  details: Record<string, unknown> = {},
  cause?: unknown,
): SallyportError {
  const name = escapeText(plugin.name, 64);
  return new SallyportError(code, `Cannot load plugin "${name}": ${what}`, {
    hint,
    reason: what,
    details: { plugin: plugin.name, ...details },
    cause,
  });
}

/** Identifies the bundle that an error is about, as far as it could be read. */
export interface RefusedBundle {
  /** Its hash. */
  readonly bundleHash: string;
  /** Its version. */
  readonly version?: string;
}

// beside the error and not in its details: some codes have a `version` of another meaning there
const refused: WeakMap<Error, RefusedBundle> = new WeakMap();

/** Notes which bundle an error is about; the first note stays. */
export function noteBundle<Thrown>(error: Thrown, bundle: RefusedBundle): Thrown {
  if (error instanceof Error && !refused.has(error)) refused.set(error, bundle);
  return error;
}

/** Tells which bundle an error is about, where that was noted. */
export function refusedBundle(error: unknown): RefusedBundle | undefined {
  return error instanceof Error ? refused.get(error) : undefined;
}

/** Names a key by its id, and by what the operator calls it. */
export function describeKey(id: string, name: string | undefined): string {
  return name === undefined ? `"${id}"` : `"${id}" ("${escapeText(name, 100)}")`;
}
