// Looks at a bundle as a host would that is to load it, trusted or not; nothing of it is started.
import type { Manifest } from "../bundle/manifest/manifest_schema.ts";
import { type Envelope, pae, parseEnvelope } from "../bundle/reading/envelope.ts";
import { type BundleContents, readBundle } from "../bundle/reading/reading.ts";
import { parseStatement, type Statement } from "../bundle/reading/statement.ts";
import { verify } from "../crypto/ed25519.ts";
import { SallyportError } from "../errors.ts";
import { asOwn } from "../io/system_error.ts";
import { Quarantine } from "../monitor/violations/quarantine.ts";
import { missingGrant } from "../permissions/excess.ts";
import { explainPermissions } from "../permissions/explain.ts";
import { entryFor } from "../permissions/policy/policy.ts";
import type { Grant, Policy, PolicyEntry } from "../permissions/policy/policy_schema.ts";
import { type Launchers, openLaunchers } from "../sandbox/launchers.ts";
import type { LaunchPlan } from "../sandbox/launch_plan.ts";
import { Admission } from "./admission/admit.ts";
import type { Launchable } from "./admission/plan.ts";
import { TrustSource } from "./admission/trust_source.ts";
import { DataDir } from "./data/data_dir.ts";
import type { InspectedLaunch, Inspection } from "./inspection.ts";
import { type HostSettings, parseHostOptions } from "./settings/host_options.ts";
import type { PluginHostOptions } from "./settings/plugin_host_options.ts";
import { toPath } from "./settings/config_files.ts";

/** Stands for the host's data folder in the paths of an inspection. */
export const DATA_PLACEHOLDER = "<data>";

/**
 * Looks at a bundle as a host with these options would that is to load it, trusted or not: who made it, what
 * it asks for, whether it would load, and as what it would be started. Nothing of it is started, and nothing
 * is written to the host's folder.
 *
 * @category Inspection
 * @param dir The bundle.
 * @param options The options that the host is opened with.
 * @returns What was found; that a bundle is refused is a finding.
 * @throws {SallyportError} `bundle-invalid` or `manifest-invalid` when it cannot be read as a bundle,
 * `bad-config` as `PluginHost.open`.
 *
 * @example
 * ```ts
 * import { inspectBundle } from "@sallyport/host";
 *
 * const { manifest, refusal, launch } = await inspectBundle("plugins/word-count");
 * console.log(manifest.name, refusal?.code, launch?.permissions.net); // word-count untrusted []
 * ```
 */
export async function inspectBundle(
  dir: string | URL,
  options: PluginHostOptions = {},
): Promise<Inspection> {
  return await asOwn("inspect the bundle", async () => {
    const settings = await parseHostOptions({ ...options, audit: false });
    // what the host on that folder remembers counts, but looking at a plugin leaves nothing there
    const trust = await TrustSource.open(settings, {
      ...(settings.dataDir === undefined ? {} : { markDir: `${settings.dataDir}/trust` }),
      remember: false,
    });
    await using data = await DataDir.open();
    await using launchers = await openLaunchers({
      isolation: settings.isolation,
      executable: settings.executable,
      scratchDir: data.scratch,
    });
    return await inspectWith({ settings, data, launchers, trust }, toPath(dir));
  });
}

/** Holds the parts of a host that look at bundles. */
export interface InspectorParts {
  readonly settings: HostSettings;
  readonly data: DataDir;
  readonly launchers: Launchers;
  readonly trust: TrustSource;
}

/** Looks at a bundle with the parts of a host. */
export async function inspectWith(parts: InspectorParts, dir: string): Promise<Inspection> {
  const { settings, data, launchers, trust } = parts;
  const admission = new Admission(settings, data, launchers, { trust });
  const contents = await readBundle(dir);
  const { manifest, bundleHash } = contents;
  const judged = await attempt(() => admission.verify(contents));
  const withheld = await attempt(async () => {
    if (settings.dataDir !== undefined) await new Quarantine(settings.dataDir).check(manifest.name);
    trust.checkConsent(contents);
  });
  const entry = entryFor(settings.policy, manifest.name);
  const whole = await attempt(() => admission.settle(contents, entry));
  // where the policy denies something, the rest is worth seeing
  const rest = whole.failure &&
    await attempt(() => admission.settle(contents, { ...entry, onExcess: "narrow" }));
  const settled = whole.value ?? rest?.value;
  const services = missingServices(manifest, entry);
  return {
    manifest,
    bundleHash,
    files: contents.files.map(({ path, size, sha3_512 }) => ({ path, size, sha3_512 })),
    ...await readSignatures(contents, trust),
    signers: judged.value?.signers ?? [],
    refusal: judged.failure,
    denial: withheld.failure ?? whole.failure,
    consent: trust.consentState(manifest, bundleHash),
    entry,
    missingPolicy: missingPolicy(entry, settled, services, manifest.name),
    missingServices: services,
    launch: settled && launchOf(settled, admission.planFirst(settled), data),
  };
}

async function attempt<T>(
  act: () => T | Promise<T>,
): Promise<{ value?: T; failure: SallyportError | undefined }> {
  try {
    return { value: await act(), failure: undefined };
  } catch (failure) {
    if (failure instanceof SallyportError) return { failure };
    throw failure;
  }
}

async function readSignatures(
  { envelopeBytes, manifest: { name, version }, bundleHash: hash }: BundleContents,
  trust: TrustSource,
): Promise<Pick<Inspection, "signatures" | "statement">> {
  let envelope: Envelope;
  try {
    if (envelopeBytes === undefined) return { signatures: [], statement: undefined };
    envelope = parseEnvelope(envelopeBytes);
  } catch {
    return { signatures: [], statement: undefined }; // `refusal` says what is wrong with it
  }
  const message = pae(envelope.payloadType, envelope.payload);
  const known = new Map(trust.keys.map((key) => [key.id, key]));
  const good = new Set<string>();
  for (const { keyid, sig } of envelope.signatures) {
    const key = known.get(keyid);
    if (key !== undefined && await verify(sig, message, key.raw)) good.add(keyid);
  }
  const counting = trust.countingKeys({ name, version, hash }, good);
  const signatures = envelope.signatures.map(({ keyid: keyId }) => {
    const key = known.get(keyId);
    const status = key === undefined
      ? "unknown" as const
      : !good.has(keyId)
      ? "invalid" as const
      : counting.has(keyId)
      ? "trusted" as const
      : "void" as const;
    return { keyId, ...(key?.name === undefined ? {} : { name: key.name }), status };
  });
  let statement: Statement | undefined;
  try {
    statement = parseStatement(envelope.payload);
  } catch {
    statement = undefined;
  }
  return { signatures, statement };
}

function missingServices(
  manifest: Manifest,
  { grant: { context: granted = {} } = {} }: PolicyEntry,
): Inspection["missingServices"] {
  return (manifest.context ?? []).flatMap(({ key, access }) => {
    const given = Object.hasOwn(granted, key) ? granted[key] : undefined;
    return given === access || given === "readwrite"
      ? []
      : [{ key, asked: access, granted: given }];
  });
}

/** Makes whole lists, because a plugin's list replaces the default. */
function missingPolicy(
  entry: PolicyEntry,
  settled: Launchable | undefined,
  services: Inspection["missingServices"],
  name: string,
): Policy | undefined {
  const grant: Grant = {
    ...missingGrant(entry, settled?.permissions.dropped ?? []),
    ...(services.length === 0 ? {} : {
      context: {
        ...entry.grant?.context,
        ...Object.fromEntries(services.map(({ key, asked }) => [key, asked])),
      },
    }),
  };
  return Object.keys(grant).length === 0 ? undefined : { plugins: { [name]: { grant } } };
}

function launchOf(
  { permissions, containment: { launcher } }: Launchable,
  planned: LaunchPlan,
  data: DataDir,
): InspectedLaunch {
  const { net, read, write, sys, hooks, context, limits, items, dropped } = permissions;
  const { lane, library, spec } = planned;
  return shown({
    permissions: {
      net,
      read,
      write,
      sys,
      hooks,
      context: Object.fromEntries(context),
      limits,
      items: items.map((item) => ({ ...item })),
      dropped: dropped.map(({ family, value, reason }) => ({ family, value, reason })),
    },
    explanation: explainPermissions(permissions),
    command: launcher.describe(spec),
    givenUp: [
      ...(lane?.revoke ?? []).map((family) => ({
        family,
        value: family === "net" ? `unix:${lane!.path}` : lane!.path,
      })),
      ...(library === undefined ? [] : [{ family: "ffi" as const, value: library }]),
    ],
    sandbox: launcher.report(spec),
  }, data);
}

/** Puts the placeholders for the temporary folder into every text in plain data. */
function shown<T>(value: T, data: DataDir): T {
  if (typeof value === "string") {
    return value.replaceAll(data.scratch, `${DATA_PLACEHOLDER}/run/<run>`)
      .replaceAll(data.root, DATA_PLACEHOLDER) as T & string;
  }
  if (Array.isArray(value)) return value.map((inner) => shown(inner, data)) as T;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, shown(inner, data)]);
  return Object.fromEntries(entries) as T;
}
