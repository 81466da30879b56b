import assert from "node:assert/strict";
import { readKeyFile } from "../../../src/trust/sealed/secret_files.ts";
import { TrustList } from "../../../src/trust/trust_list.ts";
import { done, failed, inProcess } from "../sallyport.ts";
import { atTerminal } from "../terminal.ts";
import { type TrustKit, trustKit } from "./kit.ts";

/** The changes of a document, each as `+ key alice`. */
function brief({ changes }: { changes: { kind: string; subject: string; name: string }[] }) {
  return changes.map(({ kind, subject, name }) => `${kind} ${subject} ${name}`.trim());
}

async function withKeys(): Promise<{ kit: TrustKit; alice: Key; bob: Key }> {
  const kit = await trustKit();
  const [alice, bob] = [await kit.key("alice"), await kit.key("bob")];
  await kit.ok("add", "--key", alice.pub, "--key", bob.pub);
  return { kit, alice, bob };
}

type Key = Awaited<ReturnType<TrustKit["key"]>>;

Deno.test("trust add --key takes files and hex, and calls them by name", async () => {
  await using kit = await trustKit();
  const [alice, bob] = [await kit.key("alice"), await kit.key("bob")];
  const added = await kit.ok("add", "--key", alice.pub);
  assert.deepEqual([added.revision, brief(added)], [2, ["added key alice"]]);
  assert.match(failed(await kit.trust("add", "--key", bob.hex), "usage", 2).hint, /--name/);
  await kit.ok("add", "--key", bob.hex, "--name", "robert");
  failed(await kit.trust("add", "--key", alice.pub), "bad-config");
  failed(await kit.trust("add", "--key", alice.key), "bad-config");
  failed(await kit.trust("add", "--key", "0".repeat(64), "--name", "weak"), "bad-config");
  const { keys, revision } = await kit.ok("list");
  assert.deepEqual(keys.map(({ name }: { name: string }) => name), ["alice", "robert"]);
  assert.equal(revision, 3, "what was refused wrote nothing");
});

Deno.test("trust add --plugin records hash and version, and says what it asks for more", async () => {
  const { kit, alice } = await withKeys();
  await using _ = kit;
  const first = await kit.bundle({ version: "1.0.0" }, alice.key);
  const hash = done(await inProcess(["hash", first])).trim();
  const one = await kit.ok("add", "--plugin", first);
  assert.deepEqual(one.plugin, { name: "sample", version: "1.0.0", hash });
  assert.equal(one.asksMore, undefined);
  const more = { version: "1.1.0", permissions: { net: ["example.com:443"] } };
  const second = await kit.bundle(more, alice.key);
  const human = done(
    await inProcess(["trust", "add", kit.file, "--plugin", second, ...kit.secret]),
  );
  assert.match(
    human,
    /It asks for more than version 1\.0\.0 did:\n {2}\+ net "example\.com:443"\n/,
  );
  const third = await kit.bundle({ ...more, version: "1.2.0" }, alice.key);
  const { comparedTo, asksMore } = await kit.ok("add", "--plugin", third);
  assert.deepEqual([comparedTo, asksMore], ["1.1.0", []]);
});

Deno.test("trust add --plugin warns of a bundle that hosts would refuse all the same", async () => {
  const { kit } = await withKeys();
  await using _ = kit;
  const bundle = await kit.bundle({});
  const outcome = await kit.trust("add", "--plugin", bundle);
  assert.equal(outcome.code, 0);
  assert.match(outcome.stderr, /^warning: hosts would refuse it all the same \(untrusted\)/);
  const again = await kit.trust("add", "--plugin", bundle);
  failed(again, "bad-config");
  const replaced = await kit.ok(
    "add",
    "--plugin",
    bundle,
    "--replace",
    "--note",
    "now with a note",
  );
  assert.deepEqual(brief(replaced), ["changed plugin sample 1.2.3"]);
});

Deno.test("trust add --publisher names its keys, and says what that takes from them", async () => {
  const { kit, alice, bob } = await withKeys();
  await using _ = kit;
  const args = ["add", "--publisher", "acme-*", "--signer", "alice", "--signer", bob.id];
  const human = done(
    await inProcess([
      "trust",
      ...args,
      "--trust-list",
      kit.file,
      "--threshold",
      "2",
      ...kit.secret,
    ]),
  );
  assert.match(human, /From then on what "alice", "bob" signed counts for "acme-\*" only/);
  const { publishers } = await kit.ok("list");
  assert.deepEqual(publishers, [{ namespace: "acme-*", keys: [alice.id, bob.id], threshold: 2 }]);
  failed(await kit.trust("add", "--publisher", "x-*"), "usage", 2);
  failed(await kit.trust("add", "--publisher", "x-*", "--signer", "nobody"), "bad-config");
});

Deno.test("trust add and remove take one thing at a time, and only options that mean something", async () => {
  const { kit, alice } = await withKeys();
  await using _ = kit;
  for (
    const args of [
      ["add"],
      ["add", "--key", alice.pub, "--minimum", "a@1.0.0"],
      ["add", "--minimum", "a@1.0.0", "--note", "x"],
      ["add", "--minimum", "a"],
      ["add", "--key", alice.pub, "--threshold", "2"],
      ["add", "--key", alice.pub, "--not-after", "2027-02-30"],
      ["remove"],
      ["remove", "--key", "a", "--plugin", "b"],
      ["revoke", "--key", "alice"],
      ["revoke", "--reason", "x"],
      ["set"],
      ["set", "--key", "alice"],
      ["set", "--not-after", "2030-01-01"],
    ]
  ) {
    failed(await kit.trust(...args as [string]), "usage", 2);
  }
  const { hint } = failed(await kit.trust("set", "--expires", "soon"), "usage", 2);
  assert.match(hint, /days such as 365d, a date such as/);
  failed(await kit.trust("add", "--minimum", "a@one"), "bad-config");
  assert.equal((await kit.ok("show")).revision, 2);
});

Deno.test("trust remove takes out what was added", async () => {
  const { kit, alice } = await withKeys();
  await using _ = kit;
  const bundle = await kit.bundle({}, alice.key);
  await kit.ok("add", "--plugin", bundle);
  await kit.ok("add", "--minimum", "sample@1.0.0");
  await kit.ok("add", "--publisher", "acme-*", "--signer", "bob");
  await kit.ok("revoke", "--plugin", "old@<2.0.0", "--reason", "a hole");
  for (
    const [args, change] of [
      [["--plugin", "sample@1.2.3"], "removed plugin sample 1.2.3"],
      [["--minimum", "sample"], "removed minimum sample"],
      [["--publisher", "acme-*"], "removed publisher acme-*"],
      [["--revocation", "old@<2.0.0"], "removed revocation old <2.0.0"],
      [["--key", alice.id], "removed key alice"],
    ] as const
  ) {
    assert.deepEqual(brief(await kit.ok("remove", ...args)), [change]);
    failed(await kit.trust("remove", ...args), "bad-config");
  }
});

Deno.test("trust revoke takes keys, hashes and ranges, with the reason", async () => {
  const { kit, alice } = await withKeys();
  await using _ = kit;
  const bundle = await kit.bundle({}, alice.key);
  await kit.ok("add", "--plugin", bundle);
  const hash = done(await inProcess(["hash", bundle])).trim();
  assert.deepEqual(
    brief(await kit.ok("revoke", "--hash", hash.toUpperCase(), "--reason", "a virus")),
    [`added revocation ${hash}`],
  );
  assert.equal((await kit.ok("list")).plugins[0].state, "revoked");
  await kit.ok("revoke", "--key", "alice", "--reason", "laptop stolen");
  const { keys } = await kit.ok("list");
  assert.equal(keys[0].state, "revoked");
  assert.equal(keys[0].revoked.reason, "laptop stolen");
  failed(await kit.trust("revoke", "--plugin", "x@not a range", "--reason", "y"), "bad-config");
});

Deno.test("trust set changes expiry, threshold, what loads, and a key's window", async () => {
  const { kit } = await withKeys();
  await using _ = kit;
  const set = await kit.ok("set", "--expires", "2099-01-01", "--threshold", "2", "--only-listed");
  assert.deepEqual(brief(set).sort(), [
    "changed expiry",
    "changed only-listed",
    "changed threshold",
  ]);
  assert.deepEqual(brief(await kit.ok("set", "--no-only-listed")), ["changed only-listed"]);
  const window = ["--key", "alice", "--not-before", "2020-01-01"];
  await kit.ok("set", ...window, "--not-after", "2021-01-01");
  assert.equal((await kit.ok("list")).keys[0].state, "expired");
  await kit.ok("set", "--key", "alice", "--not-after", "none");
  const [key] = (await kit.ok("list")).keys;
  assert.deepEqual([key.state, key.notBefore], ["valid", "2020-01-01T00:00:00.000Z"]);
  const same = await kit.ok("set", "--threshold", "2");
  assert.deepEqual(same.changes, []);
  assert.equal(same.revision, (await kit.ok("show")).revision);
});

Deno.test("--dry-run shows the change and writes nothing", async () => {
  const { kit, alice } = await withKeys();
  await using _ = kit;
  const before = await Deno.readFile(kit.file);
  const dry = await kit.ok("revoke", "--key", "alice", "--reason", "stolen", "--dry-run");
  assert.deepEqual([dry.revision, dry.dryRun, brief(dry)], [2, true, ["changed key alice"]]);
  const args = ["trust", "remove", kit.file, "--key", alice.id, "--dry-run", ...kit.secret];
  assert.match(
    done(await atTerminal(args)),
    /1 change .*\n {2}- key "alice"\nNothing was written\n$/,
  );
  assert.deepEqual(await Deno.readFile(kit.file), before);
});

Deno.test("a change is asked about at a terminal: only a yes writes it", async () => {
  const { kit } = await withKeys();
  await using _ = kit;
  const args = ["trust", "remove", kit.file, "--key", "alice", ...kit.secret];
  const before = await Deno.readFile(kit.file);
  const no = await atTerminal(args, "n\n");
  assert.equal(no.code, 1);
  assert.match(no.stdout, /- key "alice"/);
  // stdout is a file here: whoever is asked sees the change all the same
  assert.match(
    no.stderr,
    /- key "alice"\nWrite revision 3\? \[y\/N\] n\n.*\n {2}code: cancelled/,
  );
  assert.equal((await atTerminal(args, "\u0003")).code, 130);
  assert.equal((await atTerminal(args)).code, 130, "nobody answered");
  assert.deepEqual(await Deno.readFile(kit.file), before);
  assert.match(done(await atTerminal(args, "yes\n")), /Wrote revision 3\n$/);
  const yes = await atTerminal(
    ["trust", "remove", kit.file, "--key", "bob", "--yes", ...kit.secret],
  );
  assert.match(done(yes), /Wrote revision 4\n$/);
  assert.ok(!yes.stderr.includes("?"));
});

Deno.test("with --json the question goes to stderr, and stdout has one document", async () => {
  const { kit } = await withKeys();
  await using _ = kit;
  const args = ["trust", "remove", kit.file, "--key", "alice", ...kit.secret, "--json"];
  const outcome = await atTerminal(args, "y\n");
  assert.equal(JSON.parse(done(outcome)).revision, 3);
  assert.match(outcome.stderr, /- key "alice"\nWrite revision 3\?/);
});

Deno.test("what was confirmed is not written over a change that came meanwhile", async () => {
  const { kit } = await withKeys();
  await using _ = kit;
  const { main } = await import("../../../src/cli/main.ts");
  let stdout = "";
  const code = await main(
    ["trust", "remove", kit.file, "--key", "alice", ...kit.secret, "--json"],
    {
      writeOut: (text) => void (stdout += text),
      writeErr() {},
      stdin: () => new Blob([]).stream(),
      outIsTerminal: false,
      errIsTerminal: true,
      noColor: true,
      terminal: {
        // while the question waits, somebody else revokes the key
        raw: (act) =>
          act(async () => {
            await kit.ok("revoke", "--key", "alice", "--reason", "stolen");
            return new TextEncoder().encode("y\n");
          }),
      },
    },
  );
  assert.match(
    failed({ code, stdout, stderr: "" }, "bad-state").message,
    /revision 2 and is now 3/,
  );
  assert.equal((await kit.ok("list")).keys[0].state, "revoked");
});

Deno.test("trust revoke refuses a range that no version can be in", async () => {
  await using kit = await trustKit();
  const revoke = (range: string) =>
    kit.trust("revoke", "--plugin", `shop@${range}`, "--reason", "a hole");
  const typo = failed(await revoke("1.4.2-1.4.9"), "bad-config");
  assert.match(typo.message, /"-1\.4\.9" names a pre-release of 1\.4\.2/);
  assert.match(typo.hint, /"1\.4\.2 - 1\.4\.9"/);
  assert.match(
    failed(await revoke("1.4.5 1.4.6"), "bad-config").message,
    /no version can be in it/,
  );
  for (const range of ["", ">2 <1", "1.x || >2 <2", "> = 1", "latest"]) {
    failed(await revoke(range), "bad-config");
  }
  assert.deepEqual((await kit.ok("list")).revocations, []);
  // controls: what was meant
  for (const range of ["1.4.2 - 1.4.9", "1.4.5 || 1.4.6", "=1.4.2-1.4.9"]) {
    await kit.ok("revoke", "--plugin", `shop@${range}`, "--reason", "a hole");
  }
});

Deno.test("trust revoke says which known versions a range covers", async () => {
  const { kit, alice } = await withKeys();
  await using _ = kit;
  const args = ["revoke", "--plugin", "sample@<1.1", "--reason", "a hole", "--dry-run"];
  const unknown = await inProcess(["trust", args[0]!, kit.file, ...args.slice(1), ...kit.secret]);
  assert.match(done(unknown), /No version of "sample" is known here \(see --data-dir\)/);
  for (const version of ["1.0.0", "1.1.0-rc.1", "1.1.0"]) {
    await kit.ok("add", "--plugin", await kit.bundle({ version }, alice.key));
  }
  const dataDir = `${kit.path}/data`;
  const { mark } = await TrustList.open(kit.file, { key: await readKeyFile(kit.secret[1]!) }, {
    markDir: `${dataDir}/trust`,
  });
  await mark!.record("sample", { version: "0.9.0", hash: "0".repeat(128) });
  const { covers, leaves } = await kit.ok(args[0]!, ...args.slice(1), "--data-dir", dataDir);
  assert.deepEqual([covers, leaves], [["0.9.0", "1.0.0", "1.1.0-rc.1"], ["1.1.0"]]);
  const human = await inProcess(["trust", args[0]!, kit.file, ...args.slice(1), ...kit.secret]);
  assert.match(done(human), /in the list it covers 1\.0\.0, 1\.1\.0-rc\.1, and leaves 1\.1\.0\n/);
});

Deno.test("trust remove of a revoked key takes a word more, and says what that means", async () => {
  const { kit, alice } = await withKeys();
  await using _ = kit;
  await kit.ok("revoke", "--key", "alice", "--reason", "laptop stolen");
  const refused = failed(await kit.trust("remove", "--key", "alice"), "bad-config");
  assert.match(refused.message, /it is revoked from .* on: laptop stolen/);
  assert.match(refused.hint, /--lift-revocation/);
  failed(await kit.trust("add", "--key", alice.pub), "bad-config");
  failed(await kit.trust("remove", "--minimum", "x", "--lift-revocation"), "usage", 2);
  const args = ["trust", "remove", kit.file, "--key", "alice", "--lift-revocation", ...kit.secret];
  const human = done(await inProcess(args));
  assert.match(human, /It was revoked from .* on: laptop stolen\nThe list forgets that/);
  await kit.ok("add", "--key", alice.pub);
  await kit.ok("remove", "--key", "bob"); // one that is not revoked goes as before
});

Deno.test("trust add --key refuses names that do not look like what they are", async () => {
  await using kit = await trustKit();
  const { hex } = await kit.key("alice");
  for (
    const name of ["ali\u200bce", "alice\u2800", "\u202ealice", "alice ", "ａlice", "a\u00adlice"]
  ) {
    const { message } = failed(await kit.trust("add", "--key", hex, "--name", name), "bad-config");
    assert.match(message, /does not look like what it is/, JSON.stringify(name));
  }
  await kit.ok("add", "--key", hex, "--name", "Alice Müller 王");
});
