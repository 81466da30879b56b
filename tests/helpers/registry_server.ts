import { encodeHex } from "@std/encoding/hex";

const ROOT = new URL("../../", import.meta.url);

interface PackageConfig {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
  readonly publish: { readonly include: readonly string[] };
}

/** Serves the package from loopback as the registry lays it out. */
export interface RegistryServer extends AsyncDisposable {
  /** What `JSR_URL` is to be. */
  readonly url: string;
  /** Name and version of the package. */
  readonly name: string;
  /** See {@linkcode RegistryServer.name}. */
  readonly version: string;
  /** The paths that were asked for, with their status. */
  readonly requests: { readonly path: string; readonly status: number }[];
}

/** Reads what `deno publish` would take, rewrites bare specifiers as it does, and serves it. */
export async function serveRegistry(): Promise<RegistryServer> {
  const config: PackageConfig = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const { name, version } = config;
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const path of await publishedFiles(config.publish.include)) {
    const bytes = await Deno.readFile(new URL(path, ROOT));
    files.set(`/${path}`, path.endsWith(".ts") ? rewrite(bytes, config) : bytes);
  }
  const manifest: Record<string, { size: number; checksum: string }> = {};
  for (const [path, bytes] of files) {
    const digest = encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
    manifest[path] = { size: bytes.length, checksum: `sha256-${digest}` };
  }
  const [scope, packageName] = name.slice(1).split("/");
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const routes = new Map<string, Uint8Array<ArrayBuffer>>([
    [
      `/${name}/meta.json`,
      json({ scope, name: packageName, latest: version, versions: { [version]: {} } }),
    ],
    [`/${name}/${version}_meta.json`, json({ manifest, exports: config.exports })],
    ...[...files].map(([path, bytes]) => [`/${name}/${version}${path}`, bytes] as const),
  ]);
  const requests: { path: string; status: number }[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const path = decodeURIComponent(new URL(request.url).pathname);
    const body = routes.get(path);
    requests.push({ path, status: body === undefined ? 404 : 200 });
    if (body === undefined) return new Response("not found", { status: 404 });
    const type = path.endsWith(".ts")
      ? "text/typescript"
      : path.endsWith(".js")
      ? "text/javascript"
      : "application/json";
    return new Response(body, { headers: { "content-type": type } });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    name,
    version,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Lists the files of the checkout that the patterns of `publish.include` name. */
async function publishedFiles(patterns: readonly string[]): Promise<string[]> {
  const matchers = patterns.map((pattern) => {
    const source = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("**/", "\u0000").replaceAll("*", "[^/]*").replaceAll("\u0000", "(?:.*/)?");
    return new RegExp(`^${source}$`);
  });
  const files: string[] = [];
  const folders = new Set(
    patterns.map((pattern) => pattern.split("/").length > 1 ? pattern.split("/")[0]! : ""),
  );
  for (const folder of folders) {
    await collect(folder === "" ? "" : `${folder}/`, folder !== "", files);
  }
  return files.filter((path) => matchers.some((matcher) => matcher.test(path))).sort();
}

async function collect(folder: string, deep: boolean, files: string[]): Promise<void> {
  for await (const entry of Deno.readDir(new URL(folder === "" ? "./" : folder, ROOT))) {
    if (entry.isFile) files.push(`${folder}${entry.name}`);
    else if (entry.isDirectory && deep) await collect(`${folder}${entry.name}/`, true, files);
  }
}

/** Puts `jsr:` and `npm:` specifiers in the place of the names in `deno.json`. */
function rewrite(bytes: Uint8Array, { imports, name }: PackageConfig): Uint8Array<ArrayBuffer> {
  const text = new TextDecoder().decode(bytes).replace(
    /^((?:import|export)\b[^;`]*?\bfrom\s+|import\s+|.*\bimport\()"([^"./][^"]*)"/gm,
    (whole, before: string, specifier: string) => {
      const key = Object.keys(imports).find((key) =>
        specifier === key || specifier.startsWith(`${key}/`)
      );
      // what is left fails where it is imported; inside a template it is nobody's import
      if (key === undefined || key.startsWith(name)) return whole;
      return `${before}"${imports[key]}${specifier.slice(key.length)}"`;
    },
  );
  return new TextEncoder().encode(text);
}
