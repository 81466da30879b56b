import assert from "node:assert/strict";
import fc from "fast-check";
import type { AccessLevel } from "../../../../src/bundle/manifest/manifest_schema.ts";
import {
  type ExposureGrade,
  type ExposureInput,
  gradeExposure,
  gradeLines,
} from "../../../../src/cli/inspect/exposure/grade.ts";
import { Output } from "../../../../src/cli/terminal/output.ts";
import { OWN_BUNDLE, OWN_STORAGE } from "../../../../src/permissions/findings.ts";
import type { SandboxReport } from "../../../../src/sandbox/launch/launcher.ts";

interface Given {
  net: string[];
  read: string[];
  write: string[];
  sys: string[];
  hooks: { name: string; priority?: number }[];
  context: Record<string, AccessLevel>;
  storage: boolean;
  sandbox: SandboxReport;
  jitless: boolean;
  signer: { trusted: boolean; expires: boolean };
  hostFilesKnown: boolean;
  hostIsRoot: boolean | undefined;
}

const CONTAINED: SandboxReport = {
  launcher: "bwrap",
  denoPermissions: true,
  namespaces: true,
  seccomp: true,
  seccompProfile: "strict",
  network: "isolated",
  cgroup: true,
  rlimits: true,
  diesWithHost: "kernel",
  missing: [],
};
const PLAIN: SandboxReport = {
  ...CONTAINED,
  launcher: "plain",
  namespaces: false,
  seccomp: false,
  seccompProfile: "off",
  network: "host",
  cgroup: false,
  rlimits: false,
};
const BEST: Given = {
  net: [],
  read: [],
  write: [],
  sys: [],
  hooks: [],
  context: {},
  storage: false,
  sandbox: CONTAINED,
  jitless: true,
  signer: { trusted: true, expires: true },
  hostFilesKnown: true,
  hostIsRoot: false,
};

function inputOf(change: Partial<Given>): ExposureInput {
  const given = { ...BEST, ...change };
  const items = [
    { family: "read" as const, value: "/data/store/x", source: OWN_BUNDLE },
    ...given.read.map((value) => ({ family: "read" as const, value, source: "grant.read" })),
    ...given.write.map((value) => ({ family: "write" as const, value, source: "grant.write" })),
    ...given.storage
      ? (["read", "write"] as const).map((family) => ({
        family,
        value: "/home/ada/data/storage/x",
        source: OWN_STORAGE,
      }))
      : [],
  ].map((item) => ({ ...item, requested: item.value }));
  const { net, read, write, sys, sandbox, signer, hostFilesKnown, hostIsRoot, jitless } = given;
  return {
    permissions: {
      net,
      read,
      write,
      sys,
      hooks: given.hooks.map(({ name }) => name),
      context: given.context,
      items,
    },
    hooks: given.hooks,
    sandbox,
    jitless,
    signer,
    hostFilesKnown,
    hostIsRoot,
  };
}

function grade(change: Partial<Given> = {}): ExposureGrade {
  return gradeExposure(inputOf(change));
}

function line(name: string, change: Partial<Given>): number {
  return grade(change).lines.find((each) => each.name === name)!.exposure;
}

Deno.test("gradeExposure() returns 0 where nothing is granted under every layer", () => {
  const { grade: value, label, lines } = grade();
  assert.deepEqual([value, label], [0, "SAFE"]);
  assert.ok(lines.every(({ exposure }) => exposure === 0));
});

Deno.test("gradeExposure() sums its lines, the worst first, each within its weight", () => {
  const { grade: value, label, lines } = grade({
    net: ["example.com:443"],
    read: ["/srv/data"],
    hooks: [{ name: "on_text", priority: 150 }],
    context: { kv: "readwrite", database: "read" },
    sandbox: { ...CONTAINED, network: "proxied" },
    jitless: false,
  });
  assert.equal(value, 2.5);
  assert.equal(label, "OK");
  const adding = lines.filter(({ exposure }) => exposure > 0);
  assert.deepEqual(adding.map(({ name, exposure }) => [name, exposure]), [
    ["net", 0.6],
    ["hooks", 0.5],
    ["database", 0.4],
    ["reads", 0.4],
    ["compiler", 0.3],
    ["services", 0.2],
    ["network mode", 0.1],
  ]);
  for (const { name, exposure, weight } of lines) assert.ok(exposure <= weight, name);
  assert.equal(new Set(lines.map(({ name }) => name)).size, lines.length);
});

Deno.test("gradeExposure() counts that a host's own files may be among granted paths", () => {
  const unknown = { hostFilesKnown: false };
  assert.equal(line("host's files", { ...unknown, storage: true }), 0);
  assert.equal(line("host's files", { ...unknown, read: ["/srv"] }), 1);
  assert.equal(line("host's files", { ...unknown, write: ["/srv/x"] }), 1);
  assert.equal(line("host's files", { read: ["/srv"] }), 0, "then a host refuses them");
});

Deno.test("gradeExposure() calls plain launches what they are", () => {
  assert.equal(grade({ sandbox: PLAIN, jitless: false }).label, "MEDIUM");
  assert.equal(grade({ sandbox: PLAIN, jitless: false, hostIsRoot: true }).label, "EXPOSED");
  const open = grade({
    sandbox: PLAIN,
    jitless: false,
    hostIsRoot: true,
    net: ["*.com:443"],
    write: ["/home/ada"],
  });
  assert.deepEqual([open.grade, open.label], [10, "UNSAFE"]);
});

Deno.test("gradeExposure() weighs hosts by how many there may be", () => {
  const proxied: SandboxReport = { ...CONTAINED, network: "proxied" };
  const net = (...hosts: string[]) => line("net", { net: hosts, sandbox: proxied });
  const rising = [
    [],
    ["example.com:443"],
    ["example.com:443", "example.org:443"],
    ["*.api.example.com:443"],
    ["*.example.com:443"],
    ["*.com:443"],
    ["0.0.0.0/0:443"],
  ].map((hosts) => net(...hosts));
  assert.deepEqual(rising, [0, 0.6, 0.7, 1.5, 1.7, 2.3, 2.5]);
  const many = Array.from({ length: 50 }, (_, index) => `h${index}.example.com:443`);
  assert.equal(net(...many), 1.4);
  assert.equal(line("net", { net: ["*.com:443"] }), 0, "an isolated network reaches nothing");
});

Deno.test("gradeExposure() sees private addresses however they are granted", () => {
  const proxied: SandboxReport = { ...CONTAINED, network: "proxied" };
  const cases: [string, number][] = [
    ["93.184.216.34:443", 0],
    ["example.com:443", 0],
    ["*.com:443", 0],
    ["127.0.0.1:8080", 0.7],
    ["[::1]:8080", 0.7],
    ["localhost:8080", 0.7],
    ["169.254.169.254:80", 0.7],
    ["[fe80::1]:80", 0.7],
    ["10.1.2.0/24:443", 0.6],
    ["172.31.0.1:443", 0.6],
    ["172.32.0.1:443", 0],
    ["[fd00::1]:443", 0.6],
    ["db:5432", 0.6],
    ["*.internal:443", 0.6],
    ["printer.local:631", 0.6],
    ["0.0.0.0/0:443", 2],
  ];
  for (const [host, expected] of cases) {
    assert.equal(line("private net", { net: [host], sandbox: proxied }), expected, host);
  }
});

Deno.test("gradeExposure() weighs paths by what they touch", () => {
  const cases: [string, read: number, write: number][] = [
    ["/srv/data", 0.4, 1],
    ["/homework", 0.4, 1],
    ["/home/ada/projects", 0.6, 1.2],
    ["/home/ada/.ssh", 2, 2],
    ["/home/ada/.config/x", 2, 2],
    ["/home/ada", 2.6, 3.2],
    ["/home", 2.6, 3.2],
    ["/root", 2.6, 3.2],
    ["/Users/ada", 2.6, 3.2],
    ["C:\\Users\\ada\\Documents", 0.6, 1.2],
    ["C:\\Users\\ada", 2.6, 3.2],
    ["/etc/hosts", 0.8, 1.5],
    ["/var/lib/app", 0.8, 1.5],
  ];
  for (const [path, read, write] of cases) {
    assert.equal(line("reads", { read: [path] }), read, path);
    assert.equal(line("writes", { write: [path] }), write, path);
  }
  assert.equal(line("reads", { storage: true }), 0);
  assert.equal(line("writes", { storage: true }), 0.1, "its own storage hardly counts");
});

Deno.test("gradeExposure() counts what cannot be seen as if it were so", () => {
  assert.equal(line("host user", { hostIsRoot: undefined }), 0.3);
  assert.equal(line("host user", { hostIsRoot: true }), 0.3);
  assert.equal(line("signer", { signer: { trusted: false, expires: true } }), 2);
  assert.equal(line("services", { context: { billing: "readwrite" } }), 0.8);
});

const host = fc.constantFrom(
  "example.com:443",
  "a.example.com:443",
  "*.example.com:443",
  "*.a.example.com:8443",
  "*.com:443",
  "localhost:80",
  "127.0.0.1:80",
  "10.0.0.0/8:443",
  "10.1.0.0/16:443",
  "0.0.0.0/0:443",
  "[::]/0:443",
  "[fd00::]/8:443",
);
const path = fc.constantFrom(
  "/srv",
  "/srv/a",
  "/home",
  "/home/ada",
  "/home/ada/.ssh",
  "/home/ada/p",
  "/home/ada/p/.git",
  "/etc",
  "/etc/hosts",
  "/root",
  "/var/lib",
  "/",
);
const hook = fc.record({
  name: fc.constantFrom("on_a", "on_b", "on_c", "on_d"),
  priority: fc.constantFrom(100, 150, 250, 400),
});
const given: fc.Arbitrary<Given> = fc.record({
  net: fc.array(host, { maxLength: 4 }),
  read: fc.array(path, { maxLength: 4 }),
  write: fc.array(path, { maxLength: 4 }),
  sys: fc.uniqueArray(fc.constantFrom("hostname", "cpus", "uid", "osRelease", "gid", "loadavg")),
  hooks: fc.uniqueArray(hook, { selector: ({ name }) => name, maxLength: 3 }),
  context: fc.dictionary(
    fc.constantFrom("kv", "database", "log", "billing"),
    fc.constantFrom<AccessLevel>("read", "readwrite"),
  ),
  storage: fc.boolean(),
  sandbox: fc.record({
    launcher: fc.constantFrom<SandboxReport["launcher"]>("bwrap", "unshare", "plain"),
    denoPermissions: fc.boolean(),
    namespaces: fc.boolean(),
    seccomp: fc.boolean(),
    seccompProfile: fc.constantFrom<SandboxReport["seccompProfile"]>("strict", "baseline", "off"),
    network: fc.constantFrom<SandboxReport["network"]>("isolated", "proxied", "host"),
    cgroup: fc.boolean(),
    rlimits: fc.boolean(),
    diesWithHost: fc.constantFrom<SandboxReport["diesWithHost"]>("kernel", "stdin"),
    missing: fc.constant([]),
  }),
  jitless: fc.boolean(),
  signer: fc.record({ trusted: fc.boolean(), expires: fc.boolean() }),
  hostFilesKnown: fc.boolean(),
  hostIsRoot: fc.constantFrom(true, false, undefined),
});

/** Each gives the same with more granted, or with a layer less. */
const WIDER: ((from: Given, more: Given) => Given)[] = [
  (from, more) => ({ ...from, net: [...from.net, ...more.net] }),
  (from, more) => ({ ...from, read: [...from.read, ...more.read] }),
  (from, more) => ({ ...from, write: [...from.write, ...more.write] }),
  (from, more) => ({ ...from, sys: [...new Set([...from.sys, ...more.sys])] }),
  (from, more) => ({
    ...from,
    hooks: [
      ...from.hooks,
      ...more.hooks.filter(({ name }) => from.hooks.every((each) => each.name !== name)),
    ],
  }),
  (from) => ({ ...from, hooks: from.hooks.map(({ name }) => ({ name, priority: 100 })) }),
  (from, more) => ({ ...from, context: { ...more.context, ...from.context } }),
  (from) => ({
    ...from,
    context: Object.fromEntries(Object.keys(from.context).map((key) => [key, "readwrite"])),
  }),
  (from) => ({ ...from, storage: true }),
  (from) => ({ ...from, jitless: false }),
  (from) => ({ ...from, hostIsRoot: true }),
  (from) => ({ ...from, signer: { trusted: false, expires: from.signer.expires } }),
  (from) => ({ ...from, signer: { trusted: from.signer.trusted, expires: false } }),
  (from) => ({ ...from, sandbox: { ...from.sandbox, denoPermissions: false } }),
  (from) => ({ ...from, sandbox: { ...from.sandbox, namespaces: false } }),
  (from) => ({ ...from, sandbox: { ...from.sandbox, seccomp: false } }),
  (from) => ({ ...from, sandbox: { ...from.sandbox, seccompProfile: "off" } }),
  (from) => ({ ...from, sandbox: { ...from.sandbox, cgroup: false } }),
  (from) => ({ ...from, sandbox: { ...from.sandbox, rlimits: false } }),
  (from) => ({ ...from, sandbox: { ...from.sandbox, diesWithHost: "stdin" } }),
  (from) => ({ ...from, sandbox: { ...from.sandbox, network: "host" } }),
  (from) =>
    from.sandbox.network === "isolated"
      ? { ...from, sandbox: { ...from.sandbox, network: "proxied" } }
      : from,
];

Deno.test("gradeExposure() never falls when more is granted or a layer is taken away", () => {
  fc.assert(
    fc.property(given, given, fc.nat(WIDER.length - 1), (from, more, index) => {
      const before = grade(from);
      const after = grade(WIDER[index]!(from, more));
      assert.ok(after.grade >= before.grade, `${before.grade} → ${after.grade}`);
      assert.deepEqual(grade(from), before, "the same input gives the same grade");
      assert.ok(before.grade >= 0 && before.grade <= 10);
      const sum = before.lines.reduce((total, { exposure }) => total + exposure * 10, 0);
      assert.equal(before.grade, Math.min(100, Math.round(sum)) / 10);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("gradeExposure() never falls when a grant is replaced by a wider one", () => {
  const wider: [keyof Given & ("net" | "read" | "write"), string, string][] = [
    ["net", "a.example.com:443", "*.example.com:443"],
    ["net", "*.example.com:443", "*.com:443"],
    ["net", "db.internal:443", "*.internal:443"],
    ["net", "10.1.0.1:443", "10.1.0.0/16:443"],
    ["net", "10.1.0.0/16:443", "10.0.0.0/8:443"],
    ["net", "10.0.0.0/8:443", "0.0.0.0/0:443"],
    ["net", "[::1]:443", "[::]/0:443"],
    ...(["read", "write"] as const).flatMap((family) =>
      ([
        ["/home/ada/p/.git", "/home/ada/p"],
        ["/home/ada/p", "/home/ada"],
        ["/home/ada/.ssh", "/home/ada"],
        ["/home/ada", "/home"],
        ["/etc/hosts", "/etc"],
        ["/srv/a", "/srv"],
        ["/home", "/"],
        ["/srv", "/"],
      ] as const).map(([narrow, wide]): [typeof family, string, string] => [family, narrow, wide])
    ),
  ];
  fc.assert(
    fc.property(given, fc.nat(wider.length - 1), (from, index) => {
      const [family, narrow, wide] = wider[index]!;
      const before = grade({ ...from, [family]: [...from[family], narrow] });
      const after = grade({ ...from, [family]: [...from[family], wide] });
      assert.ok(after.grade >= before.grade, `${narrow} → ${wide}`);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("gradeLines() shows what adds, the worst first, within 80 columns", () => {
  const output = new Output({
    writeOut() {},
    writeErr() {},
    stdin: () => new Blob([]).stream(),
    outIsTerminal: false,
    errIsTerminal: false,
    noColor: true,
  }, false);
  const long = Array.from({ length: 20 }, (_, index) => `host-${index}.example.com:443`);
  const found = grade({ net: [...long, "\u001b[31m"], sandbox: PLAIN, jitless: false });
  const lines = gradeLines(found, output);
  assert.equal(lines[0], `  exposure: ${found.grade.toFixed(1)} ${found.label}`);
  assert.match(lines[1]!, /^ {4}2\.5 {2}namespaces {4}it sees the machine/);
  for (const each of lines) assert.ok(each.length <= 80, each);
  assert.ok(!lines.join("\n").includes("\u001b"));
  assert.doesNotMatch(lines.join("\n"), /^ {4}0\.0/m);
});
