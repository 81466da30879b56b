/**
 * Plugins of the benchmarks, loaded as applications load plugins, over the lane that is asked for.
 *
 * @module
 */
import {
  type PluginHandle,
  PluginHost,
  type PluginHostOptions,
  type Policy,
  silentLogger,
} from "@sallyport/host";
import { signForTest } from "@sallyport/host/testing";

/** Names what carries the messages between host and plugin. */
export type Lane = "socket" | "stdio";

/** Lists the lanes, in the order in which they are measured. */
export const LANES: readonly Lane[] = ["socket", "stdio"];

/** Says what a plugin of the benchmarks is. */
export interface BenchBundle {
  /** Its name. */
  readonly name: string;
  /** Its entry module, in TypeScript. */
  readonly source: string;
  /** Fields of the manifest beside name, version and entry. */
  readonly manifest?: Readonly<Record<string, unknown>>;
}

/** A host whose plugins are signed and not loaded yet. */
export interface BenchHost extends AsyncDisposable {
  /** The host. */
  readonly host: PluginHost;
  /** The folders of the bundles, in the order in which they were given. */
  readonly dirs: readonly string[];
}

/** The plugin that gives back what it gets. */
export const ECHO: BenchBundle = {
  name: "echo",
  source: "export default { methods: { echo: (params: unknown) => params } };\n",
};

const MIB = 1024 * 1024;
const LARGE_LIMITS = {
  messageBytes: 256 * MIB,
  memoryBytes: 4_096 * MIB,
  callTimeoutMs: 120_000,
  cpuPercent: 400,
  // a file of shared memory is a file, too
  storageBytes: 512 * MIB,
};

/** The same plugin, which asks for the largest message that a manifest can ask for. */
export const LARGE_ECHO: BenchBundle = { ...ECHO, manifest: { limits: LARGE_LIMITS } };

/** The policy that lets it. */
export const LARGE_POLICY: Policy = { default: { limits: LARGE_LIMITS } };

/** Signs bundles and opens a host that trusts them; `plain` where nothing else is said. */
export async function openBench(
  bundles: readonly BenchBundle[],
  options: PluginHostOptions = {},
): Promise<BenchHost> {
  await using undo = new AsyncDisposableStack();
  const { dirs, publicKey } = await signBundles(bundles, undo);
  const host = undo.use(
    await PluginHost.open({
      isolation: "plain",
      logger: silentLogger,
      // a hundred at once on two cores take their time
      times: { startTimeoutMs: 120_000 },
      ...options,
      keys: [publicKey],
    }),
  );
  const kept = undo.move();
  return { host, dirs, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** A loaded plugin that goes with its host. */
export interface BenchPlugin extends AsyncDisposable {
  /** The plugin. */
  readonly plugin: PluginHandle;
}

/** Loads one plugin; gives `undefined` where there is no such lane. */
export async function loadBench(
  bundle: BenchBundle,
  options: PluginHostOptions = {},
): Promise<BenchPlugin | undefined> {
  await using undo = new AsyncDisposableStack();
  const { host, dirs } = undo.use(await openBench([bundle], options));
  const plugin = await host.load(dirs[0]!);
  const lane = options.transport?.lane;
  if (lane !== undefined && plugin.lane !== lane) return undefined;
  const kept = undo.move();
  return { plugin, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Writes and signs bundles, which go with a stack. */
export async function signBundles(
  bundles: readonly BenchBundle[],
  undo: AsyncDisposableStack,
): Promise<{ dirs: string[]; publicKey: string }> {
  const privateKey = crypto.getRandomValues(new Uint8Array(32));
  const dir = await Deno.makeTempDir({ prefix: "sallyport-bench-" });
  undo.defer(() => Deno.remove(dir, { recursive: true }));
  const signed = [];
  for (const bundle of bundles) {
    const source = await writeBundle(`${dir}/${bundle.name}`, bundle);
    signed.push(undo.use(await signForTest(source, { privateKey })));
  }
  return { dirs: signed.map(({ dir }) => dir), publicKey: signed[0]!.publicKey };
}

async function writeBundle(
  dir: string,
  { name, source, manifest }: BenchBundle,
): Promise<string> {
  await Deno.mkdir(dir);
  await Deno.writeTextFile(
    `${dir}/plugin.json`,
    JSON.stringify({ name, version: "1.0.0", entry: "main.ts", ...manifest }),
  );
  await Deno.writeTextFile(`${dir}/main.ts`, source);
  return dir;
}
