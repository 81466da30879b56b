/**
 * What README and docs say, run. TypeScript blocks without `ignore` run as doc tests of their own
 * (`deno test --doc`); here the commands run as processes, and claims are compared with the code.
 */
import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { matchesGlob } from "node:path";
import { parseManifest, parsePolicy } from "../src/mod.ts";
import { DEFAULT_LIMITS, LIMIT_BOUNDS } from "../src/bundle/manifest/limits.ts";
import { SALLYPORT_ERROR_CODES } from "../src/errors.ts";
import { PLUGIN_STATES } from "../src/host/events/plugin_state.ts";
import {
  type Block,
  Checkout,
  normalise,
  outputOf,
  parseBlocks,
  PROJECT,
} from "./helpers/snippets.ts";

const DOCUMENTS = [
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "docs/README.md",
  "docs/api-reference.md",
  "docs/audit.md",
  "docs/benchmarks.md",
  "docs/features.md",
  "docs/integration.md",
  "docs/operations.md",
  "docs/plugin-development.md",
  "docs/security.md",
  "docs/trust.md",
  "docs/tutorial.md",
];
const LANGUAGES = new Set(["ts", "json", "sh", "text", "yaml"]);

const texts = new Map(
  DOCUMENTS.map((path) => [path, Deno.readTextFileSync(new URL(path, PROJECT))]),
);

function textOf(path: string): string {
  return texts.get(path)!;
}

for (const [path, text] of texts) {
  const blocks = parseBlocks(text);
  if (blocks.some(isCommand)) {
    Deno.test(`${path}: its commands do what it shows`, () => runCommands(path, blocks));
  }

  Deno.test(`${path}: every block is of a kind that is checked`, () => {
    for (const block of blocks) {
      const where = `${path}:${block.line}`;
      assert.ok(LANGUAGES.has(block.language), `${where}: ${block.language}`);
      if (block.language === "ts" && block.tags.has("ignore")) {
        assert.ok(block.tags.has("file"), `${where}: an ignored block must be a file that is run`);
      }
      if (block.language === "sh" && block.tags.has("ignore")) {
        assert.match(block.text, /jsr:|task (demo|test|ok|bench)/, `${where}: why is it not run?`);
      }
      if (block.language !== "json") continue;
      const name = block.tags.get("file")?.replace(/.*\//, "");
      if (block.tags.has("manifest") || name === "plugin.json") parseManifest(block.text, where);
      else if (block.tags.has("policy") || name === "policy.json") parsePolicy(block.text, where);
      else JSON.parse(block.text);
    }
  });

  Deno.test(`${path}: its links lead somewhere`, () => {
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [file = "", anchor] = target.split("#");
      const url = new URL(file === "" ? path : file, new URL(path, PROJECT));
      const there = file === "" ? text : Deno.readTextFileSync(url);
      if (anchor === undefined) continue;
      assert.ok(anchorsOf(there).has(anchor), `${path}: ${target}`);
    }
  });

  Deno.test(`${path}: names no folder of the machine it was written on`, () => {
    assert.doesNotMatch(text, /\/(?:work|tmp|root|home)\/|sallyport-docs-/);
  });
}

function isCommand({ language, tags }: Block): boolean {
  return language === "sh" && !tags.has("ignore");
}

async function runCommands(path: string, blocks: readonly Block[]): Promise<void> {
  await using checkout = await Checkout.make();
  for (const block of blocks) {
    const file = block.tags.get("file");
    if (file !== undefined) await checkout.write(file, block.text);
    if (!isCommand(block)) continue;
    const { code, output } = await checkout.run(block.text);
    const shown = outputOf(blocks, block);
    const where = `${path}:${block.line} gave\n${output}`;
    assert.equal(code, Number(shown?.tags.get("exit") ?? 0), where);
    if (shown !== undefined) assert.equal(normalise(output), normalise(shown.text), where);
  }
}

function anchorsOf(text: string): Set<string> {
  const headings = text.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = ""]) =>
      heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
    ),
  );
}

/** Runs `deno doc --json` and gives the symbols of one entry point. */
async function documented(entry: string): Promise<DocSymbol[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", new URL(entry, PROJECT).pathname],
    stdout: "piped",
    stderr: "piped",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as {
    nodes: Record<string, { symbols: DocSymbol[] }>;
  };
  return Object.values(nodes).flatMap(({ symbols }) => symbols);
}

interface DocMember {
  readonly name: string;
  readonly accessibility?: string;
  readonly jsDoc?: { readonly tags?: readonly { readonly kind: string }[] };
}

interface DocSymbol {
  readonly name: string;
  readonly declarations: readonly {
    readonly kind: string;
    readonly def?: {
      readonly properties?: readonly DocMember[];
      readonly methods?: readonly DocMember[];
    };
  }[];
}

/** Names the properties of a type, and those of the types written out in it. */
function propertiesIn(type: unknown): string[] {
  if (typeof type !== "object" || type === null) return [];
  return Object.entries(type).flatMap(([key, value]) => [
    ...(key === "properties" ? (value as { name: string }[]).map(({ name }) => name) : []),
    ...propertiesIn(value),
  ]);
}

/** Says whether a text names an identifier in code: alone between backquotes, or within. */
function names(text: string, name: string): boolean {
  return new RegExp(`\`[^\`\\n]*(?<![\\w$-])${RegExp.escape(name)}(?![\\w$-])[^\`\\n]*\``).test(
    text,
  );
}

for (
  const [entry, module] of [
    [".", "src/mod.ts"],
    ["./plugin", "src/plugin/mod.ts"],
    ["./testing", "src/testing/mod.ts"],
    ["./cli", "src/cli/main.ts"],
  ] as const
) {
  Deno.test(`docs/api-reference.md has every export of "${entry}", with its members`, async () => {
    const [, section = ""] = textOf("docs/api-reference.md").split(`\n## \`${entry}\``);
    const text = section.split("\n## ")[0]!;
    const missing: string[] = [];
    for (const { name, declarations } of await documented(module)) {
      if (!names(text, name)) missing.push(name);
      for (const { kind, def } of declarations) {
        if (kind !== "class") continue;
        for (const member of [...def?.properties ?? [], ...def?.methods ?? []]) {
          if (member.name.startsWith("[") || member.name.startsWith("#")) continue;
          if (member.accessibility === "private") continue;
          if (member.jsDoc?.tags?.some(({ kind }) => kind === "internal")) continue;
          if (!names(text, member.name)) missing.push(`${name}.${member.name}`);
        }
      }
    }
    assert.deepEqual(missing, []);
  });
}

Deno.test("the docs have every option and field that users write", async () => {
  const symbols = new Map((await documented("src/mod.ts")).map((symbol) => [symbol.name, symbol]));
  const missing: string[] = [];
  for (
    const [path, types] of [
      ["docs/integration.md", [
        "PluginHostOptions",
        "CallOptions",
        "LoadOptions",
        "UnloadOptions",
        "Policy",
        "PolicyEntry",
        "Grant",
        "HookRunOptions",
        "HookDefinition",
        "HookRegisterOptions",
        "TrustedPlugin",
      ]],
      ["docs/plugin-development.md", [
        "Manifest",
        "Limits",
      ]],
    ] as const
  ) {
    for (const type of types) {
      const properties = propertiesIn(symbols.get(type)?.declarations);
      assert.ok(properties.length > 0, `${type} has no properties`);
      for (const name of properties) {
        if (!names(textOf(path), name)) missing.push(`${path}: ${type}.${name}`);
      }
    }
  }
  assert.deepEqual(missing, []);
});

/** Gives the rows of all tables whose first cell is one name in backquotes. */
function rowsOf(text: string): Map<string, string[]> {
  const rows = [...text.matchAll(/^\| `([^`]+)` +\|(.*)\|$/gm)];
  return new Map(rows.map(([, name = "", rest = ""]) => [
    name,
    rest.split("|").map((cell) => cell.trim()),
  ]));
}

Deno.test("docs/plugin-development.md gives each limit's default and bounds", () => {
  const rows = rowsOf(textOf("docs/plugin-development.md"));
  for (const [name, { min, max }] of Object.entries(LIMIT_BOUNDS)) {
    const [standard, least, greatest] = rows.get(name) ?? [];
    const plain = [standard, least, greatest].map((cell) => Number(cell?.replaceAll(",", "")));
    assert.deepEqual(plain, [DEFAULT_LIMITS[name as keyof typeof DEFAULT_LIMITS], min, max], name);
  }
});

Deno.test("docs/integration.md explains every error code and every state", () => {
  const rows = rowsOf(textOf("docs/integration.md"));
  for (const name of [...SALLYPORT_ERROR_CODES, ...PLUGIN_STATES]) {
    assert.ok((rows.get(name)?.at(-1)?.length ?? 0) > 10, name);
  }
});

Deno.test("the docs name no task that is not there, and every command", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", PROJECT)));
  for (const [path, text] of texts) {
    for (const [, task = ""] of text.matchAll(/deno(?:@2\.9\.6)? task (?:-q )?([a-z][a-z-]*)/g)) {
      assert.ok(Object.hasOwn(tasks, task), `${path}: task ${task}`);
    }
  }
  const { output } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", new URL("cli.ts", PROJECT).pathname, "--help"],
    stderr: "inherit",
    env: { NO_COLOR: "1" },
  }).output().then(({ stdout }) => ({ output: new TextDecoder().decode(stdout) }));
  const [, commands = ""] = output.split("\nCommands:\n");
  const listed = [...commands.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name!);
  assert.ok(listed.length > 5);
  const rows = rowsOf(textOf("docs/integration.md").replace(/^\| `(\w+) [^`]*`/gm, "| `$1`"));
  for (const name of listed.filter((each) => each !== "help")) assert.ok(rows.has(name), name);
});

Deno.test("docs/plugin-development.md quotes errors as the code words them", async () => {
  const [, table = ""] = textOf("docs/plugin-development.md").split("\n## Common errors\n");
  const quotes = [...table.matchAll(/^\| `[a-z-]+` … `?([^|`]+?)`? +\|/gm)].map(([, text]) =>
    text!
  );
  assert.ok(quotes.length >= 10);
  let source = "";
  for (const room of ["bundle", "trust", "permissions", "plugin", "host", "services", "rpc"]) {
    for (const path of globSync(`src/${room}/**/*.ts`, { cwd: PROJECT.pathname })) {
      source += await Deno.readTextFile(new URL(path, PROJECT));
    }
  }
  const runtime = ["Requires read access"];
  const words = source.replace(/\$\{[^}]*\}/g, "…");
  for (const quote of quotes) {
    assert.ok(runtime.includes(quote) || words.includes(quote), quote);
  }
});

Deno.test("what the documents link to is part of the published package", () => {
  const { publish } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", PROJECT)));
  const published = (path: string) =>
    publish.include.some((glob: string) => matchesGlob(path, glob));
  const documents = [...texts].filter(([path]) => published(path));
  assert.ok(documents.some(([path]) => path === "docs/operations.md"));
  for (const [from, text] of documents) {
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)#\s]+)[^)\s]*\)/g)) {
      const path = new URL(target, new URL(from, "file:///")).pathname.slice(1);
      assert.ok(published(path), `${from}: ${target}`);
    }
  }
});

Deno.test("README.md is short", () => {
  assert.ok(textOf("README.md").split("\n").length <= 170);
});
