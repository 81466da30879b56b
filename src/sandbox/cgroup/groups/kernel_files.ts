// Reads and writes the small files by which the kernel shows and takes the settings of cgroups.

/** What v1 writes for "no limit" is the largest page-aligned number; nothing real comes near this. */
const UNLIMITED = 2 ** 60;

/** Reads such a file. */
export function readKernelFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path).trimEnd();
  } catch {
    return undefined; // no such controller or group, or not for this user: nothing is known
  }
}

/**
 * Writes such a file; never makes one.
 *
 * @throws {Error} the system's, with its `code`, when the kernel refuses.
 */
export function writeKernelFile(path: string, value: string): void {
  using file = Deno.openSync(path, { write: true });
  file.writeSync(new TextEncoder().encode(value)); // one write: the kernel takes it whole or not at all
}

/** Writes such a file where it exists and the kernel takes the value. */
export function tryWriteKernelFile(path: string, value: string): boolean {
  try {
    writeKernelFile(path, value);
    return true;
  } catch {
    return false;
  }
}

/** Whether this process may write a file, tried by opening it. */
export function mayWrite(path: string): boolean {
  try {
    Deno.openSync(path, { write: true }).close();
    return true;
  } catch {
    return false;
  }
}

/** Reads a file that holds one number. */
export function readNumber(path: string): number | undefined {
  return parseNumber(readKernelFile(path));
}

/** Reads one number of a file with a `name value` on each line. */
export function readKeyedNumber(path: string, name: string): number | undefined {
  for (const line of readKernelFile(path)?.split("\n") ?? []) {
    const [key, value] = line.split(" ");
    if (key === name) return parseNumber(value);
  }
  return undefined;
}

function parseNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,20}$/.test(text)) return undefined; // "max" and "-1" among them
  const value = Number(text);
  return value >= UNLIMITED ? undefined : value;
}

/** Returns the system's code of a failed operation, such as `EBUSY`. */
export function errorCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code === "string") return code;
  return error instanceof Error ? error.message : String(error);
}
