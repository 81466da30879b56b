import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../src/bundle/manifest/manifest.ts";
import { ResolvedPermissions, resolvePermissions } from "../../src/permissions/resolve.ts";
import { assertThrowsWithCode } from "../helpers/assert_code.ts";
import {
  BUNDLE_DIR,
  granting,
  makeManifest,
  type PermissionCase,
  resolveCase,
  STORAGE_DIR,
} from "./kit.ts";

const DISK = { "/data": "/data", "/data/sub": "/data/sub", "/database": "/database" };

function excess(input: PermissionCase): string[] {
  const error = assertThrowsWithCode(() => resolveCase(input), "permission-denied");
  const listed = error.details.excess as { family: string; value: string; reason: string }[];
  return listed.map(({ family, value, reason }) => `${family} ${value} ${reason}`);
}

Deno.test("ResolvedPermissions cannot be made by anything but resolvePermissions()", () => {
  const Maker = ResolvedPermissions as unknown as new (...args: unknown[]) => ResolvedPermissions;
  for (const args of [[], [Symbol("resolvePermissions"), {}], [undefined, resolveCase({})]]) {
    assert.throws(() => new Maker(...args), TypeError);
  }
  class Sub extends Maker {}
  assert.throws(() => new Sub(), TypeError);
});

Deno.test("resolvePermissions() returns lists that cannot be changed", () => {
  const resolved = resolveCase({
    manifest: { permissions: { net: ["a.example"] }, context: [{ key: "kv", access: "read" }] },
    policy: granting({ net: ["a.example"], context: { kv: "read" } }),
  });
  assert.throws(() => (resolved.net as string[]).push("b.example:443"), TypeError);
  assert.throws(() => Object.assign(resolved, { net: ["b.example:443"] }), TypeError);
  assert.throws(() => Object.assign(resolved.limits, { threads: 1_000 }), TypeError);
  (resolved.context as Map<string, string>).set("database", "readwrite");
  assert.equal(resolved.context.has("database"), false);
});

Deno.test("resolvePermissions() grants nothing without a policy, which suits a pure plugin", () => {
  const resolved = resolveCase({});
  for (const family of ["net", "read", "write", "sys", "hooks", "dropped", "items"] as const) {
    assert.deepEqual(resolved[family], [], family);
  }
  assert.equal(resolved.context.size, 0);
  assert.deepEqual(resolved.limits, DEFAULT_LIMITS);
  assert.equal(resolved.plugin, "link-check");
});

Deno.test("resolvePermissions() returns what is asked for and granted, sorted, once each", () => {
  const resolved = resolveCase({
    manifest: {
      permissions: {
        net: ["b.example", "a.example:443", "A.example."],
        read: ["/data/sub", "/data/./sub/"],
        sys: ["userInfo", "username"],
      },
      hooks: [{ name: "on_request" }, { name: "on_exit" }],
    },
    policy: granting({
      net: ["*.example"],
      read: ["/data"],
      sys: ["username"],
      hooks: ["*"],
    }),
    disk: DISK,
  });
  assert.deepEqual(resolved.net, ["a.example:443", "b.example:443"]);
  assert.deepEqual(resolved.read, ["/data/sub"]);
  assert.deepEqual(resolved.sys, ["userInfo"]);
  assert.deepEqual(resolved.hooks, ["on_exit", "on_request"]);
});

Deno.test("resolvePermissions() lists every uncovered item in one error with the grant to write", () => {
  const input: PermissionCase = {
    manifest: {
      permissions: {
        net: ["a.example", "b.example:80"],
        read: ["/data"],
        write: ["/data"],
        sys: ["hostname"],
      },
      hooks: [{ name: "on_request" }],
    },
    policy: granting({ net: ["a.example:443"], hooks: ["on_exit"] }),
    disk: DISK,
  };
  assert.deepEqual(excess(input), [
    "net b.example:80 is not granted",
    "read /data is not granted",
    "write /data is not granted",
    "sys hostname is not granted",
    "hooks on_request is not granted",
  ]);
  const error = assertThrowsWithCode(() => resolveCase(input), "permission-denied", /"link-check"/);
  assert.match(
    error.hint!,
    /"plugins": { "link-check": { "grant": { "net": \["a\.example:443", "b\.example:80"\], /,
  );
  // what the error proposes is what makes it load
  const resolved = resolveCase({ ...input, policy: error.details.policy });
  assert.deepEqual(resolved.net, ["a.example:443", "b.example:80"]);
  assert.deepEqual(resolved.hooks, ["on_request"]);
});

Deno.test("resolvePermissions() narrows where the policy says so, and keeps what it dropped", () => {
  const resolved = resolveCase({
    manifest: {
      permissions: {
        net: ["*.example.com", "10.0.0.0/8:80", "gone.example"],
        read: ["/data", "/missing"],
        sys: ["hostname", "cpus"],
      },
      hooks: [{ name: "on_request" }],
    },
    policy: granting({
      net: ["api.example.com", "10.1.0.0/16:80", "10.2.3.4:80", "10.1.0.0/16:443"],
      read: ["/data/sub", "/database"],
      sys: ["cpus"],
    }, { onExcess: "narrow" }),
    disk: DISK,
  });
  assert.deepEqual(resolved.net, ["10.1.0.0/16:80", "10.2.3.4:80", "api.example.com:443"]);
  assert.deepEqual(resolved.read, ["/data/sub"]);
  assert.deepEqual(resolved.sys, ["cpus"]);
  assert.deepEqual(resolved.hooks, []);
  assert.deepEqual(resolved.dropped.map(({ value, reason }) => `${value} ${reason}`), [
    '*.example.com:443 is granted only in part: "api.example.com:443"',
    '10.0.0.0/8:80 is granted only in part: "10.1.0.0/16:80", "10.2.3.4:80"',
    "gone.example:443 is not granted",
    '/data is granted only in part: "/data/sub"',
    "/missing does not exist",
    "hostname is not granted",
    "on_request is not granted",
  ]);
});

Deno.test("resolvePermissions() compares real paths, so a symlink leads where it leads", () => {
  const disk = { ...DISK, "/link": "/data/sub", "/data/escape": "/database" };
  const policy = granting({ read: ["/data"] });
  const inside = resolveCase({ manifest: { permissions: { read: ["/link"] } }, policy, disk });
  assert.deepEqual(inside.read, ["/data/sub"]);
  assert.deepEqual(
    excess({ manifest: { permissions: { read: ["/data/escape"] } }, policy, disk }),
    [
      "read /data/escape is not granted",
    ],
  );
  assert.deepEqual(excess({ manifest: { permissions: { read: ["/database"] } }, policy, disk }), [
    "read /database is not granted",
  ]);
});

Deno.test("resolvePermissions() covers the plugin's own bundle for reading only", () => {
  const disk = { [`${BUNDLE_DIR}/assets`]: `${BUNDLE_DIR}/assets`, "/srv": "/srv" };
  const read = ["$BUNDLE", "$BUNDLE/assets", BUNDLE_DIR];
  const resolved = resolveCase({ manifest: { permissions: { read } }, disk });
  assert.deepEqual(resolved.read, []); // the flags always name the bundle
  assert.deepEqual(resolved.items.map((item) => item.source), new Array(3).fill("its own bundle"));
  assert.deepEqual(excess({ manifest: { permissions: { read: ["$BUNDLE/nope"] } }, disk }), [
    "read $BUNDLE/nope does not exist",
  ]);
  const policy = granting({ write: ["/srv"] });
  for (const path of [BUNDLE_DIR, `${BUNDLE_DIR}/assets`, "/srv"]) {
    assert.match(
      excess({ manifest: { permissions: { write: [path] } }, policy, disk }).join(),
      /never writes to its bundle/,
      path,
    );
  }
  const other = resolveCase({
    manifest: { permissions: { read: ["/srv"] } },
    policy: granting({ read: ["/srv"] }),
    disk,
  });
  assert.deepEqual(other.read, ["/srv"]);
});

Deno.test("resolvePermissions() covers declared storage, and only that", () => {
  const permissions = { read: ["$STORAGE"], write: ["$STORAGE", "$STORAGE/cache"] };
  const storage = { quotaBytes: 1_000_000 };
  const disk = { [`${STORAGE_DIR}/cache`]: `${STORAGE_DIR}/cache` };
  const resolved = resolveCase({ manifest: { permissions, storage }, disk });
  assert.deepEqual(resolved.read, [STORAGE_DIR]);
  assert.deepEqual(resolved.write, [STORAGE_DIR, `${STORAGE_DIR}/cache`]);
  assert.equal(resolved.limits.storageBytes, 1_000_000);
  assert.deepEqual(excess({ manifest: { permissions }, disk }), [
    'read $STORAGE needs "storage" in the manifest',
    'write $STORAGE needs "storage" in the manifest',
    'write $STORAGE/cache needs "storage" in the manifest',
  ]);
  assert.deepEqual(excess({ manifest: { permissions, storage } }), [
    'write $STORAGE/cache does not exist: ask for "$STORAGE" itself',
  ]);
  // declaring storage is not asking for its files: the host's services may be all it needs
  assert.deepEqual(resolveCase({ manifest: { storage } }).write, []);
  // a link that stands in the storage does not widen it
  const escape = { [`${STORAGE_DIR}/cache`]: "/database" };
  assert.deepEqual(excess({ manifest: { permissions, storage }, disk: escape }), [
    "write $STORAGE/cache is not granted",
  ]);
});

Deno.test("resolvePermissions() never grants what is the host's, but for own storage and bundle", () => {
  const protectedDirs = ["/srv/sallyport"];
  const disk = { "/srv/sallyport/trust": "/srv/sallyport/trust", "/srv/other": "/srv/other" };
  const policy = granting({ write: ["/srv"], read: ["/srv"] });
  const rest = { policy, protectedDirs, disk: { ...disk, "/srv": "/srv" }, bundleDir: "/b" };
  for (const access of ["read", "write"]) {
    for (const path of ["/srv/sallyport/trust", "/srv"]) {
      assert.match(
        excess({ manifest: { permissions: { [access]: [path] } }, ...rest }).join(),
        /cannot be granted: it is or contains the host's/,
      );
    }
  }
  const manifest = {
    permissions: { write: ["$STORAGE", "/srv/other"] },
    storage: { quotaBytes: 1 },
  };
  assert.deepEqual(resolveCase({ manifest, ...rest }).write, ["/srv/other", STORAGE_DIR]);
});

Deno.test("resolvePermissions() never grants the kernel's folders, however they are spelled", () => {
  const disk = { "/": "/", "/proc": "/proc", "/dev/shm": "/dev/shm", "/data/p": "/proc/self" };
  const manifest = { permissions: { read: ["/", "/proc", "//proc", "/dev/shm", "/data/p"] } };
  assertThrowsWithCode(() => resolveCase({ manifest, disk }), "manifest-invalid", /"\/\/proc"/);
  manifest.permissions.read.splice(2, 1);
  const policy = granting({ read: ["/data"] });
  const found = excess({ manifest, policy, disk: { ...disk, "/data": "/data" } });
  assert.equal(found.length, 4);
  for (const line of found) assert.match(line, /cannot be granted: .* never granted/);
});

Deno.test("resolvePermissions() grants each service the lesser access and never fails for one", () => {
  const context = [
    { key: "a", access: "read" },
    { key: "b", access: "readwrite" },
    { key: "c", access: "readwrite" },
    { key: "d", access: "read" },
    { key: "e", access: "read" },
    { key: "constructor", access: "read" },
  ] as const;
  const resolved = resolveCase({
    manifest: { context },
    policy: granting({
      context: { f: "readwrite", d: "readwrite", c: "readwrite", b: "read", a: "read" },
    }),
  });
  assert.deepEqual([...resolved.context], [
    ["a", "read"],
    ["b", "read"],
    ["c", "readwrite"],
    ["d", "read"],
  ]);
});

Deno.test("resolvePermissions() caps limits by the policy, and raises none that was not asked for", () => {
  const manifest = { limits: { memoryBytes: 512 * 1024 * 1024, cpuPercent: 50 } };
  assert.deepEqual(resolveCase({ manifest }).limits, { ...DEFAULT_LIMITS, ...manifest.limits });
  const policy = {
    default: { limits: { memoryBytes: 256 * 1024 * 1024, cpuPercent: 200, threads: 64 } },
  };
  assert.deepEqual(resolveCase({ manifest, policy }).limits, {
    ...DEFAULT_LIMITS,
    memoryBytes: 256 * 1024 * 1024,
    cpuPercent: 50,
  });
  const quota = { storage: { quotaBytes: 2 ** 30 } };
  assert.equal(resolveCase({ manifest: quota }).limits.storageBytes, 2 ** 30);
  const both = { ...quota, limits: { storageBytes: 1_000 } };
  assert.equal(resolveCase({ manifest: both }).limits.storageBytes, 1_000);
});

Deno.test("resolvePermissions() checks an entry that no parser saw", () => {
  const manifest = makeManifest({ permissions: { read: ["/data"] } });
  const context = { bundleDir: BUNDLE_DIR, realPath: (path: string) => path };
  assert.deepEqual(resolvePermissions(manifest, { grant: { read: ["/data"] } }, context).read, [
    "/data",
  ]);
  assertThrowsWithCode(
    () => resolvePermissions(manifest, { grant: { read: ["/"] } }, context),
    "bad-config",
    /grant\.read\[0\]/,
  );
  const typo = { onexcess: "narrow" } as object;
  assertThrowsWithCode(() => resolvePermissions(manifest, typo, context), "bad-config", /onexcess/);
});

Deno.test("resolvePermissions() takes absolute folders only, as anything else is misuse", () => {
  const good = { bundleDir: BUNDLE_DIR, realPath: (path: string) => path };
  for (
    const bad of [
      { bundleDir: "bundle" },
      { bundleDir: "$BUNDLE" },
      { bundleDir: "/srv/../etc" },
      { storageDir: "./x" },
    ]
  ) {
    assert.throws(() => resolvePermissions(makeManifest(), {}, { ...good, ...bad }), TypeError);
  }
});

Deno.test("resolvePermissions() escapes hostile values in its message", () => {
  const manifest = { permissions: { read: ["/data/\u202egnp.exe"] } };
  const disk = { "/data/\u202egnp.exe": "/data/\u202egnp.exe" };
  const error = assertThrowsWithCode(() => resolveCase({ manifest, disk }), "permission-denied");
  assert.ok(!`${error.message}${error.hint}`.includes("\u202e"));
  assert.match(error.hint!, /"\/data\/\\u202egnp\.exe"/);
});
