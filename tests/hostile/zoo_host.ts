// deno-lint-ignore-file no-console -- its output is what the test reads
/**
 * A host that loads one attacker after another, beside a plugin that behaves, and prints a line of
 * JSON about each: `zoo_host.ts <launcher> <settings.json>`. See `lane.ts` for the settings.
 */
import { type IsolationMode, PluginHost, type PluginHostOptions } from "../../src/mod.ts";
import { recordEvents, recordingLogger } from "../helpers/host.ts";
import { makeKeys } from "../helpers/signing.ts";
import { type Attack, keyOf, type Report } from "./attack.ts";
import { runBypass, runBypassDirectly } from "./run_bypass.ts";
import { runDirect } from "./run_direct.ts";
import { runGroup } from "./run_group.ts";
import { serve } from "./servers.ts";
import {
  type BundlePlaces,
  fillOutside,
  type Group,
  groupsOf,
  placed,
  stageBundle,
} from "./staging.ts";
import { seen, takeSnapshot } from "./snapshot.ts";
import { ATTACKS, ofTheHost } from "./table.ts";
import type { World } from "./world.ts";

/** What a lane is run with. */
interface Settings {
  /** The lane's own folder. */
  readonly dir: string;
  /** The folder of hostile modules. */
  readonly plugins: string;
  /** The program that runs a module without a host. */
  readonly direct: string;
  /** Only attacks whose key holds this text. */
  readonly only?: string;
  /** Whether attacks on the host's own code are among them. */
  readonly onHost: boolean;
  /** What to do: attack, show the controls, hold until killed, or open and close. */
  readonly act: "attack" | "control" | "hold" | "open";
  /** How many attackers at once. */
  readonly atOnce: number;
}

const [launcher, settingsPath] = Deno.args as [IsolationMode, string];
const settings: Settings = JSON.parse(Deno.readTextFileSync(settingsPath));
const { dir, plugins } = settings;
const outside = `${dir}/outside`;
const dataDir = `${dir}/data`;
const bundles = `${dir}/bundles`;
const marker = `zoo-${crypto.randomUUID()}`;
const isolation = launcher === "plain" ? launcher : { mode: launcher, require: true };
// what none of the plugins may get
const POISON = {
  NODE_OPTIONS: "--no-warnings",
  HTTP_PROXY: "http://127.0.0.1:9",
  LD_PRELOAD: "/nowhere/library.so",
  DENO_V8_FLAGS: "--stack-size=900",
};

const logger = recordingLogger();
const print = (line: object) => console.log(JSON.stringify({ ...line, at: performance.now() }));

await (settings.act === "hold" ? hold() : settings.act === "open" ? open() : attack());

async function attack(): Promise<void> {
  await Deno.mkdir(bundles, { recursive: true });
  await fillOutside(outside);
  const before = takeSnapshot(dir);
  await attackAll();
  print({ key: "end", left: seen(before, takeSnapshot(dir)), hostPid: Deno.pid });
}

async function attackAll(): Promise<void> {
  await using servers = serve(outside, marker);
  const world: World = {
    outside,
    secret: `${outside}/secret.txt`,
    marker,
    uid: Deno.uid()!,
    hostPid: Deno.pid,
    hostGroup: Number(Deno.readTextFileSync("/proc/self/stat").split(") ")[1]!.split(" ")[2]),
    private: [dir.slice(dir.lastIndexOf("/") + 1), marker],
    ...servers.places,
  };
  const places = { plugins, bundles, world, dataDir };
  const chosen = ATTACKS.filter((each) =>
    (settings.only === undefined || keyOf(each).includes(settings.only)) &&
    (settings.onHost || !ofTheHost(each))
  );
  if (settings.act === "control") {
    await direct(chosen.filter(({ control }) => control.by === "direct"), places);
    await stage(chosen.filter(({ control }) => control.by === "plain"), places);
    for (const report of await runBypassDirectly(places)) print(report);
  } else {
    await stage(chosen, places);
    for (const seccomp of ["strict", "off"] as const) {
      for (const reports of await runBypass({ ...places, isolation, seccomp })) print(reports);
    }
  }
}

/** Runs groups of attacks, a few at once, those that need quiet at the end. */
async function stage(attacks: readonly Attack[], places: BundlePlaces): Promise<void> {
  const { world } = places;
  const keys = await makeKeys("zoo");
  const groups = groupsOf(attacks);
  const entry = ({ policy, manifest }: Attack) =>
    placed({ ...policy, limits: (manifest as { limits?: object })?.limits }, world, dataDir);
  const policy = {
    // what an attack ended stays so, to be looked at
    default: { restart: { maxRestarts: 0 } },
    plugins: Object.fromEntries(groups.map(({ name, attacks: [first] }) => [name, entry(first)])),
  };
  const config = Object.fromEntries(
    groups.map(({ name }) => [name, { long: "x".repeat(20_000), short: "short" }]),
  );
  // the watch over plugins is a protection, too: what is done without protection is done without it
  const watch = settings.act === "control" ? { monitor: false } as const : {};
  await using host = await openHost({ keys: [keys.hex], policy, config, dataDir, ...watch });
  // not measured: the answer about its heap would come between the bytes that an attack drips
  const piped = {
    dataDir: `${dataDir}-piped`,
    transport: { lane: "stdio" },
    monitor: false,
  } as const;
  await using pipes = await openHost({ keys: [keys.hex], policy, config, ...piped });
  const witness: Group = {
    name: "witness",
    attacks: [{ plugin: "witness" } as Attack],
  };
  for (const { name, attacks: [first] } of [witness, ...groups]) {
    await stageBundle(first, name, places, keys);
    if (first.twin) await stageBundle(first, `${name}-other`, places, keys);
  }
  const open = async (host: PluginHost) => ({
    host,
    events: recordEvents(host),
    logger,
    world,
    bundles,
    witness: await host.load(`${bundles}/witness`),
  });
  const theatres = { socket: await open(host), stdio: await open(pipes) };
  for (const [lane, { witness }] of Object.entries(theatres)) {
    if (witness.lane !== lane) throw new Error(`The lane is ${witness.lane}, not ${lane}`);
  }
  print({ key: "witness", sandbox: theatres.socket.witness.sandbox });
  const run = async (group: Group) => {
    const theatre = theatres[group.attacks[0].lane ?? "socket"];
    for (const report of await runGroup(group, theatre)) print(report);
  };
  const waits = (group: Group) => group.attacks[0].plugin === "never_settles" ? 0 : 1;
  const crowd = groups.filter(({ attacks: [first] }) => !first.quiet);
  await several(crowd.sort((one, other) => waits(one) - waits(other)), run);
  for (const group of groups.filter(({ attacks: [first] }) => first.quiet)) await run(group);
}

async function direct(attacks: readonly Attack[], places: BundlePlaces): Promise<void> {
  const numbered = attacks.map((attack, index) => ({ attack, name: `direct-${index}` }));
  await several(numbered, async ({ attack, name }) => {
    const report: Report = await runDirect(attack, name, { ...places, program: settings.direct });
    print(report);
  });
}

async function openHost(options: PluginHostOptions): Promise<PluginHost> {
  for (const [name, value] of Object.entries(POISON)) Deno.env.set(name, value);
  return await PluginHost.open({
    isolation,
    logger,
    times: { startTimeoutMs: 10_000, drainMs: 50, shutdownMs: 150, graceMs: 150 },
    ...options,
  });
}

/** Takes the next whenever one is done. */
async function several<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await run(item);
  };
  await Promise.all(Array.from({ length: settings.atOnce }, worker));
}

/** Has plugins running that want to stay, until somebody kills this host. */
async function hold(): Promise<void> {
  await Deno.mkdir(bundles, { recursive: true });
  const keys = await makeKeys("zoo");
  const places = {
    plugins,
    bundles,
    dataDir,
    world: { outside, port: 9, freePort: 9 } as World,
  };
  const net = ["127.0.0.1:9"];
  const policy = { plugins: { network: { grant: { net } } } };
  const host = await openHost({ dataDir, keys: [keys.hex], policy });
  const pids: Record<string, number> = {};
  for (const name of ["stays", "spins", "network", "witness"]) {
    const manifest = name === "network" ? { permissions: { net } } : {};
    await stageBundle({ plugin: name, manifest } as unknown as Attack, name, places, keys);
    pids[name] = (await host.load(`${bundles}/${name}`)).pid!;
  }
  const kept = [
    host.plugin("stays")!.call("spin"),
    host.plugin("spins")!.call("spins", { how: "a loop in each of 4 workers" }),
  ];
  print({ key: "held", pids, hostPid: Deno.pid });
  await Promise.allSettled(kept);
}

/** Opens a host and closes it: what a killed one left is swept. */
async function open(): Promise<void> {
  await (await openHost({ dataDir })).close();
  print({ key: "opened", hostPid: Deno.pid });
}
