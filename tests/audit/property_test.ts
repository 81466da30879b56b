import assert from "node:assert/strict";
import { verifyAuditLog } from "../../src/audit/verify/verify_log.ts";
import { type Chance, chanceFrom } from "../soak/random.ts";
import { tempDir } from "../helpers/signing.ts";
import { restore, type Snapshot } from "./kit.ts";
import { closedScene, crashedScene, type Scene } from "./scenes.ts";

const ROUNDS = 60;
const encoder = new TextEncoder();

/** Changes one thing; gives the files and what was done. */
function mutate(files: Snapshot, chance: Chance): { changed: Snapshot; what: string } {
  const changed: Snapshot = new Map(files);
  const path = chance.pick(
    [...files.keys()].filter((path) => /^\d+\/(\d+\.jsonl|head)/.test(path)),
  );
  const bytes = files.get(path)!;
  const isLog = path.endsWith(".jsonl");
  const lines = new TextDecoder().decode(bytes).split(/(?<=\n)/);
  const at = chance.below(lines.length);
  const put = (changedLines: readonly string[]) =>
    void changed.set(path, encoder.encode(changedLines.join("")));
  const kind = chance.pick(
    isLog ? ["byte", "remove", "twice", "swap", "cut", "file"] : ["byte", "cut"],
  );
  const other = chance.pick(
    [...files.keys()].filter((name) => name.endsWith(".jsonl") && name !== path),
  );
  switch (kind) {
    case "byte": {
      const copy = bytes.slice();
      copy[chance.below(copy.length)]! ^= 1 << chance.below(8);
      changed.set(path, copy);
      break;
    }
    case "cut":
      changed.set(path, bytes.slice(0, chance.below(bytes.length)));
      break;
    case "remove":
      put(lines.toSpliced(at, 1));
      break;
    case "twice":
      put(lines.toSpliced(chance.below(lines.length + 1), 0, lines[at]!));
      break;
    case "swap": {
      const second = (at + 1 + chance.below(lines.length - 1)) % lines.length;
      put(lines.with(at, lines[second]!).with(second, lines[at]!));
      break;
    }
    default:
      changed.set(path, files.get(other)!);
      changed.set(other, bytes);
  }
  return { changed, what: `${kind} in ${path} (${other})` };
}

/** What is left of a file after the last signed line is nobody's word; gives the files up to there. */
function signedPart(files: Snapshot): string {
  const parts: string[] = [];
  for (const [path, bytes] of [...files].sort()) {
    if (path.endsWith(".jsonl")) {
      const lines = new TextDecoder().decode(bytes).split(/(?<=\n)/);
      const end = lines.findLastIndex((line) => /"signature":"[^"]+"\}\n$/.test(line));
      parts.push(path, ...lines.slice(0, end + 1));
    } else if (path.endsWith("head.json")) parts.push(path, new TextDecoder().decode(bytes));
  }
  return parts.join("\n");
}

for (const [name, make] of [["closed", closedScene], ["killed", crashedScene]] as const) {
  Deno.test(`no single change of what hosts (${name}) have signed goes unseen`, async () => {
    const scene: Scene = await make();
    const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
    const chance = chanceFrom(seed);
    await using temp = await tempDir();
    await restore(temp.path, scene.files);
    const { publicKey } = scene;
    assert.ok((await verifyAuditLog(temp.path, { publicKey })).ok, "the control");
    const signed = signedPart(scene.files);
    let seen = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const { changed, what } = mutate(scene.files, chance);
      await restore(temp.path, changed);
      const { ok } = await verifyAuditLog(temp.path, { publicKey });
      const touched = signedPart(changed) !== signed;
      assert.ok(!ok || !touched, `seed ${seed}, round ${round}: ${what} goes unseen`);
      if (touched) seen++;
    }
    assert.ok(seen > ROUNDS / 2, `${seen} changes of signed lines`);
    await restore(temp.path, scene.files);
    assert.ok((await verifyAuditLog(temp.path, { publicKey })).ok, "the control again");
  });
}
