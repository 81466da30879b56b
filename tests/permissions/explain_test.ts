import assert from "node:assert/strict";
import { explainPermissions } from "../../src/permissions/explain.ts";
import { contextPolicyLines, missingPolicyLines } from "../../src/permissions/excess.ts";
import { entryFor, parsePolicy } from "../../src/permissions/policy/policy.ts";
import { granting, resolveCase, STORAGE_DIR } from "./kit.ts";

Deno.test("explainPermissions() says what a plugin gets, why, and what was dropped", () => {
  const resolved = resolveCase({
    manifest: {
      permissions: {
        net: ["Example.com", "10.0.0.1:22"],
        read: ["$BUNDLE"],
        write: ["$STORAGE"],
        sys: ["hostname"],
      },
      storage: { quotaBytes: 1_000 },
      context: [{ key: "kv", access: "readwrite" }],
      hooks: [{ name: "on_request" }],
    },
    policy: {
      default: { grant: { sys: ["hostname"] }, onExcess: "narrow" },
      ...granting({ net: ["*.example.com"], context: { kv: "read" }, hooks: ["*"] }),
    },
  });
  const wide = STORAGE_DIR.length;
  const row = (family: string, value: string, why: string) =>
    `${family.padEnd(7)}  ${value.padEnd(wide)}  ${why}`;
  assert.deepEqual(explainPermissions(resolved), [
    row(
      "net",
      "example.com:443",
      'asked for as "Example.com", granted by plugins.link-check.grant.net',
    ),
    row("read", "/srv/sallyport/store/0f3a", 'asked for as "$BUNDLE", its own bundle'),
    row("write", STORAGE_DIR, 'asked for as "$STORAGE", its own storage'),
    row("sys", "hostname", "asked for, granted by default.grant.sys"),
    row("hooks", "on_request", "asked for, granted by plugins.link-check.grant.hooks"),
    row(
      "context",
      "kv (read)",
      'asked for as "kv (readwrite)", granted by plugins.link-check.grant.context',
    ),
    row("net", "10.0.0.1:22", "asked for, dropped: is not granted"),
  ]);
});

Deno.test("explainPermissions() says nothing where there is nothing", () => {
  assert.deepEqual(explainPermissions(resolveCase({})), []);
});

Deno.test("missingPolicyLines() keeps what is granted, because a list replaces the default's", () => {
  const entry = entryFor(
    parsePolicy({ default: { grant: { net: ["a.example"] } } }),
    "link-check",
  );
  const missing = (family: "net" | "sys", value: string, grantable = true) => ({
    family,
    value,
    reason: "is not granted",
    grantable,
  });
  assert.equal(
    missingPolicyLines("link-check", entry, [
      missing("net", "b.example:443"),
      missing("net", "c.example:443", false),
      missing("sys", "hostname"),
    ]),
    '"plugins": { "link-check": { "grant": { "net": ["a.example", "b.example:443"], ' +
      '"sys": ["hostname"] } } }',
  );
  assert.equal(missingPolicyLines("x", entry, [missing("net", "c.example:443", false)]), undefined);
  assert.equal(missingPolicyLines("x", entry, []), undefined);
});

Deno.test("contextPolicyLines() keeps the services that are granted", () => {
  const entry = entryFor(parsePolicy(granting({ context: { kv: "read" } })), "link-check");
  const lines = contextPolicyLines("link-check", entry, "database", "readwrite");
  assert.equal(
    lines,
    '"plugins": { "link-check": { "grant": { "context": { "kv": "read", "database": "readwrite" } } } }',
  );
  parsePolicy(`{ ${lines} }`);
});
