import assert from "node:assert/strict";
import { revokeKey } from "../../../src/trust/list/changes.ts";
import { listTest, WAITER } from "../../host/trust_kit.ts";
import { writePolicy } from "../bundles.ts";
import { sallyport } from "../sallyport.ts";

Deno.test("inspect and verify show what an update asks for beyond the version that ran", async () => {
  await using test = await listTest();
  await Deno.chmod(test.keyFile, 0o600);
  const policy = await writePolicy(test.join(), { default: { grant: { sys: ["hostname"] } } });
  const trust = ["--trust-list", test.file, "--key-file", test.keyFile, "--policy", policy];
  const dir = await test.bundle("sample", WAITER);
  const args = [dir, ...trust, "--data-dir", test.dataDir, "--isolation", "plain"];
  const inspect = async (...more: string[]) =>
    (await sallyport(["inspect", ...args, ...more])).stdout;
  const ran = await sallyport(["run", ...args, "--call", "ping"]);
  assert.equal(ran.stdout, '"pong"\n', ran.stderr);
  const hash = await test.release("sample", {
    version: "1.1.0",
    permissions: { sys: ["hostname"] },
  });
  const withheld = JSON.parse(await inspect("--json"));
  assert.deepEqual([withheld.trusted, withheld.wouldLoad], [true, false]);
  assert.deepEqual(withheld.consent, {
    before: "1.0.0",
    added: [{ family: "sys", value: "hostname" }],
    accepted: false,
  });
  assert.match(await inspect(), /It asks for more than before\n {2}sys "hostname"\n/);
  const refused = await sallyport(["verify", ...args]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /asks for more than "1\.0\.0" did[^]*trust accept/);
  // the hint is a command that works as it is printed, and shows what it accepts
  const hint = /run: (?:deno run -A \S+|sallyport) (.*)/.exec(refused.stderr)![1]!;
  const shell = new Deno.Command("sh", { args: ["-c", `printf '%s\\0' ${hint}`] });
  const words = new TextDecoder().decode((await shell.output()).stdout).split("\0").slice(0, -1);
  const accepted = await sallyport(words);
  assert.equal(accepted.code, 0, accepted.stderr);
  assert.match(accepted.stdout, /more than version 1\.0\.0 did:\n {2}\+ sys "hostname"/);
  assert.match(accepted.stdout, new RegExp(`accepted "sample 1\\.1\\.0 ${hash.slice(0, 8)}`));
  assert.equal((await sallyport(["verify", ...args])).code, 0);
  assert.match(await inspect(), /accepted in the trust list/);
  // looking left no trace: the version that ran is the old one still
  await test.change((list) => revokeKey(list, "tests", { reason: "lost" }));
  const revoked = JSON.parse(await inspect("--json"));
  assert.equal(revoked.consent.before, "1.0.0");
  assert.deepEqual(revoked.signatures.map(({ status }: { status: string }) => status), ["void"]);
  assert.equal(revoked.reason.code, "revoked");
});
