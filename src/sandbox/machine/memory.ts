// What a machine can do does not change between two hosts: what was found out, and by what it is known that
// nothing has changed since.
import { sha3_512Hex } from "../../crypto/digest.ts";
import type { LauncherName } from "../launch/launch_spec.ts";
import { VERSION } from "../../version.ts";
import type { Survey } from "./survey.ts";

/** Where it is kept; what comes back is what was put there, or nothing. */
export interface MemoryFiles {
  read(name: string): Promise<Uint8Array | undefined>;
  write(name: string, content: Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
}

/** What is remembered of a machine. */
export interface Remembered {
  /** What there is. */
  readonly survey: Survey;
  /** The launchers that have worked. */
  readonly works: readonly LauncherName[];
}

const FILE = "machine.json";
const FOLDERS = [
  ...["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/local/sbin"],
  "/run/current-system/sw/bin",
];
const NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];
const SETTINGS = [
  "/proc/sys/kernel/random/boot_id",
  "/proc/sys/kernel/unprivileged_userns_clone",
  "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
  ...NAMESPACES.map((name) => `/proc/sys/user/max_${name}_namespaces`),
  "/proc/self/attr/current",
  "/proc/self/limits",
  "/proc/self/uid_map",
  "/proc/self/gid_map",
];
/** Mounts that say what may be done with the machine's own files. */
const MOUNTS = /^\/(?:(?:proc|sys|dev|usr|lib\w*|s?bin|etc)(?:\/.*)?)?$/;
const STATUS = /^(?:Groups|Cap\w+|NoNewPrivs|Seccomp):.*$/gm;

/** Remembers a machine in files. */
export class MachineMemory {
  readonly #files: MemoryFiles;

  constructor(files: MemoryFiles) {
    this.#files = files;
  }

  /** Recalls what was found out for an executable, if nothing that it depends on has changed. */
  async recall(executable: string): Promise<Remembered | undefined> {
    const bytes = await this.#files.read(FILE);
    if (bytes === undefined) return undefined;
    try {
      const { stamp, survey, works } = JSON.parse(new TextDecoder().decode(bytes));
      const found: Survey = { ...survey, bwrapOptions: new Set(survey.bwrapOptions) };
      return stampOf(executable, found) === stamp ? { survey: found, works } : undefined;
    } catch {
      return undefined; // another version wrote it
    }
  }

  /** Remembers what was found out. */
  async remember(executable: string, { survey, works }: Remembered): Promise<void> {
    const stamp = stampOf(executable, survey);
    if (stamp === undefined) return;
    const kept = { stamp, survey: { ...survey, bwrapOptions: [...survey.bwrapOptions] }, works };
    await this.#files.write(FILE, new TextEncoder().encode(JSON.stringify(kept)));
  }

  /** Forgets it. */
  async forget(): Promise<void> {
    await this.#files.remove(FILE);
  }
}

/**
 * Digests all that could change what works: kernel and boot, who the host is and may do, its namespaces, the
 * system's settings, and the identity of every file that a start executes. `undefined` where the host may not
 * look at one of them.
 */
function stampOf(executable: string, survey: Survey): string | undefined {
  try {
    const { shell, quickShell, programs, libraries = [], umount } = survey;
    const files = [
      ...[executable, shell.path, quickShell.path, ...Object.values(programs), ...libraries],
      ...(umount === undefined ? [] : [umount.path, umount.loader, ...umount.folders]),
    ];
    const facts = [
      ...[VERSION, Deno.version.deno, Deno.osRelease(), Deno.uid(), Deno.gid(), executable],
      ...[...new Set(files)].map(identityOf),
      ...[...FOLDERS, "/etc/ld.so.cache", "/etc/ld.so.preload"].map(identityIfThere),
      ...NAMESPACES.map((name) => linkIfThere(`/proc/self/ns/${name}`)),
      ...SETTINGS.map(textIfThere),
      Deno.readTextFileSync("/proc/self/status").match(STATUS),
      Deno.readTextFileSync("/proc/self/mountinfo").split("\n")
        .map((line) => line.split(" ").slice(2, 6)).filter(([, , point]) => MOUNTS.test(point!)),
      files.map((command) => Deno.permissions.querySync({ name: "run", command }).state),
    ];
    return sha3_512Hex(new TextEncoder().encode(JSON.stringify(facts)));
  } catch {
    return undefined;
  }
}

/** A file that is replaced, written to or given other rights has another one. */
function identityOf(path: string): unknown {
  const { dev, ino, size, mode, uid, mtime, ctime } = Deno.statSync(path);
  return [path, dev, ino, size, mode, uid, mtime?.getTime(), ctime?.getTime()];
}

function identityIfThere(path: string): unknown {
  return ifThere(() => identityOf(path));
}

function linkIfThere(path: string): string | undefined {
  return ifThere(() => Deno.readLinkSync(path));
}

function textIfThere(path: string): string | undefined {
  return ifThere(() => Deno.readTextFileSync(path));
}

function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    // a file of `/proc` that this kernel answers with EINVAL says as little as one that is not there
    if (error instanceof Deno.errors.NotCapable) throw error;
    return undefined;
  }
}
