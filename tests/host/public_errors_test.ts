import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type FaultName, FAULTS } from "../fixtures/hosts/faults.ts";
import { tempDir } from "../helpers/signing.ts";

const WALK = fileURLToPath(new URL("../fixtures/hosts/fault_walk.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));
const REQUIRED = Deno.env.get("REQUIRE_SANDBOX") === "1";

/** What the walk tells. */
interface Walk {
  /** Public members that it has no case for, and cases whose member is gone. */
  readonly unknown: readonly string[];
  /** What came of each call under the fault. */
  readonly outcomes: Readonly<Record<string, string>>;
  /** What came of each call when it was lifted. */
  readonly after: Readonly<Record<string, string>>;
  /** What nobody caught. */
  readonly stray: readonly string[];
}

/** What the fault is called in errors, to be sure that it was there. */
const WORDS: Readonly<Record<FaultName, RegExp>> = {
  ENOSPC: /No space left/,
  EROFS: /Read-only file system/,
  EACCES: /Permission denied/,
  ENOENT: /No such file/,
  EMFILE: /Too many open files/,
  ENAMETOOLONG: /File name too long/,
};

/** Runs a program with a file system of its own mounted on a folder, and without root's way past modes. */
async function onOwnDisk(dir: string, args: readonly string[]): Promise<Deno.CommandOutput> {
  const script = 'mount -t tmpfs -o size=24m tmpfs "$0" && ' +
    'exec setpriv --bounding-set=-dac_override,-dac_read_search "$@"';
  return await new Deno.Command("unshare", {
    args: ["--user", "--map-root-user", "--mount", "sh", "-c", script, dir, ...args],
    stdin: "null",
  }).output();
}

async function whyNot(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "only Linux has mount namespaces";
  await using temp = await tempDir();
  try {
    const { success, stderr } = await onOwnDisk(temp.path, ["prlimit", "--version"]);
    return success ? undefined : new TextDecoder().decode(stderr).trim();
  } catch (error) {
    return String(error);
  }
}

const reason = await whyNot();

async function walk(fault: FaultName): Promise<Walk> {
  await using temp = await tempDir();
  const run = ["run", "-A", "--no-check", "--no-lock", `--config=${CONFIG}`];
  const { success, stdout, stderr } = await onOwnDisk(temp.path, [
    Deno.execPath(),
    ...run,
    WALK,
    temp.path,
    fault,
  ]);
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

function isOwn(outcome: string): boolean {
  return /^(?:ok|SallyportError [a-z-]+: .+|TypeError: .+|RangeError: .+)$/s.test(outcome);
}

for (const fault of Object.keys(FAULTS) as FaultName[]) {
  const ignored = reason === undefined || REQUIRED ? "" : ` [ignored: ${reason}]`;
  Deno.test({
    name:
      `under ${fault} every public method fails with an error of ours, and works after it${ignored}`,
    ignore: reason !== undefined && !REQUIRED,
    async fn() {
      const { unknown, outcomes, after, stray } = await walk(fault);
      assert.deepEqual(unknown, [], "each member needs a case in fault_walk.ts");
      const others = Object.entries(outcomes).filter(([, outcome]) => !isOwn(outcome));
      assert.deepEqual(others, []);
      assert.deepEqual(stray, []);
      assert.ok(Object.values(outcomes).some((outcome) => WORDS[fault].test(outcome)));
      for (const [what, outcome] of Object.entries(after)) assert.equal(outcome, "ok", what);
      if (fault !== "ENAMETOOLONG") return;
      // nothing fails in this walk but what is meant to: the others fail of the fault
      const failed = Object.entries(outcomes).filter(([, outcome]) => outcome !== "ok")
        .map(([title]) => title).filter((title) =>
          !/\((?:long|no URL|aborted|cyclic|getter)/.test(title)
        );
      assert.deepEqual(failed, [
        "host.load (area)",
        "host.rollback",
        "host.refreshTrust (none)",
        "plugin.call (crash)",
        "plugin.rollback",
        "context.call (config)",
        "@sallyport/host.parseManifest",
        "@sallyport/host.parsePolicy",
      ]);
    },
  });
}
