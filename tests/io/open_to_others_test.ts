import assert from "node:assert/strict";
import { findOpenToOthers, remedyFor } from "../../src/io/open_to_others.ts";
import { sandboxTest } from "../helpers/sandbox.ts";
import { tempDir } from "../helpers/signing.ts";

sandboxTest(
  "findOpenToOthers() finds that somebody else owns a file or folder",
  "root",
  async () => {
    await using temp = await tempDir();
    await Deno.mkdir(temp.join("data"), { mode: 0o700 });
    await Deno.writeTextFile(temp.join("policy.json"), "{}", { mode: 0o600 });
    for (const path of [temp.join("data"), temp.join("policy.json")]) {
      assert.equal(findOpenToOthers(path), undefined, "the control: it is root's own");
      await Deno.chown(path, 12_345, 12_345);
      const found = findOpenToOthers(path)!;
      assert.deepEqual([found.path, found.who], [path, "user 12345"]);
      assert.equal(remedyFor(found), "chown $USER");
      await Deno.chmod(path, 0o777);
      assert.equal(findOpenToOthers(path)?.who, "everybody", "that is worse");
      await Deno.chmod(path, 0o700);
      // an owner that a user namespace does not know can be anybody, also this user
      await Deno.chown(path, 65_534, 65_534);
      assert.equal(findOpenToOthers(path), undefined);
    }
  },
);
