import assert from "node:assert/strict";
import type { PluginHost } from "../../src/host/host.ts";
import type { PluginHandle } from "../../src/host/plugin_handle.ts";
import type { PolicyEntry } from "../../src/permissions/policy/policy_schema.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { type HostTest, hostTest } from "../helpers/host.ts";
import { signedExample } from "./kit.ts";

type Notes = typeof import("../../plugins/notes/main.ts");

const GRANTED: PolicyEntry = {
  grant: { hooks: ["on_document"], context: { database: "readwrite" } },
};

async function load(
  test: HostTest,
  options: { entry?: PolicyEntry; manifest?: Record<string, unknown> } = {},
): Promise<{ host: PluginHost; plugin: PluginHandle<Notes> }> {
  const { entry = GRANTED, manifest } = options;
  const host = await test.open({
    policy: { plugins: { "notes": entry, "doc-stats": { grant: { hooks: ["on_document"] } } } },
  });
  const plugin = await host.load<Notes>(await signedExample(test, "notes", manifest));
  return { host, plugin };
}

Deno.test("notes adds, gives, lists and removes", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test);
  const { id: first } = await plugin.call("add", { title: "Bread", tags: ["Home", "home", "buy"] });
  const { id: second } = await plugin.call("add", { title: "Keys", body: "Renew them in März 🔑" });
  assert.deepEqual(await plugin.call("get", { id: first }), {
    id: first,
    title: "Bread",
    tags: ["buy", "home"],
    length: 0,
    body: "",
  });
  assert.deepEqual((await plugin.call("list")).map(({ id }) => id), [second, first]);
  assert.deepEqual((await plugin.call("list", { tag: "HOME" })).map(({ id }) => id), [first]);
  assert.deepEqual(await plugin.call("remove", { id: first }), { removed: true });
  assert.deepEqual(await plugin.call("remove", { id: first }), { removed: false });
  assert.equal(await plugin.call("get", { id: first }), null);
  assert.deepEqual(await plugin.call("list"), [
    { id: second, title: "Keys", tags: [], length: 20 },
  ]);
});

Deno.test("notes never gives a number twice", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test);
  const { id } = await plugin.call("add", { title: "gone soon" });
  await plugin.call("remove", { id });
  assert.ok((await plugin.call("add", { title: "next" })).id > id);
});

Deno.test("list() gives pages", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test);
  for (let n = 1; n <= 5; n++) await plugin.call("add", { title: `note ${n}` });
  const titles: string[] = [];
  let before: number | undefined;
  while (true) {
    const page = await plugin.call("list", {
      limit: 2,
      ...(before === undefined ? {} : { before }),
    });
    if (page.length === 0) break;
    titles.push(...page.map(({ title }) => title));
    before = page.at(-1)!.id;
  }
  assert.deepEqual(titles, ["note 5", "note 4", "note 3", "note 2", "note 1"]);
});

Deno.test("search() finds beginnings of words whatever their case and accents, the best first", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test);
  await plugin.call("add", { title: "Crème brûlée", body: "Eggs, cream and sugar" });
  await plugin.call("add", { title: "Sugar", body: "Sugar, and more sugar" });
  const found = await plugin.call("search", { query: "sug" });
  assert.deepEqual(found.map(({ title }) => title), ["Sugar", "Crème brûlée"]);
  assert.equal(found[1]!.excerpt, "Eggs, cream and [sugar]");
  const [creme, ...none] = await plugin.call("search", { query: "BRULEE egg" });
  assert.equal(creme!.title, "Crème brûlée");
  assert.equal(none.length, 0);
  assert.deepEqual(await plugin.call("search", { query: "salt" }), []);
});

Deno.test("what looks like SQL or like a search operator stays a value", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test);
  const hostile = [
    "x'); DROP TABLE notes; --",
    '" OR 1=1 --',
    "NEAR(a b)",
    "title: *",
    "a AND NOT b",
    "%_\\",
    "﹩{x} :title ?1",
  ];
  for (const title of hostile) await plugin.call("add", { title, body: title });
  assert.deepEqual((await plugin.call("list")).map(({ title }) => title), hostile.toReversed());
  for (const query of [...hostile, '"', "*", "-", ""]) {
    const found = await plugin.call("search", { query });
    const isWords = /[a-z]/i.test(query);
    assert.ok(isWords ? found.some(({ title }) => title === query) : found.length === 0, query);
  }
});

Deno.test("notes refuses what is no note, and goes on", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test);
  const wrong = [
    [{}, /title must be a text/],
    [{ title: "  " }, /title must be a text/],
    [{ title: "a\nb" }, /title must be one line/],
    [{ title: "x".repeat(201) }, /at most 200 characters/],
    [{ title: "a", body: 5 }, /body must be a string, got number/],
    [{ title: "a", body: "x".repeat(100_001) }, /at most 100000 characters, got 100001/],
    [{ title: "a", tags: "home" }, /tags must be an array/],
    [{ title: "a", tags: ["two words"] }, /"two words" is no tag/],
  ] as const;
  for (const [note, pattern] of wrong) {
    await assertRejectsWithCode(plugin.call("add", note as never), "plugin-error", pattern);
  }
  await assertRejectsWithCode(plugin.call("list", { limit: 0 }), "plugin-error", /limit must be/);
  await assertRejectsWithCode(plugin.call("get", { id: "1" as never }), "plugin-error", /id must/);
  assert.deepEqual(await plugin.call("list"), []);
});

Deno.test("notes survive a reload, an unload and another host", async () => {
  await using test = await hostTest();
  const { host, plugin } = await load(test);
  const { id } = await plugin.call("add", { title: "keep me", body: "for long" });
  const { pid } = plugin;
  await plugin.reload();
  assert.notEqual(plugin.pid, pid);
  assert.equal((await plugin.call("get", { id }))?.body, "for long");
  await plugin.unload();
  await host.loadByName("notes");
  assert.equal((await plugin.call("search", { query: "long" }))[0]?.id, id);
  await host.close();

  const again = await test.open({ policy: { plugins: { notes: GRANTED } } });
  const same = await again.load<Notes>(`${test.plugins}/notes`);
  assert.equal((await same.call("get", { id }))?.title, "keep me");
});

Deno.test("notes does not start without its database, and the error says what would grant it", async () => {
  await using test = await hostTest();
  const entry: PolicyEntry = { grant: { hooks: ["on_document"] } };
  const error = await assertRejectsWithCode(load(test, { entry }), "launch-failed", /database/);
  assert.match(`${error.message} ${error.hint}`, /"database": "readwrite"/);
});

Deno.test("notes does not start where the policy lets it only read its database", async () => {
  await using test = await hostTest();
  const entry: PolicyEntry = { grant: { hooks: ["on_document"], context: { database: "read" } } };
  await assertRejectsWithCode(load(test, { entry }), "launch-failed", /"readwrite" is needed/);
});

Deno.test("on_document keeps a document and replaces what came from the same path", async () => {
  await using test = await hostTest();
  const { host, plugin } = await load(test);
  const text = "Intro\n\n# The guide\n\nAbout plugins.";
  const { note } = await host.hooks.run<Record<string, unknown>>("on_document", {
    path: "docs/guide.md",
    text,
  });
  assert.deepEqual(note, { id: 1, tags: ["document", "md"] });
  await plugin.call("add", { title: "in between" });
  await host.hooks.run("on_document", { path: "docs/guide.md", text: "Now about hosts." });
  const documents = await plugin.call("list", { tag: "document" });
  assert.deepEqual(documents, [
    { id: 1, title: "docs/guide.md", tags: ["document", "md"], length: 16 },
  ]);
  assert.deepEqual(await plugin.call("search", { query: "plugins" }), []);
  assert.equal((await plugin.call("search", { query: "hosts" }))[0]?.id, 1);
  for (const other of [{ text: "no path" }, { path: "no text" }, null, "text"]) {
    assert.deepEqual(await host.hooks.run("on_document", other as unknown), other);
  }
  assert.equal((await plugin.call("list")).length, 2);
});

Deno.test("on_document keeps a document whatever its title, path and length are", async () => {
  await using test = await hostTest();
  const { host, plugin } = await load(test);
  const odd = [
    [{ path: "a.MD", text: "", title: "two\nlines" }, "two lines", "md"],
    [{ path: "b._x", text: "#  Heading \t here ", title: "  " }, "Heading here", undefined],
    [{ path: "c\n.txt", text: "# \n" }, "c .txt", "txt"],
    [
      { path: "d", text: "x", title: `${"x".repeat(199)}🙂` },
      `${"x".repeat(199)}\ufffd`,
      undefined,
    ],
    [{ path: "e.t", text: `${"y".repeat(99_999)}🙂 and more` }, "e.t", "t"],
  ] as const;
  for (const [document, title, tag] of odd) {
    const { note } = await host.hooks.run<{ path: string; note?: { id: number } }>(
      "on_document",
      document,
    );
    const kept = await plugin.call("get", { id: note!.id });
    assert.equal(kept?.title, title);
    assert.deepEqual(kept?.tags, ["document", ...(tag === undefined ? [] : [tag])]);
  }
  assert.equal((await plugin.call("list"))[0]!.length, 100_000);
});

Deno.test("on_document goes through doc-stats and then through notes, which uses its counts", async () => {
  await using test = await hostTest();
  const { host, plugin } = await load(test);
  await host.load(await signedExample(test, "doc-stats"));
  assert.deepEqual(host.hooks.list("on_document").map(({ plugin }) => plugin), [
    "doc-stats",
    "notes",
  ]);
  const run = (path: string, text: string) =>
    host.hooks.run<{ path: string; text: string; counts?: { words: number }; note?: unknown }>(
      "on_document",
      { path, text },
    );
  const short = await run("a.txt", "# A\nfew words");
  assert.equal(short.counts?.words, 3);
  assert.deepEqual(short.note, { id: 1, tags: ["document", "short", "txt"] });
  const long = await run("b", "word ".repeat(1_500));
  assert.deepEqual(long.note, { id: 2, tags: ["document", "long"] });
  assert.deepEqual((await plugin.call("list", { tag: "long" })).map(({ title }) => title), ["b"]);
});

Deno.test("notes is held to its declared size of a message and of its database", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test, {
    manifest: { limits: { messageBytes: 262_144, storageBytes: 1_048_576 } },
  });
  const body = "ä".repeat(100_000); // 200,000 bytes: fits into a message
  await assertRejectsWithCode(
    plugin.call("add", { title: "too large", body: body + body }),
    "limit-exceeded",
  );
  let kept = 0;
  const error = await assertRejectsWithCode(async () => {
    while (kept < 20) {
      await plugin.call("add", { title: `note ${kept}`, body: `${kept} ${body.slice(10)}` });
      kept++;
    }
  }, "plugin-error");
  assert.match(error.message, /database is full/);
  assert.ok(kept >= 1 && kept < 6, `${kept} notes of 200 kB in 1 MiB`);
  const all = await plugin.call("list");
  assert.equal(all.length, kept, "the note that did not fit left nothing behind");
  await plugin.call("remove", { id: all[0]!.id });
  await plugin.call("add", { title: "small" });
});
