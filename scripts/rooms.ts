/**
 * The rooms of `src/`: what imports what. `deno task rooms` draws them into CONTRIBUTING.md, and counts lines.
 *
 * @module
 */

/** The folders of `src/` (and the files beside them), each importing only from itself and those before it. */
export const ROOMS: readonly string[] = [
  ...["errors", "version", "node", "command_line", "guard", "log", "json", "io", "crypto"],
  ...["bundle/manifest", "bundle/reading", "bundle/signing", "bundle/store"],
  ...["trust/keys", "trust/root", "trust/list", "trust/sealed", "trust/mark", "trust/verify"],
  ...["trust", "permissions/scopes", "permissions/policy", "permissions"],
  ...["rpc/wire", "rpc/flow", "rpc/transport", "rpc/calls", "rpc", "plugin/log", "plugin"],
  ...["sandbox/seccomp", "sandbox/launch", "sandbox/machine"],
  ...["sandbox/cgroup/groups", "sandbox/cgroup/systemd", "sandbox/cgroup/v1", "sandbox/cgroup/v2"],
  ...["sandbox/cgroup", "sandbox/launchers", "sandbox", "doctor"],
  ...["egress/http", "egress/dialing", "egress", "process", "hooks"],
  ...["services/calls", "services/database", "services/kv", "services"],
  ...["monitor/sources", "monitor/samples", "monitor/violations", "monitor/telemetry"],
  ...["audit/chain", "audit/verify", "audit/write", "audit"],
  ...["host/events", "host/settings", "host/data", "host/folders", "host/admission"],
  ...["host/process", "host/calls", "host/plugin", "host/supervision", "host"],
  ...[
    "mod",
    "testing",
    "cli/terminal",
    "cli/shared",
    "cli/keys",
    "cli/hash",
    "cli/sign",
    "cli/verify",
    "cli/trust",
  ],
  ...["cli/inspect/exposure", "cli/inspect", "cli/audit", "cli/run", "cli/new", "cli/doctor"],
  ...["cli/quarantine", "cli/top", "cli"],
];

/** One import in `src/`; types count. */
export interface Import {
  /** The file, from `src/` on. */
  readonly file: string;
  /** What it imports, as it is written there. */
  readonly specifier: string;
  /** The imported file, from `src/` on; `undefined` for what is not of this project. */
  readonly target: string | undefined;
}

const SRC = new URL("../src/", import.meta.url);
const PAGE = new URL("../CONTRIBUTING.md", import.meta.url);
const IMPORT =
  /^(?:import|export)\b[^;`]*?\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm;

/** Lists the files of `src/` that people write. */
export async function sourceFiles(dir: URL = SRC): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(dir)) {
    if (isDirectory) files.push(...await sourceFiles(new URL(`${name}/`, dir)));
    else if (/(?<!\.generated)\.ts$/.test(name)) {
      files.push(new URL(name, dir).href.slice(SRC.href.length));
    }
  }
  return files.sort();
}

/** Lists every import in `src/`. */
export async function imports(): Promise<Import[]> {
  const found: Import[] = [];
  for (const file of await sourceFiles()) {
    const text = (await Deno.readTextFile(new URL(file, SRC)))
      .replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
    for (const match of text.matchAll(IMPORT)) {
      const specifier = match[1] ?? match[2] ?? match[3]!;
      const { href } = new URL(specifier, new URL(file, SRC));
      const target = !specifier.startsWith(".")
        ? undefined
        : href.startsWith(SRC.href)
        ? href.slice(SRC.href.length)
        : specifier;
      found.push({ file, specifier, target });
    }
  }
  return found;
}

/** Names the room that a file is in. */
export function roomOf(file: string): string {
  return file.includes("/") ? file.replace(/\/[^/]*$/, "") : file.replace(/\.ts$/, "");
}

/** Finds the groups of files that import each other in a circle, sorted (Tarjan's algorithm). */
export function circles(all: readonly Import[]): string[][] {
  const arrows = Map.groupBy(all, ({ file }) => file);
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (file: string) => {
    index.set(file, index.size);
    low.set(file, index.get(file)!);
    stack.push(file);
    for (const { target } of arrows.get(file) ?? []) {
      if (target === undefined) continue;
      if (!index.has(target)) visit(target);
      else if (!stack.includes(target)) continue;
      low.set(file, Math.min(low.get(file)!, low.get(target)!));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1) found.push(group.sort());
  };
  for (const file of arrows.keys()) if (!index.has(file)) visit(file);
  return found.sort();
}

/** Draws the rooms, lowest first, and which each imports from. */
export async function draw(): Promise<string> {
  const below = new Map<string, Set<string>>(ROOMS.map((room) => [room, new Set()]));
  for (const { file, target } of await imports()) {
    if (target !== undefined && roomOf(target) !== roomOf(file)) {
      below.get(roomOf(file))!.add(roomOf(target));
    }
  }
  const rows = ROOMS.map((room) => {
    // what nearly all import tells nothing
    const uses = [...below.get(room)!].filter((each) => each !== "errors" && each !== "log");
    return `${room.padEnd(24)}${tops(uses).join(" ")}`.trimEnd();
  });
  return rows.join("\n");
}

/** Counts files, lines of code and lines of comments in `src/`, generated files left out. */
export async function size(): Promise<{ files: number; code: number; comments: number }> {
  const sum = { files: 0, code: 0, comments: 0 };
  for (const file of await sourceFiles()) {
    sum.files++;
    for (const line of (await Deno.readTextFile(new URL(file, SRC))).split("\n")) {
      if (/^\s*(?:\/\/|\/?\*)/.test(line)) sum.comments++;
      else if (line.trim() !== "") sum.code++;
    }
  }
  return sum;
}

/** Shortens the sub-rooms of a room to its name, in the order of the rooms. */
function tops(rooms: readonly string[]): string[] {
  const ordered = ROOMS.filter((room) => rooms.includes(room));
  return [...new Set(ordered.map((room) => room.replace(/\/.*/, "")))];
}

/** Puts the picture into the page, where its fence is. */
export async function page(): Promise<string> {
  const text = await Deno.readTextFile(PAGE);
  const picture = await draw();
  return text.replace(/(?<=^```text rooms\n)[^`]*(?=^```$)/m, () => `${picture}\n`);
}

if (import.meta.main) {
  await Deno.writeTextFile(PAGE, await page());
  // deno-lint-ignore no-console
  console.log(await size());
}
