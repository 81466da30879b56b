/** A granted path that leads through a link can be used by its own name and by the real one. */
import assert from "node:assert/strict";
import { hostTest } from "../helpers/host.ts";
import { sandboxTest } from "../helpers/sandbox.ts";

const MAIN = `export default { methods: {
  read: (path) => Deno.readTextFileSync(path),
  write: (path) => Deno.writeTextFileSync(path, "written"),
} };`;

for (const isolation of ["plain", "bwrap", "unshare"] as const) {
  const define = isolation === "plain"
    ? Deno.test
    : (name: string, fn: () => Promise<void>) => sandboxTest(name, isolation, fn);
  define(`a path granted by way of a link works by both names, ${isolation}`, async () => {
    await using test = await hostTest();
    // under plain nothing else keeps one folder from another
    const [real, link] = [test.join("real"), test.join("link")];
    for (const name of ["given", "other"]) {
      await Deno.mkdir(`${real}/${name}`, { recursive: true });
      await Deno.writeTextFile(`${real}/${name}/note.txt`, name);
    }
    await Deno.symlink(real, link);
    const asked = [`${link}/given`];
    const host = await test.open({
      isolation,
      policy: { default: { grant: { read: [`${real}/given`], write: asked } } },
    });
    const permissions = { read: asked, write: asked };
    const plugin = await host.load(await test.bundle("linked", MAIN, { permissions }));
    for (const base of [real, link]) {
      assert.equal(await plugin.call("read", `${base}/given/note.txt`), "given");
      await plugin.call("write", `${base}/given/out.txt`);
      assert.equal(await Deno.readTextFile(`${real}/given/out.txt`), "written");
      await Deno.remove(`${real}/given/out.txt`);
      await assert.rejects(plugin.call("read", `${base}/other/note.txt`), "the control");
    }
  });
}
