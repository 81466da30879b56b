/**
 * The private root in which the hand-written child runs under `unshare`, made once for all its starts.
 *
 * @module
 */
import { existsSync } from "node:fs";

/** What is executed on the machine's root, then what is in the new one. */
const OUTSIDE = [
  "/bin/sh",
  "/usr/bin/mount",
  "/usr/bin/cp",
  "/usr/bin/hostname",
  "/usr/sbin/pivot_root",
];
const INSIDE = ["/usr/bin/umount", "/usr/bin/unshare", "/usr/bin/setpriv"];
const LDD = "/usr/bin/ldd";
const FOLDERS = [".old", "proc", "dev", "tmp", "deno-dir", "bundle", "cwd"];
const DEVICES = ["null", "zero", "full", "random", "urandom"];
/** What only root may read of `/proc`: a host that is root could inside, too. */
const ROOT_ONLY = [
  ...["kpagecgroup", "kpagecount", "kpageflags", "pagetypeinfo"],
  ...["sched_debug", "slabinfo", "timer_list", "vmallocinfo"],
];

/** Whether everything is there that this takes. */
export function hasUnshare(): boolean {
  return [...OUTSIDE, ...INSIDE, LDD].every((path) => existsSync(path));
}

/**
 * Makes the folder: copies of the programs, of the child and of all libraries, and points to mount on.
 *
 * @param root The folder, which is not there yet.
 * @param child The script of the child; it becomes `/child.ts`.
 */
export async function makeRoot(root: string, child: string): Promise<void> {
  for (const name of FOLDERS) Deno.mkdirSync(`${root}/${name}`, { recursive: true });
  for (const name of ["deno", ...DEVICES.map((name) => `dev/${name}`)]) {
    Deno.writeTextFileSync(`${root}/${name}`, "");
  }
  Deno.copyFileSync(child, `${root}/child.ts`);
  const needs = await output(LDD, [...INSIDE, Deno.execPath()]);
  const libraries = new Set([...needs.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!));
  await output("/usr/bin/cp", ["-L", "--parents", ...INSIDE, ...libraries, root]);
}

/**
 * Lists the mounts of a start, in the form of `fstab`: all read-only but two folders in memory.
 *
 * @param root The folder of the root.
 * @param bundle The copy of the bundle.
 * @param denoDir What is mounted as the cache folder instead of one in memory.
 */
export function mountsOf(root: string, bundle: string, denoDir?: string): string {
  const line = (source: string, target: string, type: string, options: string) =>
    `${source} ${root}${target} ${type} nosuid,${options} 0 0\n`;
  const bind = (source: string, target: string, options: string) =>
    line(source, target, "none", `bind,${options}`);
  const memory = (target: string, size: string) =>
    line("tmpfs", target, "tmpfs", `nodev,noexec,mode=0755,nr_inodes=4096,size=${size}`);
  const hidden = Deno.uid() === 0 ? ROOT_ONLY.filter((name) => existsSync(`/proc/${name}`)) : [];
  return [
    bind(root, "", "ro,nodev"),
    // read-only but for what the init says of itself, where the ids of its second namespace are written
    line("proc", "/proc", "proc", "nodev,noexec"),
    bind(`${root}/proc`, "/proc", "ro,nodev,noexec"),
    bind(`${root}/proc/1`, "/proc/1", "rw,nodev,noexec"),
    ...hidden.map((name) => bind("/dev/null", `/proc/${name}`, "ro,noexec")),
    ...DEVICES.map((name) => bind(`/dev/${name}`, `/dev/${name}`, "ro,noexec")),
    memory("/tmp", "64m"),
    denoDir === undefined ? memory("/deno-dir", "16m") : bind(denoDir, "/deno-dir", "rw,nodev"),
    bind(Deno.execPath(), "/deno", "ro,nodev"),
    bind(bundle, "/bundle", "ro,nodev,noexec"),
  ].join("");
}

async function output(program: string, args: readonly string[]): Promise<string> {
  const { success, stdout } = await new Deno.Command(program, {
    args: [...args],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`${program} has failed`);
  return new TextDecoder().decode(stdout);
}
