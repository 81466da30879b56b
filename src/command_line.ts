// How the command line is called from here: hints must work as they are printed, in a checkout and
// for those who imported or installed the package.
import { basename, delimiter, isAbsolute, join, relative, resolve } from "node:path";
import { escapeText } from "./errors.ts";
import { nodeUrl } from "./node.ts";

/** Where this copy of the package lies, and how its process was started. */
export interface Surroundings {
  /** The URL of the folder of the package, with a slash at its end. */
  readonly root: string;
  /** The URL of the program that runs. */
  readonly main: string;
  /** The path of the program that `deno compile` made, where this is one. */
  readonly compiled?: string;
  /** The working folder, where it may be known. */
  readonly cwd?: string;
  /** The folder that a task was called from. */
  readonly taskFrom?: string;
  /** Where programs are looked for. */
  readonly path?: string;
}

const JSR = /^https?:\/\/[^/]+\/@sallyport\/host\/([\w.+-]+)\/$/;
const MAX_WORD = 1_000;

/** Writes a command of the command line such that a shell can run it as it is. */
export function commandLine(words: readonly string[], from: Surroundings = here()): string {
  return [...programOf(from, words[0]), ...words.map(shellWord)].join(" ");
}

/** Returns the place of a page of the documentation. */
export function docPage(page: string, from: Surroundings = here()): string {
  const url = `${from.root}docs/${page}`;
  return url.startsWith("file:") ? shortPath(nodeUrl().fileURLToPath(url), from.cwd) : url;
}

/** Returns the URL of the folder of the package, with a slash at its end. */
export function packageRoot(): string {
  return new URL("../", import.meta.url).href; // the bundles lie as deep as this file
}

/** Quotes a word for a shell. */
export function shellWord(word: string): string {
  const escaped = escapeText(word, MAX_WORD);
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `'${escaped.replaceAll("'", "'\\''")}'`;
}

function programOf(from: Surroundings, command: string | undefined): string[] {
  const { root, main, compiled, cwd, taskFrom } = from;
  const own = `${root}cli.ts`;
  const isOwn = main === own || main === `${root}src/cli/main.ts`;
  if (compiled !== undefined && isOwn) return [shellWord(basename(compiled))];
  // a task runs in the folder of its deno.json
  if (isOwn && taskFrom && root.startsWith("file:") && isSame(nodeUrl().fileURLToPath(root), cwd)) {
    return [
      "deno",
      "task",
      ...(command === undefined || command.startsWith("-") ? ["sallyport"] : []),
    ];
  }
  if (isInstalled(from.path)) return ["sallyport"];
  const version = JSR.exec(root)?.[1];
  const module = version !== undefined
    ? `jsr:@sallyport/host@${version}/cli`
    : own.startsWith("file:")
    ? shortPath(nodeUrl().fileURLToPath(own), cwd)
    : own;
  return ["deno", "run", "-A", shellWord(module)];
}

function isSame(path: string, other: string | undefined): boolean {
  return other !== undefined && resolve(path) === resolve(other);
}

/** Returns a path as somebody in the working folder would write it. */
function shortPath(path: string, cwd: string | undefined): string {
  if (cwd === undefined) return path;
  const short = relative(cwd, path);
  return short.startsWith("..") || isAbsolute(short) ? path : short;
}

function isInstalled(path: string | undefined): boolean {
  return (path ?? "").split(delimiter).some((folder) => {
    if (!isAbsolute(folder)) return false;
    const names = Deno.build.os === "windows" ? ["sallyport.cmd", "sallyport.exe"] : ["sallyport"];
    return names.some((name) => isFile(join(folder, name)));
  });
}

function isFile(path: string): boolean {
  try {
    return may({ name: "read", path }) && Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function here(): Surroundings {
  const env = (name: string) =>
    may({ name: "env", variable: name }) ? Deno.env.get(name) : undefined;
  return {
    root: packageRoot(),
    main: Deno.mainModule,
    ...(Deno.build.standalone ? { compiled: programPath() } : {}),
    cwd: workingFolder(),
    taskFrom: env("INIT_CWD"),
    path: env("PATH"),
  };
}

function programPath(): string {
  try {
    return Deno.execPath();
  } catch {
    return "sallyport"; // it may not know where it lies
  }
}

function workingFolder(): string | undefined {
  try {
    return may({ name: "read", path: "." }) ? Deno.cwd() : undefined;
  } catch {
    return undefined; // it was removed
  }
}

/** A host with fewer permissions would be asked at its terminal. */
function may(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}
