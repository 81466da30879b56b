import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { decodePublicKeyPem } from "../../src/crypto/pem.ts";
import { hashLine } from "../../src/audit/chain/line.ts";
import { tempDir } from "../helpers/signing.ts";
import { placesOf, type Snapshot, snapshot } from "./kit.ts";

const HOST = fileURLToPath(new URL("./red_team_host.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

/** A log that real hosts have written, and how it was at some moments before. */
export interface Scene {
  readonly files: Snapshot;
  readonly earlier: readonly Snapshot[];
  readonly publicKey: Uint8Array;
}

interface RunningHost {
  close(): Promise<void>;
  kill(): Promise<void>;
}

/** Starts a host, and waits until it has written what it should. */
async function startHost(
  data: string,
  bundle: string,
  count: number,
  keep = "",
): Promise<RunningHost> {
  const run = ["run", "-A", "--no-check", "--no-lock", `--config=${CONFIG}`];
  const child = new Deno.Command(Deno.execPath(), {
    args: [...run, HOST, data, bundle, String(count), keep],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.equal(
    new TextDecoder().decode(value),
    "written\n",
    value === undefined ? await errors : "",
  );
  const end = async () => {
    await child.status;
    await reader.cancel();
    await errors;
  };
  return {
    async close() {
      await child.stdin.close();
      await end();
    },
    async kill() {
      child.kill("SIGKILL");
      await child.stdin.close().catch(() => {});
      await end();
    },
  };
}

/** Two hosts at once and a third later, all closed in order; chain 1 has several files. */
export function closedScene(): Promise<Scene> {
  return makeScene(async (data, bundle, mark) => {
    const one = await startHost(data, bundle, 9);
    await mark();
    const two = await startHost(data, bundle, 3);
    await one.close();
    await mark();
    await two.close();
    await mark();
    await (await startHost(data, bundle, 9)).close();
  });
}

/** The same, but for the last host, which was killed. */
export function crashedScene(): Promise<Scene> {
  return makeScene(async (data, bundle, mark) => {
    const one = await startHost(data, bundle, 9);
    const two = await startHost(data, bundle, 3);
    await one.close();
    await two.close();
    await mark();
    await (await startHost(data, bundle, 4)).kill();
  });
}

/** A host that keeps two files, closed. */
export function retainedScene(): Promise<Scene> {
  return makeScene(async (data, bundle, mark) => {
    await (await startHost(data, bundle, 30)).close();
    await mark();
    await (await startHost(data, bundle, 30, "2")).close();
  });
}

async function makeScene(
  play: (data: string, bundle: string, mark: () => Promise<void>) => Promise<void>,
): Promise<Scene> {
  await using temp = await tempDir();
  const bundle = temp.join("bundle");
  await Deno.mkdir(bundle);
  await Deno.writeTextFile(`${bundle}/plugin.json`, "{}");
  const data = temp.join("data");
  const earlier: Snapshot[] = [];
  await play(data, bundle, async () => void earlier.push(await snapshot(`${data}/audit`)));
  const files = await snapshot(`${data}/audit`);
  const publicKey = decodePublicKeyPem(new TextDecoder().decode(files.get("key.pub")));
  return { files, earlier, publicKey };
}

/** Appends a line as whoever has no key can: with the right number and hash. */
export async function forge(
  dir: string,
  type: string,
  fields: object = {},
  chain = 1,
): Promise<void> {
  const last = placesOf(await snapshot(dir), chain).at(-1)!;
  const line = JSON.stringify({
    seq: last.seq + 1,
    time: new Date().toISOString(),
    type,
    ...fields,
    prev: hashLine(new TextEncoder().encode(last.text.trimEnd())),
  });
  await Deno.writeTextFile(`${dir}/${chain}/${last.file}`, `${line}\n`, { append: true });
}
