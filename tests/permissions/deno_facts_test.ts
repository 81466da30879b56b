/** What Deno makes of the values that our flags carry: a new Deno that reads them otherwise fails here. */
import assert from "node:assert/strict";
import {
  formatNetScope,
  netCovers,
  type NetScope,
  parseNetScope,
} from "../../src/permissions/scopes/net_scope.ts";
import { SYS_KINDS } from "../../src/permissions/scopes/sys_scope.ts";

const QUERY = `
const [family, ...values] = Deno.args;
const descriptor = { net: (host) => ({ name: "net", host }), sys: (kind) => ({ name: "sys", kind }) };
console.log(JSON.stringify(values.map((value) =>
  Deno.permissions.querySync(descriptor[family](value)).state === "granted"
)));
`;

/** Starts deno with one flag and asks it which values are granted; `undefined` when it refuses to start. */
async function ask(flag: string, family: string, values: string[]): Promise<boolean[] | undefined> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-config", "--no-lock", flag, "-", family, ...values],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(QUERY)).catch(() => {}); // it may be gone already
  await writer.close().catch(() => {});
  const { code, stdout } = await child.output();
  return code === 0 ? JSON.parse(new TextDecoder().decode(stdout)) : undefined;
}

function scope(text: string): NetScope {
  const parsed = parseNetScope(text);
  assert.ok("value" in parsed, text);
  return parsed.value;
}

Deno.test("netCovers() agrees with what Deno grants for the same flag", async () => {
  const requests = [
    "example.com:443",
    "example.com:80",
    "www.example.com:443",
    "a.b.example.com:443",
    "badexample.com:443",
    "EXAMPLE.com.:443",
    "localhost:443",
    "127.0.0.1:443",
    "127.255.0.1:443",
    "128.0.0.1:443",
    "10.1.2.3:443",
    "10.1.2.3:80",
    "[::ffff:10.1.2.3]:443",
    "[::1]:443",
    "[2001:db8::1]:443",
    "[2001:db8:0:0:0:0:0:1]:443",
    "xn--bcher-kva.example:443",
  ];
  const grants = [
    "example.com",
    "*.example.com",
    "127.0.0.0/8",
    "10.1.2.3",
    "0.0.0.0/0:80",
    "[::ffff:10.1.2.3]",
    "[2001:db8::1]",
    "localhost",
    "bücher.example",
  ];
  for (const grant of grants) {
    const value = formatNetScope(scope(grant));
    const granted = await ask(`--allow-net=${value}`, "net", requests);
    const covered = requests.map((request) => netCovers(scope(grant), scope(request)));
    assert.deepEqual(granted, covered, `--allow-net=${value}`);
  }
});

Deno.test("Deno takes no IPv6 range, which is why they are expanded", async () => {
  for (const value of ["2001:db8::/32", "[2001:db8::]/32", "[2001:db8::/32]:443"]) {
    assert.equal(await ask(`--allow-net=${value}`, "net", ["[2001:db8::1]:443"]), undefined, value);
  }
});

Deno.test("Deno knows every kind of system information that can be granted", async () => {
  const flag = `--allow-sys=${SYS_KINDS.join(",")}`;
  const granted = await ask(flag, "sys", [...SYS_KINDS, "username", "setPriority"]);
  assert.deepEqual(granted, [...SYS_KINDS.map(() => true), true, false]);
  assert.equal(await ask("--allow-sys=everything", "sys", ["hostname"]), undefined);
});

Deno.test("Deno splits its flags at commas, which is why no value may have one", async () => {
  const granted = await ask("--allow-net=a.example:443,b.example:443", "net", ["b.example:443"]);
  assert.deepEqual(granted, [true]);
  assert.equal(await ask("--allow-net=a.example:443,,b.example:443", "net", ["a"]), undefined);
  assert.deepEqual(await ask("--allow-net", "net", ["anything.example:1"]), [true]);
});
