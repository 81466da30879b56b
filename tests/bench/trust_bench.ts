/**
 * A trust list of 10,000 plugins and 100 keys, from its file to a verdict, against `deno run` on an empty
 * file. The key derivation is stated apart: a host derives once.
 *
 * @module
 */
import { readBundle } from "../../src/bundle/reading.ts";
import { generateKeyPair } from "../../src/crypto/ed25519.ts";
import { SealingKey } from "../../src/crypto/sealed.ts";
import { createTrustListContent, type TrustListContent } from "../../src/trust/list.ts";
import { TrustList } from "../../src/trust/trust_list.ts";
import { verifyBundle } from "../../src/trust/verify.ts";
import { makeBundle, makeKeys, signDir } from "../helpers/signing.ts";

const PLUGINS = 10_000;
const KEYS = 100;

/** Holds the medians, in milliseconds. */
export interface TrustFigures {
  /** `deno run` on an empty file, from spawn to exit. */
  emptyMs: number;
  /** From the file to the verdict about one bundle. */
  verdictMs: number;
  /** The same in a new process' first round, in which nothing is compiled. */
  firstMs: number;
  /** The median of the rounds' own ratios of the two. */
  ratio: number;
  /** The size of the file. */
  fileBytes: number;
  /** scrypt at its default cost, which a passphrase takes once. */
  kdfMs: number;
}

/**
 * Measures in interleaved rounds.
 *
 * @param rounds How many rounds; three more warm up and do not count.
 */
export async function benchTrust(rounds = 30): Promise<TrustFigures> {
  await using undo = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "sallyport-bench-" });
  undo.defer(() => Deno.remove(dir, { recursive: true }));
  await Deno.writeTextFile(`${dir}/empty.ts`, "");
  const keys = await makeKeys();
  const bundle = await makeBundle(`${dir}/bundle`);
  const hash = await signDir(bundle, keys);
  const secret = { key: crypto.getRandomValues(new Uint8Array(32)) };
  const file = `${dir}/trust.list`;
  const content = await fill(keys.hex, hash);
  await TrustList.create(file, secret, { content });
  const { size: fileBytes } = await Deno.stat(file);

  const empty: number[] = [];
  const verdicts: number[] = [];
  let firstMs = 0;
  for (let round = -3; round < rounds; round++) {
    const emptyMs = await time(async () => {
      await new Deno.Command(Deno.execPath(), {
        args: ["run", `${dir}/empty.ts`],
        env: { DENO_DIR: `${dir}/deno`, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
        clearEnv: true,
      }).output();
    });
    const verdictMs = await time(async () => {
      const { content: list, mark } = await TrustList.open(file, secret, {
        markDir: `${dir}/trust`,
      });
      await verifyBundle(await readBundle(bundle), { list, ran: (name) => mark!.ran(name) });
    });
    if (round === -3) firstMs = verdictMs;
    if (round < 0) continue;
    empty.push(emptyMs);
    verdicts.push(verdictMs);
  }
  const kdfMs = await time(async () => {
    await SealingKey.create({ passphrase: "correct horse battery staple" });
  });
  return {
    emptyMs: median(empty),
    verdictMs: median(verdicts),
    firstMs,
    ratio: median(verdicts.map((value, round) => value / empty[round]!)),
    fileBytes,
    kdfMs,
  };
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

async function time(act: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
