// Deno's permission flags, from effective permissions. Pure: no disk, no environment.
import { docPage } from "../command_line.ts";
import { escapeText, SallyportError } from "../errors.ts";
import { addressBits, formatIp } from "./scopes/ip.ts";
import { formatNetScope, parseNetScope } from "./scopes/net_scope.ts";
import { nativePath, neverGranted, realPathProblem } from "./scopes/path_scope.ts";
import { ResolvedPermissions } from "./resolve.ts";
import { SYS_KINDS } from "./scopes/sys_scope.ts";

/** How the code in the runtime's cache was compiled: every function, or those that run at once. */
export type CodeCaching = "eager" | "lazy";

export interface FlagPaths {
  /** The folder of the bundle as the plugin's process sees it; it is always readable. */
  bundleDir: string;
  /** Returns the paths by which the process sees a path of the machine, where it has a root of its own. */
  seenAs?: (path: string) => readonly string[];
  /** What the bootstrap needs for itself; the plugin shares it, and gains nothing by that. */
  bootstrap?: {
    /** The relay to the host's egress proxy: a loopback port and a socket, as the process sees it. */
    relay?: { readonly port: number; readonly socket: string };
    /** The socket of the lane to the host, as the process sees it, before it drops the permission. */
    lane?: string;
    /** The files that large values travel in, as the process sees them: one to read, one to write. */
    shared?: { readonly down: string; readonly up: string };
    /** The library by which it loads its system call filter, before it drops the permission. */
    library?: string;
  };
  /** How the code in its cache folder was compiled, as the engine must compile too; else it keeps none. */
  codeCache?: CodeCaching;
}

/** Flags of every process that runs code for a plugin. */
export const FIXED_FLAGS: readonly string[] = [
  "--no-prompt",
  "--no-remote",
  "--no-npm",
  "--no-config",
  "--no-lock",
  "--cached-only", // grants "import" silently, which --deny-import takes back (threat IM-05)
  "--deny-import",
];

const MIB = 1024 * 1024;

/** How many addresses an IPv6 range may have: Deno takes no IPv6 ranges, so each becomes a value. */
const MAX_EXPANDED_ADDRESSES = 256n;

/**
 * Derives the flags of `deno run` for a plugin's process, without `run` itself.
 *
 * An empty list emits no `--allow-…` flag, because a bare one grants everything, and a family that is
 * not granted is denied by name. Each value passes a grammar right before it becomes part of a flag.
 */
export function deriveFlags(permissions: ResolvedPermissions, paths: FlagPaths): string[] {
  if (!(permissions instanceof ResolvedPermissions)) {
    throw new TypeError("Flags are derived from what resolvePermissions() returned only");
  }
  const { plugin, limits, entry } = permissions;
  const refuse = (family: string, value: string, why: string): never => {
    const message = `Cannot start plugin "${plugin}": ${family} "${escapeText(value, 500)}" ${why}`;
    throw new SallyportError("permission-denied", message, {
      hint: `Choose a value that Deno's flags can express; see ${docPage("security.md")}`,
      details: { plugin, family, value },
    });
  };
  const check = (family: "read" | "write", value: string): string => {
    const problem = realPathProblem(value) ?? neverGranted(value, family);
    return problem === undefined ? value : refuse(family, value, problem);
  };
  const { seenAs = (value: string) => [value], bootstrap: { relay, lane, shared, library } = {} } =
    paths;
  const sockets = [relay?.socket, lane].filter((value) => value !== undefined);
  const pathsOf = (family: "read" | "write", own: string | undefined): string[] => [
    ...permissions[family].flatMap((value) => seenAs(check(family, value)))
      .map((value) => check(family, value)),
    ...sockets.map((value) => check("write", value)),
    ...(own === undefined ? [] : [check(family, own)]),
  ];
  const bundleDir = check("read", nativePath(paths.bundleDir));
  const read = pathsOf("read", shared?.down).filter((value) => value !== bundleDir);
  const write = pathsOf("write", shared?.up);
  const net = [
    ...permissions.net.flatMap((value) => netValues(value, refuse)),
    ...(relay === undefined ? [] : [`127.0.0.1:${relay.port}`]),
    ...sockets.map((value) => `unix:${value}`),
  ];
  const sys = permissions.sys.map((value) =>
    SYS_KINDS.includes(value) ? value : refuse("sys", value, "is not a known kind")
  );
  const families = Object.entries({ write, net, sys });
  const granted = families.filter(([, values]) => values.length > 0);
  const denied = families.filter(([, values]) => values.length === 0);
  const engineFlags = [
    `--max-old-space-size=${Math.floor(limits.memoryBytes / MIB)}`,
    ...(entry.jitless === true ? ["--jitless"] : []),
    ...(paths.codeCache === "eager" ? ["--no-lazy"] : []),
  ];
  return [
    ...FIXED_FLAGS,
    ...(paths.codeCache === undefined ? ["--no-code-cache"] : []),
    flag("--allow-read", [bundleDir, ...sorted(read)]),
    ...granted.map(([name, values]) => flag(`--allow-${name}`, sorted(values))),
    ...denied.map(([name]) => `--deny-${name}`),
    "--deny-env",
    "--deny-run",
    library === undefined ? "--deny-ffi" : flag("--allow-ffi", [library]),
    `--v8-flags=${engineFlags.join(",")}`,
  ];
}

function netValues(value: string, refuse: (f: string, v: string, why: string) => never): string[] {
  const parsed = parseNetScope(value);
  if ("problem" in parsed) return refuse("net", value, parsed.problem);
  const scope = parsed.value;
  if (formatNetScope(scope) !== value) return refuse("net", value, "is not in normal form");
  if (scope.kind !== "range" || scope.address.version === 4 || scope.prefix === 128) return [value];
  const count = 1n << BigInt(addressBits(6) - scope.prefix);
  if (count > MAX_EXPANDED_ADDRESSES) {
    const why = "is an IPv6 range of more than 256 addresses, which Deno cannot express";
    return refuse("net", value, `${why}: ask for /120 or narrower, or for names`);
  }
  return Array.from({ length: Number(count) }, (_, index) => {
    const bits = scope.address.bits + BigInt(index);
    return `${formatIp({ version: 6, bits })}:${scope.port}`;
  });
}

/** Writes one flag; refuses values that would grant more than was meant, from any caller. */
function flag(name: string, values: readonly string[]): string {
  // a bare flag grants everything, an empty value is an error, a comma makes two values (LA-01, LA-02)
  if (values.length === 0 || values.some((value) => value === "" || value.includes(","))) {
    throw new SallyportError("permission-denied", `Cannot write flag "${name}" for these values`, {
      details: { name, values },
    });
  }
  return `${name}=${values.join(",")}`;
}

function sorted(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
