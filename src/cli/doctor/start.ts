// Starts a plugin for `doctor`, as a host does: signed, verified, contained, with all that a start uses.
import type { Probe } from "../../doctor/types.ts";
import { granted } from "../../doctor/system.ts";
import { removeTree } from "../../io/remove_tree.ts";
import type { IsolationMode } from "../../sandbox/machine/choose.ts";
import { loadForTest } from "../../testing/load.ts";

const MANIFEST = {
  name: "sallyport-doctor",
  version: "1.0.0",
  entry: "main.ts",
  // nothing is dialled: a granted host is what the proxy and its relay are started for
  permissions: { net: ["sallyport.invalid:443"], read: ["$STORAGE"], write: ["$STORAGE"] },
  storage: { quotaBytes: 1_048_576 },
  context: [{ key: "kv", access: "readwrite" }, { key: "database", access: "readwrite" }],
};

const MAIN = `import { definePlugin } from "@sallyport/host/plugin";
let context;
export default definePlugin({
  init: (given) => void (context = given),
  methods: {
    async tries(bytes: Uint8Array) {
      Deno.writeFileSync(\`\${context.storage}/tried\`, bytes);
      await context.get("kv").set("tried", 1);
      await context.get("database").execute("CREATE TABLE tried (n)");
      return Deno.readFileSync(\`\${context.storage}/tried\`);
    },
    async *counts() {
      yield* [1, 2, 3];
    },
  },
});
`;

export async function tryStart(isolation: IsolationMode): Promise<Probe> {
  const mayRun = ["deno", Deno.execPath()].some((command) => granted({ name: "run", command }));
  const lacks = [
    ...(["read", "write"] as const).filter((name) => !granted({ name })),
    ...(mayRun ? [] : ["run"]),
  ];
  if (lacks.length > 0) {
    return {
      state: "unseen",
      detail: `needs ${lacks.map((name) => `--allow-${name}`).join(", ")}`,
    };
  }
  try {
    await using undo = new AsyncDisposableStack();
    const dir = await Deno.makeTempDir({ prefix: "sallyport-exam-" });
    undo.defer(() => removeTree(dir));
    await Deno.writeTextFile(`${dir}/plugin.json`, JSON.stringify(MANIFEST));
    await Deno.writeTextFile(`${dir}/main.ts`, MAIN);
    const { plugin } = undo.use(await loadForTest(dir, { isolation }));
    const bytes = Uint8Array.of(1, 2, 3);
    const answer = await plugin.call("tries", bytes);
    const items = await Array.fromAsync(plugin.stream("counts", undefined));
    if (String(answer) !== String(bytes) || String(items) !== String(bytes)) {
      return {
        state: "fails",
        detail: "a plugin started, and returned other values than it was sent",
      };
    }
    const { launcher } = plugin.sandbox!;
    return {
      state: "works",
      detail: `a plugin runs under ${launcher}: calls, streams, storage, kv, database`,
    };
  } catch (error) {
    return { state: "fails", detail: failure(error) };
  }
}

/** The last line that the runtime wrote says why it did not start. */
function failure(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const tail = (error as { details?: { stderrTail?: unknown } }).details?.stderrTail;
  const last = typeof tail === "string" ? tail.trim().split("\n").at(-1) : "";
  return last ? `${message}: ${last}` : message;
}
