import assert from "node:assert/strict";
import { InterruptedError } from "../../../src/cli/terminal/failure.ts";
import { type CliIo, OutputClosed } from "../../../src/cli/terminal/io.ts";
import { Output } from "../../../src/cli/terminal/output.ts";
import { viewHosts } from "../../../src/cli/top/hosts.ts";
import { type LiveOptions, showLive } from "../../../src/cli/top/live.ts";
import { until } from "../../helpers/process.ts";
import { scratch } from "../bundles.ts";
import { hostStatus, pluginStatus, showHost } from "./kit.ts";

const ENTER = "\u001b[?1049h";
const LEAVE = "\u001b[0m\u001b[?25h\u001b[?7h\u001b[?1049l";
const MAIN = new URL("../../../src/cli/main.ts", import.meta.url).pathname;
const SCRIPT = await new Deno.Command("script", { args: ["--version"], stdout: "null" }).output()
  .then(({ success }) => success, () => false);

/** A terminal that keeps what is written and is typed at by the test. */
class FakeTerminal {
  written = "";
  size = { columns: 100, rows: 10 };
  /** Fails each write from now on. */
  closed = false;
  #keys: Uint8Array[] = [];
  #waiting: PromiseWithResolvers<Uint8Array | null> | undefined;

  readonly io: CliIo = {
    writeOut: (text) => {
      if (this.closed) throw new OutputClosed();
      this.written += text;
    },
    writeErr() {},
    stdin: () => new Blob([]).stream(),
    outIsTerminal: true,
    errIsTerminal: true,
    noColor: true,
  };

  start(dataDir: string, more: Partial<LiveOptions> = {}): Promise<void> {
    return showLive({
      io: this.io,
      terminal: { raw: (act) => act(() => this.#read()) },
      output: new Output(this.io, false),
      view: () => viewHosts(dataDir),
      intervalMs: 20,
      sort: "cpu",
      size: () => this.size,
      ...more,
    });
  }

  type(text: string): void {
    const bytes = new TextEncoder().encode(text);
    if (this.#waiting === undefined) this.#keys.push(bytes);
    else this.#waiting.resolve(bytes);
    this.#waiting = undefined;
  }

  end(): void {
    this.#waiting?.resolve(null);
  }

  interrupt(): void {
    this.#waiting?.reject(new InterruptedError());
  }

  /** The lines of the last frame. */
  frame(): string[] {
    const last = this.written.split("\u001b[H").at(-1)!.split("\u001b[J")[0]!;
    return last.split("\r\n").map((line) => line.replace("\u001b[K", ""));
  }

  async shows(pattern: RegExp): Promise<void> {
    await until(() => pattern.test(this.frame().join("\n")), `${pattern} in ${this.frame()}`);
  }

  #read(): Promise<Uint8Array | null> {
    const next = this.#keys.shift();
    if (next !== undefined) return Promise.resolve(next);
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }
}

Deno.test("top shows what changes, until q is pressed", async () => {
  await using dir = await scratch();
  using host = await showHost(dir.path, "aaaaaaaa");
  await host.tell(hostStatus([pluginStatus("first", { cpuPercent: 1 })]));
  const terminal = new FakeTerminal();
  const ended = terminal.start(dir.path);
  await terminal.shows(/^first .* 1\.0 /m);
  await host.tell(hostStatus([pluginStatus("second", { cpuPercent: 2 })]));
  await terminal.shows(/^second .* 2\.0 /m);
  assert.doesNotMatch(terminal.frame().join("\n"), /first/);
  host[Symbol.dispose]();
  await terminal.shows(/^No host runs here any more/m);
  using _next = await showHost(dir.path, "bbbbbbbb");
  await terminal.shows(/^host bbbbbbbb: it has not published/m);
  terminal.type("q");
  await ended;
  assert.ok(terminal.written.startsWith(ENTER));
  assert.ok(terminal.written.endsWith(LEAVE));
  assert.equal(terminal.written.split(ENTER).length, 2);
});

for (const [what, keys] of [["Ctrl-C", "\u0003"], ["Ctrl-D", "\u0004"], ["Q", "xQ"]] as const) {
  Deno.test(`top leaves on ${what}`, async () => {
    await using dir = await scratch();
    using _host = await showHost(dir.path, "aaaaaaaa");
    const terminal = new FakeTerminal();
    const ended = terminal.start(dir.path, { intervalMs: 3_600_000 });
    await terminal.shows(/host aaaaaaaa/);
    terminal.type(keys);
    await ended;
    assert.ok(terminal.written.endsWith(LEAVE));
  });
}

Deno.test("top writes nothing where nothing has changed", async () => {
  await using dir = await scratch();
  using _host = await showHost(dir.path, "aaaaaaaa");
  const terminal = new FakeTerminal();
  let looks = 0;
  const time = new Date();
  const ended = terminal.start(dir.path, {
    view: async () => {
      looks++;
      return { ...await viewHosts(dir.path), time };
    },
  });
  await until(() => looks >= 5, "five looks");
  assert.equal(terminal.written.split("\u001b[H").length, 2);
  terminal.type("q");
  await ended;
});

Deno.test("top scrolls, changes the order and follows the size of the terminal", async () => {
  await using dir = await scratch();
  using host = await showHost(dir.path, "aaaaaaaa");
  const plugins = Array.from(
    { length: 20 },
    (_, index) => pluginStatus(`p${String(index).padStart(2, "0")}`, { cpuPercent: index }),
  );
  await host.tell(hostStatus(plugins));
  const terminal = new FakeTerminal();
  const ended = terminal.start(dir.path);
  await terminal.shows(/14 below/);
  assert.equal(terminal.frame().length, 10);
  assert.match(terminal.frame()[3]!, /^p19 /);
  terminal.type("\u001b[B");
  await terminal.shows(/1 above, 13 below/);
  terminal.type("G");
  await terminal.shows(/14 above\)/);
  assert.match(terminal.frame().at(-2)!, /^p00 /);
  terminal.type("k \u001b[5~\u001b[5~");
  await terminal.shows(/14 below/);
  terminal.type("sss");
  await terminal.shows(/ by name /);
  assert.match(terminal.frame()[3]!, /^p00 /);
  terminal.size = { columns: 40, rows: 30 };
  await terminal.shows(/p19/);
  assert.equal(terminal.frame().length, 30);
  for (const line of terminal.frame()) assert.ok(line.length < 40, line);
  terminal.size = { columns: 5, rows: 1 };
  await until(() => terminal.frame().length === 1, "a single row");
  terminal.type("q");
  await ended;
});

Deno.test("top gives the terminal back on a signal and on an error", async () => {
  await using dir = await scratch();
  using _host = await showHost(dir.path, "aaaaaaaa");
  const first = new FakeTerminal();
  const interrupted = first.start(dir.path, { intervalMs: 3_600_000 });
  await first.shows(/host aaaaaaaa/);
  first.interrupt();
  await assert.rejects(interrupted, InterruptedError);
  assert.ok(first.written.endsWith(LEAVE));

  const second = new FakeTerminal();
  let looks = 0;
  const failed = second.start(dir.path, {
    view: () => ++looks < 3 ? viewHosts(dir.path) : Promise.reject(new Error("no more")),
  });
  await assert.rejects(failed, /no more/);
  assert.ok(second.written.endsWith(LEAVE));

  const third = new FakeTerminal();
  const ended = third.start(dir.path);
  await third.shows(/host aaaaaaaa/);
  third.end();
  await ended;
  assert.ok(third.written.endsWith(LEAVE));
});

Deno.test("top ends when its terminal is gone", async () => {
  await using dir = await scratch();
  using host = await showHost(dir.path, "aaaaaaaa");
  const terminal = new FakeTerminal();
  const ended = terminal.start(dir.path);
  await terminal.shows(/host aaaaaaaa/);
  terminal.closed = true;
  await host.tell(hostStatus([pluginStatus("a")]));
  await assert.rejects(ended, OutputClosed);
});

for (
  const [how, exitCode] of [["q", 0], ["SIGTERM", 130], ["SIGHUP", 0], [
    "its folder gone",
    1,
  ]] as const
) {
  Deno.test({
    name: `at a real terminal ${how} ends top, and the terminal is put back`,
    ignore: !SCRIPT,
    async fn() {
      await using dir = await scratch();
      using host = await showHost(dir.path, "aaaaaaaa");
      await host.tell(hostStatus([pluginStatus("greedy", { cpuPercent: 97 })]));
      const top = `${Deno.execPath()} run -A --no-lock ${MAIN} top --data-dir ${dir.path}`;
      // colour is what a terminal gets, whatever runs these tests
      const shell = `unset NO_COLOR; stty cols 90 rows 12; ${top} --interval 100 & echo pid=$!; ` +
        `fg >/dev/null; echo code=$?; stty -a`;
      const child = new Deno.Command("script", {
        args: ["-qec", `bash -mc '${shell}'`, "/dev/null"],
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
        env: { SHELL: "/bin/sh" },
      }).spawn();
      const writer = child.stdin.getWriter();
      let text = "";
      let asked = false;
      for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        if (asked || !text.includes("greedy")) continue;
        asked = true;
        if (how === "q") await writer.write(new TextEncoder().encode("q"));
        else if (how === "its folder gone") {
          await Deno.remove(`${dir.path}/run`, { recursive: true });
        } else Deno.kill(Number(/pid=(\d+)/.exec(text)![1]), how);
      }
      await writer.close().catch(() => {}); // it has ended
      await child.status;
      const [shown, after = ""] = text.split(LEAVE);
      assert.ok(shown!.includes(ENTER), text);
      assert.ok(shown!.includes("\u001b[32mactive"), "colour on a terminal");
      // a frame ends without a line end, and the next begins at the top left
      // deno-lint-ignore no-control-regex
      for (const line of shown!.split(/\r\n|\u001b\[H/)) {
        // deno-lint-ignore no-control-regex
        assert.ok([...line.replace(/\u001b\[[?\d;]*\w/g, "")].length < 90, line);
      }
      assert.match(after, new RegExp(`code=${exitCode}\\b`));
      assert.match(after, /[^-]\becho\b/);
      assert.match(after, /[^-]\bicanon\b/);
    },
  });
}
