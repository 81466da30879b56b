import type { DriverOptions, DriverResult } from "../fixtures/sandbox/driver.ts";
import { findLibraries } from "../../src/sandbox/machine/libraries.ts";
import { probeLauncher } from "../../src/sandbox/probe.ts";
import { denoForAll } from "./deno_for_all.ts";
import { startCommand, type TestChild } from "./process.ts";

/** The launchers that contain. */
export type SandboxName = "bwrap" | "unshare";

/** Who runs the host: this user, or somebody without privileges. */
export type HostUser = "self" | "nobody";

/** A user that has nothing on this machine. */
const NOBODY = 12_345;
const REQUIRED = Deno.env.get("REQUIRE_SANDBOX") === "1";
const isRoot = Deno.build.os === "linux" && Deno.uid() === 0;
const CHECKOUT = new URL("../../", import.meta.url);
const MAX_OUTPUT = 256 * 1024;

const executable = Deno.execPath();
/** Where the files of a run, which share a process and its environment, find what one of them has found out. */
const FOUND = "SALLYPORT_TEST_MISSING";
const found = Deno.env.get(FOUND);
/** What is missing here, with the reason. */
const reasons: ReadonlyMap<string, string> = new Map(
  found === undefined ? await findMissing() : JSON.parse(found),
);
if (found === undefined) Deno.env.set(FOUND, JSON.stringify([...reasons]));

async function findMissing(): Promise<[string, string][]> {
  const missing: [string, string][] = isRoot ? [] : [["root", "not root"]];
  const libraries = await findLibraries(executable);
  for (const name of ["bwrap", "unshare"] as const) {
    const { works, reason } = await probeLauncher(name, { executable, libraries });
    if (!works) missing.push([name, `no ${name} here: ${reason}`]);
  }
  return missing;
}

/**
 * Registers a test that needs something of the system. Where that is missing the test is ignored and
 * says why in its name; with REQUIRE_SANDBOX=1 it fails instead.
 *
 * @param name The name of the test.
 * @param needs What it needs.
 * @param fn The test.
 */
export function sandboxTest(
  name: string,
  needs: SandboxName | "root" | readonly (SandboxName | "root")[],
  fn: (context: Deno.TestContext) => void | Promise<void>,
): void {
  const missing = [needs].flat().map((need) => reasons.get(need)).filter((why) =>
    why !== undefined
  );
  requiringTest(name, missing.length === 0 ? undefined : missing.join("; "), fn);
}

/**
 * Registers a test that cannot run for a reason, if there is one.
 *
 * @param name The name of the test.
 * @param reason Why it cannot run here.
 * @param fn The test.
 */
export function requiringTest(
  name: string,
  reason: string | undefined,
  fn: (context: Deno.TestContext) => void | Promise<void>,
): void {
  if (reason === undefined) Deno.test(name, fn);
  else if (REQUIRED) {
    Deno.test(name, () => {
      throw new Error(`REQUIRE_SANDBOX=1, but ${reason}`);
    });
  } else Deno.test.ignore(`${name} [ignored: ${reason}]`, fn);
}

/** The users that hosts are tried as; only root can become another. */
export const HOST_USERS: readonly HostUser[] = isRoot ? ["self", "nobody"] : ["self"];

/**
 * Gives a command that runs as a user.
 *
 * @param user The user.
 * @param command Program and arguments.
 * @returns Program and arguments.
 */
export function asUser(user: HostUser, command: readonly string[]): string[] {
  if (user === "self" || !isRoot) return [...command];
  const ids = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
  return ["/usr/bin/setpriv", ...ids, "--inh-caps=-all", "--", ...command];
}

/**
 * Makes a folder that any user can read, with this checkout's sources in it, and one that it can write.
 *
 * @param stack What removes it.
 * @param folders The folders of the checkout that are needed.
 * @returns The folder; `tmp` in it is the user's own.
 */
export async function sharedCheckout(
  stack: AsyncDisposableStack,
  folders: readonly string[] = ["src", "tests/fixtures/sandbox"],
): Promise<string> {
  const root = await Deno.makeTempDir({ prefix: "sallyport-shared-" });
  stack.defer(() => Deno.remove(root, { recursive: true }));
  await Deno.chmod(root, 0o755);
  for (const folder of folders) {
    await copyTree(new URL(folder, CHECKOUT).pathname, `${root}/${folder}`);
  }
  await Deno.mkdir(`${root}/tmp`);
  if (isRoot) await Deno.chown(`${root}/tmp`, NOBODY, NOBODY);
  return root;
}

async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true, mode: 0o755 });
  for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
    if (isDirectory) await copyTree(`${from}/${name}`, `${to}/${name}`);
    else if (isFile) {
      await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
      await Deno.chmod(`${to}/${name}`, 0o644);
    }
  }
}

let nobodysCheckout: Promise<string> | undefined;

/** Makes the checkout that hosts of nobody's run from, once; it goes away with this process's tests. */
async function makeNobodysCheckout(): Promise<string> {
  const stack = new AsyncDisposableStack();
  const root = await sharedCheckout(stack);
  globalThis.addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));
  return root;
}

/** Options of {@linkcode startDriver}. */
export interface DriverStart extends DriverOptions {
  /** Who runs the host. */
  user?: HostUser;
  /** A shell script that ends in `exec "$@"`, to start the host in. */
  through?: string;
}

/**
 * Starts a host that runs a script in a sandbox, with every permission of Deno.
 *
 * @param options What to run, and as whom.
 * @param stack What ends it.
 * @returns The host; it writes one line.
 */
export async function startDriver(
  { user = "self", through, ...options }: DriverStart,
  stack: AsyncDisposableStack,
): Promise<TestChild> {
  const shared = user === "nobody" ? await (nobodysCheckout ??= makeNobodysCheckout()) : undefined;
  const base = shared ?? CHECKOUT.pathname.replace(/\/$/, "");
  const tmp = shared === undefined ? await Deno.makeTempDir() : `${shared}/tmp`;
  if (shared === undefined) stack.defer(() => Deno.remove(tmp, { recursive: true }));
  const home = Deno.env.get("HOME") ?? "/";
  const denoDir = shared === undefined
    ? Deno.env.get("DENO_DIR") ?? `${home}/.cache/deno`
    : `${tmp}/deno`;
  const driver = `${base}/tests/fixtures/sandbox/driver.ts`;
  const run = [
    user === "nobody" ? denoForAll() : executable,
    "run",
    "-A",
    "--no-config",
    "--no-lock",
    "--no-check",
  ];
  const [command, ...args] = [
    ...(through === undefined ? [] : ["/bin/bash", "-c", through, "bash"]),
    ...asUser(user, [...run, driver, JSON.stringify(options)]),
  ];
  const child = startCommand({
    command: command!,
    args,
    env: { DENO_DIR: denoDir, TMPDIR: tmp, PATH: "/usr/bin:/bin", NO_COLOR: "1" },
    cwd: "/",
  });
  return stack.use(child);
}

/**
 * Runs a script in a sandbox to its end, with every permission of Deno, as if those were bypassed.
 *
 * @param options What to run, and as whom.
 * @returns What became of it.
 */
export async function runInside(options: DriverStart): Promise<DriverResult> {
  await using stack = new AsyncDisposableStack();
  const child = await startDriver(options, stack);
  let line: string;
  try {
    line = await child.line();
  } catch (cause) {
    await child.child.exited;
    throw new Error(`the host failed: ${child.child.stderr.text().slice(0, MAX_OUTPUT)}`, {
      cause,
    });
  }
  return JSON.parse(line);
}
