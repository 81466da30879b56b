/**
 * Plugins of the benchmarks, loaded as applications load plugins, over the lane that is asked for.
 *
 * @module
 */
import {
  type IsolationMode,
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

/** Options of {@linkcode openBench}. */
export interface BenchHostOptions {
  /** The lane; without it the host chooses. */
  readonly lane?: Lane;
  /** Whether large values travel in shared memory, and how many bytes of it there are. */
  readonly sharedMemory?: PluginHostOptions["sharedMemory"];
  /** What contains the plugins; `plain` where nothing is said. */
  readonly isolation?: IsolationMode;
  /** The policy. */
  readonly policy?: Policy;
  /** The pool of processes. */
  readonly pool?: PluginHostOptions["pool"];
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

/**
 * Signs bundles and opens a host that trusts them.
 *
 * @returns The host; `undefined` where it does not know the lane.
 */
export async function openBench(
  bundles: readonly BenchBundle[],
  options: BenchHostOptions = {},
): Promise<BenchHost | undefined> {
  await using undo = new AsyncDisposableStack();
  const privateKey = crypto.getRandomValues(new Uint8Array(32));
  const dirs: string[] = [];
  let publicKey = "";
  for (const bundle of bundles) {
    const signed = undo.use(await sign(bundle, privateKey));
    dirs.push(signed.dir);
    publicKey = signed.publicKey;
  }
  const { lane, sharedMemory, isolation = "plain", policy, pool } = options;
  const host = await openLane(lane, {
    keys: [publicKey],
    isolation,
    logger: silentLogger,
    // a hundred at once on two cores take their time
    startTimeoutMs: 120_000,
    ...(policy === undefined ? {} : { policy }),
    ...(pool === undefined ? {} : { pool }),
    ...(sharedMemory === undefined ? {} : { sharedMemory }),
  });
  if (host === undefined) return undefined;
  undo.use(host);
  const kept = undo.move();
  return { host, dirs, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** A loaded plugin that goes with its host. */
export interface BenchPlugin extends AsyncDisposable {
  /** The plugin. */
  readonly plugin: PluginHandle;
}

/**
 * Loads one plugin over one lane.
 *
 * @returns The plugin; `undefined` where the host does not know the lane or did not use it.
 */
export async function loadBench(
  bundle: BenchBundle,
  options: BenchHostOptions = {},
): Promise<BenchPlugin | undefined> {
  const bench = await openBench([bundle], options);
  if (bench === undefined) return undefined;
  await using undo = new AsyncDisposableStack();
  undo.use(bench);
  const plugin = await bench.host.load(bench.dirs[0]!);
  if (!isOnLane(plugin, options.lane)) return undefined;
  const kept = undo.move();
  return { plugin, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Opens a host for one lane; a host that knows no lanes speaks over stdio. */
async function openLane(
  lane: Lane | undefined,
  options: PluginHostOptions,
): Promise<PluginHost | undefined> {
  if (lane === undefined) return await PluginHost.open(options);
  try {
    return await PluginHost.open({ ...options, lane } as PluginHostOptions);
  } catch (error) {
    const unknown = error instanceof TypeError && error.message.includes('unknown option "lane"');
    if (!unknown) throw error;
    return lane === "stdio" ? await PluginHost.open(options) : undefined;
  }
}

/** Says whether a plugin really uses the lane, where it tells. */
function isOnLane(plugin: PluginHandle, lane: Lane | undefined): boolean {
  const { lane: used } = plugin as unknown as { readonly lane?: unknown };
  return lane === undefined || used === undefined || used === lane;
}

async function sign(bundle: BenchBundle, privateKey: Uint8Array) {
  const dir = await Deno.makeTempDir({ prefix: "sallyport-bench-" });
  try {
    return await signForTest(await writeBundle(`${dir}/bundle`, bundle), { privateKey });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Writes the files of a bundle, unsigned, and gives its folder. */
export async function writeBundle(
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
