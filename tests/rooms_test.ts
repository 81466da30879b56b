import assert from "node:assert/strict";

// The order of the rooms: each imports only from those before it.
const ROOMS = [
  "errors",
  "version",
  "command_line",
  "guard",
  "log",
  "json",
  "io",
  "crypto",
  "bundle",
  "trust",
  "permissions",
  "rpc",
  "plugin",
  "sandbox",
  "doctor",
  "egress",
  "process",
  "hooks",
  "services",
  "monitor",
  "audit",
  "host",
  "testing",
  "cli",
];
const SRC = new URL("../src/", import.meta.url);

interface Import {
  file: string;
  specifier: string;
}

async function sourceFiles(dir: URL): Promise<URL[]> {
  const files: URL[] = [];
  for await (const entry of Deno.readDir(dir)) {
    if (entry.isDirectory) files.push(...await sourceFiles(new URL(`${entry.name}/`, dir)));
    else if (entry.name.endsWith(".ts")) files.push(new URL(entry.name, dir));
  }
  return files;
}

async function imports(): Promise<Import[]> {
  const found: Import[] = [];
  for (const url of await sourceFiles(SRC)) {
    if (url.pathname.endsWith(".generated.ts")) continue;
    const text = (await Deno.readTextFile(url))
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/(^|\s)\/\/.*$/gm, "$1");
    const pattern = /^(?:import|export)\b[^;`]*?\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"/gm;
    for (const match of text.matchAll(pattern)) {
      found.push({ file: url.href.slice(SRC.href.length), specifier: match[1] ?? match[2]! });
    }
  }
  return found;
}

function roomOf(path: string): string {
  return path.split("/")[0]!.replace(/\.ts$/, "");
}

Deno.test("every room is known and imports only from rooms before it", async () => {
  const wrong: string[] = [];
  let checked = 0;
  for (const { file, specifier } of await imports()) {
    assert.ok(ROOMS.includes(roomOf(file)), `${file} is in no known room`);
    if (!specifier.startsWith(".")) continue;
    const target = new URL(specifier, new URL(file, SRC)).href;
    assert.ok(target.startsWith(SRC.href), `${file} imports ${specifier} from outside src/`);
    const room = roomOf(target.slice(SRC.href.length));
    if (ROOMS.indexOf(room) > ROOMS.indexOf(roomOf(file))) wrong.push(`${file} → ${specifier}`);
    checked++;
  }
  assert.deepEqual(wrong, []);
  assert.ok(checked > 100, `only ${checked} imports were checked`);
});

Deno.test("only crypto/ imports noble, and plugin/ imports only rpc/ and errors", async () => {
  for (const { file, specifier } of await imports()) {
    if (specifier.includes("noble")) assert.equal(roomOf(file), "crypto", `${file}: ${specifier}`);
    if (roomOf(file) !== "plugin") continue;
    const target = new URL(specifier, new URL(file, SRC)).href.slice(SRC.href.length);
    assert.match(target, /^(plugin|rpc|errors)/, `${file} imports ${specifier}`);
  }
});

Deno.test("code imports the standard library by its own names, never from links/", async () => {
  const std = (await imports()).filter(({ specifier }) => specifier.includes("std/"));
  assert.ok(std.length > 0);
  for (const { file, specifier } of std) assert.match(specifier, /^@std\//, file);
  for (const { file, specifier } of await imports()) {
    assert.ok(!specifier.includes("links/"), `${file}: ${specifier}`);
  }
});
