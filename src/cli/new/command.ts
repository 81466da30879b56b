// `sallyport new`: makes a plugin that loads, with a test beside it.
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { commandLine, packageRoot, shellWord } from "../../command_line.ts";
import { PLUGIN_NAME } from "../../bundle/manifest/manifest_schema.ts";
import { escapeText } from "../../errors.ts";
import { cannotWrite, withoutSlash } from "../shared/files.ts";
import type { CliContext } from "../shared/context.ts";
import { UsageError } from "../terminal/failure.ts";
import { columns } from "../terminal/layout.ts";
import { findMapping } from "./package_mapping.ts";
import { denoJson, entryModule, gitAttributes, manifestFile, testModule } from "./templates.ts";

export function addNew(program: Command, context: CliContext): void {
  program.command("new")
    .description("make a plugin that loads: manifest, typed entry, and a test beside its folder")
    .argument("<name>", "the name of the plugin")
    .option("--dir <dir>", "the folder of your plugins", "plugins")
    .action((name: string, options: { dir: string }) => createPlugin(name, options.dir, context));
}

async function createPlugin(name: string, folder: string, { output }: CliContext): Promise<void> {
  if (!PLUGIN_NAME.test(name)) {
    throw new UsageError(
      `Cannot use "${name}" as the name of a plugin`,
      "Use at most 64 lower-case letters, digits, _ and -, the first a letter",
    );
  }
  const parent = withoutSlash(folder);
  const dir = `${parent}/${name}`;
  // the test is not part of the bundle: what is in there is signed and shipped
  const test = `${parent}/${name}_test.ts`;
  // deno looks for its configuration from where it is started
  const isBelow = !/^(?:[\\/]|[A-Za-z]:)/.test(parent) && !parent.split(/[\\/]/).includes("..");
  const root = isBelow ? "" : `${parent}/`;
  const absolute = () => Deno.realPath(parent).catch(() => resolve(parent)); // it may not exist yet
  const mapping = await findMapping(isBelow ? Deno.cwd() : await absolute());
  const files: [path: string, text: string][] = [
    [`${dir}/plugin.json`, manifestFile(name)],
    [`${dir}/main.ts`, entryModule()],
    [`${dir}/.gitattributes`, gitAttributes()],
    [test, testModule(name)],
  ];
  if (mapping.kind === "no-config") files.push([`${root}deno.json`, denoJson(checkout())]);
  await writeAll(parent, dir, files);
  const next = [
    ...(mapping.kind === "unmapped" ? [addition(escapeText(mapping.path))] : []),
    isBelow
      ? `deno test -A ${shellWord(test)}`
      : `cd ${shellWord(parent)} && deno test -A ${name}_test.ts`,
    commandLine(["sign", dir, "--key", "keys/NAME.key"]),
  ];
  output.result({ name, dir, files: files.map(([path]) => path), next }, () => [
    `Made plugin ${output.style("bold", name)}`,
    ...files.map(([path]) => `  ${escapeText(path)}`),
    "Next:",
    ...columns(next.map((line, index) => [`${index + 1}.`, line] as const)),
  ]);
}

/** Returns the folder of this package where it is a checkout: what is made with it is tested with it. */
function checkout(): string | undefined {
  const root = new URL(packageRoot());
  if (root.protocol !== "file:" || Deno.build.standalone) return undefined;
  return fileURLToPath(root).replace(/[\\/]$/, "");
}

/** Says what to do where a configuration does not name the package. */
function addition(config: string): string {
  const folder = checkout();
  return folder === undefined
    ? `deno add jsr:@sallyport/host   (${config} does not name the package)`
    : `add ${JSON.stringify(JSON.parse(denoJson(folder))).slice(1, -1)} to ${config}`;
}

/** Writes every file or none; touches nothing that is there. */
async function writeAll(
  parent: string,
  dir: string,
  files: readonly (readonly [path: string, text: string])[],
): Promise<void> {
  const written: string[] = [];
  let path = dir;
  try {
    await Deno.mkdir(parent, { recursive: true });
    await Deno.mkdir(dir); // fails when there is anything of that name
    written.push(dir);
    for (const [file, text] of files) {
      path = file;
      await Deno.writeTextFile(file, text, { createNew: true });
      written.push(file);
    }
  } catch (cause) {
    for (const made of written.reverse()) await Deno.remove(made);
    const hint = "Choose another name, or another folder with --dir; nothing is ever overwritten";
    throw cannotWrite(path, cause, hint);
  }
}
