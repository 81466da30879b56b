// Consent to updates: a plugin that asks for more than before waits until an operator has agreed.
//
// A key that signs a harmless version today may sign a greedy one tomorrow, by its owner's wish or a
// thief's: what was once agreed to must not grow by itself.
import type { Manifest } from "../../bundle/manifest/manifest_schema.ts";
import { commandLine } from "../../command_line.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import {
  type AddedAsk,
  asksOf,
  compareAsks,
  describeAddedAsk,
  readAsks,
} from "../../permissions/asks.ts";
import type { TrustListContent } from "../../trust/list/content.ts";
import type { TrustList } from "../../trust/trust_list.ts";
import { noteBundle } from "../../trust/verify/refusal.ts";
import { findHighest } from "../../trust/verify/rules.ts";
import type { MarkedPlugin } from "../../trust/mark/rollback_mark.ts";

/** Names a bundle for which consent may be needed. */
export interface ConsentSubject {
  /** The manifest. */
  readonly manifest: Manifest;
  /** The bundle hash. */
  readonly bundleHash: string;
  /** The folder that it is in. */
  readonly root: string;
}

/** Names what `trust accept` must be given to see the same difference. */
export interface ConsentPlace {
  /** The file of the trust list. */
  readonly file: string;
  /** The host's folder, which remembers what ran. */
  readonly dataDir: string | undefined;
  /** The option that names the list's secret, and its file, where it is in one. */
  readonly secret: readonly string[];
  /** How many keys of its root must sign a change. */
  readonly rootKeys: number;
}

/** Says how a bundle differs from the version that this host ran before. */
export interface ConsentState {
  /** The version that was run. */
  readonly before: string;
  /** What the new one asks for beyond it. */
  readonly added: readonly AddedAsk[];
  /** Whether the trust list names this very bundle. */
  readonly accepted: boolean;
}

const MAX_NAMED = 20;

/**
 * Compares a bundle with the one of that name that this host ran before.
 *
 * @throws {SallyportError} `bad-config` when what was kept of the earlier one makes no sense.
 */
export function consentState(
  { manifest, bundleHash }: Omit<ConsentSubject, "root">,
  baseline: MarkedPlugin | undefined,
  list: Pick<TrustListContent, "accepted" | "plugins">,
): ConsentState | undefined {
  if (baseline?.asks === undefined) return undefined;
  const { name, version } = manifest;
  if (baseline.version === version && baseline.hash === bundleHash) return undefined;
  const added = compareAsks(readAsks(baseline.asks, name), asksOf(manifest));
  if (added.length === 0) return undefined;
  const accepted = [...list.accepted, ...list.plugins].some((entry) =>
    entry.name === name && entry.version === version && entry.hash === bundleHash
  );
  return { before: baseline.version, added, accepted };
}

/**
 * Refuses a bundle that asks for more than the version before, unless it was accepted.
 *
 * @throws {SallyportError} `permission-denied` with everything that it asks in addition, in
 * `details.added`.
 */
export function checkConsent(
  { manifest, bundleHash, root }: ConsentSubject,
  state: ConsentState | undefined,
  place: ConsentPlace,
): void {
  if (state === undefined || state.accepted) return;
  const { name, version } = manifest;
  const { before, added } = state;
  const named = added.slice(0, MAX_NAMED).map((ask) => escapeText(describeAddedAsk(ask), 500));
  if (added.length > named.length) named.push(`${added.length - named.length} more`);
  const error = new SallyportError(
    "permission-denied",
    `Cannot load plugin "${name}": version "${version}" asks for more than "${before}" did: ` +
      named.join(", "),
    {
      hint: `If you agree, run: ${acceptCommand(root, place)}`,
      details: { plugin: name, version, hash: bundleHash, before, added },
    },
  );
  throw noteBundle(error, { version, bundleHash });
}

/** Writes the command such that a shell can run it as it is. */
function acceptCommand(
  root: string,
  { file, dataDir, secret, rootKeys }: ConsentPlace,
): string {
  const words = ["trust", "accept", file, root, ...secret];
  if (dataDir !== undefined) words.push("--data-dir", dataDir);
  const signed = rootKeys === 0 ? "" : `, with --root-key FILE for ${rootKeys} of its root's keys`;
  return commandLine(words) + signed;
}

/** Finds what the next version of a plugin is compared with: the highest that this host has run. */
export function baselineOf({ content, mark }: TrustList, name: string): MarkedPlugin | undefined {
  const ran = mark?.ran(name) ?? [];
  return findHighest(content, name, ran, new Date()) ?? ran[0];
}
