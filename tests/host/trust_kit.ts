import type { PluginHost } from "../../src/host/host.ts";
import type { PluginHostOptions } from "../../src/host/settings/plugin_host_options.ts";
import { createTrustListContent } from "../../src/trust/list/list.ts";
import type { TrustListContent } from "../../src/trust/list/content.ts";
import { addKey } from "../../src/trust/list/changes.ts";
import { TrustList } from "../../src/trust/trust_list.ts";
import { type HostTest, hostTest } from "../helpers/host.ts";
import { type ManifestFields, signDir } from "../helpers/signing.ts";

type Change = (content: TrustListContent) => TrustListContent;

/** A plugin whose `wait` never ends, and which answers `ping`. */
export const WAITER = `export default {
  methods: { ping: () => "pong", wait: () => new Promise(() => {}) },
  hooks: { on_request: (data) => data },
};
`;

export const YEAR_MS: number = 365 * 86_400_000;

/** A test with a trust list in which the test's key is. */
export interface ListTest extends HostTest {
  /** The file of the list. */
  readonly file: string;
  /** The file with its key. */
  readonly keyFile: string;
  /** Opens a host that goes by the list. */
  openByList(options?: PluginHostOptions): Promise<PluginHost>;
  /** Writes the next revision, as an operator elsewhere does. */
  change(...changes: Change[]): Promise<TrustList>;
  /** Writes and signs another version of a bundle into its folder, and gives its hash. */
  release(name: string, manifest: ManifestFields, main?: string): Promise<string>;
}

/** Prepares a test: `await using test = await listTest()`. */
export async function listTest(...changes: Change[]): Promise<ListTest> {
  const test = await hostTest();
  const file = test.join("trust.list");
  const keyFile = test.join("list.key");
  const key = crypto.getRandomValues(new Uint8Array(32));
  await Deno.writeFile(keyFile, key);
  const content = [
    (list: TrustListContent) => addKey(list, { name: "tests", publicKey: test.keys.hex }),
    ...changes,
  ].reduce(
    (list, change) => change(list),
    createTrustListContent({ expiresAt: new Date(Date.now() + YEAR_MS) }),
  );
  let list = await TrustList.create(file, { key }, { content });
  return Object.assign(test, {
    file,
    keyFile,
    openByList: (options: PluginHostOptions = {}) =>
      test.open({ keys: undefined, trustList: { file, keyFile }, ...options }),
    async change(...changes: Change[]) {
      list = await list.update((content) =>
        changes.reduce((next, change) => change(next), content)
      );
      return list;
    },
    async release(name: string, manifest: ManifestFields, main = WAITER) {
      const dir = await test.bundle(name, main, manifest);
      return await signDir(dir, test.keys);
    },
  });
}
