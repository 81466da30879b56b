/**
 * A whole process, measured from outside: until its first line, until its end, and the processor time that
 * it and its descendants took.
 *
 * @module
 */

/** Holds what one run of a process took. */
export interface WholeRun {
  /** From its start to its first line, in milliseconds; to its end where it writes none. */
  readonly firstMs: number;
  /** From its start to its end, in milliseconds. */
  readonly wholeMs: number;
  /** User and system time of all its processes, in milliseconds; `undefined` where the system does not tell. */
  readonly cpuMs: number | undefined;
  /** The lines that it wrote. */
  readonly lines: readonly string[];
}

/**
 * Runs a command to its end; its standard input is closed behind its first line.
 *
 * @throws {Error} when it fails.
 */
export async function runWhole(program: string, args: readonly string[]): Promise<WholeRun> {
  const before = childrenMs();
  const began = performance.now();
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  let firstMs: number | undefined;
  let text = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (firstMs !== undefined || !text.includes("\n")) continue;
    firstMs = performance.now() - began;
    await child.stdin.close();
  }
  if (firstMs === undefined) await child.stdin.close();
  const { success } = await child.status;
  const wholeMs = performance.now() - began;
  if (!success) throw new Error(`${args.join(" ")} has failed: ${(await errors).slice(0, 500)}`);
  await errors;
  const after = childrenMs();
  return {
    firstMs: firstMs ?? wholeMs,
    wholeMs,
    cpuMs: before === undefined || after === undefined ? undefined : after - before,
    lines: text.split("\n").slice(0, -1),
  };
}

/** What the children that have ended took, theirs included; the kernel tells it in hundredths of a second. */
function childrenMs(): number | undefined {
  try {
    const stat = Deno.readTextFileSync("/proc/self/stat");
    const [, , , , , , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(")")).split(" ");
    return (Number(user) + Number(system)) * 10;
  } catch {
    return undefined; // no /proc
  }
}
