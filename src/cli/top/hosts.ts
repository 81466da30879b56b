// Finds the hosts that run in a data folder, and the status that each publishes.
import { escapeText, SallyportError } from "../../errors.ts";
import { type HostStatus, STATUS_FILE } from "../../host/supervision/status_file.ts";
import { withoutSlash } from "../shared/files.ts";
import { readStatus } from "./status.ts";

export interface HostView {
  readonly run: string;
  readonly file: string;
  readonly status?: HostStatus;
  readonly problem?: string;
}

export interface TopView {
  readonly dataDir: string;
  readonly time: Date;
  readonly hosts: readonly HostView[];
  /** Runs of hosts that are gone, which nothing is read of. */
  readonly leftBehind: readonly string[];
  readonly more: number;
}

const LOCK = /^([0-9A-Za-z-]{1,64})\.lock$/;
const MAX_ENTRIES = 10_000;
const MAX_HOSTS = 100;
const STALE_INTERVALS = 3;
/** A host writes at most five times a second, and a busy one a little later. */
const MIN_STALE_MS = 1_000;

/** Looks at a data folder; changes nothing in it. */
export async function viewHosts(dataDir: string): Promise<TopView> {
  const root = withoutSlash(dataDir);
  const runs = await listRuns(`${root}/run`, dataDir);
  const running: string[] = [];
  const leftBehind: string[] = [];
  for (const run of runs) {
    const held = await isHeld(`${root}/run/${run}.lock`);
    if (held !== undefined) (held ? running : leftBehind).push(run);
  }
  const hosts: HostView[] = [];
  for (const run of running.slice(0, MAX_HOSTS)) {
    hosts.push(await viewHost(run, `${root}/run/${run}/${STATUS_FILE}`));
  }
  const more = running.length - hosts.length;
  return { dataDir: root, time: new Date(), hosts, leftBehind, more };
}

/** Works out how old a status is, in milliseconds: negative where the clock of the host is ahead. */
export function ageOf(
  { time, intervalMs }: HostStatus,
  now: Date,
): { readonly ageMs: number; readonly stale: boolean } {
  const ageMs = now.getTime() - new Date(time).getTime();
  return { ageMs, stale: Math.abs(ageMs) > Math.max(STALE_INTERVALS * intervalMs, MIN_STALE_MS) };
}

async function listRuns(folder: string, dataDir: string): Promise<string[]> {
  const runs: string[] = [];
  let seen = 0;
  try {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      if (++seen > MAX_ENTRIES) break;
      const run = LOCK.exec(name)?.[1];
      // not a fifo, which would have us wait for a writer
      if (run !== undefined && isFile) runs.push(run);
    }
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    const reason =
      cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory
        ? "it is no data folder of a host"
        : cause instanceof Error
        ? cause.message
        : String(cause);
    throw new SallyportError(
      "bad-config",
      `Cannot look into "${escapeText(dataDir, 500)}": ${escapeText(reason)}`,
      { hint: "Name with --data-dir the folder that the host was given as dataDir", cause },
    );
  }
  return runs.sort();
}

/** Whether a process holds a lock; `undefined` where the lock has gone meanwhile. */
async function isHeld(path: string): Promise<boolean | undefined> {
  try {
    using file = await Deno.open(path);
    // shared, so that two commands at once do not take each other for a host
    return !await file.tryLock(false);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    // another user's: its status says no more than why it cannot be read
    if (error instanceof Deno.errors.PermissionDenied) return true;
    throw error;
  }
}

async function viewHost(run: string, file: string): Promise<HostView> {
  try {
    return { run, file, status: await readStatus(file) };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const missing = (error as { code?: unknown }).code === "ENOENT";
    const message = error instanceof Error ? error.message : String(error);
    return {
      run,
      file,
      problem: missing
        ? "it has not published its status"
        : `its status cannot be read: ${escapeText(message, 500)}`,
    };
  }
}
