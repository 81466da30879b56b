/**
 * The errors by which a bundle is refused.
 *
 * @module
 */

import { escapeText, SallyportError, type SallyportErrorCode } from "../errors.ts";

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
    details: { plugin: plugin.name, ...details },
    cause,
  });
}

/** Names a key by its id, and by what the operator calls it. */
export function describeKey(id: string, name: string | undefined): string {
  return name === undefined ? `"${id}"` : `"${id}" ("${escapeText(name, 100)}")`;
}
