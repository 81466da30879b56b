// The schema of limits, which a manifest asks for and a policy caps.
import * as z from "zod";
import { LIMIT_BOUNDS, type LimitName, type Limits } from "./limits.ts";

/** One limit within its bounds. */
export function limitSchema(name: LimitName): z.ZodInt {
  const { min, max } = LIMIT_BOUNDS[name];
  return z.int().min(min).max(max);
}

function limit(name: LimitName): z.ZodOptional<z.ZodInt> {
  return limitSchema(name).optional();
}

/** Some limits, each within its bounds; unknown ones are refused. */
export const limitsSchema: z.ZodType<Partial<Limits>> = z.lazy(() =>
  z.strictObject(
    {
      memoryBytes: limit("memoryBytes"),
      cpuTimeMs: limit("cpuTimeMs"),
      cpuPercent: limit("cpuPercent"),
      threads: limit("threads"),
      fileDescriptors: limit("fileDescriptors"),
      connections: limit("connections"),
      callTimeoutMs: limit("callTimeoutMs"),
      messageBytes: limit("messageBytes"),
      storageBytes: limit("storageBytes"),
    } satisfies Record<LimitName, unknown>,
  )
);
