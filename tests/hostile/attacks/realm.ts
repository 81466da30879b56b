import assert from "node:assert/strict";
import { allowed, answered, type Attack, ranOn, type Report, timedOut } from "../attack.ts";

const BREAKS: readonly (readonly [row: string, what: string])[] = [
  ["RE-01", "JSON.stringify"],
  ["RE-01", "JSON.parse"],
  ["RE-03", "TextEncoder"],
  ["RE-04", "stdout"],
  ["RE-05", "Object.prototype"],
  ["RE-05", "setters of Object.prototype"],
  ["RE-06", "Map"],
  ["RE-07", "Array.prototype.push"],
  ["RE-07", "iterators"],
  ["RE-02", "Promise"],
  ["RE-09", "Function.prototype.call"],
  ["RE-10", "globals"],
  ["RE-11", "streams"],
  ["RE-12", "node builtins"],
  ["RE-13", "typed arrays"],
  ["RE-13", "errors"],
];

function realm(rows: string[], what: string, method: string, rest: Partial<Attack> = {}): Attack {
  return {
    rows,
    what,
    plugin: "realm",
    call: [method],
    contained: answered,
    control: { by: "direct", succeeded: allowed },
    ...rest,
  };
}

/** Answers, fails by itself, or is ended; a call after it gets the right answer or an error. */
function ownLoss({ error, after }: Report): void {
  if (error !== undefined) {
    assert.ok(
      ["plugin-error", "protocol-violation", "crashed", "timeout"].includes(error.code),
      JSON.stringify(error),
    );
  }
  assert.ok(after === "token" || after === "an error", `it answered ${JSON.stringify(after)}`);
}

const echoes: Attack["after"] = ({ plugin }) =>
  plugin!.call("echo", "token", { timeoutMs: 500 }).then((value) => value, () => "an error");

const hostileErrors = ["escapes", "long", "proxy", "name", "cyclic"].map((what) =>
  realm(["RP-27"], `throws an error with ${what} to it`, "hostileErrors", {
    call: ["hostileErrors", { what }],
    group: "errors",
    contained({ error }) {
      assert.equal(error?.code, "plugin-error", JSON.stringify(error));
      assert.ok(error.message.length < 20_000, `${error.message.length} characters`);
      // deno-lint-ignore no-control-regex -- that is what must not be there
      assert.doesNotMatch(error.message, /[\x00-\x08\x0b-\x1f\x7f\u202e]/);
    },
    control: {
      by: "nothing",
      because: "the error reaches the host in either case; `plugin-error` shows that it did",
    },
  })
);

/** Attacks on what shares a realm with the plugin, and on whoever reads its exports. */
export const REALM_ATTACKS: readonly Attack[] = [
  ...BREAKS.map(([row, what]) =>
    realm([row], `breaks ${what}`, "breaks", {
      call: ["breaks", { what }],
      timeoutMs: 500,
      contained: ownLoss,
      after: echoes,
      control: {
        by: "direct",
        succeeded: what === "Promise" || what === "iterators" ? () => {} : allowed,
      },
    })
  ),
  realm(["RE-08", "RP-20"], "reads what the host sends in place of the runtime", "readsInput", {
    timeoutMs: 300,
    contained: timedOut,
    control: { by: "direct", succeeded: ranOn },
  }),
  {
    rows: ["RE-14", "RE-15", "RE-16"],
    what: "exports traps and a function then",
    plugin: "trapped_exports",
    contained({ phase, error }) {
      assert.deepEqual([phase, error?.code], ["load", "launch-failed"]);
      assert.match(error!.message, /trapped/);
    },
    control: { by: "nothing", because: "the trap is sprung in either case: its message shows it" },
  },
  realm(["RE-17"], "deletes every global", "deletesGlobals", {
    timeoutMs: 500,
    contained: ownLoss,
    after: echoes,
    // nothing of the runtime works any more
    control: { by: "direct", succeeded: ({ exit }) => assert.equal(exit?.code, 1) },
  }),
  realm(["RE-18"], "answers the handshake under another name", "echo", {
    plugin: "forges_handshake",
    call: undefined,
    contained({ error, phase, after }) {
      assert.deepEqual([phase, error?.code], ["load", "protocol-violation"]);
      assert.deepEqual(after, { name: true, witness: "active" });
    },
    after: ({ host, name }) =>
      Promise.resolve({
        name: host.plugin(name)?.name === name,
        witness: host.plugin("witness")?.state,
      }),
    control: {
      by: "direct",
      succeeded: ({ outputBytes }) => assert.ok(outputBytes! > 0),
    },
  }),
  realm(["RE-19"], "listens for what other plugins broadcast", "listens", {
    call: ["listens", { name: "zoo" }],
    twin: true,
    contained: ({ after }) => assert.deepEqual(after, []),
    async after({ host, bundle, plugin }) {
      const other = await host.load(`${bundle}-other`);
      await other.call("posts", { name: "zoo" });
      await other.call("echo", 1);
      return await plugin!.call("heard");
    },
    control: {
      by: "direct",
      params: { again: "hearsWorker" },
      succeeded: ({ answer }) => assert.deepEqual(answer, ["from a worker"]),
    },
  }),
  ...hostileErrors,
];
