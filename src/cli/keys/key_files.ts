// Key files, written so that a private key is never readable by others.
import { writeNewFile } from "../../io/durable_file.ts";
import { SallyportError } from "../../errors.ts";
import { readNamedFile } from "../../io/named_file.ts";
import { cannotWrite } from "../shared/files.ts";

export interface KeyFile {
  readonly path: string;
  readonly text: string;
}

const MAX_PUBLIC_BYTES = 4_096;
const PRIVATE_MODE = 0o600;
const PUBLIC_MODE = 0o644;
const EXISTS_HINT =
  "Choose another name, or pass --force to replace the key; plugins must be signed again";

/** Writes both files or none, into a folder that is made with mode 0700 where it is missing. */
export async function writeKeyFiles(
  dir: string,
  privateKey: KeyFile,
  publicKey: KeyFile,
  force: boolean,
): Promise<void> {
  await Deno.mkdir(dir, { recursive: true, mode: 0o700 }).catch((cause) => {
    const isFile = cause instanceof Deno.errors.AlreadyExists;
    throw cannotWrite(dir, isFile ? new Error("it is not a folder") : cause, EXISTS_HINT);
  });
  if (force) return await replaceFiles(privateKey, publicKey);
  await createFile(privateKey, PRIVATE_MODE);
  await createFile(publicKey, PUBLIC_MODE).catch(async (error) => {
    await Deno.remove(privateKey.path);
    throw error;
  });
}

/** Creates a file; never opens what is there, not even through a link. */
async function createFile({ path, text }: KeyFile, mode: number): Promise<void> {
  try {
    await writeNewFile(path, text, { mode });
  } catch (cause) {
    throw cannotWrite(path, cause, EXISTS_HINT);
  }
}

/** Replaces both files through new ones beside them, so that each is old or new, never half. */
async function replaceFiles(privateKey: KeyFile, publicKey: KeyFile): Promise<void> {
  for (const { path } of [privateKey, publicKey]) {
    const there = await Deno.lstat(path).catch(() => undefined);
    if (there?.isDirectory) throw cannotWrite(path, new Error("it is a folder"), EXISTS_HINT);
  }
  const suffix = `.${crypto.randomUUID()}.tmp`;
  const beside = ({ path, text }: KeyFile): KeyFile => ({ path: `${path}${suffix}`, text });
  const before = await readNamedFile(publicKey.path, MAX_PUBLIC_BYTES).catch(() => undefined);
  try {
    await createFile(beside(privateKey), PRIVATE_MODE);
    await createFile(beside(publicKey), PUBLIC_MODE);
    // the public one first: if the second step fails, the private key that is there still stands
    await Deno.rename(`${publicKey.path}${suffix}`, publicKey.path);
    await Deno.rename(`${privateKey.path}${suffix}`, privateKey.path).catch(async (error) => {
      if (before === undefined) await Deno.remove(publicKey.path);
      else await Deno.writeFile(publicKey.path, before);
      throw error;
    });
  } catch (cause) {
    for (const file of [privateKey, publicKey]) {
      await Deno.remove(beside(file).path).catch(() => {}); // not made, or renamed already
    }
    throw cause instanceof SallyportError
      ? cause
      : cannotWrite(privateKey.path, cause, EXISTS_HINT);
  }
}
