import assert from "node:assert/strict";
import {
  PROLOGUE,
  scriptCommand,
  SETUP_FAILED,
  type Shell,
  WRAPPER_SCRIPT,
} from "../../../src/sandbox/launch/wrapper.ts";
import { requiringTest } from "../../helpers/sandbox.ts";

interface TestShell extends Shell {
  readonly name: string;
  readonly posix?: boolean;
  readonly applet?: string;
}

const SHELLS: readonly TestShell[] = [
  { name: "bash", path: "/bin/bash", bash: true },
  { name: "bash as sh", path: "/bin/bash", bash: true, posix: true },
  { name: "dash", path: "/bin/dash", bash: false },
  { name: "busybox", path: "/bin/busybox", bash: false, applet: "sh" },
];
const LIMITS = { fileDescriptors: 200, fileBytes: 5 * 1024 * 1024 + 1023 };
const SCRIPT = `${PROLOGUE}exec "$@"\n`;

/** What runs these tests may itself have left descriptors open. */
const CLEAN = "for fd in /proc/self/fd/*; do fd=${fd##*/}; ((fd > 2)) && exec {fd}>&-; done";

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

async function run(
  shell: TestShell,
  rest: string[],
  { cgroups = [] as string[], before = "", script = SCRIPT } = {},
): Promise<Outcome> {
  const [program, ...args] = scriptCommand(shell, script, LIMITS, cgroups, rest);
  const applet = shell.applet === undefined ? [] : [shell.applet];
  const posix = shell.posix ? ["--posix"] : [];
  const command = [program!, ...applet, ...posix, ...args];
  const output = await new Deno.Command("/bin/bash", {
    args: ["-c", `${CLEAN}\n${before}\nexec "$@"`, "bash", ...command],
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin" },
    stdin: "null",
  }).output();
  const [stdout, stderr] = [output.stdout, output.stderr].map((bytes) =>
    new TextDecoder().decode(bytes)
  );
  return { code: output.code, stdout: stdout!, stderr: stderr! };
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const FILES = 'for entry in /proc/self/fd/*; do echo "${entry##*/}"; done';

for (const shell of SHELLS) {
  if (shell.name === "busybox" && !exists(shell.path)) continue; // nobody has to have it
  const reason = exists(shell.path) ? undefined : `no ${shell.path}`;

  requiringTest(`the wrapper sets exact rlimits in ${shell.name}`, reason, async () => {
    const { code, stdout, stderr } = await run(shell, ["/bin/cat", "/proc/self/limits"]);
    assert.equal(code, 0, stderr);
    const row = (name: string) =>
      stdout.split("\n").find((line) => line.startsWith(name))!.slice(name.length).trim()
        .split(/\s+/).slice(0, 2);
    assert.deepEqual(row("Max file size"), ["5242880", "5242880"], "whole KiB, rounded down");
    assert.deepEqual(row("Max open files"), ["200", "200"]);
    assert.deepEqual(row("Max core file size"), ["0", "0"]);
  });

  requiringTest(`the wrapper keeps a lower hard limit in ${shell.name}`, reason, async () => {
    // a process without privileges could not raise it
    const before = "ulimit -n 100; exec /usr/bin/setpriv --bounding-set=-sys_resource " +
      '--inh-caps=-sys_resource -- /usr/bin/setpriv --reuid=12345 --clear-groups "$@"';
    const { code, stdout, stderr } = await run(shell, ["/bin/cat", "/proc/self/limits"], {
      before: Deno.uid() === 0 ? before : "ulimit -n 100",
    });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Max open files +100 +100 /);
  });

  requiringTest(`the wrapper closes what it inherits in ${shell.name}`, reason, async () => {
    const list = ["/bin/sh", "-c", FILES];
    const few = await run(shell, list, { before: "exec 3</dev/null 9</dev/null" });
    assert.equal(few.code, 0, few.stderr);
    assert.deepEqual(
      few.stdout.trim().split("\n"),
      ["0", "1", "2", "3"],
      "3 is the listing itself",
    );
    const many = await run(shell, list, { before: "exec 10</dev/null 77</dev/null" });
    if (shell.name === "dash") {
      assert.equal(many.code, SETUP_FAILED);
      assert.match(many.stderr, /cannot close the inherited descriptor 10: that takes bash/);
    } else {
      assert.deepEqual(many.stdout.trim().split("\n"), ["0", "1", "2", "3"]);
    }
    if (!shell.bash) {
      const orBash = await run({ ...shell, orBash: "/bin/bash" }, list, {
        before: "exec 10</dev/null 77</dev/null",
      });
      assert.equal(orBash.code, 0, orBash.stderr);
      assert.deepEqual(orBash.stdout.trim().split("\n"), ["0", "1", "2", "3"]);
    }
    // control
    const control = await run(shell, list, {
      before: "exec 77</dev/null",
      script: 'shift 5; exec "$@"',
    });
    assert.ok(control.stdout.split("\n").includes("77"), control.stderr);
  });

  requiringTest(`the wrapper joins each cgroup in ${shell.name}, or ends`, reason, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const groups = [`${folder}/a b`, `${folder}/c'$(touch x)`];
      const { code, stdout, stderr } = await run(shell, ["/bin/echo", "in"], { cgroups: groups });
      assert.equal(code, 0, stderr);
      assert.equal(stdout, "in\n");
      for (const group of groups) {
        assert.equal(await Deno.readTextFile(group), "0\n");
      }
      const absent = [groups[0]!, `${folder}/absent/x`, groups[1]!];
      const failed = await run(shell, ["/bin/echo", "in"], { cgroups: absent });
      assert.equal(failed.code, SETUP_FAILED);
      assert.equal(failed.stdout, "", "nothing was executed");
      assert.match(failed.stderr, /sallyport: cannot join the cgroup .*absent/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });

  requiringTest(
    `the wrapper hands over its files and any argument in ${shell.name}`,
    reason,
    async () => {
      const folder = await Deno.makeTempDir();
      try {
        await Deno.writeTextFile(`${folder}/a`, "arguments\n");
        await Deno.writeTextFile(`${folder}/f`, "filter\n");
        const odd = ["", "a b", "$(exit 1)", "'\"\n*", "--", "-n"];
        await Deno.writeTextFile(`${folder}/c d`, "copied\n");
        const print =
          'cat <&3; cat <&4; cat <&5; cat <&6; for word; do printf "<%s>" "$word"; done';
        const copies = [`${folder}/c d`, `${folder}/a`, "--"];
        const files = [`${folder}/a`, `${folder}/f`, ...copies];
        const rest = [...files, "/bin/sh", "-c", print, "sh", ...odd];
        const { code, stdout, stderr } = await run(shell, rest, {
          script: WRAPPER_SCRIPT.replace("exec -c", "exec"),
        });
        assert.equal(code, 0, stderr);
        const read = "arguments\nfilter\ncopied\narguments\n";
        assert.equal(stdout, `${read}${odd.map((word) => `<${word}>`).join("")}`);
        const missing = await run(shell, [
          ...[`${folder}/a`, `${folder}/absent`, "--", "/bin/echo", "ran"],
        ], {
          script: WRAPPER_SCRIPT,
        });
        assert.notEqual(missing.code, 0);
        assert.equal(missing.stdout, "", "without its filter nothing is executed");
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  );
}
