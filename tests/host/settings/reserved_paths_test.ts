import assert from "node:assert/strict";
import type { PluginHostOptions } from "../../../src/host/settings/plugin_host_options.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { listTest } from "../trust_kit.ts";

const MAIN = `export default { methods: {
  read: (path) => Deno.readTextFileSync(path),
  write: (path) => Deno.writeTextFileSync(path, "mine"),
} };`;

/** A host with everything in a folder of its own, and links that lead there. */
async function reservedTest() {
  const test = await listTest();
  for (const dir of ["audit", "links", "links/far", "real", "free"]) {
    await Deno.mkdir(test.join(dir));
  }
  await Deno.writeTextFile(test.join("free/note"), "free");
  await Deno.writeTextFile(test.join("real/policy.json"), "{}");
  // the policy is reached by a link to a link
  await Deno.symlink("far/policy.json", test.join("links/policy.json"));
  await Deno.symlink("../../real/policy.json", test.join("links/far/policy.json"));
  await Deno.symlink(test.dataDir, test.join("alias"));
  const options = (access: "read" | "write", path: string): PluginHostOptions => ({
    audit: { dir: test.join("audit") },
    policy: { default: { grant: { [access]: [path] } } },
  });
  const bundle = (access: "read" | "write", path: string) =>
    test.bundle("greedy", MAIN, { permissions: { [access]: [path] } });
  return { test, options, bundle };
}

Deno.test("no grant reaches what the host was given or keeps, for reading nor writing", async () => {
  const { test, options, bundle } = await reservedTest();
  await using _ = test;
  await using supervisor = await test.openByList(options("read", test.join()));
  await supervisor.load(await test.bundle("other", MAIN));
  await Deno.writeTextFile(test.join("trust.list.previous"), "sealed");
  await supervisor.close();
  for (
    const [path, words] of [
      ["", /contains the host's data folder, ".*\/data"/],
      ["data", /is or lies in the host's data folder/],
      ["data/store", /lies in the host's data folder/],
      ["alias/trust", /lies in the host's data folder/],
      ["audit", /is or lies in the audit log/],
      ["trust.list", /is or lies in the trust list/],
      ["trust.list.previous", /belongs to the trust list/],
      ["list.key", /is or lies in what opens the trust list/],
    ] as const
  ) {
    for (const access of ["read", "write"] as const) {
      const dir = await bundle(access, test.join(path));
      await using host = await test.openByList(options(access, test.join(path)));
      const error = await assertRejectsWithCode(host.load(dir), "permission-denied", words);
      assert.match(error.message, new RegExp(`${access} "${test.join(path)}`));
    }
  }
  await Deno.writeTextFile(test.join("data/note"), "theirs");
  // controls: what lies beside is given, and so is the folder of somebody else's host
  for (const path of [test.join("free/note"), test.join("data/note")]) {
    const dir = await bundle("read", path);
    await using host = await test.openByList({
      ...options("read", path),
      dataDir: test.join(`elsewhere-${path.split("/").at(-2)}`),
    });
    const plugin = await host.load(dir);
    assert.ok((await plugin.call("read", path) as string).length > 0);
  }
});

Deno.test("a policy is out of reach by every link that leads to it, and under another name", async () => {
  const { test, options, bundle } = await reservedTest();
  await using _ = test;
  await Deno.link(test.join("real/policy.json"), test.join("free/same"));
  for (const path of ["links", "links/far", "real", "real/policy.json", "free/same"]) {
    const grant = options("write", test.join(path)).policy;
    await Deno.writeTextFile(test.join("real/policy.json"), JSON.stringify(grant));
    const dir = await bundle("write", test.join(path));
    await using host = await test.open({ policy: test.join("links/policy.json") });
    await assertRejectsWithCode(
      host.load(dir),
      "permission-denied",
      /the policy, ".*links\/policy/,
    );
    await host.close();
    // the control: to a host that was given its policy otherwise the place is one like any other
    await using control = await test.open({ policy: grant });
    await (await control.load(dir)).call("write", test.join(path, "new")).catch(() => {});
  }
  assert.equal(await Deno.readTextFile(test.join("links/new")), "mine");
});

Deno.test("a key that a path names, and the private one beside it, are out of reach", async () => {
  const { test, options, bundle } = await reservedTest();
  await using _ = test;
  await Deno.mkdir(test.join("keys"));
  await Deno.writeTextFile(test.join("keys/tests.pub"), test.keys.hex);
  await Deno.writeTextFile(test.join("keys/tests.key"), "private");
  for (
    const [name, words] of [["tests.pub", /a trusted key/], ["tests.key", /a private key/]] as const
  ) {
    const path = test.join("keys", name);
    const dir = await bundle("read", path);
    const keys = [test.join("keys/tests.pub")];
    await using host = await test.open({ ...options("read", path), keys });
    await assertRejectsWithCode(host.load(dir), "permission-denied", words);
    await using control = await test.open(options("read", path));
    assert.ok(await (await control.load(dir)).call("read", path));
  }
});

Deno.test("a database that is shared by its tables is out of reach as a file", async () => {
  const { test, options, bundle } = await reservedTest();
  await using _ = test;
  const file = test.join("app.db");
  await Deno.writeTextFile(file, "");
  await Deno.writeTextFile(`${file}-wal`, "");
  for (const path of [file, `${file}-wal`]) {
    await using host = await test.open(options("read", path));
    const dir = await bundle("read", path);
    using shared = host.services.provideDatabase("app", { file, tables: { notes: "read" } });
    await assertRejectsWithCode(
      host.load(dir),
      "permission-denied",
      /a shared database, ".*app\.db"/,
    );
    shared[Symbol.dispose]();
    await host.close();
    await using control = await test.open(options("read", path));
    assert.equal(await (await control.load(dir)).call("read", path), "");
  }
});

Deno.test("a plugin's own storage stays within reach, inside the data folder", async () => {
  const { test, options } = await reservedTest();
  await using _ = test;
  const paths = { read: ["$STORAGE"], write: ["$STORAGE"] };
  const dir = await test.bundle(
    "supervisor",
    `let ctx; export default { init(given) { ctx = given; }, methods: { keep() {
      Deno.writeTextFileSync(ctx.storage + "/x", "kept");
      return Deno.readTextFileSync(ctx.storage + "/x");
    } } };`,
    { storage: { quotaBytes: 1_000_000 }, permissions: paths },
  );
  await using host = await test.openByList({ ...options("read", test.join()), policy: {} });
  assert.equal(await (await host.load(dir)).call("keep"), "kept");
});
