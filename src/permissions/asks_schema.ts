/**
 * The form in which a plugin's request is kept.
 *
 * @module
 */
import { z } from "zod";
import { limitsSchema } from "../bundle/manifest/limits_schema.ts";
import type { PluginAsks } from "./asks.ts";

/** The earliest place in a hook's order that a plugin may have; those before it are the host's own. */
export const HOOK_PRIORITY_FLOOR = 100;

const MAX_ENTRIES = 100;

const texts = z.array(z.string().max(4_200)).max(MAX_ENTRIES);

const asksSchema: z.ZodType<PluginAsks> = z.strictObject({
  net: texts,
  read: texts,
  write: texts,
  sys: texts,
  context: z.record(z.string().max(64), z.enum(["read", "readwrite"])),
  hooks: z.record(z.string().max(64), z.int().min(HOOK_PRIORITY_FLOOR).max(9_999)),
  limits: limitsSchema,
  storageBytes: z.int().min(0),
  dependencies: texts,
});

/** Checks what is said to be a request. */
export function parseAsks(value: unknown): PluginAsks | undefined {
  return asksSchema.safeParse(value).data;
}
