// One line for each check of a program in the virtual machine; `scripts/vm_tests.sh` counts them.

/** An emulated machine takes seconds to start a process. */
const DEADLINE_MS = 240_000;

const encoder = new TextEncoder();

/** Writes a remark that is no result. */
export function remark(text: string): void {
  Deno.stdout.writeSync(encoder.encode(`# ${oneLine(text)}\n`));
}

/** Does one check and writes its result; a failed one makes the program's exit status 1. */
export async function check(name: string, run: () => void | Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  const began = performance.now();
  let line: string;
  try {
    await Promise.race([run(), deadline]);
    line = `ok ${oneLine(name)} (${((performance.now() - began) / 1_000).toFixed(1)} s)`;
  } catch (error) {
    Deno.exitCode = 1;
    const why = error instanceof Error ? error.stack ?? error.message : String(error);
    line = `FAILED ${oneLine(name)}: ${oneLine(why)}`;
  } finally {
    clearTimeout(timer);
  }
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
