// Key files, written so that a private key is never readable by others.
import { SallyportError } from "../../errors.ts";
import { readNamedFile } from "../../io/named_file.ts";

/** Holds one file to write. */
export interface KeyFile {
  readonly path: string;
  readonly text: string;
}

/** Holds a pair of files to write. */
export interface KeyFilePair {
  /** The folder of both, made with mode 0700 where it is missing. */
  readonly dir: string;
  readonly privateKey: KeyFile;
  readonly publicKey: KeyFile;
  readonly force: boolean;
}

const MAX_PUBLIC_BYTES = 4_096;
const PRIVATE_MODE = 0o600;
const PUBLIC_MODE = 0o644;

/** Writes both files or none. */
export async function writeKeyFiles(pair: KeyFilePair): Promise<void> {
  const { dir, privateKey, publicKey, force } = pair;
  try {
    await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw cannotWrite(dir, cause);
  }
  if (force) await replaceFiles(pair);
  else {
    await createFile(privateKey.path, privateKey.text, PRIVATE_MODE);
    try {
      await createFile(publicKey.path, publicKey.text, PUBLIC_MODE);
    } catch (error) {
      await Deno.remove(privateKey.path);
      throw error;
    }
  }
}

/** Creates a file; never opens what is there, not even through a link. */
async function createFile(path: string, text: string, mode: number): Promise<void> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { write: true, createNew: true, mode });
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AlreadyExists)) throw cannotWrite(path, cause);
    throw new SallyportError("bad-state", `Cannot write "${path}": it exists`, {
      hint: "Choose another name, or pass --force to replace the key; plugins must be signed again",
      details: { path },
    });
  }
  try {
    using open = file;
    let rest = new TextEncoder().encode(text);
    while (rest.length > 0) rest = rest.subarray(await open.write(rest));
    await open.sync();
  } catch (cause) {
    await Deno.remove(path);
    throw cannotWrite(path, cause);
  }
}

/** Replaces both files through new ones beside them, so that each is old or new, never half. */
async function replaceFiles({ privateKey, publicKey }: KeyFilePair): Promise<void> {
  for (const { path } of [privateKey, publicKey]) {
    const there = await Deno.lstat(path).catch(() => undefined);
    if (there?.isDirectory) throw cannotWrite(path, new Error("it is a folder"));
  }
  const suffix = `.${crypto.randomUUID()}.tmp`;
  const before = await readNamedFile(publicKey.path, MAX_PUBLIC_BYTES).catch(() => undefined);
  const temporary: string[] = [];
  try {
    for (
      const [{ path, text }, mode] of [[privateKey, PRIVATE_MODE], [
        publicKey,
        PUBLIC_MODE,
      ]] as const
    ) {
      await createFile(`${path}${suffix}`, text, mode);
      temporary.push(`${path}${suffix}`);
    }
    // the public one first: if the second step fails, the private key that is there still stands
    await Deno.rename(`${publicKey.path}${suffix}`, publicKey.path);
    await Deno.rename(`${privateKey.path}${suffix}`, privateKey.path).catch(async (error) => {
      if (before === undefined) await Deno.remove(publicKey.path);
      else await Deno.writeFile(publicKey.path, before);
      throw error;
    });
  } catch (cause) {
    for (const path of temporary) await Deno.remove(path).catch(() => {}); // renamed already
    throw cause instanceof SallyportError ? cause : cannotWrite(privateKey.path, cause);
  }
}

function cannotWrite(path: string, cause: unknown): SallyportError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SallyportError("bad-config", `Cannot write "${path}": ${reason}`, {
    hint: "Check the folder, and that you may write there",
    details: { path },
    cause,
  });
}
