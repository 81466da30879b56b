import assert from "node:assert/strict";
import { trustedHostOptions, type TrustOptions } from "../../../src/cli/shared/trust_options.ts";
import { processIo } from "../../../src/cli/terminal/io.ts";
import { Output } from "../../../src/cli/terminal/output.ts";
import { scratch, writeBundle } from "../bundles.ts";
import { failed, inProcess } from "../sallyport.ts";
import { atTerminal } from "../terminal.ts";
import { trustKit } from "../trust/kit.ts";

const OUTPUT = new Output({ ...processIo(), writeOut() {}, writeErr() {} }, false);

function hostOptions(options: TrustOptions) {
  const { logger, ...others } = trustedHostOptions(options, OUTPUT);
  assert.equal(typeof logger?.warn, "function");
  return JSON.parse(
    JSON.stringify(others, (_, value) => value instanceof Uint8Array ? [...value] : value),
  );
}

Deno.test("trustedHostOptions() passes on what was given, and nothing else", () => {
  assert.deepEqual(hostOptions({}), { keys: [] });
  assert.deepEqual(hostOptions({ key: ["a"], dataDir: "d", policy: "p" }), {
    keys: ["a"],
    dataDir: "d",
    policy: "p",
  });
  const key = new Uint8Array(32);
  const file = import.meta.filename!;
  assert.deepEqual(
    hostOptions({ trustList: "t", keyFile: file, secret: { key }, allowRollback: true }),
    { trustList: { file: "t", keyFile: file, allowRollback: true } },
  );
  const byStdin = { trustList: "t", passphraseFile: "-", secret: { key } };
  assert.deepEqual(hostOptions(byStdin), { trustList: { file: "t", key: [...key] } });
  assert.deepEqual(hostOptions({ trustList: "t", secret: { passphrase: "typed" } }), {
    trustList: { file: "t", passphrase: "typed" },
  });
});

Deno.test("options about a trust list that contradict each other or do nothing are wrong usage", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  const list = ["--trust-list", "t"];
  for (
    const args of [
      [...list, "--key", "k", "--key-file", "f"],
      [...list, "--key-file", "f", "--passphrase-file", "p"],
      [...list], // nobody to ask
      ["--key", "k", "--key-file", "f"],
      ["--key", "k", "--passphrase-file", "f"],
      ["--key", "k", "--allow-rollback"],
    ]
  ) {
    for (const command of [["verify"], ["inspect"], ["run", "--call", "count"]]) {
      failed(await inProcess([...command, bundle, ...args, "--json"]), "usage", 2);
    }
  }
});

Deno.test("a passphrase is asked for before a plugin is looked at, and a key file is not", async () => {
  await using kit = await trustKit();
  const bundle = await kit.bundle({});
  const args = ["verify", bundle, "--trust-list", kit.file];
  const asked = await atTerminal(args, "five words of my own\n");
  assert.match(
    asked.stderr,
    /^Enter the passphrase of ".*trust\.list": \nerror: .*\n {2}code: bad-config/,
  );
  assert.ok(!asked.stderr.includes("words of"));
  assert.equal((await atTerminal(args, "\u0003")).code, 130);
  const silent = await atTerminal([...args, ...kit.secret, "--json"]);
  failed(silent, "untrusted");
  assert.equal(silent.stderr, "");
});
