import assert from "node:assert/strict";
import { readKeyFile } from "../../../src/trust/sealed/secret_files.ts";
import { TrustList } from "../../../src/trust/trust_list.ts";
import { document, done, failed, inProcess } from "../sallyport.ts";
import { atTerminal } from "../terminal.ts";
import { trustKit } from "./kit.ts";

const ASKS = { permissions: { net: ["example.com:443"] } };

Deno.test("trust accept shows what a version asks for more than the host ran, and records a yes", async () => {
  await using kit = await trustKit();
  const { key, pub } = await kit.key("alice");
  await kit.ok("add", "--key", pub);
  const dataDir = `${kit.path}/data`;
  const secret = { key: await readKeyFile(kit.secret[1]!) };
  const { mark } = await TrustList.open(kit.file, secret, { markDir: `${dataDir}/trust` });
  const asks = { net: [], read: [], write: [], sys: [], context: {}, hooks: {}, limits: {} };
  const ran = { version: "1.0.0", hash: "0".repeat(128) };
  await mark!.record("sample", { ...ran, asks: { ...asks, storageBytes: 0, dependencies: [] } });

  const bundle = await kit.bundle({ version: "1.1.0", ...ASKS }, key);
  const args = ["trust", "accept", kit.file, bundle, "--data-dir", dataDir, ...kit.secret];
  const human = await atTerminal(args, "n\n");
  assert.equal(human.code, 1);
  assert.match(human.stdout, /sample 1\.1\.0 is signed by alice\n/);
  assert.match(human.stdout, /more than version 1\.0\.0 did:\n {2}\+ net "example\.com:443"\n/);
  const accepted = document(await inProcess([...args, "--json"]));
  assert.deepEqual([accepted.comparedTo, accepted.asksMore], [
    "1.0.0",
    [{ family: "net", value: "example.com:443" }],
  ]);
  const hash = done(await inProcess(["hash", bundle])).trim();
  const [entry] = (await kit.ok("list")).accepted;
  assert.deepEqual([entry.name, entry.version, entry.hash], ["sample", "1.1.0", hash]);
  const again = document(
    await inProcess([
      ...["trust", "accept", bundle, "--trust-list", kit.file],
      ...[...kit.secret, "--json"],
    ]),
  );
  assert.deepEqual(again.changes, []);
});

Deno.test("trust accept accepts nothing where it can show no difference", async () => {
  await using kit = await trustKit();
  const { key, pub } = await kit.key("alice");
  await kit.ok("add", "--key", pub);
  const bundle = await kit.bundle({ version: "1.1.0", ...ASKS }, key);
  assert.match(failed(await kit.trust("accept", bundle), "bad-state").hint, /--data-dir/);
  const dataDir = ["--data-dir", `${kit.path}/data`];
  assert.match(failed(await kit.trust("accept", bundle, ...dataDir), "bad-state").hint, /first/);
  assert.deepEqual((await kit.ok("list")).accepted, []);
});

Deno.test("trust accept refuses a bundle that no key of the list signed", async () => {
  await using kit = await trustKit();
  const [alice, other] = [await kit.key("alice"), await kit.key("other")];
  await kit.ok("add", "--key", alice.pub);
  const bundle = await kit.bundle(ASKS, other.key);
  failed(await kit.trust("accept", bundle), "untrusted");
  failed(await kit.trust("accept"), "usage", 2);
  failed(await kit.trust("accept", bundle, "another"), "usage", 2);
  assert.deepEqual((await kit.ok("list")).accepted, []);
});

Deno.test("--data-dir refuses a list older than its host has seen", async () => {
  await using kit = await trustKit();
  const { pub } = await kit.key("alice");
  const old = await Deno.readFile(kit.file);
  await kit.ok("add", "--key", pub);
  const markDir = `${kit.path}/data/trust`;
  const list = await TrustList.open(kit.file, { key: await readKeyFile(kit.secret[1]!) }, {
    markDir,
  });
  const { seenByHost } = await kit.ok("show", "--data-dir", `${kit.path}/data`);
  assert.equal(seenByHost, list.revision);
  await Deno.writeFile(kit.file, old);
  assert.equal((await kit.ok("show")).revision, 1);
  for (const args of [["show"], ["set", "--threshold", "2"]]) {
    failed(
      await kit.trust(args[0]!, ...args.slice(1), "--data-dir", `${kit.path}/data`),
      "rollback",
    );
  }
});
