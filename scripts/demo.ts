// Shows the whole path, from a signed folder to an answered call, and what is refused on the way.
//
// `deno task demo`; everything happens on this machine, in a temporary folder. The exit code is 0 only
// when every step went as it has to.
import { PluginHost, silentLogger, VERSION } from "@sallyport/host";
import { denoProblem, NEWEST_TESTED_DENO } from "../src/version.ts";
import { showAccount, showNothingLeft } from "./demo/account.ts";
import { chainHook, checkLinks, countWords, keepNotes } from "./demo/calls.ts";
import { refuseToDo, refuseToLoad } from "./demo/refusals.ts";
import { startSite } from "./demo/site.ts";
import { type Document, expect, type Stage } from "./demo/stage.ts";
import { Terminal, Unexpected } from "./demo/terminal.ts";
import { type Signed, Workshop } from "./demo/workshop.ts";

const PROJECT = new URL("../", import.meta.url);

/** Runs the demo and returns its exit code. */
async function main(terminal: Terminal): Promise<number> {
  const started = performance.now();
  const problem = denoProblem(Deno.version.deno);
  if (problem !== undefined) {
    terminal.failed(
      `Sallyport ${problem}; run \`deno upgrade\`, or npx -y deno@${NEWEST_TESTED_DENO}`,
    );
    return 1;
  }
  terminal.say(`Sallyport ${VERSION} on Deno ${Deno.version.deno}, ${Deno.build.target}`);
  try {
    await perform(terminal);
  } catch (error) {
    terminal.failed(error instanceof Unexpected ? error.message : Deno.inspect(error));
    terminal.failed("The demo did not go as it has to.");
    return 1;
  }
  const seconds = (performance.now() - started) / 1_000;
  terminal.say(`Everything went as it has to, in ${seconds.toFixed(1)} seconds.`);
  return 0;
}

async function perform(terminal: Terminal): Promise<void> {
  const folders: string[] = [];
  const pids: number[] = [];
  {
    await using workshop = await Workshop.open();
    await using elsewhere = startSite({ "/": 200 });
    await using site = startSite({
      "/here": 200,
      "/moved": "/here",
      "/gone": 410,
      "/away": elsewhere.url("/"),
    });
    await Deno.writeTextFile(`${workshop.dir}/secret.txt`, "not for plugins\n");

    terminal.chapter("Keys and signatures");
    const author = await workshop.makeKey("author");
    terminal.say(`Made key "author" (${author.id}) in ${workshop.dir}/keys`);
    const signed: Signed[] = [];
    for (
      const { name, from, manifest } of [
        { name: "word-count", from: new URL("plugins/word-count/", PROJECT) },
        { name: "doc-stats", from: new URL("plugins/doc-stats/", PROJECT) },
        { name: "notes", from: new URL("plugins/notes/", PROJECT) },
        {
          name: "link-check",
          from: new URL("plugins/link-check/", PROJECT),
          // as its author would write it for the site at hand
          manifest: { permissions: { net: [site.host] } },
        },
        { name: "nosy", from: new URL("scripts/demo/nosy/", PROJECT) },
      ]
    ) {
      signed.push(await workshop.sign(`plugins/${name}`, { from, manifest }, author));
    }
    terminal.table(
      ["signed", "version", "SHA3-512 of the bundle"],
      signed.map(({ name, version, bundleHash }) => [
        name,
        version,
        `${bundleHash.slice(0, 40)}…`,
      ]),
    );

    // What the operator decides: whose signatures count, and what each plugin may have at most.
    await using host = await PluginHost.open({
      keys: [author.publicKey],
      policy: {
        plugins: {
          "doc-stats": { grant: { hooks: ["on_document"] } },
          "notes": { grant: { hooks: ["on_document"], context: { database: "readwrite" } } },
          "link-check": { grant: { net: [site.host] } },
        },
      },
      logger: silentLogger,
    });
    folders.push(workshop.dir, host.dataDir);

    terminal.chapter("Discovering and loading");
    pids.push(...await loadAll(terminal, host, `${workshop.dir}/plugins`));

    const stage: Stage = { terminal, workshop, host, author, site, elsewhere };
    const documents = await readDocuments();
    await countWords(stage, documents);
    await keepNotes(stage);
    await chainHook(stage, documents);
    await checkLinks(stage);
    await refuseToLoad(stage);
    await refuseToDo(stage);
    await showAccount(stage);
  }
  await showNothingLeft(terminal, folders, pids);
}

/** Finds every bundle in a folder, starting nothing, and then loads each by its name. */
async function loadAll(terminal: Terminal, host: PluginHost, dir: string): Promise<number[]> {
  const found = await host.discover(dir);
  expect(host.counts().available === 5, "five plugins are available");
  terminal.say(`Found ${found.length} plugins; none is started by that.`);
  const pids: number[] = [];
  const rows = [];
  for (const { name } of found) {
    const begun = performance.now();
    const plugin = await host.loadByName(name);
    expect(plugin.state === "active", `${name} is active`);
    pids.push(plugin.pid!);
    const handled = (plugin.manifest?.hooks ?? []).map((hook) => hook.name);
    rows.push([
      name,
      String(plugin.pid),
      `${Math.round(performance.now() - begun)} ms`,
      [...plugin.methods, ...handled].join(", "),
    ]);
  }
  terminal.table(["active", "process", "took", "methods, hooks"], rows);
  return pids;
}

/** Reads the project's own README and documents. */
async function readDocuments(): Promise<Document[]> {
  const paths = ["README.md"];
  for await (const { name } of Deno.readDir(new URL("docs/", PROJECT))) {
    if (name.endsWith(".md")) paths.push(`docs/${name}`);
  }
  return await Promise.all(
    paths.sort().map(async (path) => ({
      path,
      text: await Deno.readTextFile(new URL(path, PROJECT)),
    })),
  );
}

if (import.meta.main) Deno.exit(await main(Terminal.ofProcess()));
