import type { SallyportError } from "../../errors.ts";
import type { Message } from "./message.ts";
import { violation } from "./violation.ts";

export function malformed(method: string): SallyportError {
  return violation(`the params of "${method}" are malformed`);
}

/** Reads the params of a `$/` notification: an id, and the named member. */
export function readParams(message: Message, name?: string): Record<string, unknown> {
  const params = message.value;
  if (typeof params !== "object" || params === null) throw malformed(message.method);
  const names = Object.keys(params);
  if (names.length !== (name === undefined ? 1 : 2) || !Object.hasOwn(params, "id")) {
    throw malformed(message.method);
  }
  if (name !== undefined && !Object.hasOwn(params, name)) throw malformed(message.method);
  return params as Record<string, unknown>;
}

export function readId(message: Message): number {
  const id = (message.value as { id?: unknown } | undefined)?.id;
  if (!Number.isSafeInteger(id) || (id as number) <= 0) throw malformed(message.method);
  return id as number;
}
