import { BOOTSTRAP_SOURCE, IMPORT_MAP_SOURCE } from "../../src/plugin/bootstrap.generated.ts";
import { Connection, type RequestOptions } from "../../src/rpc/connection.ts";
import { childDuplex } from "../../src/rpc/transport/duplex.ts";
import type { ConnectionOptions } from "../../src/rpc/calls/options.ts";

// The flags of the design, for a plugin that was granted nothing
const FLAGS = [
  "--no-prompt",
  "--no-remote",
  "--no-npm",
  "--no-config",
  "--no-lock",
  "--cached-only",
  "--deny-import",
  "--no-code-cache",
  "--deny-write",
  "--deny-net",
  "--deny-sys",
  "--deny-env",
  "--deny-run",
  "--deny-ffi",
];

/** A plugin's process without a host around it. */
export class TestPlugin implements AsyncDisposable {
  readonly dir: string;
  readonly child: Deno.ChildProcess;
  readonly connection: Connection;
  readonly notifications: { method: string; params: Record<string, unknown> }[] = [];
  readonly stderr: Promise<string>;
  #waiting: { test: (found: { method: string }) => boolean; resolve: () => void }[] = [];

  constructor(dir: string, options: Partial<ConnectionOptions>) {
    this.dir = dir;
    this.child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        ...FLAGS,
        `--allow-read=${dir}/bundle`,
        `--import-map=${dir}/import_map.json`,
        `${dir}/bootstrap.js`,
      ],
      clearEnv: true,
      env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", DENO_DIR: `${dir}/deno` },
      cwd: `${dir}/bundle`,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.stderr = new Response(this.child.stderr).text();
    this.connection = new Connection({
      io: childDuplex(this.child),
      role: "host",
      onNotification: (method, params) => {
        this.notifications.push({ method, params: params as Record<string, unknown> });
        this.#waiting = this.#waiting.filter(({ test, resolve }) => {
          const found = test({ method });
          if (found) resolve();
          return !found;
        });
      },
      ...options,
    });
  }

  /** Sends `initialize` for an entry of the bundle. */
  initialize(params: Record<string, unknown> = {}, entry = "main.ts"): Promise<unknown> {
    return this.connection.request("initialize", {
      protocol: 1,
      plugin: { name: "test", version: "1.2.3" },
      entry: new URL(`file://${this.dir}/bundle/${entry}`).href,
      context: {},
      hooks: [],
      limits: {},
      ...params,
    }, { timeoutMs: 20_000 });
  }

  /** Calls a method. */
  call(method: string, params?: unknown, options: RequestOptions = {}): Promise<unknown> {
    return this.connection.request("plugin/call", { method, params }, {
      timeoutMs: 20_000,
      ...options,
    });
  }

  /** Streams a method's items. */
  stream(method: string, params?: unknown): AsyncGenerator<unknown> {
    return this.connection.stream("plugin/call", { method, params }, { timeoutMs: 20_000 });
  }

  /** Gives the messages of the log records that came. */
  logs(level?: string): string[] {
    return this.notifications.filter(({ method, params }) =>
      method === "log" && (level === undefined || params.level === level)
    ).map(({ params }) => String(params.message));
  }

  /** Waits for the next notification of a method. */
  notified(method: string): Promise<void> {
    return new Promise((resolve) =>
      this.#waiting.push({ test: (found) => found.method === method, resolve })
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection[Symbol.asyncDispose]();
    try {
      this.child.kill("SIGKILL");
    } catch {
      // It has ended already
    }
    await this.child.status;
    await this.stderr;
    await Deno.remove(this.dir, { recursive: true });
  }
}

/** Starts the bootstrap in a child over a bundle of these files; `initialize` is still to be sent. */
export async function startBare(
  files: Record<string, string>,
  options: Partial<ConnectionOptions> = {},
): Promise<TestPlugin> {
  const dir = await Deno.realPath(await Deno.makeTempDir());
  await Deno.mkdir(`${dir}/bundle`);
  await Deno.writeTextFile(`${dir}/bootstrap.js`, BOOTSTRAP_SOURCE);
  await Deno.writeTextFile(`${dir}/import_map.json`, IMPORT_MAP_SOURCE);
  for (const [name, source] of Object.entries(files)) {
    await Deno.writeTextFile(`${dir}/bundle/${name}`, source);
  }
  return new TestPlugin(dir, options);
}

/** Starts a plugin from the source of its entry, ready for calls. */
export async function startPlugin(
  source: string,
  options: Partial<ConnectionOptions> = {},
  params: Record<string, unknown> = {},
): Promise<TestPlugin> {
  const plugin = await startBare({ "main.ts": source }, options);
  try {
    await plugin.initialize(params);
  } catch (error) {
    await plugin[Symbol.asyncDispose]();
    throw error;
  }
  return plugin;
}
