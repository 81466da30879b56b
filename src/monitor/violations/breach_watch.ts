// Tells a plugin that stays beyond its limits from one that was beyond them for a moment.
import type { ViolationKind } from "../../permissions/policy/watch_policy.ts";
import { checkSample, type SampleLimits } from "./limits_check.ts";
import type { PluginSample } from "../samples/sample.ts";
import type { MeasuredBreach } from "./violations.ts";

/** With fewer of the threads that it may have, a plugin that was refused one has let go of some. */
const STILL_FULL = 0.9;

/**
 * Compares the samples of one process with its limits, one after the other.
 *
 * A limit that is broken in two samples in a row is a `critical` breach in the second, whatever the
 * excess. So a plugin that does not let go is found within two intervals, also where the kernel caps it
 * at its limit and the excess never grows; one that is back within its limits by the next sample has its
 * first breach counted alone. Four kinds have their own rule:
 * - `cpu` is a breach over two samples only, and `critical` as {@linkcode checkSample} says: a plugin
 *   that is busy at its share, or a little above, does its work;
 * - `host-time` is one over two samples only, and never `critical`;
 * - `threads`, when the kernel refused one, lasts while the plugin has nine tenths of them or more;
 * - `storage` lasts when the folder was walked through again; until then there is nothing new to say.
 */
export class BreachWatch {
  #broken: ReadonlySet<ViolationKind> = new Set();
  #walks: number | undefined;

  /** Compares the next sample. */
  check(
    sample: PluginSample,
    limits: SampleLimits,
    previous: PluginSample | undefined,
  ): MeasuredBreach[] {
    const before = previous === undefined ? new Set<ViolationKind>() : this.#broken;
    const found = checkSample(sample, limits, previous);
    if (before.has("threads") && !found.some(({ kind }) => kind === "threads")) {
      const { threads = 0 } = sample;
      const limit = limits.threads ?? Infinity;
      const [unit, severity] = ["threads", "critical"] as const;
      if (threads >= limit * STILL_FULL) {
        found.push({ kind: "threads", measured: Math.max(threads, limit), limit, unit, severity });
      }
    }
    this.#broken = new Set(found.map(({ kind }) => kind));
    const walks = this.#walks;
    this.#walks = sample.storageWalks;
    return found.flatMap((breach) => {
      const { kind } = breach;
      if (!before.has(kind) || kind === "cpu" || kind === "host-time") return [breach];
      if (kind === "storage" && walks !== undefined && walks === sample.storageWalks) return [];
      return [{ ...breach, severity: "critical" as const }];
    });
  }
}
