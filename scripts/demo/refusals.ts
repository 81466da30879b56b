// The act of the demo in which nothing is allowed: what is refused, by whom, and why.
import { expect, expectDenied, expectRefusal, type Nosy, showReason, type Stage } from "./stage.ts";

const PLUGINS = new URL("../../plugins/", import.meta.url);

/** Shows what never starts. */
export async function refuseToLoad({ terminal, workshop, host, author }: Stage): Promise<void> {
  terminal.chapter("What is not started");

  const from = new URL("word-count/", PLUGINS);
  const changed = await workshop.sign("refused/changed", { from }, author);
  await flipOneBit(`${changed.dir}/main.ts`);
  await expectRefusal(
    terminal,
    "one bit of a file is changed after signing",
    "hash-mismatch",
    () => host.load(changed.dir),
  );

  const stranger = await workshop.makeKey("stranger");
  const foreign = await workshop.sign("refused/foreign", { from }, stranger);
  await expectRefusal(
    terminal,
    "a key that the host does not know has signed",
    "untrusted",
    () => host.load(foreign.dir),
  );
  const [listed] = host.plugins({ state: "untrusted" });
  expect(listed?.path === foreign.dir && listed.pid === undefined, "it is listed, not started");

  const shipped = await workshop.sign(
    "refused/greedy",
    { from: new URL("link-check/", PLUGINS), manifest: { name: "greedy" } },
    author,
  );
  const error = await expectRefusal(
    terminal,
    "a plugin asks for hosts that the policy does not grant",
    "permission-denied",
    () => host.load(shipped.dir),
  );
  expect(error.hint?.includes("example.com:443") === true, "the hint names what is missing");

  const reader = await workshop.sign("refused/reader", {
    files: {
      "plugin.json": JSON.stringify({ name: "reader", version: "1.0.0", entry: "main.ts" }),
      "main.ts": `import secret from "${new URL(`file://${workshop.dir}/secret.txt`)}" ` +
        'with { type: "text" };\nexport default { methods: { tell: () => secret } };\n',
    },
  }, author);
  await expectRefusal(
    terminal,
    "a module imports a file outside its bundle",
    "launch-failed",
    () => host.load(reader.dir),
  );
}

/** Shows what a running plugin may not do. */
export async function refuseToDo({ terminal, workshop, host, site }: Stage): Promise<void> {
  terminal.chapter("What a running plugin may not do");
  const nosy = host.plugin<Nosy>("nosy")!;

  const own = await nosy.call("readOwn");
  expect(own.includes('"nosy"'), "a plugin reads its own bundle");
  terminal.done("nosy asked for nothing, so it reads its own bundle and nothing else");

  const path = `${workshop.dir}/secret.txt`;
  expect(await Deno.readTextFile(path) !== "", "the demo itself may read the file");
  await expectDenied(
    terminal,
    "it reads a file outside its bundle",
    () => nosy.call("readFile", { path }),
  );
  await expectDenied(
    terminal,
    "it connects to a host",
    () => nosy.call("connect", { host: site.host }),
  );
  await expectDenied(
    terminal,
    "it starts a program",
    () => nosy.call("run", { program: Deno.execPath() }),
  );
  await expectDenied(terminal, "it reads the environment", () => nosy.call("env"));

  // A denied service call fails in the plugin, which may hide it; the host reports it all the same.
  const events = host.events();
  const outcome = await nosy.call("query", { sql: "SELECT 1" });
  expect(outcome === "service-denied", `the service is denied: ${outcome}`);
  for await (const event of events) {
    if (event.type !== "denied") continue;
    terminal.refused("it uses a service that its manifest does not declare", event.error.code);
    showReason(terminal, event.error);
    break;
  }
  expect(nosy.state === "active", "the plugin runs on");
}

async function flipOneBit(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  bytes[bytes.length - 2]! ^= 1;
  await Deno.writeFile(path, bytes);
}
