import assert from "node:assert/strict";

const PROJECT = new URL("../../", import.meta.url);
const USING = /(?<![\w"`*] ?)(?:await )?\busing [\w$]+ ?=/g;

/** Counts the declarations with `using` in files. */
function count(paths: readonly string[]): number {
  return paths.reduce((sum, path) => {
    const text = Deno.readTextFileSync(new URL(path, PROJECT)).replaceAll(/^ \*.*$/gm, "");
    return sum + (text.match(USING)?.length ?? 0);
  }, 0);
}

/** Names the files of the project that a module is made of. */
async function modulesOf(entry: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", new URL(entry, PROJECT).href],
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: { specifier: string }[];
  };
  return modules.map(({ specifier }) => specifier)
    .filter((specifier) => specifier.startsWith(`${PROJECT.href}src/`));
}

Deno.test("what applications import disposes of all that its sources dispose of", async () => {
  const entries = ["src/mod.ts", "src/testing/mod.ts", "src/cli/main.ts"];
  const sources = new Set((await Promise.all(entries.map(modulesOf))).flat());
  const made = [...Deno.readDirSync(new URL("dist/", PROJECT))].map(({ name }) => `dist/${name}`);
  assert.ok(count([...sources]) > 30);
  assert.equal(count(made), count([...sources]));
});

for (const entry of ["src/plugin/bootstrap.ts", "src/services/database/database_process.ts"]) {
  Deno.test(`${entry} has no \`using\`, which the bundler loses where it makes code short`, async () => {
    assert.equal(count(await modulesOf(entry)), 0);
  });
}
