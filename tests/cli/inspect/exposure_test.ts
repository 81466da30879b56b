import assert from "node:assert/strict";
import { scratch, signedBundle, writePolicy } from "../bundles.ts";
import { document, done, inProcess } from "../sallyport.ts";

const MANIFEST = {
  permissions: { net: ["example.com:443"], read: ["/etc/hosts"] },
  context: [{ key: "database", access: "readwrite" }],
  hooks: [{ name: "on_text", priority: 150 }],
};
const GRANT = {
  net: ["example.com:443"],
  read: ["/etc/hosts"],
  context: { database: "readwrite" },
  hooks: ["on_text"],
};

interface Line {
  name: string;
  description: string;
  exposure: number;
  weight: number;
}

Deno.test("inspect grades the exposure, with the lines that make the grade", async () => {
  await using dir = await scratch();
  const { dir: bundle, pub } = await signedBundle(dir.path, MANIFEST);
  const policy = await writePolicy(dir.path, { plugins: { sample: { grant: GRANT } } });
  const args = ["inspect", bundle, "--key", pub, "--policy", policy, "--isolation", "plain"];
  const { exposure } = document(await inProcess([...args, "--json"]));
  const lines: Line[] = exposure.lines;
  const sum = lines.reduce((total, line) => total + line.exposure, 0);
  assert.equal(exposure.grade, Math.min(10, Math.round(sum * 10) / 10));
  assert.match(exposure.label, /^(?:EXPOSED|UNSAFE)$/, "plain is no boundary");
  const of = (name: string) => lines.find((line) => line.name === name)!.exposure;
  assert.deepEqual([of("namespaces"), of("database"), of("hooks"), of("net")], [
    2.5,
    0.8,
    0.5,
    0.6,
  ]);
  assert.equal(of("host user"), Deno.uid() === 0 ? 1 : 0);
  assert.deepEqual(exposure.network, ["example.com:443"], "the lists are there as before");

  const text = done(await inProcess(args));
  assert.ok(text.includes(`\n  exposure: ${exposure.grade.toFixed(1)} ${exposure.label}\n`), text);
  assert.match(text, /\n {4}2\.5 {2}namespaces +it sees the machine/);
  assert.ok(text.indexOf("2.5  namespaces") < text.indexOf("0.8  database"), "the worst first");
});

Deno.test("inspect knows what of the host a grant would reach, where its folder is named", async () => {
  await using dir = await scratch();
  const data = `${dir.path}/srv/data`;
  await Deno.mkdir(data, { recursive: true });
  const read = [`${dir.path}/srv`];
  const { dir: bundle, pub } = await signedBundle(dir.path, { permissions: { read } });
  const policy = await writePolicy(dir.path, { plugins: { sample: { grant: { read } } } });
  const args = ["inspect", bundle, "--key", pub, "--policy", policy, "--json"];
  const inspect = async (...more: string[]) => document(await inProcess([...args, ...more]));
  const known = await inspect("--data-dir", data);
  assert.equal(known.wouldLoad, false);
  assert.match(known.reason.message, /contains the host's data folder, ".*\/srv\/data"/);
  assert.deepEqual(known.exposure.reads, []);
  // the control: for another host the folder is one like any other, and in doubt it counts
  assert.equal((await inspect("--data-dir", `${dir.path}/other`)).wouldLoad, true);
  const unknown = await inspect();
  const line = unknown.exposure.lines.find(({ name }: Line) => name === "host's files");
  assert.equal(line.exposure, 1);
});

Deno.test("inspect grades by what the policy refuses and grants, signed or not", async () => {
  await using dir = await scratch();
  const { dir: bundle, pub } = await signedBundle(dir.path, MANIFEST);
  const grade = async (entry: object, key: string[] = ["--key", pub]): Promise<number> => {
    const policy = await writePolicy(dir.path, { plugins: { sample: entry } });
    const found = document(
      await inProcess([
        "inspect",
        bundle,
        ...key,
        "--policy",
        policy,
        "--json",
        "--data-dir",
        `${dir.path}/data`,
      ]),
    );
    return found.exposure.grade;
  };
  const plain = { grant: GRANT, isolation: "plain" };
  const whole = await grade(plain);
  const tenths = (value: number) => Math.round(value * 10);
  assert.equal(tenths(await grade({ ...plain, jitless: true })), tenths(whole) - 3);
  const narrow = { isolation: "plain", onExcess: "narrow" };
  assert.ok(await grade(narrow) < whole);
  assert.ok(await grade(narrow, []) > await grade(narrow), "nobody trusted has signed it then");
});
