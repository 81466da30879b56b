import { PluginHost } from "../../src/host/host.ts";
import type { HostEvent } from "../../src/host/events/events.ts";
import type { PluginHostOptions } from "../../src/host/settings/plugin_host_options.ts";
import type { Logger } from "../../src/log.ts";
import { processesNaming, until } from "./process.ts";
import {
  type FileContent,
  makeBundle,
  makeKeys,
  type ManifestFields,
  signDir,
  tempDir,
  type TestKeys,
} from "./signing.ts";

const FIXTURES = new URL("../fixtures/plugins/", import.meta.url);

/** Short times, so that what a hostile plugin holds up is over soon. */
export const SHORT_TIMES = {
  times: { startTimeoutMs: 60_000, drainMs: 200, shutdownMs: 300, graceMs: 300 },
} as const;

/** One record of a logger. */
export interface LogEntry {
  /** The method of the logger. */
  readonly level: string;
  /** The message. */
  readonly message: string;
  /** The fields. */
  readonly fields: Record<string, unknown>;
}

/** A logger that keeps what it gets. */
export interface RecordingLogger extends Logger {
  /** Everything so far. */
  readonly entries: LogEntry[];
  /** Waits for a record, past ones included. */
  find(matches: (entry: LogEntry) => boolean): Promise<LogEntry>;
}

/** Makes a logger that keeps what it gets. */
export function recordingLogger(): RecordingLogger {
  const entries: LogEntry[] = [];
  const take = (level: string) => (message: string, fields: Record<string, unknown> = {}) => {
    entries.push({ level, message, fields });
  };
  return {
    entries,
    debug: take("debug"),
    info: take("info"),
    warn: take("warn"),
    error: take("error"),
    async find(matches) {
      await until(() => entries.some(matches), `a log record that matches ${matches}`);
      return entries.find(matches)!;
    },
  };
}

/** Follows the events of a host from the moment of its creation. */
export interface EventRecord {
  /** Everything so far. */
  readonly seen: HostEvent[];
  /** Waits for an event of a type, past ones included. */
  find<T extends HostEvent["type"]>(
    type: T,
    plugin?: string,
  ): Promise<Extract<HostEvent, { type: T }>>;
  /** The types of a plugin's events in order, states as `state:to`. */
  story(plugin: string): string[];
}

/** Records the events of a host until it is closed. */
export function recordEvents(host: PluginHost): EventRecord {
  const seen: HostEvent[] = [];
  void (async () => {
    for await (const event of host.events()) seen.push(event);
  })();
  const of = (event: HostEvent, plugin: string) => "plugin" in event && event.plugin === plugin;
  return {
    seen,
    async find(type, plugin) {
      const find = () =>
        seen.find((event) => event.type === type && (plugin === undefined || of(event, plugin)));
      await until(() => find() !== undefined, `an event "${type}" of ${plugin}`);
      return find() as never;
    },
    story: (plugin) =>
      seen.filter((event) => of(event, plugin))
        .map((event) => event.type === "state" ? `state:${event.to}` : event.type),
  };
}

/** Folders, keys and hosts of one test; checks at its end that no process and no run is left. */
export interface HostTest extends AsyncDisposable {
  /** The keys that sign the bundles, and that hosts trust. */
  readonly keys: TestKeys;
  /** Where bundles are, for `discover`. */
  readonly plugins: string;
  /** The folder that hosts get as `dataDir`. */
  readonly dataDir: string;
  /** The logger that hosts get. */
  readonly logger: RecordingLogger;
  /** Joins a path to the test's folder. */
  join(...segments: string[]): string;
  /**
   * Opens a host, plain and with short times; it is closed with the test. Unless the policy says
   * something of restarts, a plugin that ended stays so: what follows is the test's to say.
   */
  open(options?: PluginHostOptions): Promise<PluginHost>;
  /** Writes and signs a bundle; its name is the folder's. */
  bundle(
    name: string,
    main: string,
    manifest?: ManifestFields,
    files?: Readonly<Record<string, FileContent>>,
  ): Promise<string>;
  /** Signs a plugin of `tests/fixtures/plugins` as a bundle of that name. */
  fixture(name: string, manifest?: ManifestFields): Promise<string>;
}

function withoutRestarts(policy: PluginHostOptions["policy"] = {}): PluginHostOptions["policy"] {
  if (typeof policy === "string" || policy instanceof URL) return policy;
  return { ...policy, default: { restart: { maxRestarts: 0 }, ...policy.default } };
}

/** Prepares a test: `await using test = await hostTest()`. */
export async function hostTest(): Promise<HostTest> {
  const dir = await tempDir();
  const keys = await makeKeys("tests");
  const logger = recordingLogger();
  const hosts: PluginHost[] = [];
  const plugins = dir.join("plugins");
  const dataDir = dir.join("data");
  await Deno.mkdir(plugins);
  const bundle: HostTest["bundle"] = async (name, main, manifest = {}, files = {}) => {
    const path = `${plugins}/${name}`;
    await makeBundle(path, { "main.ts": main, ...files }, { name, ...manifest });
    await signDir(path, keys);
    return path;
  };
  return {
    keys,
    plugins,
    dataDir,
    logger,
    join: dir.join,
    bundle,
    async open(options = {}) {
      const host = await PluginHost.open({
        dataDir,
        keys: [keys.hex],
        isolation: "plain",
        logger,
        ...options,
        times: { ...SHORT_TIMES.times, ...options.times },
        policy: withoutRestarts(options.policy),
      });
      hosts.push(host);
      return host;
    },
    async fixture(name, manifest) {
      const main = await Deno.readTextFile(new URL(`${name}.ts`, FIXTURES));
      return await bundle(name, main, manifest);
    },
    async [Symbol.asyncDispose]() {
      const problems: string[] = [];
      for (const host of hosts) {
        await host.close().catch((error) => problems.push(`close: ${error}`));
      }
      for (const pid of processesNaming(dir.path)) {
        problems.push(`process ${pid} is left`);
        Deno.kill(pid, "SIGKILL");
        await until(() => !processesNaming(dir.path).includes(pid), "its end");
      }
      try {
        for (const { name } of Deno.readDirSync(`${dataDir}/run`)) {
          problems.push(`run/${name} is left`);
        }
      } catch {
        // no host was opened on it
      }
      await dir[Symbol.asyncDispose]();
      if (problems.length > 0) throw new Error(problems.join("; "));
    },
  };
}
