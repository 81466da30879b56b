// What a granted path leads to is judged when a plugin starts, not only when it was loaded.
import assert from "node:assert/strict";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest } from "../helpers/host.ts";
import { requiringTest, sandboxTest } from "../helpers/sandbox.ts";

const MAIN = `export default { methods: {
  list: (path) => [...Deno.readDirSync(path)].map(({ name }) => name).sort().join(),
} };`;

/** Loads a plugin that waits, and gives its granted folder and what puts a link in its place. */
async function waiting(isolation: "bwrap" | "unshare" | "plain") {
  const test = await hostTest();
  const path = test.join("share");
  await Deno.mkdir(path);
  await Deno.writeTextFile(`${path}/note`, "");
  const grant = { read: [path] };
  const host = await test.open({ isolation, policy: { default: { grant } } });
  const dir = await test.bundle("sample", MAIN, { permissions: grant });
  const plugin = await host.load(dir, { lazy: true });
  const relink = async (target: string) => {
    await Deno.rename(path, `${path}-before`);
    await Deno.symlink(target, path);
  };
  return { test, host, plugin, path, relink };
}

function launchersTest(
  name: string,
  act: (isolation: "bwrap" | "unshare" | "plain") => Promise<void>,
): void {
  for (const isolation of ["bwrap", "unshare"] as const) {
    sandboxTest(`${isolation}: ${name}`, isolation, () => act(isolation));
  }
  requiringTest(`plain: ${name}`, undefined, () => act("plain"));
}

launchersTest(
  "a parked plugin reaches nothing of the host by a link that came since",
  async (isolation) => {
    const { test, host, plugin, path, relink } = await waiting(isolation);
    await using _ = test;
    await relink(test.dataDir);
    await assertRejectsWithCode(
      plugin.call("list", path),
      "permission-denied",
      /read ".*\/share" cannot be granted: it is or lies in the host's data folder/,
    );
    await Deno.remove(path);
    await Deno.rename(`${path}-before`, path);
    await host.loadByName("sample");
    assert.equal(await plugin.call("list", path), "note", "the control");
  },
);

launchersTest(
  "a parked plugin does not start where a path leads elsewhere by now",
  async (isolation) => {
    const { test, host, plugin, path, relink } = await waiting(isolation);
    await using _ = test;
    await Deno.mkdir(test.join("other"));
    await Deno.writeTextFile(test.join("other/else"), "");
    await relink(test.join("other"));
    await assertRejectsWithCode(
      plugin.call("list", path),
      "permission-denied",
      /Cannot start plugin "sample": read ".*\/share" leads elsewhere than when it was granted/,
    );
    // loaded again, it is granted where the policy's path leads now
    await host.loadByName("sample");
    assert.equal(await plugin.call("list", path), "else");
  },
);
