import assert from "node:assert/strict";
import { answered, type Attack, ended, ranOn, type Report, timedOut } from "../attack.ts";

/** The most that a message of these plugins may have. */
const MESSAGE_BYTES = 65_536;
const limits = { messageBytes: MESSAGE_BYTES };

const wrote = (bytes: number): Attack["control"] => ({
  by: "direct",
  succeeded({ outputBytes, error }: Report) {
    assert.equal(error, undefined);
    assert.ok(outputBytes! >= bytes, `only ${outputBytes} bytes came`);
  },
});

function frames(
  rows: string[],
  what: string,
  call: Attack["call"],
  rest: Partial<Attack> = {},
): Attack {
  return {
    rows,
    what,
    plugin: "frames",
    lane: "stdio",
    manifest: { limits },
    call,
    contained: ended("protocol-violation"),
    control: wrote(1),
    ...rest,
  };
}

const raw = (rows: string[], what: string, params: Record<string, unknown>): Attack =>
  frames(rows, what, ["raw", params]);

const line = (message: unknown) => ({ text: `${JSON.stringify(message)}\n` });
const rpc = { jsonrpc: "2.0" };

/** The ways by which plugins are supposed to print become log records. */
const printed = ["console", "Deno.stdout", "process.stdout"].map((way) =>
  frames(["RP-01", "RP-02"], `prints by ${way}`, ["ways", { way }], { contained: answered })
);
const torn = ["node:fs", "the runtime's own print"].map((way) =>
  frames(["RP-01", "RP-02"], `writes to the pipe by ${way}`, ["ways", { way }])
);

const context = {
  context: [{ key: "config", access: "read" }, { key: "kv", access: "read" }],
};

const floods = [
  frames(
    ["RP-11"],
    "floods the host with notifications",
    ["flood", {
      message: { ...rpc, method: "log", params: { level: "info", message: "x" } },
      times: 200_000,
    }],
    {
      contained(report) {
        // a host that has few of its processors reads too slowly for so many a second to arrive
        if (report.error?.code !== "timeout") ended("protocol-violation", /a second/)(report);
      },
    },
  ),
  frames(
    ["RP-29"],
    "floods the host with cancellations of nothing",
    ["flood", { message: { ...rpc, method: "$/cancel", params: { id: 1 } }, times: 30_000 }],
    // read more slowly, not cut off: it may be over before or after its call is
    {
      contained: ({ error }) =>
        assert.ok(error === undefined || error.code === "timeout", JSON.stringify(error)),
      timeoutMs: 3_000,
    },
  ),
  frames(
    ["RP-12", "RS-20"],
    "asks without reading the answers",
    ["asks", { times: 50_000, key: "config", method: "get", args: ["long"] }],
    {
      manifest: { ...context, limits },
      policy: { grant: { context: { config: "read" } } },
      contained: ended("protocol-violation", /does not read|in flight/),
    },
  ),
];

/** Attacks on the protocol. */
export const PROTOCOL_ATTACKS: readonly Attack[] = [
  ...printed,
  ...torn,
  raw(["RP-03"], "writes a line without end", { text: "x", times: 4_000_000 }),
  raw(["RP-04"], "writes a frame that is too long", {
    before: '{"jsonrpc":"2.0","id":2,"result":"',
    text: "x",
    times: 2 * MESSAGE_BYTES,
    after: '"}\n',
  }),
  raw(["RP-04"], "announces bytes that are too many", {
    text: '{"jsonrpc":"2.0","id":2,"result":{"$bin":0},"$bin":[68719476736]}\n',
  }),
  raw(["RP-05"], "nests a million brackets", { text: "[", times: 1_000_000, after: "\n" }),
  raw(["RP-05"], "nests as deep as fits a message", {
    before: '{"jsonrpc":"2.0","id":2,"result":',
    text: "[",
    times: 30_000,
    after: `${"]".repeat(30_000)}}\n`,
  }),
  frames(["RP-06"], "writes bytes that are no text", ["bytes", {
    bytes: [123, 34, 0xff, 0xfe, 34, 58, 49, 125, 10],
  }]),
  raw(["RP-06"], "begins with a byte order mark", {
    text: '\ufeff{"jsonrpc":"2.0","method":"log","params":{"message":"x"}}\n',
  }),
  raw(["RP-19"], "writes a number of ten million digits", {
    before: '{"jsonrpc":"2.0","id":2,"result":',
    text: "9",
    times: 10_000_000,
    after: "}\n",
  }),
  frames(["RP-07"], "answers with __proto__", ["traps"], {
    plugin: "realm",
    contained({ after, error }) {
      assert.equal(error, undefined);
      assert.deepEqual(after, { polluted: "undefined" });
    },
    after: () => Promise.resolve({ polluted: typeof ({} as { polluted?: unknown }).polluted }),
    control: {
      by: "nothing",
      because: "nothing is denied: the host parses it, and no prototype of it changes",
    },
  }),
  raw(["RP-07"], "answers with a key twice", {
    text: '{"jsonrpc":"2.0","id":4711,"id":2,"result":1,"result":2,"id":4712}\n',
  }),
  raw(["RP-08"], "answers what nobody asked", line({ ...rpc, id: 4711, result: "forged" })),
  raw(["RP-09"], "answers twice", line({ ...rpc, id: 1, result: "again" })),
  raw(["RP-10"], "answers with result and error", {
    ...line({ ...rpc, id: 2, result: 1, error: { code: 1, message: "" } }),
  }),
  raw(["RP-10"], "answers with a text as id", line({ ...rpc, id: "2", result: 1 })),
  raw(
    ["RP-10"],
    "sends a request that there is not",
    line({ ...rpc, id: 1, method: "plugin/call" }),
  ),
  ...floods,
  frames(["RP-13"], "writes a byte now and then", ["drips", { everyMs: 20 }], {
    timeoutMs: 500,
    contained: timedOut,
    control: { by: "direct", succeeded: ranOn },
  }),
  frames(["RP-14"], "floods stderr", ["stderr", { text: "x".repeat(1_023) + "\n", times: 200 }], {
    contained({ answer, error, after }) {
      assert.equal(error, undefined);
      assert.deepEqual(answer, { written: "ok" });
      assert.ok((after as number) < 4_000_000, `${after} characters of 12,800,000 were kept`);
    },
    // most of it is dropped, all of it is read
    after: ({ records, name }) =>
      Promise.resolve(
        records.filter(({ plugin }) => plugin === name)
          .reduce((sum, { message }) => sum + message.length, 0),
      ),
    control: { by: "itself" },
  }),
  frames(["RP-15"], "writes terminal escapes to stderr", ["stderr", {
    text: "\x1b]0;owned\x07\x1b[2J\u202e\r\n",
    times: 1,
  }], {
    contained({ answer, after }) {
      assert.deepEqual(answer, { written: "ok" });
      assert.deepEqual(after, { escaped: true, raw: false });
    },
    async after({ records, name }) {
      const said = () =>
        records.filter(({ plugin }) => plugin === name).map(({ message }) => message);
      const deadline = Date.now() + 3_000;
      while (said().length === 0 && Date.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      const text = said().join("");
      // deno-lint-ignore no-control-regex -- that is what must not be there
      return { escaped: text.includes("owned"), raw: /[\x00-\x1f\x7f\u202e]/.test(text) };
    },
    control: { by: "itself" },
  }),
  frames(["RP-16"], "calls services that it was not granted", ["context", {
    key: "database",
    method: "query",
    args: ["SELECT 1"],
  }], {
    manifest: { ...context, limits },
    policy: { grant: { context: { config: "read", kv: "read" } } },
    contained: ({ error, after }) => {
      assert.ok(error !== undefined);
      assert.deepEqual(after, { granted: { answer: "short" } });
    },
    after: async ({ plugin }) => ({
      granted: await plugin!.call("context", { key: "config", method: "get", args: ["short"] }),
    }),
    control: { by: "itself" },
  }),
  ...["__proto__", "constructor", "toString", "hasOwnProperty"].map((name) =>
    frames(["RP-16"], `calls a service by the name ${name}`, ["rawContext", {
      key: name,
      method: name,
      args: [],
    }], {
      manifest: { ...context, limits },
      policy: { grant: { context: { config: "read" } } },
      // the answer comes to an id of its own choice, which its bootstrap knows nothing of
      contained: ({ state, error, events }) =>
        assert.ok(
          events.includes("denied") && (state === "active" || error !== undefined),
          JSON.stringify({ state, error, events }),
        ),
      after: () => new Promise((resolve) => setTimeout(resolve, 100)),
      control: {
        by: "nothing",
        because: "the attack before this one shows a call that is granted",
      },
    })
  ),
  raw(["RP-18"], "sends a batch", line([{ ...rpc, id: 2, result: 1 }])),
  frames(["RP-20"], "never reads", ["neverReads"], {
    timeoutMs: 300,
    contained: timedOut,
    control: { by: "direct", succeeded: ranOn },
  }),
  frames(["RP-21"], "closes its output", ["closes", { descriptors: [1] }], {
    contained: ended("crashed"),
    control: { by: "direct", succeeded: answered },
  }),
  frames(["RP-21"], "closes all of its standard descriptors", ["closes", {
    descriptors: [0, 1, 2],
  }], {
    contained: ended("crashed"),
    control: { by: "direct", succeeded: answered },
  }),
  frames(["RP-22"], "writes half a frame", ["halfFrame"], {
    timeoutMs: 300,
    contained(report) {
      // where the host asked how it is meanwhile, the answer ends up in the frame
      if (report.error?.code !== "protocol-violation") timedOut(report);
    },
    control: wrote(20),
  }),
  frames(["RP-23"], "is silent", ["silent"], {
    timeoutMs: 300,
    contained: timedOut,
    control: {
      by: "nothing",
      because: "a promise that nobody waits for: without a host nothing keeps the process",
    },
  }),
  {
    rows: ["RP-23", "RE-14"],
    what: "is never done importing",
    plugin: "never_settles",
    contained({ phase, error }) {
      assert.deepEqual([phase, error?.code], ["load", "launch-failed"]);
      assert.match(error!.message, /its module was not imported within \d+ ms/);
    },
    control: { by: "direct", succeeded: ranOn },
  },
  frames(["RP-24"], "answers for its health in advance", ["answersEverything"]),
  {
    rows: ["RP-25", "RP-28"],
    what: "has a shutdown without end",
    plugin: "slow_shutdown",
    call: ["ping"],
    contained(report) {
      answered(report);
      assert.ok(report.ms.unload < 4_000, `it took ${report.ms.unload} ms`);
    },
    control: { by: "nothing", because: "shutdown is the host's own request" },
  },
  frames(["RP-26"], "tears frames from four workers", ["fromWorkers"], { timeoutMs: 3_000 }),
  {
    rows: ["RP-30"],
    what: "crashes after each handshake",
    plugin: "crashes_at_once",
    contained: ({ after }) => assert.deepEqual(after, ["crashed", "crashed", "crashed"]),
    async after({ host, name }) {
      const ends: string[] = [];
      for (let round = 0; round < 3; round++) {
        if (round > 0) await host.reload(name);
        const deadline = Date.now() + 5_000;
        while (host.plugin(name)!.state !== "failed" && Date.now() < deadline) {
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        ends.push(host.plugin(name)!.error?.code ?? "none");
      }
      return ends;
    },
    control: { by: "direct", succeeded: ({ exit }) => assert.equal(exit?.code, 1) },
  },
];
