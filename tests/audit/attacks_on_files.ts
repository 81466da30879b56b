import {
  type Attack,
  editLines,
  F1,
  F2,
  fifo,
  link,
  nextFile,
  putBack,
  remove,
  removeFirst,
  restart,
  swap,
} from "./attack_kit.ts";
import { encodePublicKeyPem } from "../../src/crypto/pem.ts";
import { generateKeyPair } from "../../src/crypto/ed25519.ts";
import { placesOf, restore, snapshot } from "./kit.ts";

/** What can be done to chains. */
export const CHAIN_ATTACKS: readonly Attack[] = [
  {
    on: "closed",
    name: "a chain removed and another put in its place",
    act: (d) => remove(`${d}/1`).then(() => Deno.rename(`${d}/2`, `${d}/1`)),
    found: "chain-moved",
  },
  {
    on: "closed",
    name: "a chain copied over another",
    act: (d, { files }) =>
      restore(d, new Map([...files].map(([p, b]) => [p.replace(/^1\//, "2/"), b]))),
    found: "chain-moved",
  },
  {
    on: "closed",
    name: "a chain copied to a number of its own",
    act: (d, { files }) =>
      restore(d, new Map([...files].map(([p, b]) => [p.replace(/^1\//, "3/"), b]))),
    found: "chain-moved",
  },
  {
    on: "closed",
    name: "two chains swapped",
    act: (d) => swap(`${d}/1`, `${d}/2`),
    found: "chain-moved",
  },
  {
    on: "closed",
    name: "the first chain removed",
    act: (d) => remove(`${d}/1`),
    found: "chain-missing",
  },
  {
    on: "closed",
    name: "the last chain removed",
    act: (d) => remove(`${d}/2`),
    found: "chain-missing",
  },
  {
    on: "closed",
    name: "all chains removed",
    act: (d) => remove(`${d}/1`).then(() => remove(`${d}/2`)),
    found: "chain-missing",
  },
  {
    on: "closed",
    name: "all chains removed, and a start",
    act: async (d) => {
      await remove(`${d}/1`);
      await remove(`${d}/2`);
      await Deno.utime(`${d}/key.pem`, 1e9, 1e9);
      await restart(d);
    },
    noted: /begins anew/,
  },
  {
    on: "closed",
    name: "an older copy of the first chain",
    act: (d, { earlier }) => putBack(d, "1/", earlier[0]!),
    found: "truncated",
  },
  {
    on: "closed",
    name: "an older copy of the first chain, and as many starts as it takes",
    act: async (d, { earlier }) => {
      await putBack(d, "1/", earlier[0]!);
      for (let n = 0; n < 4; n++) await restart(d, {}, 10);
    },
    found: "chain-replaced",
  },
  {
    on: "closed",
    name: "an older copy of the second chain",
    act: (d, { earlier }) => putBack(d, "2/", earlier[1]!),
    found: "truncated",
  },
  {
    on: "closed",
    name: "the first chain as the second one named it last",
    act: (d, { earlier }) => putBack(d, "1/", earlier[1]!),
    limit: /one chain, put back to how another named it last/,
  },
  {
    on: "closed",
    name: "an older copy of everything",
    act: (d, { earlier }) => putBack(d, "", earlier[2]!),
    limit: /An older copy of the whole folder/,
  },
  {
    on: "closed",
    name: "an empty chain added",
    act: (d) => Deno.mkdir(`${d}/3`),
    found: "head-missing",
  },
  {
    on: "closed",
    name: "audit/999999999",
    act: (d) => Deno.mkdir(`${d}/999999999`),
    found: "unexpected",
  },
  { on: "closed", name: "audit/257", act: (d) => Deno.mkdir(`${d}/257`), found: "unexpected" },
  {
    on: "closed",
    name: "audit/999999999, and a start",
    act: (d) => Deno.mkdir(`${d}/999999999`).then(() => restart(d)),
    found: "unexpected",
  },
  {
    on: "closed",
    name: "an older key beside the log",
    act: async (d) => {
      const { publicKey } = await generateKeyPair();
      await Deno.writeTextFile(`${d}/key.pub`, encodePublicKeyPem(publicKey));
    },
    found: "key-replaced",
  },
];

/** What can be done to files. */
export const FILE_ATTACKS: readonly Attack[] = [
  { on: "closed", name: "a file removed", act: (d) => remove(`${d}/${F1}`), found: "removed" },
  { on: "retained", name: "the first kept file removed", act: removeFirst, found: "removed" },
  {
    on: "closed",
    name: "a file renamed to another number",
    act: (d) => Deno.rename(`${d}/${F2}`, `${d}/1/000009.jsonl`),
    found: "removed reordered",
  },
  {
    on: "closed",
    name: "a file renamed away",
    act: (d) => Deno.rename(`${d}/${F2}`, `${d}/${F2}.bak`),
    found: "removed unexpected",
  },
  {
    on: "closed",
    name: "two files swapped",
    act: (d) => swap(`${d}/${F1}`, `${d}/${F2}`),
    found: "reordered",
  },
  {
    on: "closed",
    name: "a file copied to the end",
    act: async (d) => Deno.copyFile(`${d}/${F1}`, await nextFile(d)),
    found: "inserted",
  },
  {
    on: "closed",
    name: "an empty file at the end",
    act: async (d) => Deno.writeTextFile(await nextFile(d), ""),
    noted: /000\d+\.jsonl is empty/,
  },
  {
    on: "closed",
    name: "two empty files at the end",
    act: async (d) => {
      const paths = await Promise.all([nextFile(d, 1), nextFile(d, 2)]);
      for (const path of paths) await Deno.writeTextFile(path, "");
    },
    found: "inserted",
  },
  {
    on: "closed",
    name: "a file emptied",
    act: (d) => Deno.truncate(`${d}/${F1}`),
    found: "inserted removed",
  },
  {
    on: "closed",
    name: "a file that no host makes",
    act: (d) => Deno.writeTextFile(`${d}/1/notes.txt`, ""),
    found: "unexpected",
  },
  {
    on: "closed",
    name: "head.json removed",
    act: (d) => remove(`${d}/1/head.json`),
    found: "head-missing",
  },
  {
    on: "closed",
    name: "head.json of the other chain",
    act: (d) => Deno.copyFile(`${d}/2/head.json`, `${d}/1/head.json`),
    found: "chain-moved",
  },
  {
    on: "closed",
    name: "an older head.json",
    act: (d, { earlier }) => putBack(d, "1/head.json", earlier[1]!),
    found: "head-older",
  },
  {
    on: "closed",
    name: "a head.json of the format before",
    act: (d) => Deno.writeTextFile(`${d}/1/head.json`, '{"schema":1}\n'),
    found: "old-format",
  },
  {
    on: "closed",
    name: "a head.json of the format before, and a start",
    act: (d) => Deno.writeTextFile(`${d}/1/head.json`, '{"schema":1}\n').then(() => restart(d)),
    found: "old-format",
  },
  {
    on: "closed",
    name: "lines cut off the beginning of a file that retention would begin with",
    act: async (d) => {
      await editLines(`${d}/${F2}`, (lines) => void lines.splice(0, 2));
      const files = new Set(placesOf(await snapshot(d)).map(({ file }) => file)).size;
      await restart(d, { keepFiles: files - 1 });
      await remove(`${d}/${F1}`);
    },
    found: "reordered",
  },
];

/** What can be put in the place of files, and what is no change of them. */
export const OTHER_ATTACKS: readonly Attack[] = [
  ...[F1, "1/head.json", "key.pub"].map((path): Attack => ({
    on: "closed",
    name: `a FIFO in place of ${path}`,
    act: (d) => fifo(`${d}/${path}`),
    found: { [F1]: "removed unexpected", "1/head.json": "head-edited unexpected" }[path] ??
      "unexpected unreadable",
  })),
  {
    on: "closed",
    name: "a FIFO in place of a chain",
    act: (d) => fifo(`${d}/2`),
    found: "chain-missing unexpected",
  },
  {
    on: "closed",
    name: "a FIFO beside head.json",
    act: (d) => fifo(`${d}/1/head.json.new`),
    found: "unexpected",
  },
  ...[F1, "1/head.json", "key.pub"].map((path): Attack => ({
    on: "closed",
    name: `a link in place of ${path}`,
    act: (d) => link(d, path),
    found: { [F1]: "removed unexpected", "1/head.json": "head-edited unexpected" }[path] ??
      "unexpected unreadable",
  })),
  {
    on: "closed",
    name: "a link in place of a chain",
    act: (d) => link(d, "2"),
    found: "chain-missing unexpected",
  },
  {
    on: "closed",
    name: "a folder that others may write to",
    act: (d) => Deno.chmod(d, 0o777),
    noted: /[Oo]thers than its owner may write/,
  },
  {
    on: "closed",
    name: "a clock set back",
    act: (d) => restart(d, { now: () => new Date("2020-01-01T00:00:00Z") }),
    noted: /clock was set back at line \d+/,
  },
  {
    on: "closed",
    name: "a flood that hides a denial",
    act: (d) => restart(d, {}, 1_000),
    noted: /\d+ entries were counted and not written: denied of p/,
  },
];
