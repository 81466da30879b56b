/**
 * Gathers all there is to know of a bundle before it runs, trusted or not; starts nothing.
 *
 * @module
 */
import { type Envelope, pae, parseEnvelope } from "../../bundle/reading/envelope.ts";
import type { FileDigest } from "../../bundle/reading/hash.ts";
import type { AccessLevel, Manifest } from "../../bundle/manifest/manifest_schema.ts";
import { type BundleContents, readBundle } from "../../bundle/reading/reading.ts";
import { parseStatement, type Statement } from "../../bundle/reading/statement.ts";
import { BundleStore } from "../../bundle/store/store.ts";
import { verify } from "../../crypto/ed25519.ts";
import { SallyportError } from "../../errors.ts";
import { codeCachingOf } from "../../host/admission/code_caching.ts";
import { chooseContainment } from "../../host/admission/containment.ts";
import { reservedPaths } from "../../host/settings/reserved_paths.ts";
import { asksForStorage } from "../../host/admission/admit.ts";
import type { TrustSource } from "../../host/admission/trust_source.ts";
import type { ConsentState } from "../../host/admission/update_consent.ts";
import { missingGrant } from "../../permissions/excess.ts";
import type { Excess } from "../../permissions/findings.ts";
import { entryFor } from "../../permissions/policy.ts";
import type { Grant, Policy, PolicyEntry } from "../../permissions/policy_schema.ts";
import { type ResolvedPermissions, resolvePermissions } from "../../permissions/resolve.ts";
import type { LaunchCommand, SandboxReport } from "../../sandbox/launch/launcher.ts";
import { type GivenUp, givenUp } from "../shared/planned.ts";
import type { Workbench } from "../shared/workbench.ts";

/** Says what a signature in the envelope is worth. */
export interface InspectedSignature {
  /** The key id that the envelope names: only a claim unless it is trusted. */
  readonly keyId: string;
  /** What the operator calls the key. */
  readonly name?: string;
  /**
   * Whether it verifies under a trusted key, does so under one that does not count for this plugin now,
   * fails to, or the key is not known.
   */
  readonly status: "trusted" | "void" | "invalid" | "unknown";
}

/** A service that is asked for and granted less, or not. */
export interface MissingService {
  /** The service. */
  readonly key: string;
  /** What is asked for. */
  readonly asked: AccessLevel;
  /** What is granted. */
  readonly granted: AccessLevel | undefined;
}

/** What one plugin would be started as. */
export interface InspectedLaunch {
  /** What it may do. */
  readonly permissions: ResolvedPermissions;
  /** The exact command; temporary folders are named by placeholders. */
  readonly command: LaunchCommand;
  /** What of it the bootstrap gives up before anything of the plugin is there. */
  readonly givenUp: readonly GivenUp[];
  /** What would contain it. */
  readonly sandbox: SandboxReport;
}

/** Holds all there is to know. */
export interface Inspection {
  /** The manifest. */
  readonly manifest: Manifest;
  /** The bundle hash. */
  readonly bundleHash: string;
  /** The files but the envelope. */
  readonly files: readonly FileDigest[];
  /** The signatures in the envelope. */
  readonly signatures: readonly InspectedSignature[];
  /** What was signed, where the envelope can be read; a claim unless `refusal` is `undefined`. */
  readonly statement: Statement | undefined;
  /** Why a host would not verify it, if it would not. */
  readonly refusal: SallyportError | undefined;
  /** Why its permissions cannot be settled, if they cannot. */
  readonly denial: SallyportError | undefined;
  /** What it asks beyond the version that the host ran before, where there was one. */
  readonly consent: ConsentState | undefined;
  /** What the policy gives it, asked for or not. */
  readonly entry: PolicyEntry;
  /** Whether the folder of the host that would load it is known. */
  readonly dataDirKnown: boolean;
  /** The part of a policy that would grant everything that is missing. */
  readonly missingPolicy: Policy | undefined;
  /** Services that it asks for and does not fully get; calls of them are denied. */
  readonly missingServices: readonly MissingService[];
  /** What it would be started as; where the policy denies something, without that. */
  readonly launch: InspectedLaunch | undefined;
}

/**
 * Inspects a bundle.
 *
 * @throws {SallyportError} `bundle-invalid` or `manifest-invalid` when it cannot be read as a bundle,
 * `bad-config` when the policy is wrong.
 */
export async function inspectBundle(dir: string, bench: Workbench): Promise<Inspection> {
  const contents = await readBundle(dir);
  const { manifest } = contents;
  const { policy } = bench.settings;
  const refusal = await failureOf(() => bench.admission.verify(dir));
  const entry = entryFor(policy, manifest.name);
  const settled = await settle(contents, policy, bench);
  const consent = bench.trust.consentState(manifest, contents.bundleHash);
  const withheld = await failureOf(() => bench.trust.checkConsent(contents));
  const services = missingServices(manifest, entry);
  const dropped = settled.launch?.permissions.dropped ?? [];
  return {
    manifest,
    bundleHash: contents.bundleHash,
    files: contents.files.map(({ path, size, sha3_512 }) => ({ path, size, sha3_512 })),
    ...await readSignatures(contents, bench.trust),
    refusal,
    consent,
    entry,
    dataDirKnown: bench.settings.dataDir !== undefined,
    missingServices: services,
    missingPolicy: missingPolicy(manifest.name, entry, dropped, services),
    ...settled,
    denial: withheld ?? settled.denial,
  };
}

async function failureOf(act: () => unknown): Promise<SallyportError | undefined> {
  try {
    await act();
  } catch (error) {
    if (error instanceof SallyportError) return error;
    throw error;
  }
}

async function readSignatures(
  contents: BundleContents,
  trust: TrustSource,
): Promise<Pick<Inspection, "signatures" | "statement">> {
  let envelope: Envelope;
  try {
    if (contents.envelopeBytes === undefined) return { signatures: [], statement: undefined };
    envelope = parseEnvelope(contents.envelopeBytes);
  } catch {
    return { signatures: [], statement: undefined }; // `refusal` says what is wrong with it
  }
  const message = pae(envelope.payloadType, envelope.payload);
  const { keys } = trust;
  const signatures: InspectedSignature[] = [];
  const good = new Set<string>();
  for (const { keyid: keyId, sig } of envelope.signatures) {
    const key = keys.find((known) => known.id === keyId);
    if (key !== undefined && await verify(sig, message, key.raw)) good.add(keyId);
    const status = good.has(keyId) ? "trusted" : key === undefined ? "unknown" : "invalid";
    signatures.push({ keyId, ...(key?.name === undefined ? {} : { name: key.name }), status });
  }
  const { manifest: { name, version }, bundleHash: hash } = contents;
  const counting = trust.countingKeys({ name, version, hash }, good);
  for (const [index, signature] of signatures.entries()) {
    if (signature.status !== "trusted" || counting.has(signature.keyId)) continue;
    signatures[index] = { ...signature, status: "void" };
  }
  try {
    return { signatures, statement: parseStatement(envelope.payload) };
  } catch {
    return { signatures, statement: undefined };
  }
}

async function settle(
  contents: BundleContents,
  policy: Policy,
  bench: Workbench,
): Promise<Pick<Inspection, "denial" | "launch">> {
  const { manifest } = contents;
  const { data } = bench;
  // a copy in the temporary store: it is only named and looked at, never started
  const bundleDir = await new BundleStore(data.store).put(contents);
  const storageDir = asksForStorage(manifest) ? await data.storage(manifest.name) : undefined;
  const resolve = (entry: PolicyEntry) =>
    resolvePermissions(manifest, entry, {
      bundleDir,
      storageDir,
      reserved: reservedPaths([...bench.settings.reserved, ...data.reserved]),
      realPath: (path) => {
        try {
          return Deno.realPathSync(path);
        } catch {
          return undefined; // absent: the resolver says so
        }
      },
    });
  const launchOf = (permissions: ResolvedPermissions): InspectedLaunch => {
    const hasNet = permissions.net.length > 0;
    const { name } = manifest;
    const containment = chooseContainment(name, permissions.entry, bench.launchers, hasNet);
    const { launcher } = containment;
    const codeCaching = codeCachingOf(contents.files, permissions.entry.jitless === true);
    const planned = bench.admission.planFirst(
      { permissions, containment, bundleDir, storageDir, codeCaching },
    );
    const command = bench.show(launcher.describe(planned.spec));
    return {
      permissions,
      command,
      givenUp: bench.show(givenUp(planned)),
      sandbox: launcher.report(planned.spec),
    };
  };
  try {
    const permissions = resolve(entryFor(policy, manifest.name));
    return { denial: undefined, launch: launchOf(permissions) };
  } catch (denial) {
    if (!(denial instanceof SallyportError)) throw denial;
    try {
      const entry = entryFor(narrowed(policy, manifest.name), manifest.name);
      return { denial, launch: launchOf(resolve(entry)) };
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      return { denial, launch: undefined };
    }
  }
}

/** Gives the policy that drops what it does not cover, so that the rest can be looked at. */
function narrowed(policy: Policy, name: string): Policy {
  const own = policy.plugins !== undefined && Object.hasOwn(policy.plugins, name)
    ? policy.plugins[name]
    : undefined;
  return { ...policy, plugins: { ...policy.plugins, [name]: { ...own, onExcess: "narrow" } } };
}

function missingServices(manifest: Manifest, entry: PolicyEntry): MissingService[] {
  const granted = entry.grant?.context ?? {};
  return (manifest.context ?? []).flatMap(({ key, access }) => {
    const given = Object.hasOwn(granted, key) ? granted[key] : undefined;
    if (given === access || given === "readwrite") return [];
    return [{ key, asked: access, granted: given }];
  });
}

/** Gives whole lists, because a plugin's list replaces the default. */
function missingPolicy(
  name: string,
  entry: PolicyEntry,
  dropped: readonly Excess[],
  services: readonly MissingService[],
): Policy | undefined {
  const grant: Grant = {
    ...missingGrant(entry, dropped),
    ...(services.length === 0 ? {} : {
      context: {
        ...entry.grant?.context,
        ...Object.fromEntries(services.map(({ key, asked }) => [key, asked])),
      },
    }),
  };
  return Object.keys(grant).length === 0 ? undefined : { plugins: { [name]: { grant } } };
}
