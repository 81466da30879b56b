import assert from "node:assert/strict";
import { LIMIT_BOUNDS } from "../../../src/bundle/manifest/manifest.ts";
import {
  MAX_RESPONSES,
  MONITOR_BOUNDS,
  RESTART_BOUNDS,
  type SettingBounds,
  VIOLATION_ACTIONS,
  VIOLATION_KINDS,
  VIOLATION_SEVERITIES,
  WEIGHT_BOUNDS,
  WINDOW_BOUNDS,
} from "../../../src/permissions/policy/watch_policy.ts";
import {
  checkEntry,
  entryFor,
  grantOrigin,
  MAX_POLICY_BYTES,
  parsePolicy,
  policyJsonSchema,
} from "../../../src/permissions/policy/policy.ts";
import { assertThrowsWithCode } from "../../helpers/assert_code.ts";

const FULL = {
  $schema: "https://sallyport.dev/schema/policy.json",
  default: { limits: { memoryBytes: 64 * 1024 * 1024 }, onExcess: "reject" },
  plugins: {
    "link-check": {
      grant: {
        net: ["example.com:443", "10.0.0.0/8:80"],
        read: ["/data", "$STORAGE", "$BUNDLE"],
        write: ["/data/out"],
        sys: ["hostname"],
        context: { kv: "readwrite" },
        hooks: ["on_request", "*"],
      },
      limits: { cpuPercent: 50 },
      isolation: "bwrap",
      network: "proxied",
      seccomp: "strict",
      jitless: true,
      onExcess: "narrow",
      violations: {
        windowMs: 30_000,
        threshold: 20,
        responses: [
          { at: 1, action: "warn" },
          { kind: "memory", severity: "critical", at: 1, action: "unload" },
          { action: "quarantine" },
        ],
      },
      restart: {
        maxRestarts: 3,
        windowMs: 60_000,
        backoffMs: 100,
        maxBackoffMs: 5_000,
        jitter: 0.5,
      },
      monitor: { intervalMs: 1_000, messagesPerSecond: 500, logLinesPerSecond: 50 },
    },
  },
};

function issues(input: unknown): { path: string; message: string }[] {
  const error = assertThrowsWithCode(() => parsePolicy(input), "bad-config");
  return error.details.issues as { path: string; message: string }[];
}

Deno.test("parsePolicy() reads every field from an object, text and bytes alike", () => {
  const text = JSON.stringify(FULL);
  assert.deepEqual(parsePolicy(FULL), FULL);
  assert.deepEqual(parsePolicy(text), FULL);
  assert.deepEqual(parsePolicy(new TextEncoder().encode(text)), FULL);
  assert.deepEqual(parsePolicy({}), {});
});

Deno.test("parsePolicy() freezes its result and leaves the caller's object alone", () => {
  const input = structuredClone(FULL);
  const policy = parsePolicy(input);
  assert.ok(Object.isFrozen(policy.plugins!["link-check"]!.grant!.net));
  input.plugins["link-check"].grant.net.push("evil.example:443");
  assert.equal(policy.plugins!["link-check"]!.grant!.net!.length, 2);
});

Deno.test("parsePolicy() reports all mistakes at once, each with its path", () => {
  const found = issues({
    defaults: {},
    default: { grant: { env: ["HOME"], net: ["example.com", "https://example.com"] } },
    plugins: {
      "link-check": {
        grant: {
          read: ["data", "/", "/proc/self", "/a,/etc"],
          write: ["$BUNDLE/x", "/etc/cron.d", "~/x"],
          sys: ["hostname", "everything", "setPriority"],
          context: { kv: "write", "Bad Key": "read" },
          hooks: ["On Request"],
          run: ["sh"],
        },
        limits: { memoryBytes: 1, cpuPercent: 1.5, fuel: 3 },
        isolation: "docker",
        onExcess: "ignore",
      },
      "Bad Name": {},
    },
  });
  const text = found.map(({ path, message }) => `${path}: ${message}`).join("\n");
  for (
    const expected of [
      /^defaults: unknown field$/m,
      /^default\.grant\.env: unknown field: a plugin never gets the environment$/m,
      /^default\.grant\.net\[1\]: is a URL/m,
      /^plugins\.link-check\.grant\.read\[0\]: is relative/m,
      /^plugins\.link-check\.grant\.read\[1\]: cannot be granted: the root/m,
      /^plugins\.link-check\.grant\.read\[2\]: cannot be granted: \/proc/m,
      /^plugins\.link-check\.grant\.read\[3\]: has a comma/m,
      /^plugins\.link-check\.grant\.write\[0\]: is the bundle/m,
      /^plugins\.link-check\.grant\.write\[1\]: cannot be granted: \/etc/m,
      /^plugins\.link-check\.grant\.write\[2\]: starts with ~/m,
      /^plugins\.link-check\.grant\.sys\[1\]: is not a known kind/m,
      /^plugins\.link-check\.grant\.sys\[2\]: is never granted/m,
      /^plugins\.link-check\.grant\.context\.kv: must be "read" or "readwrite"/m,
      /^plugins\.link-check\.grant\.context\.Bad Key: has a bad name/m,
      /^plugins\.link-check\.grant\.hooks\[0\]: is not \*/m,
      /^plugins\.link-check\.grant\.run: unknown field: a plugin never starts processes$/m,
      /^plugins\.link-check\.limits\.memoryBytes: must be at least/m,
      /^plugins\.link-check\.limits\.cpuPercent: must be a whole number/m,
      /^plugins\.link-check\.limits\.fuel: unknown field$/m,
      /^plugins\.link-check\.isolation: must be "auto"/m,
      /^plugins\.link-check\.onExcess: must be "reject" or "narrow"/m,
      /^plugins\.Bad Name: has a bad name/m,
    ]
  ) assert.match(text, expected, text);
  assert.equal(found.length, 22, text);
});

Deno.test("parsePolicy() holds limits to their bounds", () => {
  for (const [name, { min, max }] of Object.entries(LIMIT_BOUNDS)) {
    parsePolicy({ default: { limits: { [name]: min } } });
    parsePolicy({ default: { limits: { [name]: max } } });
    assert.equal(issues({ default: { limits: { [name]: min - 1 } } }).length, 1, name);
    assert.equal(issues({ default: { limits: { [name]: max + 1 } } }).length, 1, name);
    for (const value of [NaN, Infinity, "1", null]) {
      assert.equal(
        issues({ default: { limits: { [name]: value } } }).length,
        1,
        `${name} ${value}`,
      );
    }
  }
});

const WATCH_BOUNDS: [group: string, name: string, bounds: SettingBounds][] = [
  ["violations", "windowMs", WINDOW_BOUNDS],
  ["violations", "threshold", WEIGHT_BOUNDS],
  ...Object.entries(RESTART_BOUNDS).map(([name, bounds]) =>
    ["restart", name, bounds] satisfies [string, string, SettingBounds]
  ),
  ...Object.entries(MONITOR_BOUNDS).map(([name, bounds]) =>
    ["monitor", name, bounds] satisfies [string, string, SettingBounds]
  ),
];

Deno.test("parsePolicy() holds the settings of the watch to their bounds", () => {
  for (const [group, name, { min, max }] of WATCH_BOUNDS) {
    for (const value of [min, max]) parsePolicy({ default: { [group]: { [name]: value } } });
    for (const value of [min - 1, max + 1, NaN, Infinity, "1", null]) {
      const found = issues({ default: { [group]: { [name]: value } } });
      assert.deepEqual(found.map(({ path }) => path), [`default.${group}.${name}`], `${value}`);
    }
    if (name !== "jitter") {
      assert.equal(issues({ default: { [group]: { [name]: min + 0.5 } } }).length, 1, name);
    }
  }
});

Deno.test("parsePolicy() knows every kind, severity and action of a response, and no other", () => {
  const withResponses = (responses: unknown[]) => ({ default: { violations: { responses } } });
  for (const kind of VIOLATION_KINDS) {
    for (const severity of VIOLATION_SEVERITIES) {
      parsePolicy(
        withResponses(VIOLATION_ACTIONS.map((action) => ({ kind, severity, action, at: 1 }))),
      );
    }
  }
  parsePolicy(withResponses([]));
  parsePolicy(withResponses(Array(MAX_RESPONSES).fill({ action: "warn" })));
  assert.equal(
    issues(withResponses(Array(MAX_RESPONSES + 1).fill({ action: "warn" }))).length,
    1,
  );
  const found = issues(withResponses([
    { at: 1 },
    { action: "kill" },
    { action: "warn", at: 0 },
    { action: "warn", at: 101 },
    { action: "warn", kind: "disk" },
    { action: "warn", severity: "fatal" },
    { action: "warn", after: 3 },
  ]));
  assert.deepEqual(
    found.map(({ path }) => path.replace("default.violations.responses", "")),
    ["[0].action", "[1].action", "[2].at", "[3].at", "[4].kind", "[5].severity", "[6].after"],
  );
  assert.match(found[1]!.message, /must be "record" or "warn" or "throttle" or "unload"/);
});

Deno.test("parsePolicy() refuses an unknown setting of the watch", () => {
  const found = issues({
    default: { violations: { window: 1 }, restart: { tries: 1 }, monitor: { interval: 1 } },
  });
  assert.deepEqual(found.map(({ path, message }) => `${path}: ${message}`), [
    "default.violations.window: unknown field",
    "default.restart.tries: unknown field",
    "default.monitor.interval: unknown field",
  ]);
});

Deno.test("parsePolicy() refuses what is not one JSON object", () => {
  for (const input of [undefined, null, 3, [], "", "[]", "{", '{"plugins":{},"plugins":{}}']) {
    assert.equal(issues(input).length, 1, String(input));
  }
  assert.match(issues('{"__proto__": {}}')[0]!.message, /__proto__/);
  assert.match(issues(new Uint8Array([0x7b, 0xff, 0x7d]))[0]!.message, /UTF-8/);
  assert.match(issues(" ".repeat(MAX_POLICY_BYTES + 1))[0]!.message, /larger than/);
  assert.match(issues(new Uint8Array(MAX_POLICY_BYTES + 1))[0]!.message, /larger than/);
});

Deno.test("parsePolicy() names the file that was given and escapes it", () => {
  assertThrowsWithCode(
    () => parsePolicy({ x: 1 }, "/etc/p\u001b.json"),
    "bad-config",
    /p\\u001b\.json/,
  );
});

Deno.test("entryFor() lays a plugin's lists over the default's, replacing each whole", () => {
  const policy = parsePolicy({
    default: {
      grant: { net: ["a.example"], sys: ["hostname"], context: { kv: "read", database: "read" } },
      limits: { cpuPercent: 50, threads: 20 },
      jitless: true,
    },
    plugins: {
      "link-check": {
        grant: { net: ["b.example"], context: { kv: "readwrite" } },
        limits: { cpuPercent: 80 },
      },
      silent: { grant: { net: [], sys: [] } },
    },
  });
  const entry = entryFor(policy, "link-check");
  assert.deepEqual(entry, {
    grant: { net: ["b.example"], sys: ["hostname"], context: { kv: "readwrite" } },
    limits: { cpuPercent: 80, threads: 20 },
    jitless: true,
  });
  assert.equal(grantOrigin(entry, "net"), "plugins.link-check.grant.net");
  assert.equal(grantOrigin(entry, "sys"), "default.grant.sys");
  assert.deepEqual(entryFor(policy, "silent").grant?.net, []);
  assert.deepEqual(entryFor(policy, "other").grant, policy.default!.grant);
});

Deno.test("entryFor() lays the watch over the default's field by field, responses as a whole", () => {
  const policy = parsePolicy({
    default: {
      violations: { windowMs: 5_000, threshold: 3, responses: [{ action: "quarantine" }] },
      restart: { maxRestarts: 1, jitter: 0 },
      monitor: { intervalMs: 500 },
    },
    plugins: {
      "link-check": {
        violations: { threshold: 8, responses: [{ action: "warn" }] },
        restart: { maxRestarts: 0 },
        monitor: { logLinesPerSecond: 5 },
      },
    },
  });
  const entry = entryFor(policy, "link-check");
  assert.deepEqual(entry, {
    violations: { windowMs: 5_000, threshold: 8, responses: [{ action: "warn" }] },
    restart: { maxRestarts: 0, jitter: 0 },
    monitor: { intervalMs: 500, logLinesPerSecond: 5 },
  });
  assert.ok(Object.isFrozen(entry.violations));
  checkEntry(entry, "link-check");
  assert.deepEqual(entryFor(policy, "other"), policy.default);
});

Deno.test("entryFor() grants nothing without a policy, and never reads inherited names", () => {
  assert.deepEqual(entryFor(undefined, "link-check"), {});
  assert.deepEqual(entryFor(parsePolicy({ plugins: {} }), "constructor"), {});
  assert.deepEqual(entryFor({ plugins: {} }, "__proto__"), {});
});

Deno.test("checkEntry() refuses an entry that no parser saw", () => {
  checkEntry({ grant: { net: ["example.com"] } }, "x");
  assertThrowsWithCode(
    () => checkEntry({ grant: { read: ["/a,/etc"] } }, "x"),
    "bad-config",
    /grant\.read\[0\]: has a comma/,
  );
  assertThrowsWithCode(() => checkEntry({ limits: { threads: NaN } }, "x"), "bad-config");
});

Deno.test("policyJsonSchema() describes the fields and refuses others", () => {
  const schema = policyJsonSchema() as {
    additionalProperties: boolean;
    properties: Record<string, { properties?: Record<string, unknown> }>;
  };
  assert.equal(schema.additionalProperties, false);
  assert.deepEqual(Object.keys(schema.properties).sort(), ["$schema", "default", "plugins"]);
  assert.deepEqual(Object.keys(schema.properties.default!.properties!).sort(), [
    "grant",
    "isolation",
    "jitless",
    "limits",
    "monitor",
    "network",
    "onExcess",
    "restart",
    "seccomp",
    "violations",
  ]);
  JSON.stringify(schema);
});
