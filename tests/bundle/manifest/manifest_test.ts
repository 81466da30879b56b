import assert from "node:assert/strict";
import fc from "fast-check";
import {
  DEFAULT_LIMITS,
  LIMIT_BOUNDS,
  type LimitName,
  manifestJsonSchema,
  MAX_MANIFEST_BYTES,
  parseManifest,
} from "../../../src/bundle/manifest/manifest.ts";
import type { Manifest } from "../../../src/bundle/manifest/manifest_schema.ts";
import { SallyportError } from "../../../src/errors.ts";
import { assertThrowsWithCode } from "../../helpers/assert_code.ts";
import { threadTimeMs } from "../../helpers/process.ts";

const MINIMAL = { name: "sample", version: "1.0.0", entry: "main.ts" };

const FULL = {
  $schema: "https://sallyport.dev/schema/plugin.json",
  name: "notes_2-x",
  version: "1.2.3-rc.1+build.7",
  author: "Zoë <zoe@example.org>",
  description: "Keeps notes",
  license: "MIT",
  entry: "src/main.ts",
  sdk: "^0.1.0",
  permissions: {
    net: ["example.com", "*.example.com:8443", "10.0.0.0/8", "[::1]:80"],
    read: ["$BUNDLE/data", "$STORAGE", "/usr/share/dict"],
    write: ["$STORAGE/out"],
    sys: ["hostname", "osRelease"],
  },
  storage: { quotaBytes: 1_000_000 },
  context: [{ key: "database", access: "readwrite", reason: "Stores the notes" }, {
    key: "kv",
    access: "read",
  }],
  hooks: [{ name: "on_request" }, { name: "on_note:saved", priority: 100 }],
  limits: { memoryBytes: 64 * 1024 * 1024, threads: 20 },
  dependencies: { "word-count": ">=1.0.0 <2.0.0", constructor: "*" },
};

function parse(fields: Record<string, unknown>): Manifest {
  return parseManifest(JSON.stringify({ ...MINIMAL, ...fields }));
}

function issuesOf(fields: Record<string, unknown>): Record<string, string> {
  const error = assertThrowsWithCode(() => parse(fields), "manifest-invalid");
  const issues = error.details.issues as { path: string; message: string }[];
  return Object.fromEntries(issues.map(({ path, message }) => [path, message]));
}

Deno.test("parseManifest() takes a manifest with every field, as text and as bytes", () => {
  const text = JSON.stringify(FULL);
  assert.deepEqual(parseManifest(text), FULL);
  assert.deepEqual(parseManifest(new TextEncoder().encode(text)), FULL);
});

Deno.test("parseManifest() gives a manifest that nothing can change", () => {
  const manifest = parseManifest(JSON.stringify(FULL));
  const hooks = manifest.hooks as unknown as { priority?: number }[];
  assert.throws(() => hooks.push({}), TypeError);
  assert.throws(() => hooks[0]!.priority = 1, TypeError);
});

Deno.test("parseManifest() rejects an unknown field and names it", () => {
  assert.deepEqual(issuesOf({ entrypoint: "x" }), { entrypoint: "unknown field" });
  assert.deepEqual(issuesOf({ hooks: [{ name: "a", when: 1 }] }), {
    "hooks[0].when": "unknown field",
  });
});

Deno.test("parseManifest() says that env, run and ffi are never given", () => {
  const issues = issuesOf({ permissions: { env: ["HOME"], run: ["ls"], ffi: ["x"], net: [] } });
  assert.deepEqual(Object.keys(issues), ["permissions.env", "permissions.run", "permissions.ffi"]);
  for (const message of Object.values(issues)) assert.match(message, /^unknown field: .*never/);
});

Deno.test("parseManifest() reports all mistakes at once", () => {
  const issues = issuesOf({
    name: "Bad Name",
    version: "1.0",
    entry: "../main.ts",
    extra: true,
    sdk: "not a range",
    author: "two\nlines",
    permissions: { net: ["a,b"], read: ["relative"], write: ["$BUNDLE/x"], sys: ["a b"], run: [] },
    storage: { quotaBytes: -1 },
    context: [{ key: "db", access: "write" }, { key: "db", access: "read" }],
    hooks: [{ name: "x", priority: 99 }, { name: "x" }, { name: "y", priority: 1.5 }],
    limits: { memoryBytes: 1, speed: 1 },
    dependencies: { Upper: "*", sample: "^1", other: 5 },
  });
  assert.deepEqual(Object.keys(issues).sort(), [
    "author",
    "context[0].access",
    "context[1].key",
    "dependencies.Upper",
    "dependencies.other",
    "entry",
    "extra",
    "hooks[0].priority",
    "hooks[1].name",
    "hooks[2].priority",
    "limits.memoryBytes",
    "limits.speed",
    "name",
    "permissions.net[0]",
    "permissions.read[0]",
    "permissions.run",
    "permissions.sys[0]",
    "permissions.write[0]",
    "sdk",
    "storage.quotaBytes",
    "version",
  ]);
  assert.equal(issues["name"]?.endsWith('got "Bad Name"'), true);
});

Deno.test("parseManifest() puts the mistakes into the message, and names the file", () => {
  const error = assertThrowsWithCode(
    () => parseManifest("{}", "plugins/x/plugin.json"),
    "manifest-invalid",
    /^Cannot use manifest "plugins\/x\/plugin\.json": 3 mistakes: name: is missing; version: is missing; entry: is missing$/,
  );
  assert.ok(error.hint);
});

Deno.test("parseManifest() reserves the priorities 0 to 99 for the host", () => {
  for (const priority of [0, 50, 99, -1]) {
    const issues = issuesOf({ hooks: [{ name: "a", priority }] });
    assert.match(issues["hooks[0].priority"]!, /0 to 99 is the host's own band/);
  }
  assert.ok(issuesOf({ hooks: [{ name: "a", priority: 10_000 }] })["hooks[0].priority"]);
  assert.equal(parse({ hooks: [{ name: "a", priority: 9_999 }] }).hooks?.[0]?.priority, 9_999);
});

Deno.test("parseManifest() rejects a plugin that depends on itself", () => {
  assert.deepEqual(issuesOf({ dependencies: { sample: "*" } }), {
    "dependencies.sample": "is the plugin itself",
  });
  // the control: the name of another one
  assert.ok(parse({ dependencies: { sampler: "*" } }));
});

Deno.test("parseManifest() takes names and versions only in their one form", () => {
  for (
    const name of ["", "A", "1a", "-a", "a b", "a/b", "é", "a".repeat(65), "a\n", "..", 5, null]
  ) {
    assert.ok(issuesOf({ name })["name"], `name ${name}`);
  }
  for (
    const version of ["", "1", "1.2", "v1.2.3", "=1.2.3", " 1.2.3", "01.2.3", "1.2.3-", "1.2.3\n"]
  ) {
    assert.ok(issuesOf({ version })["version"], `version ${version}`);
  }
  assert.equal(parse({ name: "a".repeat(64) }).name.length, 64);
});

Deno.test("parseManifest() takes as entry a module inside the bundle", () => {
  for (const entry of ["main.ts", "a/b.js", "x.mjs", "x.mts", "x.tsx", "x.jsx", "ä.ts"]) {
    assert.equal(parse({ entry }).entry, entry);
  }
  for (
    const entry of [
      "/main.ts",
      "./main.ts",
      "../main.ts",
      "a/../main.ts",
      "a\\b.ts",
      "C:/main.ts",
      "file:///main.ts",
      "main.wasm",
      "main.json",
      "main",
      "node_modules/x.ts",
      "",
      "main.ts\0",
    ]
  ) assert.ok(issuesOf({ entry })["entry"], entry);
  assert.match(issuesOf({ entry: "./main.ts" }).entry!, /^must not start with "\.\/"/);
});

Deno.test("parseManifest() refuses values that would split or widen a flag", () => {
  for (const net of ["", "a,b", "a b", "a\n", "a\0b"]) {
    assert.ok(issuesOf({ permissions: { net: [net] } })["permissions.net[0]"], net);
  }
  for (const path of ["/a,/etc", "/a\n", "", "x", "$HOME/x", "$BUNDLES", "$BUNDLE/../x", "/a/.."]) {
    assert.ok(issuesOf({ permissions: { read: [path] } })["permissions.read[0]"], path);
  }
});

Deno.test("parseManifest() holds every limit to its bounds", () => {
  for (const name of Object.keys(LIMIT_BOUNDS) as LimitName[]) {
    const { min, max } = LIMIT_BOUNDS[name];
    assert.ok(DEFAULT_LIMITS[name] >= min && DEFAULT_LIMITS[name] <= max, name);
    for (const value of [min, max]) {
      assert.equal(parse({ limits: { [name]: value } }).limits?.[name], value);
    }
    for (const value of [min - 1, max + 1, min + 0.5, "1", null, true]) {
      assert.ok(issuesOf({ limits: { [name]: value } })[`limits.${name}`], `${name} ${value}`);
    }
  }
});

Deno.test("parseManifest() refuses JSON that others may read differently", () => {
  const refused: [string | Uint8Array, RegExp][] = [
    ['{"name":"a","name":"b"}', /has the key "name" twice/],
    ['{"name":"a","n\\u0061me":"b"}', /has the key "name" twice/],
    ['{"__proto__":{"name":"a"}}', /__proto__/],
    ['\ufeff{"name":"a"}', /byte order mark/],
    [new Uint8Array([0xef, 0xbb, 0xbf, 0x7b, 0x7d]), /byte order mark/],
    [new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), /not UTF-8/],
    ["{name:1}", /is not JSON/],
    ["", /is not JSON/],
    ["[".repeat(100_000) + "]".repeat(100_000), /nested deeper/],
    ["[]", /must be an object, got a list/],
    ["null", /must be an object, got null/],
  ];
  for (const [input, pattern] of refused) {
    assertThrowsWithCode(() => parseManifest(input), "manifest-invalid", pattern);
  }
});

Deno.test("parseManifest() refuses more than 1 MiB, and too many entries, without being slow", () => {
  const start = threadTimeMs();
  assertThrowsWithCode(
    () => parseManifest(new Uint8Array(MAX_MANIFEST_BYTES + 1)),
    "manifest-invalid",
    /larger than 1048576 bytes/,
  );
  const many = Array.from({ length: 50_000 }, (_, i) => `"f${i}":1`).join(",");
  for (
    const text of [
      `{${many}}`,
      `{"dependencies":{${many}}}`,
      `{"hooks":[${"{},".repeat(200_000)}{}]}`,
    ]
  ) {
    const error = assertThrowsWithCode(() => parseManifest(text), "manifest-invalid");
    assert.ok((error.details.issues as unknown[]).length <= 100);
    assert.ok(error.message.length < 20_000);
  }
  assert.ok(threadTimeMs() - start < 5_000);
});

Deno.test("parseManifest() escapes what it quotes", () => {
  const error = assertThrowsWithCode(
    () => parse({ "\u001b[31m": 1, name: "\u202e" }),
    "manifest-invalid",
  );
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(error.message, /[\u0000-\u001f\u202e]/);
});

Deno.test("parseManifest() gives a manifest or a SallyportError for any JSON", () => {
  const field = fc.constantFrom(
    ...Object.keys(FULL),
    "key",
    "access",
    "priority",
    "net",
    "toString",
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom("a", "1.0.0", "main.ts", "*", "read", "$BUNDLE", "", "\ud800"),
      fc.double(),
      fc.integer(),
      fc.constantFrom(null, true),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(field, tie("value"), { maxKeys: 6 }),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(field, value), (fields) => {
      const text = JSON.stringify({ ...MINIMAL, ...fields });
      try {
        assert.deepEqual(JSON.parse(JSON.stringify(parseManifest(text))), JSON.parse(text));
      } catch (error) {
        assert.ok(
          error instanceof SallyportError && error.code === "manifest-invalid",
          String(error),
        );
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("parseManifest() gives a SallyportError for arbitrary bytes and text", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: "binary" }), fc.json()),
      (input) => {
        assertThrowsWithCode(() => parseManifest(input), "manifest-invalid");
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("manifestJsonSchema() is plain data that names every field and refuses others", () => {
  const schema = manifestJsonSchema();
  assert.deepEqual(JSON.parse(JSON.stringify(schema)), schema);
  assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
  assert.equal(schema.$id, "https://sallyport.dev/schema/plugin.json");
  assert.deepEqual(Object.keys(schema.properties as object).sort(), Object.keys(FULL).sort());
  assert.deepEqual(schema.required, ["name", "version", "entry"]);
  assert.equal(schema.additionalProperties, false);
});
