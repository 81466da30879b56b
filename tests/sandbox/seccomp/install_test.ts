import assert from "node:assert/strict";
import { installSeccomp } from "../../../src/plugin/seccomp_install.ts";
import { denoForAll } from "../../helpers/deno_for_all.ts";
import { type Filters, hasSeccomp, isRoot, makeFilters, unless } from "./sandboxed.ts";

const HERE = import.meta.dirname!;
const seccomp = unless("this machine has no seccomp filters that we make", !hasSeccomp);

/** Where this machine's C library is, as the dynamic loader found it for Deno itself. */
function findLibrary(): string {
  const found = /\s(\/\S*\/libc\.so\.6)$/m.exec(Deno.readTextFileSync("/proc/self/maps"));
  if (found === null) throw new Error("no C library");
  return found[1]!;
}

interface Said {
  before?: Record<string, string>;
  after?: Record<string, string>;
  loading?: string;
}

/** The process of install_program.ts: its messages, and the threads of it that the kernel knows. */
interface Running extends AsyncDisposable {
  next(): Promise<Said>;
  goOn(): Promise<void>;
  threads(): { filter: string; noNewPrivileges: string }[];
}

function start(filters: Filters, filter: string, unprivileged: boolean, library: string): Running {
  const flags = [
    ...["--no-prompt", "--no-remote", "--no-npm", "--no-config", "--no-lock", "--cached-only"],
    ...["--deny-import", "--no-code-cache", "--no-check", "--deny-write", "--deny-net"],
    ...["--deny-sys", "--deny-env", "--deny-run", "--v8-flags=--max-old-space-size=128"],
    // lets it ask for what Deno else ends the process for
    "--unstable-worker-options",
    ...[`--allow-read=${HERE},${filters.folder}`, `--allow-ffi=${library}`],
  ];
  const deno = unprivileged ? denoForAll() : Deno.execPath();
  const command = [deno, "run", ...flags, `${HERE}/install_program.ts`, library, filter];
  if (unprivileged && isRoot) {
    command.unshift("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--");
  }
  const child = new Deno.Command(command[0]!, {
    args: command.slice(1),
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin", DENO_DIR: filters.empty(), DENO_NO_UPDATE_CHECK: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    signal: AbortSignal.timeout(30_000),
  }).spawn();
  const writer = child.stdin.getWriter();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    async next() {
      while (!text.includes("\n")) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`the program ended after ${JSON.stringify(text)}`);
        text += value;
      }
      const end = text.indexOf("\n");
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      return JSON.parse(line);
    },
    goOn: () => writer.write(new TextEncoder().encode("go\n")),
    threads() {
      const tasks = `/proc/${child.pid}/task`;
      return [...Deno.readDirSync(tasks)].flatMap(({ name }) => {
        try {
          const status = Deno.readTextFileSync(`${tasks}/${name}/status`);
          const field = (key: string) => new RegExp(`^${key}:\\s(\\d+)$`, "m").exec(status)![1]!;
          return [{ filter: field("Seccomp"), noNewPrivileges: field("NoNewPrivs") }];
        } catch {
          return []; // a thread that has ended meanwhile
        }
      });
    },
    async [Symbol.asyncDispose]() {
      await writer.close().catch(() => {});
      await reader.cancel().catch(() => {});
      await child.status;
    },
  };
}

const OPENED = {
  library: "opened",
  worker: "opened",
  nodeWorker: "opened",
  asked: "granted",
  state: "granted",
};
const REFUSED = {
  library: "NotCapable",
  name: "NotCapable",
  pointer: "NotCapable",
  addon: "NotCapable",
  worker: "NotCapable",
  nodeWorker: "NotCapable",
};

function assertIncludes(actual: Record<string, string>, expected: Record<string, string>): void {
  const part = Object.fromEntries(Object.keys(expected).map((key) => [key, actual[key]]));
  assert.deepEqual(part, expected);
}

for (const unprivileged of isRoot ? [false, true] : [true]) {
  const who = unprivileged ? "a user" : "root";
  for (const profile of ["strict", "baseline"] as const) {
    Deno.test({
      name: `installSeccomp() of ${who} puts ${profile} on every thread, ` +
        `with one path of a permission that is gone afterwards${seccomp.suffix}`,
      ignore: seccomp.ignore,
      async fn() {
        using filters = makeFilters();
        const filter = filters.write({ profile, network: false, exec: false });
        await using running = start(filters, filter, unprivileged, findLibrary());
        const { before } = await running.next();
        // the control: what the permission gives while it is there, in workers too
        assertIncludes(before!, OPENED);
        assertIncludes(before!, { pointer: "NotCapable", name: "NotCapable" });
        const threads = running.threads();
        assert.ok(threads.length >= 6, `only ${threads.length} threads`);
        assert.ok(threads.every(({ filter }) => filter === "0"));

        await running.goOn();
        const { loading, after } = await running.next();
        assert.equal(loading, "loaded");
        assertIncludes(after!, REFUSED);
        assert.notEqual(after!.askingWorker, "opened");
        assert.notEqual(after!.asked, "granted");
        assert.notEqual(after!.state, "granted");
        const filtered = running.threads();
        assert.ok(filtered.length > threads.length, "the new workers have threads");
        assert.deepEqual(
          filtered.filter((thread) => thread.filter !== "2" || thread.noNewPrivileges !== "1"),
          [],
        );
      },
    });
  }
}

for (
  const [what, bytes, expected] of [
    ["nothing to load", [], /^loaded$/],
    [
      "a program that the kernel refuses",
      [6, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0],
      /refuses/,
    ],
  ] as const
) {
  Deno.test({
    name: `installSeccomp() gives the permission up also with ${what}${seccomp.suffix}`,
    ignore: seccomp.ignore,
    async fn() {
      using filters = makeFilters();
      const filter = `${filters.folder}/filter`;
      Deno.writeFileSync(filter, new Uint8Array(bytes));
      await using running = start(filters, filter, !isRoot, findLibrary());
      assertIncludes((await running.next()).before!, OPENED);
      await running.goOn();
      const { loading, after } = await running.next();
      assert.match(loading!, expected);
      assertIncludes(after!, REFUSED);
      assert.ok(running.threads().every(({ filter }) => filter === "0"));
    },
  });
}

Deno.test({
  name: "installSeccomp() refuses a filter for another architecture",
  // it gives the permission up, which this process shares with other tests
  permissions: { ffi: true, read: false },
  fn() {
    for (const arch of ["riscv64", Deno.build.arch === "x86_64" ? "aarch64" : "x86_64", ""]) {
      assert.throws(() => installSeccomp(new Uint8Array(8), arch), /Cannot load a seccomp filter/);
    }
    assert.notEqual(Deno.permissions.querySync({ name: "ffi" }).state, "granted");
  },
});
