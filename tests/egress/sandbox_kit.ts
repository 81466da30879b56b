import { fileURLToPath } from "node:url";
import { escapeText } from "../../src/errors.ts";

const RELAY = fileURLToPath(new URL("../../src/plugin/relay.ts", import.meta.url));
const REQUIRED = Deno.env.get("REQUIRE_SANDBOX") === "1";

/** Where the relay listens inside. */
export const PORT = 3128;

/** Why tests that need `bwrap` cannot run here; `undefined` when they can, or must. */
export const noBwrap: string | undefined = REQUIRED ? undefined : await reason();

async function reason(): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command("bwrap", {
      args: ["--unshare-user", "--unshare-net", "--ro-bind", "/", "/", "true"],
    }).output();
    return success ? undefined : escapeText(new TextDecoder().decode(stderr).trim(), 200);
  } catch (error) {
    return String(error);
  }
}

/** Options of {@linkcode runInside}. */
export interface InsideOptions {
  /** The folder that is shown inside as `/tmp/test`. */
  dir: string;
  /** The proxy's socket. */
  socketPath: string;
  /** What is granted: values of `--allow-net`. */
  net: readonly string[];
  /** Whether the relay runs and the environment names it. @default {true} */
  relay?: boolean;
  /** Whether the network is an empty one. @default {true} */
  isolated?: boolean;
  /** Further flags of `deno run`. */
  flags?: readonly string[];
}

/**
 * Runs code as a plugin's process runs: an empty network namespace, the relay, the flags.
 *
 * @param body Statements; `show(name, act)` notes what an act gives, or the error that it throws.
 * @returns What was noted, by name.
 */
export async function runInside(
  body: string,
  options: InsideOptions,
): Promise<Record<string, string>> {
  const { dir, socketPath, net, relay = true, isolated = true, flags = [] } = options;
  const socket = "/tmp/egress.sock";
  await Deno.writeTextFile(
    `${dir}/main.ts`,
    `import { startRelay } from "/tmp/relay.ts";
const noted: Record<string, string> = {};
async function show(name: string, act: () => unknown): Promise<void> {
  try {
    noted[name] = String(await act());
  } catch (error) {
    const { name: kind, message, cause } = error as Error;
    noted[name] = \`\${kind}: \${message}\${cause instanceof Error ? \` (\${cause.message})\` : ""}\`;
  }
}
${relay ? `startRelay({ port: ${PORT}, path: "${socket}" });` : ""}
${body}
console.log(JSON.stringify(noted)); // nothing is left to do: the process ends by itself
`,
  );
  const proxy = `http://127.0.0.1:${PORT}`;
  const proxies: Record<string, string> = relay ? { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } : {};
  const env = { DENO_DIR: "/tmp/deno-dir", NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...proxies };
  const { stdout, stderr } = await new Deno.Command("bwrap", {
    args: [
      ...["--unshare-user", "--unshare-pid", "--die-with-parent", "--new-session"],
      ...(isolated ? ["--unshare-net"] : []),
      ...["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"],
      ...["--ro-bind", Deno.execPath(), "/tmp/deno", "--ro-bind", RELAY, "/tmp/relay.ts"],
      // read-only: a socket is connected to all the same, but its mode and times cannot be changed
      ...["--ro-bind", dir, "/tmp/test", "--ro-bind", socketPath, socket, "--chdir", "/tmp"],
      ...["/tmp/deno", "run", "--no-prompt", "--no-remote", "--no-npm", "--no-config", "--no-lock"],
      `--allow-net=${[...net, `127.0.0.1:${PORT}`, `unix:${socket}`].join(",")}`,
      ...[`--allow-read=${socket}`, `--allow-write=${socket}`, ...flags, "/tmp/test/main.ts"],
    ],
    env,
    clearEnv: true,
    signal: AbortSignal.timeout(30_000),
  }).output();
  const text = new TextDecoder().decode(stdout);
  try {
    return JSON.parse(text.trim().split("\n").at(-1)!);
  } catch {
    throw new Error(`no result: ${text}\n${new TextDecoder().decode(stderr)}`);
  }
}

/** Makes a certificate authority and a certificate for a name, in a folder. */
export async function makeCertificate(
  dir: string,
  name: string,
): Promise<{ authority: string; cert: string; key: string }> {
  const openssl = async (...args: string[]) => {
    const { success, stderr } = await new Deno.Command("openssl", { args, cwd: dir }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await openssl(
    ...["req", "-x509", ...key, "-days", "2", "-subj", "/CN=test authority"],
    ...["-keyout", "ca.key", "-out", "ca.pem"],
  );
  await openssl("req", ...key, "-subj", `/CN=${name}`, "-keyout", "host.key", "-out", "host.csr");
  await Deno.writeTextFile(`${dir}/extensions`, `subjectAltName=DNS:${name}\n`);
  await openssl(
    ...["x509", "-req", "-in", "host.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
    ...["-days", "2", "-extfile", "extensions", "-out", "host.pem"],
  );
  const read = (file: string) => Deno.readTextFile(`${dir}/${file}`);
  return { authority: "ca.pem", cert: await read("host.pem"), key: await read("host.key") };
}
