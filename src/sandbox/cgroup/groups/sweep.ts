// Removes the cgroups that hosts left which were killed.
import { type HostIdentity, isOrphaned } from "./host_name.ts";
import { removeGroup } from "./remove.ts";

/** How many left groups one start removes at most; the next goes on. */
const MAX_SWEPT = 200;
const TIMEOUT_MS = 2_000;

/**
 * Kills what still lives in the groups of hosts that are gone, and removes those groups.
 *
 * Groups of living hosts, of other pid namespaces and of other users are never touched.
 */
export async function sweepGroups(places: Iterable<string>, self: HostIdentity): Promise<void> {
  const uid = Deno.uid();
  let count = 0;
  for (const place of places) {
    for (const name of folderNames(place)) {
      if (!isOrphaned(name, self) || count >= MAX_SWEPT) continue;
      const folder = `${place}/${name}`;
      if (ownerOf(folder) !== uid) continue;
      count++;
      await removeGroup(folder, TIMEOUT_MS);
    }
  }
}

function folderNames(place: string): string[] {
  try {
    return [...Deno.readDirSync(place)].filter((entry) => entry.isDirectory).map(({ name }) =>
      name
    );
  } catch {
    return [];
  }
}

function ownerOf(folder: string): number | null | undefined {
  try {
    return Deno.lstatSync(folder).uid;
  } catch {
    return undefined;
  }
}
