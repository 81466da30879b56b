// What a plugin asks for beyond an earlier version of it.
import { escapeText } from "../../errors.ts";
import {
  compareAsks,
  describeAddedAsk,
  type PluginAsks,
  readAsks,
} from "../../permissions/asks.ts";
import type { TrustListContent } from "../../trust/list/content.ts";
import { compareVersions } from "../../trust/mark/versions.ts";
import type { Change } from "./change.ts";

export interface EarlierAsks {
  readonly version: string;
  readonly asks: PluginAsks;
}

export function listedEarlier(
  content: TrustListContent,
  name: string,
  version: string,
): EarlierAsks | undefined {
  const known = content.plugins
    .filter((plugin) => plugin.name === name && plugin.version !== version && plugin.asks)
    .toSorted((a, b) => compareVersions(b.version, a.version));
  const nearest = known.find((plugin) => compareVersions(plugin.version, version) < 0) ?? known[0];
  return nearest && { version: nearest.version, asks: readAsks(nearest.asks!, name) };
}

/** Says what a version asks for more than an earlier one, where one is known. */
export function compareWith(
  earlier: EarlierAsks | undefined,
  asks: PluginAsks,
): Required<Pick<Change, "notes" | "details">> {
  if (earlier === undefined) return { notes: [], details: {} };
  const asksMore = compareAsks(earlier.asks, asks);
  const than = `version ${escapeText(earlier.version, 128)}`;
  return {
    notes: asksMore.length === 0 ? [`It asks for nothing more than ${than} did`] : [
      `It asks for more than ${than} did:`,
      ...asksMore.map((ask) => `  + ${escapeText(describeAddedAsk(ask))}`),
    ],
    details: { comparedTo: earlier.version, asksMore },
  };
}
