/**
 * A trust list of 10,000 plugins and 100 keys, from its file to a verdict, against `deno run` on an empty
 * file. The key derivation is stated apart: a host derives once.
 *
 * @module
 */
import { readBundle } from "../../src/bundle/reading/reading.ts";
import { generateKeyPair } from "../../src/crypto/ed25519.ts";
import { SealingKey } from "../../src/crypto/sealed.ts";
import { createTrustListContent } from "../../src/trust/list/list.ts";
import type { TrustListContent } from "../../src/trust/list/content.ts";
import { TrustList } from "../../src/trust/trust_list.ts";
import { verifyBundle } from "../../src/trust/verify/verify.ts";
import { timeMs } from "./call_times.mjs";
import { EmptyRun } from "./empty_run.ts";
import { type Figure, figure, type FigureSpec, most } from "./figures.ts";
import { type BenchSettings, interleave, roundsOf } from "./rounds.ts";
import { makeBundle, makeKeys, signDir } from "../helpers/signing.ts";

const PLUGINS = 10_000;
const KEYS = 100;

/** Measures the verdict about one bundle, by the whole list. */
export async function benchTrust(settings: BenchSettings): Promise<Figure[]> {
  await using undo = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "sallyport-bench-" });
  undo.defer(() => Deno.remove(dir, { recursive: true }));
  const empty = undo.use(await EmptyRun.make());
  const keys = await makeKeys();
  const bundle = await makeBundle(`${dir}/bundle`);
  const hash = await signDir(bundle, keys);
  const secret = { key: crypto.getRandomValues(new Uint8Array(32)) };
  const file = `${dir}/trust.list`;
  await TrustList.create(file, secret, { content: await fill(keys.hex, hash) });
  const { size } = await Deno.stat(file);
  const verdict = async () => {
    const { content: list, mark } = await TrustList.open(file, secret, { markDir: `${dir}/trust` });
    await verifyBundle(await readBundle(bundle), { list, ran: (name) => mark!.ran(name) });
  };
  const results = await interleave(
    new Map([["floor", () => timeMs(() => empty.run())], ["verdict", () => timeMs(verdict)]]),
    roundsOf(settings, 20),
    3,
  );
  const kdfMs = await timeMs(() =>
    SealingKey.create({ passphrase: "correct horse battery staple" })
  );
  const spec: FigureSpec = {
    bench: "trust",
    figure: "verdict by a list of 10,000 plugins",
    subject: "host",
    unit: "ms",
    floorName: "deno run of an empty file",
    bar: most(1),
    note: `the list is ${(size / 1_048_576).toFixed(1)} MiB; scrypt apart: ${
      kdfMs.toFixed(0)
    } ms, once a host`,
  };
  return [figure(spec, results.get("verdict")!, results.get("floor")!)];
}

async function fill(key: string, hash: string): Promise<TrustListContent> {
  const others = await Promise.all(Array.from({ length: KEYS - 1 }, () => generateKeyPair()));
  const publicKeys = [...others.map(({ publicKey }) => publicKey.toHex()), key];
  const content = createTrustListContent({ expiresAt: new Date(Date.now() + 86_400_000) });
  const random = () => crypto.getRandomValues(new Uint8Array(64)).toHex();
  const plugins = Array.from({ length: PLUGINS - 1 }, (_, index) => ({
    name: `plugin-${index}`,
    version: `1.${index % 10}.0`,
    hash: random(),
    note: "reviewed by the platform team",
  }));
  return {
    ...content,
    keys: publicKeys.map((publicKey, index) => ({ name: `key ${index}`, publicKey })),
    plugins: [...plugins, { name: "sample", version: "1.0.0", hash }],
  };
}
