// What granted paths add to the exposure grade: what they touch counts, not how many they are, so
// that a wider path never weighs less than what lies in it.
import type { InspectedLaunch } from "../../../host/inspection.ts";
import { OWN_BUNDLE, OWN_STORAGE } from "../../../permissions/findings.ts";
import { overlaps, pathCovers } from "../../../permissions/scopes/path_scope.ts";
import type { ExposurePoints } from "./containment.ts";

type Place = "homes" | "within homes" | "system" | "elsewhere";

const POINTS: Readonly<Record<Place, readonly [read: number, write: number]>> = {
  homes: [20, 20],
  "within homes": [6, 12],
  system: [8, 15],
  elsewhere: [4, 10],
};
const WORDS: Readonly<Record<Place, string>> = {
  homes: "home folders, where keys and settings are",
  "within homes": "files in home folders",
  system: "system folders",
  elsewhere: "other folders",
};
/** Folders whose entries are home folders, and home folders that stand alone; in lower case. */
const HOME_PARENTS = ["/home", "/users"];
const LONE_HOMES = ["/root", "/private/var/root"];
const SYSTEM = [
  ...["/applications", "/boot", "/etc", "/library", "/private", "/program files"],
  ...["/program files (x86)", "/programdata", "/run", "/system", "/var", "/windows"],
];
const READ_MOST = 38;
const WRITE_MOST = 58;

export function pathLines(items: InspectedLaunch["permissions"]["items"]): ExposurePoints[] {
  const granted = (family: string) =>
    items.filter((item) =>
      item.family === family && item.source !== OWN_BUNDLE && item.source !== OWN_STORAGE
    ).map(({ value }) => value);
  const ownStorage = items.some(({ family, source }) =>
    family === "write" && source === OWN_STORAGE
  );
  const reads = granted("read");
  const writes = granted("write");
  return [
    [
      "reads",
      reads.length === 0
        ? "it can read its bundle and its storage only"
        : `it can read ${words(reads)}: ${unique(reads)}`,
      total(reads, 0),
      READ_MOST,
    ],
    [
      "writes",
      writes.length > 0
        ? `it can change ${words(writes)}: ${unique(writes)}`
        : ownStorage
        ? "it can fill its own storage"
        : "it can change no file",
      total(writes, 1) + (ownStorage ? 1 : 0),
      WRITE_MOST,
    ],
  ];
}

function total(paths: readonly string[], access: 0 | 1): number {
  return places(paths).reduce((sum, place) => sum + POINTS[place][access], 0);
}

function words(paths: readonly string[]): string {
  return places(paths).map((place) => WORDS[place]).join(" and ");
}

function unique(paths: readonly string[]): string {
  return [...new Set(paths)].join(", ");
}

function places(paths: readonly string[]): Place[] {
  const found = new Set(paths.flatMap(touched));
  return (Object.keys(POINTS) as Place[]).filter((place) => found.has(place));
}

function touched(path: string): Place[] {
  const plain = path.replace(/^[A-Za-z]:/, "").replaceAll("\\", "/").toLowerCase() || "/";
  const found: Place[] = [];
  if (SYSTEM.some((folder) => overlaps(folder, plain))) found.push("system");
  const parent = HOME_PARENTS.find((folder) => overlaps(folder, plain));
  const lone = LONE_HOMES.find((folder) => overlaps(folder, plain));
  if (parent !== undefined) found.push(...withinHome(plain, parent, 2));
  if (lone !== undefined) found.push(...withinHome(plain, lone, 1));
  const known = [...SYSTEM, ...HOME_PARENTS, ...LONE_HOMES];
  if (!known.some((folder) => pathCovers(folder, plain))) found.push("elsewhere");
  return found;
}

/** Tells a whole home, or what begins with a dot in one, from the rest of it. */
function withinHome(path: string, folder: string, depth: 1 | 2): Place[] {
  if (pathCovers(path, folder)) return ["homes", "within homes"];
  const inside = path.slice(folder.length + 1).split("/");
  const first = inside[depth - 1];
  if (first === undefined) return ["homes", "within homes"];
  return first.startsWith(".") ? ["homes"] : ["within homes"];
}
