/** What holds for every manifest and policy, over generated ones. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { SallyportError } from "../../src/errors.ts";
import { deriveFlags } from "../../src/permissions/flags.ts";
import { netCovers, type NetScope, parseNetScope } from "../../src/permissions/scopes/net_scope.ts";
import { parsePathScope, pathCovers } from "../../src/permissions/scopes/path_scope.ts";
import { parseSysKind } from "../../src/permissions/scopes/sys_scope.ts";
import type { ResolvedPermissions } from "../../src/permissions/resolve.ts";
import { BUNDLE_DIR, granting, resolveCase } from "./kit.ts";

const DISK: Record<string, string> = {
  "/data": "/data",
  "/data/a": "/data/a",
  "/data/a/b": "/data/a/b",
  "/data/link": "/other",
  "/data/comma": "/data/x,y",
  "/data/kernel": "/proc/self",
  "/other": "/other",
  "/other/c": "/other/c",
  "/srv": "/srv",
};

const port = fc.constantFrom("", ":80", ":443");
const host = fc.constantFrom(
  "example.com",
  "EXAMPLE.com.",
  "*.example.com",
  "a.example.com",
  "*.a.example.com",
  "b.a.example.com",
  "localhost",
  "bücher.example",
  "10.0.0.0/8",
  "10.1.0.0/16",
  "10.1.2.3",
  "0.0.0.0/0",
  "[::1]",
  "[2001:db8::]/120",
  "[2001:db8::10]/124",
  "[2001:db8::11]",
  "[::ffff:10.1.2.3]",
);
const net = fc.array(fc.tuple(host, port).map((parts) => parts.join("")), { maxLength: 6 });
const paths = fc.array(fc.constantFrom(...Object.keys(DISK)), { maxLength: 5 });
const kinds = fc.array(fc.constantFrom<string>("hostname", "cpus", "username", "userInfo", "uid"), {
  maxLength: 4,
});
const hookNames = fc.uniqueArray(fc.constantFrom<string>("on_request", "on_exit", "on_start"));

const request = fc.record({
  permissions: fc.record({ net, read: paths, write: paths, sys: kinds }),
  hooks: hookNames.map((names) => names.map((name) => ({ name }))),
});
const grant = fc.record({
  net,
  read: paths,
  write: paths,
  sys: kinds,
  hooks: fc.oneof(hookNames, fc.constant<string[]>(["*"])),
});

type Request = typeof request extends fc.Arbitrary<infer T> ? T : never;
type GeneratedGrant = typeof grant extends fc.Arbitrary<infer T> ? T : never;

function resolve(manifest: Request, given: GeneratedGrant, onExcess: string): ResolvedPermissions {
  return resolveCase({ manifest, policy: granting(given, { onExcess }), disk: DISK });
}

function scopes(texts: readonly string[]): NetScope[] {
  return texts.map((text) => {
    const parsed = parseNetScope(text);
    assert.ok("value" in parsed, text);
    return parsed.value;
  });
}

function realPaths(texts: readonly string[]): string[] {
  return texts.map((text) => {
    const parsed = parsePathScope(text);
    assert.ok("value" in parsed, text);
    return DISK[parsed.value.path] ?? parsed.value.path;
  });
}

function sysKinds(texts: readonly string[]): string[] {
  return texts.map((text) => (parseSysKind(text) as { value: string }).value);
}

/** Asserts that all that was resolved lies within the lists. */
function assertWithin(
  resolved: ResolvedPermissions,
  lists: {
    net: readonly string[];
    read: string[];
    write: string[];
    sys: string[];
    hooks: string[];
  },
): void {
  for (const one of scopes(resolved.net)) {
    assert.ok(scopes(lists.net).some((outer) => netCovers(outer, one)), JSON.stringify(one.port));
  }
  for (const family of ["read", "write"] as const) {
    for (const path of resolved[family]) {
      assert.ok(realPaths(lists[family]).some((outer) => pathCovers(outer, path)), path);
    }
  }
  for (const kind of resolved.sys) assert.ok(sysKinds(lists.sys).includes(kind), kind);
  for (const name of resolved.hooks) {
    assert.ok(lists.hooks.includes(name) || lists.hooks.includes("*"), name);
  }
}

function askedFor(manifest: Request): Parameters<typeof assertWithin>[1] {
  return { ...manifest.permissions, hooks: manifest.hooks.map((hook) => hook.name) };
}

Deno.test("resolvePermissions() never grants more than was granted, nor than was asked for", () => {
  let given = 0;
  fc.assert(fc.property(request, grant, (manifest, granted) => {
    const resolved = resolve(manifest, granted, "narrow");
    assertWithin(resolved, granted);
    assertWithin(resolved, askedFor(manifest));
    given += resolved.items.length;
  }));
  assert.ok(given > 100, "the generated cases hardly overlap");
});

Deno.test("resolvePermissions() rejects exactly when narrowing would drop something", () => {
  fc.assert(fc.property(request, grant, (manifest, granted) => {
    const narrowed = resolve(manifest, granted, "narrow");
    try {
      const whole = resolve(manifest, granted, "reject");
      assert.deepEqual(narrowed.dropped, []);
      assert.deepEqual(whole.items, narrowed.items);
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      assert.equal(error.code, "permission-denied");
      assert.deepEqual(
        error.details.excess,
        narrowed.dropped.map(({ family, value, reason }) => ({ family, value, reason })),
      );
    }
  }));
});

Deno.test("resolvePermissions() and deriveFlags() do not depend on the order of any list", () => {
  const shuffled = <T>(list: readonly T[], seed: number): T[] =>
    list.map((item, index) => ({ item, key: Math.sin(seed + index * 7.3) }))
      .sort((a, b) => a.key - b.key).map(({ item }) => item);
  fc.assert(fc.property(request, grant, fc.nat(1_000), (manifest, granted, seed) => {
    const other: Request = {
      permissions: {
        net: shuffled(manifest.permissions.net, seed),
        read: shuffled(manifest.permissions.read, seed + 1),
        write: shuffled(manifest.permissions.write, seed + 2),
        sys: shuffled(manifest.permissions.sys, seed + 3),
      },
      hooks: shuffled(manifest.hooks, seed + 4),
    };
    const reordered = {
      net: shuffled(granted.net, seed + 5),
      read: shuffled(granted.read, seed + 6),
      write: shuffled(granted.write, seed + 7),
      sys: shuffled(granted.sys, seed + 8),
      hooks: shuffled(granted.hooks, seed + 9),
    };
    const paths = { bundleDir: BUNDLE_DIR };
    const a = resolve(manifest, granted, "narrow");
    const b = resolve(other, reordered, "narrow");
    assert.deepEqual(deriveFlags(a, paths), deriveFlags(b, paths));
    assert.deepEqual(a.hooks, b.hooks);
    assert.deepEqual(a.items, b.items);
    assert.deepEqual(a.dropped, b.dropped);
  }));
});

Deno.test("deriveFlags() writes no empty, repeated or split value, and one flag a family", () => {
  fc.assert(fc.property(request, grant, (manifest, granted) => {
    const resolved = resolve(manifest, granted, "narrow");
    const flags = deriveFlags(resolved, { bundleDir: BUNDLE_DIR });
    assert.equal(new Set(flags.map((flag) => flag.split("=")[0])).size, flags.length);
    for (const flag of flags.filter((one) => one.startsWith("--allow-"))) {
      const at = flag.indexOf("=");
      const values = flag.slice(at + 1).split(",");
      assert.ok(at > 0 && values.every((value) => value !== ""), flag);
      assert.equal(new Set(values).size, values.length, flag);
      // a comma within a value would show here as a value that nobody resolved
      if (flag.startsWith("--allow-read=")) {
        assert.deepEqual(values, [BUNDLE_DIR, ...resolved.read]);
      }
      if (flag.startsWith("--allow-write=")) assert.deepEqual(values, resolved.write);
      if (flag.startsWith("--allow-net=")) {
        const effective = scopes(resolved.net);
        for (const value of scopes(values)) {
          assert.ok(effective.some((outer) => netCovers(outer, value)), flag);
        }
      }
    }
    for (const family of ["write", "net", "sys"]) {
      const allowed = flags.some((flag) => flag.startsWith(`--allow-${family}=`));
      assert.equal(flags.includes(`--deny-${family}`), !allowed, family);
    }
  }));
});

Deno.test("parseNetScope() never accepts a value that a flag would split or Deno would widen", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "grapheme" }), fc.stringMatching(/^[*a-z0-9.:[\]/,%@ -]{1,30}$/)),
      (text) => {
        const parsed = parseNetScope(text);
        if ("problem" in parsed) return;
        const { value } = parsed;
        assert.ok(value.port >= 1 && value.port <= 65_535);
        if (value.kind !== "range") assert.match(value.host, /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/);
      },
    ),
    { numRuns: 2_000 },
  );
});

Deno.test("parsePathScope() never accepts a path that a flag would split or that climbs", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[$/.,A-Z~\\:a-c]{1,20}$/)),
      (text) => {
        const parsed = parsePathScope(text);
        if ("problem" in parsed) return;
        // deno-lint-ignore no-control-regex
        assert.doesNotMatch(parsed.value.path, /[,\u0000-\u001f\u007f]|(?:^|[\\/])\.\.(?:[\\/]|$)/);
      },
    ),
    { numRuns: 2_000 },
  );
});
