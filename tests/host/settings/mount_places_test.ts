import assert from "node:assert/strict";
import { comparePlaces, MountPlaces } from "../../../src/host/settings/mount_places.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { requiringTest } from "../../helpers/sandbox.ts";
import { tempDir } from "../../helpers/signing.ts";
import { listTest } from "../trust_kit.ts";

const TABLE = `22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
28 27 254:16 /@home /home rw,relatime master:1 - btrfs /dev/vdb rw
29 27 254:16 /@home/ann/data /srv/given/in\\040side rw - btrfs /dev/vdb rw
30 27 0:40 / /mnt rw - tmpfs t rw
31 30 254:0 /srv/host /mnt rw - ext4 /dev/vda rw
`;

Deno.test("two paths are one place by what is mounted at, above and beneath them", () => {
  const mounts = new MountPlaces(TABLE);
  const compare = (outer: string, inner: string) =>
    comparePlaces(mounts.of(outer), mounts.of(inner));
  for (
    const [outer, inner, expected] of [
      ["/home/ann/data", "/srv/given/in side", "within"],
      ["/home/ann/data", "/srv/given/in side/deeper", "within"],
      ["/home/ann/data", "/srv/given", "overlap"],
      ["/home/ann/data", "/srv", "overlap"],
      ["/home/ann/data/store", "/srv/given/in side", "overlap"],
      // of two mounts on one point the later one counts
      ["/srv/host", "/mnt/audit", "within"],
      ["/srv/host/audit", "/mnt", "overlap"],
      ["/home/ann/data", "/srv/other", undefined],
      ["/home/ann/data", "/srv/given/in side-by-side", undefined],
      ["/home/ann/data", "/home/ann/other", undefined],
      ["/srv/host", "/srv/hosts", undefined],
      // the same path of another file system
      ["/@home/ann/data", "/home/ann/data", undefined],
    ] as const
  ) assert.equal(compare(outer, inner), expected, `${outer} and ${inner}`);
  assert.deepEqual(new MountPlaces("").of("/home"), []);
});

async function command(program: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args, stderr: "null" }).output()).success;
  } catch {
    return false; // there is no such program
  }
}

async function canBind(): Promise<boolean> {
  await using temp = await tempDir();
  const dir = temp.join();
  return await command("mount", "--bind", dir, dir) && await command("umount", dir);
}

const MAIN = `export default { methods: { list: (path) => {
  const seen = [];
  const walk = (at) => { for (const { name, isDirectory } of Deno.readDirSync(at)) {
    seen.push(name);
    if (isDirectory) try { walk(at + "/" + name); } catch { seen.push("refused"); }
  } };
  walk(path);
  return seen;
} } };`;

requiringTest(
  "no grant reaches what the host keeps by a mount in a granted folder, or of part of it",
  await canBind() ? undefined : "no folder can be mounted here",
  async () => {
    await using test = await listTest();
    const audit = { dir: test.join("audit") };
    await (await test.openByList({ audit })).close();
    const mounts = [
      ["data", "free/deep/inside"],
      ["data/store", "alias"],
      ["audit/1", "old"],
    ] as const;
    await using undo = new AsyncDisposableStack();
    for (const [source, target] of mounts) {
      await Deno.mkdir(test.join(target), { recursive: true });
      assert.ok(await command("mount", "--bind", test.join(source), test.join(target)));
      undo.defer(async () => void await command("umount", test.join(target)));
    }
    const cases = [
      ["free", /contains the host's data folder/],
      ["free/deep/inside/store", /lies in the host's data folder/],
      ["alias", /lies in the host's data folder/],
      ["old", /lies in the audit log/],
    ] as const;
    for (const [index, [path, words]] of cases.entries()) {
      const given = { read: [test.join(path)] };
      const policy = { default: { grant: given } };
      const dir = await test.bundle(`greedy_${index}`, MAIN, { permissions: given });
      await using host = await test.openByList({ audit, policy });
      await assertRejectsWithCode(host.load(dir), "permission-denied", words);
    }
    // the control: to the host of somebody else they are folders like any other
    const given = { read: [test.join("free")] };
    await using host = await test.open({
      dataDir: test.join("elsewhere"),
      policy: { default: { grant: given } },
    });
    const plugin = await host.load(await test.bundle("other", MAIN, { permissions: given }));
    const seen = await plugin.call("list", test.join("free")) as string[];
    assert.ok(seen.includes("store"), seen.join());
    await host.close();
  },
);
