// What no grant may reach: all that a host was given or keeps, by whatever path it can be reached.
import { dirname, resolve } from "node:path";
import { mayRead } from "../../io/open_to_others.ts";
import { toPath } from "./config_files.ts";
import { comparePlaces, MountPlaces } from "./mount_places.ts";
import { overlaps, type PathAccess, pathCovers } from "../../permissions/scopes/path_scope.ts";

/** Names something of the host. */
export interface ReservedPath {
  /** Where it is, absolute, as it was given. */
  readonly path: string;
  /** What it is, such as `the policy`. */
  readonly what: string;
  /** Whether only writing to it is refused. */
  readonly writeOnly?: true;
  /** Whether it is a file, and what is named after it belongs to it: `trust.list.previous`, `app.db-wal`. */
  readonly isFile?: true;
}

/** Names what a host is given by path. */
interface GivenPaths {
  readonly executable: string;
  readonly dataDir: string | undefined;
  readonly auditDir: string | undefined;
  readonly policy: unknown;
  readonly trustList:
    | Readonly<Partial<Record<"file" | "keyFile" | "passphraseFile", unknown>>>
    | undefined;
  readonly keys: readonly (string | undefined)[];
}

const MAX_LINKS = 40;

/** Lists what a host was given by path; what is no path is left out. */
export function givenPaths(
  { executable, dataDir, auditDir, policy, trustList, keys }: GivenPaths,
): ReservedPath[] {
  const found: ReservedPath[] = [{ path: resolve(executable), what: "deno", writeOnly: true }];
  for (const [what, path] of [["the host's data folder", dataDir], ["the audit log", auditDir]]) {
    if (path !== undefined) found.push({ path: resolve(path), what: what! });
  }
  const add = (what: string, path: unknown) => {
    if (typeof path !== "string" && !(path instanceof URL)) return;
    found.push({ path: resolve(toPath(path)), what, isFile: true });
  };
  add("the policy", policy);
  add("the trust list", trustList?.file);
  add("what opens the trust list", trustList?.keyFile ?? trustList?.passphraseFile);
  for (const path of keys) {
    add("a trusted key", path);
    // what `keygen` puts beside it
    if (path?.endsWith(".pub")) add("a private key", path.replace(/\.pub$/, ".key"));
  }
  return found;
}

/**
 * Prepares to look up paths; the disk is looked at when the first one is.
 *
 * A path is refused when it is, lies in or contains something reserved: by its name or that of any link
 * that leads there, by what is named after it (`policy.json.bak`), where the system numbers its files, by
 * what it is, whatever it is called there, and on Linux by what is mounted there or beneath it.
 */
export function reservedPaths(
  reserved: readonly ReservedPath[],
): (path: string, access: PathAccess) => string | undefined {
  let known: readonly Known[] | undefined;
  let mounts: MountPlaces;
  return (path, access) => {
    mounts ??= MountPlaces.look();
    known ??= reserved.map((one) => look(one, mounts));
    const up = ancestors(path).map(identity);
    const at = mounts.of(path);
    for (const { path: own, what, writeOnly, isFile, names, itself, above, places } of known) {
      if (writeOnly && access === "read") continue;
      const mounted = comparePlaces(places, at);
      const within = mounted === "within" || names.some((name) => pathCovers(name, path)) ||
        up.some((one) => one !== undefined && one === itself);
      const beside = !within && isFile === true &&
        names.some((name) => path.startsWith(`${name}.`) || path.startsWith(`${name}-`));
      const around = mounted !== undefined || names.some((name) => overlaps(name, path)) ||
        (up[0] !== undefined && above.includes(up[0]));
      if (!within && !beside && !around) continue;
      return `${beside ? "belongs to" : within ? "is or lies in" : "contains"} ${what}, "${own}"`;
    }
    return undefined;
  };
}

interface Known extends ReservedPath {
  /** Every path by which it is reached: as it is written, and by each link on the way. */
  readonly names: readonly string[];
  readonly itself: string | undefined;
  readonly above: readonly (string | undefined)[];
  readonly places: ReturnType<MountPlaces["of"]>;
}

function look(reserved: ReservedPath, mounts: MountPlaces): Known {
  const names = waypoints(reserved.path);
  const [itself, ...above] = ancestors(names.at(-1)!).map(identity);
  return { ...reserved, names, itself, above, places: mounts.of(names.at(-1)!) };
}

/** Lists the paths that lead to a file, link by link; the last one is the real one. */
function waypoints(path: string): string[] {
  const names = [resolve(path)];
  for (let links = 0; links < MAX_LINKS; links++) {
    const at = names.at(-1)!;
    const next = ancestors(at).reverse().map((prefix) => {
      const target = linkAt(prefix);
      return target && resolve(dirname(prefix), target) + at.slice(prefix.length);
    }).find((one) => one !== undefined);
    if (next === undefined) break;
    names.push(resolve(next));
  }
  return names;
}

/** Lists a path and the folders above it, without the root. */
function ancestors(path: string): string[] {
  const found: string[] = [];
  for (let at = path; dirname(at) !== at; at = dirname(at)) found.push(at);
  return found;
}

function linkAt(path: string): string | undefined {
  try {
    return mayRead(path) ? Deno.readLinkSync(path) : undefined;
  } catch {
    return undefined; // no link, or not there
  }
}

/** Says which file a path is on this machine; another mount of a folder has the same. */
function identity(path: string): string | undefined {
  try {
    if (!mayRead(path)) return undefined;
    const { dev, ino } = Deno.statSync(path);
    return ino === null || ino === 0 ? undefined : `${dev}:${ino}`;
  } catch {
    return undefined; // not there, and so nothing that could be granted
  }
}
