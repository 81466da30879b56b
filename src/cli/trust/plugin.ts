/**
 * A bundle at hand, as a trust list sees it: what it asks for more than before, and whether it would
 * be trusted.
 *
 * @module
 */
import { type BundleContents, readBundle } from "../../bundle/reading/reading.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import {
  type AddedAsk,
  asksOf,
  compareAsks,
  describeAddedAsk,
  readAsks,
} from "../../permissions/asks.ts";
import type { PluginAsks } from "../../permissions/asks.ts";
import type { JsonObject, TrustListContent } from "../../trust/list/content.ts";
import { addPlugin, type NewPlugin } from "../../trust/list/changes.ts";
import { verifyBundle } from "../../trust/verify/verify.ts";
import { compareVersions } from "../../trust/mark/versions.ts";
import type { CliContext } from "../shared/context.ts";
import type { Change } from "./change.ts";

/** Holds what a plugin asked for earlier. */
export interface EarlierAsks {
  /** The version that asked it. */
  readonly version: string;
  /** What it asked. */
  readonly asks: PluginAsks;
}

/** Says how to list a plugin. */
export interface ListPluginOptions
  extends Pick<NewPlugin, "note" | "expiresAt" | "keys" | "threshold"> {
  /** Whether to replace an entry of the same version. */
  readonly replace?: boolean;
}

/** Makes the change that lists a bundle. */
export async function addedPlugin(
  content: TrustListContent,
  dir: string,
  { replace, ...options }: ListPluginOptions,
  { output }: CliContext,
): Promise<Change> {
  const contents = await readBundle(dir);
  const { name, version } = contents.manifest;
  const asks = asksOf(contents.manifest);
  const plugin: NewPlugin = {
    name,
    version,
    hash: contents.bundleHash,
    ...options,
    asks: { ...asks },
  };
  const apply = (before: TrustListContent) => addPlugin(before, plugin, { replace });
  const refusal = await refusalOf(contents, apply(content));
  if (refusal !== undefined) {
    output.warn(`hosts would refuse it all the same (${refusal.code}): ${refusal.message}`);
  }
  const earlier = listedEarlier(content, name, version);
  const added = earlier === undefined ? undefined : compareAsks(earlier.asks, asks);
  return {
    apply,
    notes: added === undefined ? [] : moreNotes(earlier!.version, added),
    details: {
      plugin: { name, version, hash: contents.bundleHash },
      ...(added === undefined ? {} : { comparedTo: earlier!.version, asksMore: added }),
    },
  };
}

/** Finds what the list knows that an earlier version asked for. */
export function listedEarlier(
  content: TrustListContent,
  name: string,
  version: string,
): EarlierAsks | undefined {
  const known = content.plugins
    .filter((plugin) => plugin.name === name && plugin.version !== version)
    .filter((plugin): plugin is typeof plugin & { asks: JsonObject } => plugin.asks !== undefined)
    .toSorted((a, b) => compareVersions(b.version, a.version));
  const nearest = known.find((plugin) => compareVersions(plugin.version, version) < 0) ?? known[0];
  if (nearest === undefined) return undefined;
  return { version: nearest.version, asks: readAsks(nearest.asks, name) };
}

/** Writes what a version asks for more than another. */
export function moreNotes(earlier: string, added: readonly AddedAsk[]): string[] {
  const than = `version ${escapeText(earlier, 128)}`;
  if (added.length === 0) return [`It asks for nothing more than ${than} did`];
  return [
    `It asks for more than ${than} did:`,
    ...added.map((ask) => `  + ${escapeText(describeAddedAsk(ask))}`),
  ];
}

/** Tells why hosts would refuse a bundle. */
export async function refusalOf(
  contents: BundleContents,
  list: TrustListContent,
): Promise<SallyportError | undefined> {
  try {
    await verifyBundle(contents, { list });
    return undefined;
  } catch (error) {
    if (error instanceof SallyportError) return error;
    throw error;
  }
}
