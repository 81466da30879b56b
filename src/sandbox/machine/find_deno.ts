// Finds the `deno` executable that plugins run under, and which version it is.
import { isAbsolute, resolve } from "node:path";
import { escapeText, SallyportError } from "../../errors.ts";
import { runBounded } from "../../io/bounded_command.ts";
import { denoProblem, OLDEST_DENO } from "../../version.ts";

/** A `deno` executable. */
export interface DenoExecutable {
  /** Its path; `deno` where the host may run only that name. */
  readonly path: string;
  /** Its version. */
  readonly version: string;
}

/** The variable that names the executable where no option does. */
export const DENO_VARIABLE = "SALLYPORT_DENO";

const ASK = "console.log(JSON.stringify([Deno.version.deno, Deno.execPath()]))";
const ASK_ARGS = ["eval", "--no-config", "--no-lock", ASK];
const ASK_MS = 10_000;
const CHOOSE =
  `Pass the path of a deno executable, ${OLDEST_DENO} or later, as the option denoPath ` +
  `or in ${DENO_VARIABLE}`;

/**
 * Finds the executable for child processes: the one that is named, else this very runtime, else the
 * first `deno` on PATH.
 *
 * @throws {SallyportError} `bad-config` when there is none, the host may not run it, or it is too old.
 */
export async function findDeno(named: string | undefined = variable()): Promise<DenoExecutable> {
  if (named !== undefined) return await ask(named);
  // of a program that `deno compile` made, this is the program itself
  const own = Deno.build.standalone ? undefined : Deno.execPath();
  if (own !== undefined && mayRun(own)) return { path: own, version: Deno.version.deno };
  if (mayRun("deno")) return await ask("deno");
  throw new SallyportError("bad-config", "Cannot start plugins: the host may not run deno", {
    hint: "Start the host with --allow-run=deno",
  });
}

/**
 * Refuses a runtime that is too old for the host itself.
 *
 * @throws {SallyportError} `bad-config`.
 */
export function checkOwnDeno(version: string = Deno.version.deno): void {
  const problem = denoProblem(version);
  if (problem === undefined) return;
  throw new SallyportError("bad-config", `Cannot open the host: Sallyport ${problem}`, {
    hint: Deno.build.standalone
      ? "Compile the host again, with a newer Deno"
      : "Run `deno upgrade`",
    details: { deno: version, needs: OLDEST_DENO },
  });
}

/** Has an executable say where and which it is: a link, or the script of a version manager, leads to it. */
async function ask(named: string): Promise<DenoExecutable> {
  const program = /[\\/]/.test(named) ? resolve(named) : named;
  const shown = escapeText(program, 500);
  if (!mayRun(program)) {
    throw new SallyportError(
      "bad-config",
      `Cannot start plugins: the host may not run "${shown}"`,
      {
        hint: `Start the host with --allow-run=${shown}`,
        details: { denoPath: program },
      },
    );
  }
  const { ok, stdout, stderr } = await runBounded(program, ASK_ARGS, "inherit", ASK_MS);
  const answer = ok ? parseAnswer(stdout) : undefined;
  if (answer === undefined) {
    const said = escapeText(stderr.trim().split("\n").at(-1) ?? "", 200);
    const reason = said || (ok ? "it does not answer as deno does" : "it failed, or took too long");
    throw new SallyportError("bad-config", `Cannot use "${shown}" as deno: ${reason}`, {
      hint: CHOOSE,
      details: { denoPath: program, reason },
    });
  }
  const [version, real] = answer;
  const path = mayRun(real) ? real : program;
  const problem = denoProblem(version);
  if (problem === undefined) return { path, version };
  const at = escapeText(path, 500);
  throw new SallyportError("bad-config", `Cannot use "${at}": Sallyport ${problem}`, {
    hint: `Run \`${at} upgrade\`. ${CHOOSE}`,
    details: { denoPath: path, deno: version, needs: OLDEST_DENO },
  });
}

function parseAnswer(text: string): [version: string, path: string] | undefined {
  try {
    const [version, path, ...more] = JSON.parse(text);
    const good = typeof version === "string" && typeof path === "string" && more.length === 0 &&
      /^[\w.+-]{1,100}$/.test(version) && isAbsolute(path);
    return good ? [version, path] : undefined;
  } catch {
    return undefined;
  }
}

function mayRun(command: string): boolean {
  return Deno.permissions.querySync({ name: "run", command }).state === "granted";
}

/** Never asks for the permission to look. */
function variable(): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: DENO_VARIABLE });
  return state === "granted" ? Deno.env.get(DENO_VARIABLE) || undefined : undefined;
}
