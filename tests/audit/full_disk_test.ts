import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { tempDir } from "../helpers/signing.ts";

const WRITER = fileURLToPath(new URL("./full_disk_writer.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));
const REQUIRED = Deno.env.get("REQUIRE_SANDBOX") === "1";

/** Runs a program with a small file system of its own mounted on a folder. */
async function onSmallDisk(dir: string, args: readonly string[]): Promise<Deno.CommandOutput> {
  const script = 'mount -t tmpfs -o size=128k tmpfs "$0" && exec "$@"';
  return await new Deno.Command("unshare", {
    args: ["--user", "--map-root-user", "--mount", "sh", "-c", script, dir, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
}

async function whyNot(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "only Linux has mount namespaces";
  await using temp = await tempDir();
  try {
    const { success, stderr } = await onSmallDisk(temp.path, ["true"]);
    return success ? undefined : new TextDecoder().decode(stderr).trim();
  } catch (error) {
    return String(error);
  }
}

const reason = await whyNot();

Deno.test({
  name: `a full disk never throws into the host, and what was lost is recorded once there is room${
    reason === undefined || REQUIRED ? "" : ` [ignored: ${reason}]`
  }`,
  ignore: reason !== undefined && !REQUIRED,
  async fn() {
    await using temp = await tempDir();
    const run = ["run", "-A", "--no-check", "--no-lock", `--config=${CONFIG}`];
    const output = await onSmallDisk(temp.path, [Deno.execPath(), ...run, WRITER, temp.path]);
    const text = new TextDecoder();
    assert.ok(output.success, text.decode(output.stderr));
    const seen = JSON.parse(text.decode(output.stdout));
    assert.deepEqual(seen.thrown, []);
    assert.ok(seen.logged.some((message: string) => message.includes("entries are lost")));
    assert.ok(seen.logged.some((message: string) => message.includes("closes without entries")));
    // no half line: what the full disk broke off was cut away at once
    assert.deepEqual(seen.whileFull, []);
    assert.deepEqual(seen.afterClose, []);
    assert.deepEqual(seen.problems, []);
    const { numbers, lost } = seen;
    for (const n of [0, 99, 499, 809]) assert.ok(numbers.includes(n), `${n} is missing`);
    assert.ok(!numbers.includes(399), "the disk was not full");
    // each number is there or was counted
    const counted = lost[0].count;
    assert.equal(numbers.filter((n: number) => n < 500).length + counted, 500);
    assert.match(lost[0].reason, /No space left/);
    assert.match(lost[0].since, /^20/);
  },
});
