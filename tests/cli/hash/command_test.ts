import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { scratch, writeBundle } from "../bundles.ts";
import { document, done, failed, inProcess, sallyport } from "../sallyport.ts";

Deno.test("hash prints the hash alone, as anyone can compute it", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  await Deno.mkdir(`${bundle}/data`);
  await Deno.writeTextFile(`${bundle}/data/words.txt`, "one two\n");
  const hash = (bytes: Uint8Array | string) => createHash("sha3-512").update(bytes).digest("hex");
  const lines = [];
  for (const path of ["data/words.txt", "main.ts", "plugin.json"]) {
    const bytes = await Deno.readFile(`${bundle}/${path}`);
    lines.push(`${hash(bytes)}  ${bytes.length}  ${path}\n`);
  }
  const outcome = await sallyport(["hash", bundle]);
  assert.equal(done(outcome), `${hash(lines.join(""))}\n`);
  assert.equal(outcome.stderr, "");
  const { bundleHash } = document(await sallyport(["hash", bundle, "--json"]));
  assert.equal(bundleHash, hash(lines.join("")));
});

Deno.test("hash fails with the reason for what is no bundle", async () => {
  await using dir = await scratch();
  const error = failed(
    await sallyport(["hash", `${dir.path}/nowhere`, "--json"]),
    "bundle-invalid",
  );
  assert.match(error.message, /there is no such folder/);
  await Deno.mkdir(`${dir.path}/empty`);
  assert.match(
    failed(await inProcess(["hash", `${dir.path}/empty`, "--json"]), "bundle-invalid").message,
    /there is no "plugin.json" at its root$/,
  );
  const inside = await writeBundle(dir.path);
  const folder = failed(await inProcess(["hash", dir.path, "--json"]), "bundle-invalid").message;
  assert.ok(
    folder.endsWith(
      `at its root, only "${
        inside.slice(dir.path.length + 1)
      }/plugin.json": name the plugin's own folder`,
    ),
    folder,
  );
  const bundle = await writeBundle(dir.path, { permisions: {}, version: "one" });
  const mistakes = failed(await inProcess(["hash", bundle, "--json"]), "manifest-invalid");
  assert.match(mistakes.message, /permisions/);
  assert.match(mistakes.message, /version/);
});
