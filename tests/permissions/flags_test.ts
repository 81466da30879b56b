/** The derived flags, held against the real `deno`: for each act denied, one that is allowed. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { deriveFlags } from "../../src/permissions/flags.ts";
import { entryFor, parsePolicy } from "../../src/permissions/policy/policy.ts";
import { ResolvedPermissions, resolvePermissions } from "../../src/permissions/resolve.ts";
import { assertThrowsWithCode } from "../helpers/assert_code.ts";
import { BUNDLE_DIR, granting, makeManifest, resolveCase } from "./kit.ts";

const PROBE = fileURLToPath(new URL("./probe.js", import.meta.url));

interface Place extends Disposable {
  readonly root: string;
  readonly bundleDir: string;
}

/** Makes a folder with `bundle`, `given` and `other` in it. */
function makePlace(): Place {
  const root = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "sallyport-flags-" }));
  for (const name of ["bundle", "given", "other", "deno"]) Deno.mkdirSync(`${root}/${name}`);
  return {
    root,
    bundleDir: `${root}/bundle`,
    [Symbol.dispose]: () => Deno.removeSync(root, { recursive: true }),
  };
}

function realPath(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function flagsFor(place: Place, permissions: object, policy: unknown): string[] {
  const { bundleDir } = place;
  const resolved = resolvePermissions(
    makeManifest({ permissions }),
    entryFor(parsePolicy(policy), "link-check"),
    { bundleDir, realPath },
  );
  return deriveFlags(resolved, { bundleDir });
}

async function probe(
  place: Place,
  flags: string[],
  acts: readonly string[],
): Promise<Record<string, string>> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...flags, PROBE, ...acts],
    clearEnv: true,
    env: { DENO_DIR: `${place.root}/deno`, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Serves an empty module on loopback until disposed. */
function serveModule(): { port: number } & AsyncDisposable {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("export {};", { headers: { "content-type": "text/javascript" } }),
  );
  return { port: server.addr.port, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("deriveFlags() with nothing granted lets a plugin read its bundle only", async () => {
  using place = makePlace();
  await using server = serveModule();
  const denied = [
    `read=${place.root}/other`,
    "read=/etc",
    `write=${place.root}/other`,
    `write=${place.bundleDir}`,
    `net=127.0.0.1:${server.port}`,
    `net=localhost:${server.port}`,
    "sys=hostname",
    "sys=osRelease",
    "env=DENO_DIR",
    `run=${Deno.execPath()}`,
    `ffi=${place.bundleDir}/x.so`,
    `import=http://127.0.0.1:${server.port}/x.js`,
  ];
  const allowed = [`read=${place.bundleDir}`];
  const flags = flagsFor(place, {}, {});
  const results = await probe(place, flags, [...allowed, ...denied]);
  for (const act of allowed) assert.equal(results[act], "done", act);
  for (const act of denied) {
    const expected = act.startsWith("import=") ? "TypeError" : "NotCapable";
    assert.equal(results[act], expected, act);
  }
  const control = await probe(place, ["-A", "--no-config", "--no-lock"], [...allowed, ...denied]);
  for (const act of [...allowed, ...denied]) assert.equal(control[act], "done", `control: ${act}`);
});

Deno.test("deriveFlags() lets a plugin do what is granted, and nothing beside it", async () => {
  using place = makePlace();
  await using given = serveModule();
  await using other = serveModule();
  Deno.symlinkSync(`${place.root}/other`, `${place.root}/link`);
  const asked = {
    net: [`127.0.0.1:${given.port}`],
    read: [`${place.root}/given`],
    write: [`${place.root}/given`],
    sys: ["hostname"],
  };
  const flags = flagsFor(place, asked, granting(asked));
  const allowed = [
    `read=${place.bundleDir}`,
    `read=${place.root}/given`,
    `write=${place.root}/given`,
    `net=127.0.0.1:${given.port}`,
    "sys=hostname",
  ];
  const denied = [
    `read=${place.root}`,
    `read=${place.root}/other`,
    `read=${place.root}/given/../other`,
    `read=${place.root}/link`,
    `write=${place.root}/other`,
    `write=${place.bundleDir}`,
    `net=127.0.0.1:${other.port}`,
    `net=localhost:${given.port}`,
    "sys=osRelease",
    "env=HOME",
    `run=${Deno.execPath()}`,
    `ffi=${place.root}/given/x.so`,
  ];
  const results = await probe(place, flags, [...allowed, ...denied]);
  for (const act of allowed) assert.equal(results[act], "done", act);
  for (const act of denied) assert.equal(results[act], "NotCapable", act);
});

Deno.test("deriveFlags() grants what a symlink led to, not the link", async () => {
  using place = makePlace();
  Deno.symlinkSync(`${place.root}/other`, `${place.root}/link`);
  const asked = { read: [`${place.root}/link`] };
  const flags = flagsFor(place, asked, granting({ read: [`${place.root}/other`] }));
  assert.ok(flags.includes(`--allow-read=${place.bundleDir},${place.root}/other`));
  const results = await probe(place, flags, [
    `read=${place.root}/other`,
    `read=${place.root}/given`,
    `read=${place.root}/link`,
  ]);
  assert.deepEqual(Object.values(results), ["done", "NotCapable", "NotCapable"]);
});

Deno.test("deriveFlags() grants a range of addresses on its one port", async () => {
  using place = makePlace();
  await using given = serveModule();
  await using other = serveModule();
  const asked = { net: [`127.0.0.0/8:${given.port}`] };
  const flags = flagsFor(place, asked, granting(asked));
  const results = await probe(place, flags, [
    `net=127.0.0.1:${given.port}`,
    `net=127.0.0.1:${other.port}`,
    `net=localhost:${given.port}`,
  ]);
  assert.deepEqual(Object.values(results), ["done", "NotCapable", "NotCapable"]);
});

Deno.test("deriveFlags() bounds the heap, and turns the compilers off where the policy says", async () => {
  using place = makePlace();
  const acts = ["wasm=", "heap=128"];
  const plain = await probe(place, flagsFor(place, {}, {}), acts);
  assert.deepEqual(plain, { "wasm=": "done", "heap=128": "done" });
  const jitless = flagsFor(place, {}, { default: { jitless: true } });
  const bounded = await probe(place, jitless, acts);
  assert.deepEqual(bounded, { "wasm=": "ReferenceError", "heap=128": "done" });
  const control = await probe(place, ["-A", "--no-config", "--no-lock"], ["heap=128"]);
  assert.deepEqual(control, { "heap=128": "Error" });
});

Deno.test("deriveFlags() refuses what resolvePermissions() did not make", () => {
  const made = resolveCase({});
  const fakes: unknown[] = [
    { ...made, net: ["example.com:443"] },
    Object.create(ResolvedPermissions.prototype),
    Object.create(made),
    undefined,
  ];
  for (const fake of fakes) {
    assert.throws(
      () => deriveFlags(fake as ResolvedPermissions, { bundleDir: BUNDLE_DIR }),
      TypeError,
    );
  }
});

Deno.test("deriveFlags() names the bundle once, where it is also a granted path", () => {
  const resolved = resolveCase({
    manifest: { permissions: { read: ["/plugin", "/data"] } },
    policy: granting({ read: ["/plugin", "/data"] }),
    disk: { "/plugin": "/plugin", "/data": "/data" },
  });
  const flags = deriveFlags(resolved, { bundleDir: "/plugin" });
  assert.ok(flags.includes("--allow-read=/plugin,/data"), flags.join(" "));
});

Deno.test("deriveFlags() refuses a bundle folder that cannot be one", () => {
  for (
    const bundleDir of ["", "/", "relative", "/srv/a,/etc", "/proc/self", "/srv/", "/srv/../x"]
  ) {
    assertThrowsWithCode(() => deriveFlags(resolveCase({}), { bundleDir }), "permission-denied");
  }
});

Deno.test("deriveFlags() checks each value again, even on a list that was tampered with", () => {
  for (
    const [family, value] of [
      ["net", "example.com"],
      ["net", "a.example:443,b.example:443"],
      ["net", "unix:/run/x"],
      ["read", "/data,/etc"],
      ["read", "/proc"],
      ["write", "/etc"],
      ["write", ""],
      ["sys", "setPriority"],
    ]
  ) {
    const permissions = resolveCase({});
    const descriptor = Object.getOwnPropertyDescriptor(ResolvedPermissions.prototype, family!)!;
    Object.defineProperty(ResolvedPermissions.prototype, family!, {
      configurable: true,
      get: () => [value],
    });
    try {
      assertThrowsWithCode(
        () => deriveFlags(permissions, { bundleDir: BUNDLE_DIR }),
        "permission-denied",
      );
    } finally {
      Object.defineProperty(ResolvedPermissions.prototype, family!, descriptor);
    }
  }
});
