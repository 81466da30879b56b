import assert from "node:assert/strict";
import { parseManifest } from "../../src/bundle/manifest/manifest.ts";
import { entryFor } from "../../src/permissions/policy/policy.ts";
import type { Grant } from "../../src/permissions/policy/policy_schema.ts";
import { resolvePermissions } from "../../src/permissions/resolve.ts";
import {
  type LaunchPlan,
  type LaunchPlanInput,
  planLaunch,
} from "../../src/sandbox/launch_plan.ts";
import { assertThrowsWithCode } from "../helpers/assert_code.ts";

const FOLDERS = {
  bundleDir: "/data/store/abc",
  storageDir: "/data/storage/p",
  executable: "/opt/deno",
  runtime: {
    bootstrap: "/data/runtime/1/bootstrap.js",
    importMap: "/data/runtime/1/import_map.json",
  },
  run: { denoDir: "/data/run/1/deno", cwd: "/data/run/1/cwd", cached: [] },
};
const PRIVATE = { name: "bwrap", privateRoot: true, libraries: ["/lib/libc.so.6"] } as const;
const PLAIN = { name: "plain", privateRoot: false, libraries: [] } as const;

interface Wanted {
  permissions?: Record<string, string[]>;
  limits?: Record<string, number>;
  grant?: Grant;
  input?: Partial<LaunchPlanInput>;
  links?: Record<string, string>;
}

function plan({ permissions = {}, limits = {}, grant = {}, input = {}, links = {} }: Wanted = {}) {
  const manifest = parseManifest(JSON.stringify({
    name: "p",
    version: "1.0.0",
    entry: "main.ts",
    storage: { quotaBytes: 8_000_000 },
    permissions,
    limits,
  }));
  return planLaunch({
    ...FOLDERS,
    permissions: resolvePermissions(
      manifest,
      entryFor({ plugins: { p: { grant } } }, "p"),
      { ...FOLDERS, realPath: (path) => links[path] ?? path },
    ),
    launcher: PRIVATE,
    network: "isolated",
    seccomp: "strict",
    ...input,
  });
}

function binds({ spec }: LaunchPlan): string[] {
  return spec.root!.binds.map(({ source, target, writable }) =>
    `${writable ? "rw" : "ro"} ${source} ${target}`
  );
}

function flagOf({ spec }: LaunchPlan, name: string): string | undefined {
  return spec.args.find((arg) => arg === name || arg.startsWith(`${name}=`));
}

Deno.test("planLaunch() shows a private root nothing but what the plugin needs", () => {
  const planned = plan();
  assert.deepEqual(binds(planned), [
    "ro /opt/deno /deno",
    "ro /lib/libc.so.6 /lib/libc.so.6",
    "ro /data/runtime/1 /runtime",
    "ro /data/store/abc /plugin",
    "rw /data/storage/p /storage",
  ]);
  assert.deepEqual(planned.spec.root!.folders, ["/cwd"]);
  assert.deepEqual(planned.spec.root!.tmpfs.map(({ target }) => target), ["/tmp", "/deno-dir"]);
  assert.equal(planned.spec.executable, "/deno");
  assert.equal(planned.bundleDir, "/plugin");
  assert.equal(planned.storageDir, "/storage");
  assert.equal(planned.spec.cwd, "/cwd");
  assert.deepEqual(planned.spec.env, {
    DENO_DIR: "/deno-dir",
    DENO_NO_UPDATE_CHECK: "1",
    DENO_WEBGPU_BACKEND: "noop",
    NO_COLOR: "1",
  });
  assert.equal(flagOf(planned, "--allow-read"), "--allow-read=/plugin");
  assert.deepEqual(planned.spec.args.slice(-2), [
    "--import-map=/runtime/import_map.json",
    "/runtime/bootstrap.js",
  ]);
  assert.ok(!JSON.stringify([planned.spec.args, planned.spec.env]).includes("/data"));
});

Deno.test("planLaunch() without a private root keeps the machine's paths", () => {
  const planned = plan({
    input: { launcher: PLAIN, network: "host", seccomp: "off" },
    permissions: { write: ["$STORAGE"] },
  });
  assert.equal(planned.spec.root, undefined);
  assert.equal(planned.spec.executable, "/opt/deno");
  assert.equal(planned.bundleDir, "/data/store/abc");
  assert.equal(planned.spec.env.DENO_DIR, "/data/run/1/deno");
  assert.equal(flagOf(planned, "--allow-write"), "--allow-write=/data/storage/p");
  assert.equal(flagOf(planned, "--deny-ffi"), "--deny-ffi");
});

Deno.test("planLaunch() renames the storage in flags and binds", () => {
  const planned = plan({ permissions: { read: ["$STORAGE"], write: ["$STORAGE"] } });
  assert.equal(flagOf(planned, "--allow-write"), "--allow-write=/storage");
  assert.equal(flagOf(planned, "--allow-read"), "--allow-read=/plugin,/storage");
});

Deno.test("planLaunch() binds granted paths, a parent first, writable only where that is granted", () => {
  const planned = plan({
    permissions: { read: ["/srv/all", "/srv/all/b"], write: ["/srv/all/b/out"] },
    grant: { read: ["/srv"], write: ["/srv/all/b/out"] },
  });
  assert.deepEqual(binds(planned).slice(-3), [
    "ro /srv/all /srv/all",
    "ro /srv/all/b /srv/all/b",
    "rw /srv/all/b/out /srv/all/b/out",
  ]);
});

Deno.test("planLaunch() binds a path under the name that the manifest has for it, too", () => {
  const planned = plan({
    permissions: { read: ["/var/link"] },
    grant: { read: ["/var/link"] },
    links: { "/var/link": "/srv/real" },
  });
  assert.deepEqual(binds(planned).slice(-2), ["ro /srv/real /srv/real", "ro /srv/real /var/link"]);
  assert.equal(flagOf(planned, "--allow-read"), "--allow-read=/plugin,/srv/real,/var/link");
});

Deno.test("planLaunch() refuses a granted path that has the name of one of the sandbox's own", () => {
  for (const path of ["/plugin", "/plugin/x", "/storage/x", "/deno", "/deno-dir", "/tmp", "/cwd"]) {
    const error = assertThrowsWithCode(
      () => plan({ permissions: { read: [path] }, grant: { read: [path] } }),
      "permission-denied",
    );
    assert.match(error.message, /has the name of "\//);
  }
  const below = plan({ permissions: { read: ["/tmp/x"] }, grant: { read: ["/tmp/x"] } });
  assert.ok(binds(below).includes("ro /tmp/x /tmp/x"));
});

Deno.test("planLaunch() relays a proxied network to the socket, and nothing else", () => {
  const permissions = { net: ["example.com"] };
  const grant = { net: ["example.com:443"] };
  const input = { network: "proxied", egressSocket: "/data/run/1/egress.sock" } as const;
  const planned = plan({ permissions, grant, input });
  assert.deepEqual(planned.relay, { port: 3128, path: "/sockets/egress.sock" });
  assert.equal(planned.spec.env.HTTPS_PROXY, "http://127.0.0.1:3128");
  assert.equal(planned.spec.env.HTTP_PROXY, "http://127.0.0.1:3128");
  assert.ok(binds(planned).includes("ro /data/run/1 /sockets"));

  const isolated = plan({ permissions, grant });
  assert.equal(isolated.relay, undefined);
  assert.equal(flagOf(isolated, "--allow-net"), "--allow-net=example.com:443");
});

Deno.test("planLaunch() lets only a bootstrap that loads its own filter have the library for it", () => {
  const unshare = { ...PRIVATE, name: "unshare" } as const;
  assert.equal(flagOf(plan(), "--deny-ffi"), "--deny-ffi");
  const own = plan({ input: { launcher: unshare } });
  assert.equal(flagOf(own, "--allow-ffi"), "--allow-ffi=/lib/libc.so.6");
  assert.equal(own.library, "/lib/libc.so.6");
  assert.equal(flagOf(own, "--deny-ffi"), undefined);
  const off = plan({ input: { launcher: unshare, seccomp: "off" } });
  assert.equal(flagOf(off, "--deny-ffi"), "--deny-ffi");
});

Deno.test("planLaunch() caps what the manifest and the policy say, files at the size of the storage", () => {
  const { limits } = plan({
    limits: { memoryBytes: 64 * 2 ** 20, cpuPercent: 50, threads: 20, storageBytes: 5_000_000 },
  }).spec;
  assert.deepEqual(limits, {
    memoryBytes: 64 * 2 ** 20,
    cpuPercent: 50,
    threads: 20,
    fileDescriptors: 256,
    fileBytes: 5_000_000,
  });
});

Deno.test("planLaunch() shows the cache folder itself only to a process that compiles", () => {
  const cached = ["gen/a.js", "cache_v2"];
  const planned = plan({ input: { run: { ...FOLDERS.run, cached } } });
  assert.ok(!binds(planned).some((bind) => bind.includes("/deno-dir")));
  const { denoDir } = FOLDERS.run;
  assert.deepEqual(planned.spec.root!.copy, {
    source: denoDir,
    target: "/deno-dir",
    files: cached,
  });
  assert.equal(plan().spec.root!.copy, undefined);
  const compiling = plan({ input: { keepCache: true } });
  assert.ok(binds(compiling).includes("rw /data/run/1/deno /deno-dir"));
  assert.deepEqual(compiling.spec.root!.tmpfs.map(({ target }) => target), ["/tmp"]);
});

const SHARED = { down: "/mem/1-down", up: "/mem/1-up", bytes: 64_000_000 };

Deno.test("planLaunch() shows the files of large values at places of their own, one of them writable", () => {
  const planned = plan({ input: { shared: SHARED } });
  assert.deepEqual(binds(planned).slice(-2), [
    "ro /mem/1-down /shared-memory/down",
    "rw /mem/1-up /shared-memory/up",
  ]);
  assert.equal(flagOf(planned, "--allow-read"), "--allow-read=/plugin,/shared-memory/down");
  assert.equal(flagOf(planned, "--allow-write"), "--allow-write=/shared-memory/up");
  // what is larger than a file may be would end the process
  assert.deepEqual(planned.shared, {
    down: { path: "/shared-memory/down", bytes: 64_000_000, revoke: true },
    up: { path: "/shared-memory/up", bytes: 8_000_000, revoke: true },
  });
  assert.equal(planned.spec.limits.fileBytes, 8_000_000);
  assert.equal(plan().shared, undefined);
});

Deno.test("planLaunch() gives up no path of large values that the plugin has been granted", () => {
  const input = { shared: SHARED, launcher: PLAIN, network: "host", seccomp: "off" } as const;
  const permissions = { read: ["/mem"], write: ["/other"] };
  const planned = plan({ input, permissions, grant: permissions });
  assert.equal(flagOf(planned, "--allow-read"), "--allow-read=/data/store/abc,/mem,/mem/1-down");
  assert.equal(flagOf(planned, "--allow-write"), "--allow-write=/mem/1-up,/other");
  assert.deepEqual(planned.shared, {
    down: { path: "/mem/1-down", bytes: 64_000_000, revoke: false },
    up: { path: "/mem/1-up", bytes: 64_000_000, revoke: true },
  });
});

Deno.test("planLaunch() takes the folders of a host on Windows, whose paths are joined with either separator", () => {
  const folders = {
    bundleDir: "C:\\data/store/abc",
    storageDir: "C:\\data/storage/p",
    executable: "C:\\deno.exe",
  };
  const manifest = parseManifest(JSON.stringify({
    name: "p",
    version: "1.0.0",
    entry: "main.ts",
    storage: { quotaBytes: 8_000_000 },
    permissions: { read: ["$STORAGE", "C:/notes"], write: ["$STORAGE"] },
  }));
  const planned = planLaunch({
    ...folders,
    permissions: resolvePermissions(
      manifest,
      entryFor({ plugins: { p: { grant: { read: ["C:\\notes"] } } } }, "p"),
      { ...folders, realPath: (path) => path.replaceAll("/", "\\") },
    ),
    launcher: PLAIN,
    runtime: {
      bootstrap: "C:\\data/runtime/1/bootstrap.js",
      importMap: "C:\\data/runtime/1/import_map.json",
    },
    run: { denoDir: "C:\\data/run/1/deno", cwd: "C:\\data/run/1/cwd", cached: [] },
    network: "host",
    seccomp: "off",
  });
  const read = "--allow-read=C:\\data\\store\\abc,C:\\data\\storage\\p,C:\\notes";
  assert.equal(flagOf(planned, "--allow-read"), read);
  assert.equal(flagOf(planned, "--allow-write"), "--allow-write=C:\\data\\storage\\p");
});
