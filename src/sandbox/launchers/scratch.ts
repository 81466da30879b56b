// What launchers with a root folder of their own make on the disk.
import type { LaunchSpec } from "../launch/launch_spec.ts";
import { MadeOnce } from "../launch/made_once.ts";
import type { Shell } from "../launch/wrapper.ts";
import { compileSeccomp, type SeccompArch } from "../seccomp/filter.ts";
import { type DeviceSource, makeDevices } from "./devices.ts";
import { Skeletons } from "./skeleton.ts";

/** Files of the launchers of one host, in its private folder; whoever made that removes it. */
export class Scratch {
  /** That folder. */
  readonly dir: string;
  readonly #devicesDir: string;
  #prefix = crypto.randomUUID();
  #next = 1;
  #filters = new MadeOnce<string>((path) => path);
  #devices = new MadeOnce<DeviceSource>((made) => typeof made === "string" ? made : undefined);
  #skeletons = new Map<string, Skeletons>();

  /**
   * @param dir The folder.
   * @param devicesDir Where devices stay for the next host; by default in the folder.
   */
  constructor(dir: string, devicesDir?: string) {
    this.dir = dir;
    this.#devicesDir = devicesDir ?? this.path("dev");
  }

  /** Returns a path in the folder that no other launcher uses. */
  path(name: string): string {
    return `${this.dir}/${this.#prefix}-${name}`;
  }

  /** Writes a file of one launch, readable for this user only, to be removed with it. */
  write(name: string, text: string, stack: AsyncDisposableStack): string {
    const path = this.path(`${this.#next++}.${name}`);
    stack.defer(() => remove(path));
    // a few KiB into the page cache: handing it to another thread takes longer than writing it
    Deno.writeTextFileSync(path, text, { mode: 0o600, createNew: true });
    return path;
  }

  /** Returns the devices of a host that is root, made once. */
  devices(shell: Shell): Promise<DeviceSource> {
    return this.#devices.get("", () => makeDevices(shell, this.#devicesDir));
  }

  /** Returns the root folders that have some empty files besides. */
  skeletons(files: readonly string[] = []): Skeletons {
    const key = files.join("\0");
    let made = this.#skeletons.get(key);
    if (made === undefined) {
      const prefix = this.#skeletons.size;
      made = new Skeletons((name) => this.path(`${prefix}-${name}`), files);
      this.#skeletons.set(key, made);
    }
    return made;
  }

  /**
   * Returns the file with the filter of a spec, for a filter that is loaded before the runtime is executed.
   */
  filter(spec: LaunchSpec): Promise<string> {
    const reach = networked(spec) ? "net" : spec.lane ? "lane" : "no-net";
    const key = `${spec.seccomp}-${reach}`;
    return this.#filters.get(key, () => this.#writeFilter(this.path(`${key}.filter`), spec));
  }

  async #writeFilter(path: string, spec: LaunchSpec): Promise<string> {
    const filter = compileFilter(spec, true);
    if (filter !== undefined) {
      await Deno.writeFile(path, filter, { mode: 0o600, createNew: true });
    }
    return path;
  }
}

/** Compiles the filter of a spec. */
export function compileFilter(spec: LaunchSpec, exec: boolean): Uint8Array | undefined {
  if (spec.seccomp === "off") return undefined;
  const arch = Deno.build.arch as SeccompArch;
  // what loads its own filter has its lane by then
  const lane = exec && spec.lane;
  return compileSeccomp({ profile: spec.seccomp, arch, network: networked(spec), exec, lane });
}

function networked(spec: LaunchSpec): boolean {
  return spec.network !== "isolated";
}

async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch {
    // never written, or gone with its folder
  }
}
