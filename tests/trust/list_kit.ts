import { parseEnvelope } from "../../src/bundle/reading/envelope.ts";
import { readBundle } from "../../src/bundle/reading/reading.ts";
import { createTrustListContent } from "../../src/trust/list/list.ts";
import type { TrustListContent } from "../../src/trust/list/content.ts";
import { addKey } from "../../src/trust/list/changes.ts";
import { type VerifiedPlugin, verifyBundle } from "../../src/trust/verify/verify.ts";
import type { ListAnchors } from "../../src/trust/verify/anchors.ts";
import { makeBundle, signDir, type TempDir, tempDir, type TestKeys } from "../helpers/signing.ts";

/** The time of all that happens in a test, unless it says otherwise. */
export const NOW: Date = new Date("2030-06-01T12:00:00.000Z");

/** Gives the time some milliseconds after {@linkcode NOW}. */
export function at(ms: number): Date {
  return new Date(NOW.getTime() + ms);
}

/** Makes a list that expires a year after {@linkcode NOW}. */
export function makeList(
  ...changes: ((list: TrustListContent) => TrustListContent)[]
): TrustListContent {
  const list = createTrustListContent({ now: NOW, expiresAt: at(365 * 86_400_000) });
  return changes.reduce((changed, change) => change(changed), list);
}

/** Adds test keys to a list. */
export function withKeys(
  keys: Readonly<Record<string, TestKeys>>,
): (list: TrustListContent) => TrustListContent {
  return (list) =>
    Object.entries(keys).reduce(
      (changed, [name, key]) => addKey(changed, { name, publicKey: key.hex }),
      list,
    );
}

/** A bundle on disk, signed by whom a test wants. */
export interface SignedBundle extends AsyncDisposable {
  /** The temporary folder. */
  readonly temp: TempDir;
  /** The bundle's folder. */
  readonly dir: string;
  /** The bundle hash. */
  readonly hash: string;
  /** Reads and verifies it by a list. */
  verify(
    list: TrustListContent,
    options?: { now?: Date } & Omit<ListAnchors, "list">,
  ): Promise<VerifiedPlugin>;
  /** Tells who signed it. */
  signedBy(): Promise<string[]>;
}

/** Makes a bundle of that name and version, signed by each of the keys. */
export async function signedBundle(
  keys: readonly TestKeys[],
  manifest: { name?: string; version?: string } = {},
): Promise<SignedBundle> {
  const temp = await tempDir();
  const dir = await makeBundle(temp.join("bundle"), {}, manifest);
  const hash = await signDir(dir, keys);
  return {
    temp,
    dir,
    hash,
    async verify(list, { now = NOW, ...anchors } = {}) {
      return await verifyBundle(await readBundle(dir), { list, ...anchors }, { now });
    },
    async signedBy() {
      const bytes = await Deno.readFile(`${dir}/plugin.sig.json`);
      return parseEnvelope(bytes).signatures.map(({ keyid }) => keyid);
    },
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}
