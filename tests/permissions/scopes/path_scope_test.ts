import assert from "node:assert/strict";
import {
  intersectPath,
  nativePath,
  neverGranted,
  overlaps,
  parsePathScope,
  pathCovers,
  realPathProblem,
} from "../../../src/permissions/scopes/path_scope.ts";

Deno.test("parsePathScope() accepts absolute paths and the two variables", () => {
  const table: [written: string, base: string, path: string][] = [
    ["/data", "absolute", "/data"],
    ["/data//sub/./x/", "absolute", "/data/sub/x"],
    ["/with space/x=y/'\"", "absolute", "/with space/x=y/'\""],
    ["/a/..b/c..", "absolute", "/a/..b/c.."],
    ["/", "absolute", "/"],
    ["$BUNDLE", "bundle", ""],
    ["$BUNDLE/", "bundle", ""],
    ["$BUNDLE/assets//x", "bundle", "/assets/x"],
    ["$STORAGE/cache", "storage", "/cache"],
    ["C:\\data\\x", "absolute", "C:\\data\\x"],
    ["C:/data/x/", "absolute", "C:\\data\\x"],
    ["C:\\", "absolute", "C:\\"],
  ];
  for (const [written, base, path] of table) {
    assert.deepEqual(parsePathScope(written), { value: { base, path } }, written);
  }
});

Deno.test("parsePathScope() refuses what no flag can hold or no reader expects", () => {
  const table: [written: string, problem: RegExp][] = [
    ["", /empty/],
    [`/${"a".repeat(5_000)}`, /longer than/],
    ["/data,/etc", /comma/],
    ["/data\n", /control/],
    ["/data\u0000", /control/],
    ["/data\u0085", /control/],
    ["/data\u2028", /control/],
    ["/data\ud800", /Unicode/],
    ["/data/../etc", /\.\./],
    ["$BUNDLE/../x", /\.\./],
    ["C:\\a\\..\\b", /\.\./],
    ["data", /relative/],
    ["./data", /relative/],
    ["\\\\server\\share", /relative/],
    ["//server/share", /relative/],
    ["~/data", /~/],
    ["file:///data", /URL/],
    ["$HOME/x", /variable/],
    ["$BUNDLES", /variable/],
    ["$BUNDLE.x", /right after \$BUNDLE/],
    ["${BUNDLE}/x", /relative/],
    ["/x/$BUNDLE\u001b", /control/],
  ];
  for (const [written, problem] of table) {
    const parsed = parsePathScope(written);
    assert.ok("problem" in parsed, `${JSON.stringify(written)} was accepted`);
    assert.match(parsed.problem, problem, JSON.stringify(written));
  }
});

Deno.test("parsePathScope() treats a variable after the first segment as a plain name", () => {
  assert.deepEqual(parsePathScope("/x/$BUNDLE"), {
    value: { base: "absolute", path: "/x/$BUNDLE" },
  });
});

Deno.test("pathCovers() compares whole segments", () => {
  const table: [grant: string, request: string, covered: boolean][] = [
    ["/a", "/a", true],
    ["/a", "/a/b", true],
    ["/a", "/ab", false],
    ["/a/b", "/a", false],
    ["/a", "/A/b", false],
    ["/", "/a", true],
    ["C:\\a", "c:\\A\\b", true],
    ["C:\\a", "C:\\ab", false],
    ["C:\\", "C:\\a", true],
    ["C:\\a", "D:\\a", false],
    ["/", "C:\\a", false],
  ];
  for (const [grant, request, covered] of table) {
    assert.equal(pathCovers(grant, request), covered, `${grant} ⊇ ${request}`);
  }
  assert.equal(intersectPath("/data", "/data/sub"), "/data/sub");
  assert.equal(intersectPath("/data/sub", "/data"), "/data/sub");
  assert.equal(intersectPath("/data", "/other"), undefined);
  assert.equal(overlaps("/a/b", "/a"), true);
  assert.equal(overlaps("/a/b", "/a/c"), false);
});

Deno.test("neverGranted() holds back the root and the kernel's folders for both uses", () => {
  for (const path of ["/", "/proc", "/proc/self/environ", "/sys", "/sys/fs/cgroup", "/dev/shm"]) {
    assert.match(neverGranted(path, "read") ?? "", /never granted/, path);
    assert.match(neverGranted(path, "write") ?? "", /never granted/, path);
  }
  for (const path of ["/process", "/data/proc", "/system", "/devices", "/srv"]) {
    assert.equal(neverGranted(path, "read"), undefined, path);
    assert.equal(neverGranted(path, "write"), undefined, path);
  }
});

Deno.test("neverGranted() holds back programs and settings for writing only", () => {
  for (const path of ["/etc", "/etc/cron.d", "/usr", "/usr/bin", "/usr/local/bin", "/lib/x"]) {
    assert.equal(neverGranted(path, "read"), undefined, path);
    assert.match(neverGranted(path, "write") ?? "", /never granted for writing/, path);
  }
  assert.equal(neverGranted("/usr/share/notes", "write"), undefined);
});

Deno.test("neverGranted() holds back the system's folders on Windows, on every drive, in any case", () => {
  for (
    const path of [
      "C:\\Windows",
      "c:\\windows\\System32",
      "D:\\Program Files\\app",
      "C:\\PROGRAM FILES (X86)",
      "C:\\ProgramData\\Microsoft",
    ]
  ) {
    assert.match(neverGranted(path, "write", "windows") ?? "", /never granted for writing/, path);
    assert.equal(neverGranted(path, "read", "windows"), undefined, path);
  }
  for (const drive of ["C:\\", "d:\\"]) {
    for (const access of ["read", "write"] as const) {
      assert.match(neverGranted(drive, access, "windows") ?? "", /root folder/, drive);
    }
  }
  for (const path of ["C:\\Users\\ada\\notes", "D:\\Windows.old", "C:\\Windowsill"]) {
    assert.equal(neverGranted(path, "write", "windows"), undefined, path);
  }
});

Deno.test("neverGranted() holds back the system's folders on macOS, in any case", () => {
  for (
    const path of [
      "/System",
      "/system/Library",
      "/Library/LaunchDaemons",
      "/Applications/Notes.app",
      "/private/etc/hosts",
      "/private/var/db",
      "/ETC",
      "/usr/Local/Bin",
    ]
  ) {
    assert.match(neverGranted(path, "write", "darwin") ?? "", /never granted for writing/, path);
    assert.equal(neverGranted(path, "read", "darwin"), undefined, path);
  }
  assert.match(neverGranted("/DEV/disk0", "read", "darwin") ?? "", /never granted/);
  for (const path of ["/Users/ada/Library/Notes", "/private/var/folders/x", "/Volumes/System"]) {
    assert.equal(neverGranted(path, "write", "darwin"), undefined, path);
  }
});

Deno.test("nativePath() brings what the host joined with / to the form that Windows paths have", () => {
  assert.equal(nativePath("C:\\data/store/abc"), "C:\\data\\store\\abc");
  assert.equal(nativePath("/data/store/abc"), "/data/store/abc");
  assert.equal(realPathProblem(nativePath("C:\\data/store/abc")), undefined);
  assert.match(realPathProblem("C:\\data/store/abc") ?? "", /normal form/); // without it
});

Deno.test("a path of Windows that names a stream of a file is refused", () => {
  assert.match(realPathProblem("C:\\data\\file:stream") ?? "", /colon/);
  assert.equal(realPathProblem("/data/file:stream"), undefined);
});

Deno.test("realPathProblem() accepts only absolute paths in normal form", () => {
  assert.equal(realPathProblem("/srv/a b"), undefined);
  assert.equal(realPathProblem("C:\\data"), undefined);
  assert.match(realPathProblem("/srv/a,b") ?? "", /comma/);
  assert.match(realPathProblem("srv") ?? "", /not absolute/);
  assert.match(realPathProblem("$BUNDLE") ?? "", /not absolute/);
  assert.match(realPathProblem("/srv/") ?? "", /normal form/);
  assert.match(realPathProblem("/srv//a") ?? "", /normal form/);
  assert.match(realPathProblem("/srv/./a") ?? "", /normal form/);
});
