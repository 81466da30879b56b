import assert from "node:assert/strict";
import { removeTree } from "../../../src/io/remove_tree.ts";
import {
  allowed,
  type Attack,
  denied,
  ended,
  refused,
  type Report,
  type Stage,
} from "../attack.ts";

const own = { "own.txt": "its own" };
const direct = { by: "direct", succeeded: allowed } as const;
const plain = { by: "plain", succeeded: allowed } as const;

function file(rows: string[], what: string, method: string, rest: Partial<Attack> = {}): Attack {
  return {
    rows,
    what,
    plugin: "files",
    group: "files",
    files: own,
    call: [method],
    contained: denied,
    control: direct,
    ...rest,
  };
}

const MIB = 1024 * 1024;
/** May keep 4 MiB of its own. */
export const STORAGE = {
  storage: { quotaBytes: 4 * MIB },
  permissions: { read: ["$STORAGE"], write: ["$STORAGE"] },
};

function storage(rows: string[], what: string, method: string, rest: Partial<Attack> = {}): Attack {
  return {
    rows,
    what,
    plugin: "storage",
    call: [method],
    manifest: STORAGE,
    contained: denied,
    control: direct,
    ...rest,
  };
}

/** The folder that the host gives a plugin. */
const folderOf = ({ host, name }: Stage) => `${host.dataDir}/storage/${name}`;

/** Finds out whether others than the host's user can get at a plugin's folder. */
async function reach(stage: Stage): Promise<unknown> {
  const modes: Record<string, string> = {};
  for (const path of [stage.host.dataDir, `${stage.host.dataDir}/storage`, folderOf(stage)]) {
    const { mode } = await Deno.stat(path);
    modes[path.slice(stage.host.dataDir.length) || "/"] = (mode! & 0o777).toString(8);
  }
  return modes;
}

/** Asks another program whether a file of the stored bundle is locked. */
async function isLocked({ host, plugin }: Stage): Promise<boolean> {
  const path = `${host.dataDir}/store/${plugin!.bundleHash}/own.txt`;
  await Deno.lstat(path);
  const { code } = await new Deno.Command("flock", { args: ["-n", path, "true"] }).output();
  return code !== 0;
}

/** Ended by the signal for it; the first process of a namespace only gets the error. */
function cutOff(report: Report): void {
  if (report.error?.code !== "plugin-error") return ended("limit-exceeded", /file larger/)(report);
  assert.match(report.error.message, /File too large/);
}

const leavesNothing = (bytes: number) => ({ after }: Report) => {
  assert.ok((after as number) <= bytes, `${after} bytes were written`);
};

/** Reads how large the largest file in a plugin's folder is. */
async function largest(stage: Stage): Promise<number> {
  let most = 0;
  for await (const { name } of Deno.readDir(folderOf(stage))) {
    const path = `${folderOf(stage)}/${name}`;
    most = Math.max(most, (await Deno.stat(path)).size);
    await Deno.remove(path);
  }
  return most;
}

/** Attacks on files. */
export const FILE_ATTACKS: readonly Attack[] = [
  file(["FS-01"], "reads outside its bundle", "reads"),
  file(["FS-02", "FS-03"], "looks at and lists what is outside its bundle", "looks"),
  file(["FS-04", "FS-05", "FS-06"], "opens /proc, /dev and descriptors by name", "special"),
  file(["FS-07"], "writes where everybody may", "writes"),
  file(["FS-08"], "writes to its own bundle", "ownBundle"),
  file(["FS-09"], "changes mode, owner and times by a descriptor for reading", "ownMetadata", {
    group: "metadata",
    control: plain,
  }),
  file(["FS-10"], "locks a file of its bundle", "locks", {
    group: "locks",
    // a lock is no harm as long as the host never waits for one
    contained(report) {
      allowed(report);
      assert.deepEqual(report.after, { locked: true, reloaded: "active", locked2: false });
    },
    after: async (stage) => ({
      locked: await isLocked(stage),
      reloaded: (await stage.host.reload(stage.name)).state,
      locked2: await isLocked(stage),
    }),
    control: { by: "itself" },
  }),
  file(["FS-11"], "ships a symbolic link to the outside", "reads", {
    group: "link",
    links: { "link.txt": "OUTSIDE/secret.txt" },
    contained: refused("bundle-invalid", /link\.txt/),
    after: loadsWithout("link.txt"),
    control: { by: "itself" },
  }),
  storage(["FS-12", "FS-13"], "links, copies and renames across its grants", "crosses"),
  storage(["FS-14"], "finds a link standing in its folder", "crosses", {
    async before(stage) {
      await Deno.mkdir(folderOf(stage), { recursive: true });
      await Deno.symlink(stage.world.secret, `${folderOf(stage)}/planted`);
    },
    contained(report) {
      refused("permission-denied", /symbolic link/)(report);
      assert.equal(report.after, "active");
    },
    async after(stage) {
      await Deno.remove(`${folderOf(stage)}/planted`);
      return (await stage.host.load(stage.bundle)).state;
    },
    control: { by: "itself" },
  }),
  storage(["FS-15"], "fills the disk with one file", "bigFile", {
    call: ["bigFile", { bytes: 8 * MIB }],
    contained(report) {
      cutOff(report);
      leavesNothing(4 * MIB)(report);
    },
    after: largest,
    control: plain,
  }),
  storage(["FS-15"], "fills the disk with a sparse file", "sparseFile", {
    call: ["sparseFile", { bytes: 1024 * MIB }],
    contained(report) {
      cutOff(report);
      leavesNothing(4 * MIB)(report);
    },
    after: largest,
    control: plain,
  }),
  // not contained by the system: the host has to live with it, and to remove it
  ...([
    ["FS-16", "makes a thousand files", "manyFiles", { count: 1_000 }],
    ["FS-18", "nests folders 1,200 deep", "nests", { depth: 1_200 }],
  ] as const).map(([row, what, method, params]) =>
    storage([row], what, method, {
      call: [method, params],
      contained(report) {
        allowed(report);
        assert.deepEqual(report.after, { reloaded: "active", removed: true });
      },
      async after(stage) {
        const { state } = await stage.host.reload(stage.name);
        await stage.host.unload(stage.name);
        await removeTree(folderOf(stage));
        const removed = await Deno.lstat(folderOf(stage)).then(() => false, () => true);
        return { reloaded: state, removed };
      },
      control: { by: "itself" },
    })
  ),
  storage(["FS-17"], "plants odd names and set-user-id modes", "names", {
    contained(report) {
      const ways = report.answer as Record<string, string>;
      assert.equal(ways["odd names"], "ok", "they harm nobody who does not print them");
      assert.match(ways.setuid!, /PermissionDenied|EPERM/);
      // whatever it plants, nobody but the host's user gets at it
      assert.deepEqual(report.after, {
        "/": "700",
        "/storage": "700",
        [`/storage/${nameOf(report)}`]: "700",
      });
    },
    after: reach,
    control: direct,
  }),
  file(["FS-19"], "watches what is outside its bundle", "watches"),
  file(["FS-20"], "opens, attaches and makes databases outside its bundle", "sqlite"),
  file(["FS-20"], "loads an extension into a database", "sqliteExtension", {
    control: {
      by: "nothing",
      because: "there is no extension to load here",
    },
  }),
  {
    rows: ["FS-22", "FS-23"],
    what: "leaves something in shared storage for its next run",
    plugin: "shared_state",
    call: ["leaves"],
    contained({ after }) {
      denied({ answer: after } as Report);
    },
    async after({ host, name, world }) {
      const reloaded = await host.reload(name);
      return await reloaded.call("finds", world);
    },
    control: { by: "direct", succeeded: allowed, params: { nextRun: "finds" } },
  },
  {
    rows: ["FS-22", "FS-23"],
    what: "leaves something in shared storage for another plugin",
    plugin: "shared_state",
    twin: true,
    call: ["leaves"],
    contained({ after }) {
      denied({ answer: after } as Report);
    },
    async after({ host, bundle, world }) {
      const other = await host.load(`${bundle}-other`);
      return await other.call("finds", world);
    },
    control: { by: "nothing", because: "the attack before this one shows it: they have one key" },
  },
  {
    rows: ["FS-23"],
    what: "fills the cache of the runtime",
    plugin: "shared_state",
    group: "fills",
    call: ["fills", { pieces: 6, bytes: 4 * MIB }],
    // a cache in memory of a few MiB is its own; on the disk there is nothing of it
    contained(report) {
      assert.equal(report.after, 0);
      const full = Object.values(report.answer as object).some((came) => !came.startsWith("ok"));
      assert.ok(full, JSON.stringify(report.answer));
    },
    after: bytesOfRuns,
    control: direct,
  },
  storage(["FS-24"], "listens on a Unix socket in its folder", "socket", { group: "socket" }),
  file(
    ["FS-25", "LA-04"],
    "reads descriptors that its host got from its own parent",
    "descriptors",
  ),
  file(["FS-25"], "reads descriptors by number", "rawDescriptors", {
    control: { by: "nothing", because: "the runtime knows only descriptors that it opened itself" },
  }),
  file(["FS-26"], "has the runtime write reports outside", "reports", {
    group: undefined,
    // to write it the runtime takes more memory than there is, if nothing else keeps it
    contained: (report) =>
      report.error === undefined ? denied(report) : ended("limit-exceeded")(report),
  }),
];

/** Adds up what the runs of the host have on the disk beyond what it put there itself. */
async function bytesOfRuns({ host, world }: Stage): Promise<number> {
  let bytes = 0;
  const walk = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) await walk(path).catch(() => {}); // another attack is over meanwhile
      else if (isFile && (await Deno.readTextFile(path).catch(() => "")).includes(world.marker)) {
        bytes += (await Deno.stat(path)).size;
      }
    }
  };
  await walk(`${host.dataDir}/run`);
  return bytes;
}

function nameOf({ after }: Report): string {
  return Object.keys(after as object).pop()!.slice("/storage/".length);
}

function loadsWithout(path: string): (stage: Stage) => Promise<string> {
  return async ({ host, bundle }) => {
    await Deno.remove(`${bundle}/${path}`);
    return (await host.load(bundle)).state;
  };
}
