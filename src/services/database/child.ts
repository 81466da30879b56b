import { escapeText, SallyportError } from "../../errors.ts";
import { FIXED_FLAGS } from "../../permissions/flags.ts";
import { type Child, startChild } from "../../process/child.ts";
import { stopChild } from "../../process/stop.ts";
import type { HelperGroup } from "../../sandbox/cgroup/helper_group.ts";
import { Connection } from "../../rpc/connection.ts";
import { childDuplex } from "../../rpc/transport/duplex.ts";
import {
  type DatabaseAnswer,
  type DatabaseConfig,
  type DatabaseRequest,
  MEMORY_EXIT_CODE,
  PROCESS_METHOD,
} from "./protocol.ts";

export interface DatabasePlace {
  readonly executable: string;
  readonly script: string;
  /** A folder of its own for the runtime's cache; also its working folder. */
  readonly denoDir: string;
  /** What caps it; absent where nothing can. */
  readonly group?: HelperGroup;
}

const START_TIMEOUT_MS = 10_000;
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
// above what the process allows itself, so that it ends in order and says why
const MAX_HEAP_MIB = 768;

const DENIED = ["net", "env", "sys", "run", "ffi"];

/**
 * Returns the arguments of a database process: it reads its own script, and reads and writes its own
 * database file (SQLite itself opens the `-wal` and `-shm` beside it), nothing else.
 */
export function databaseArguments(script: string, config: DatabaseConfig): string[] {
  for (const path of [script, config.file]) {
    // deno-lint-ignore no-control-regex
    if (/[,\u0000-\u001f]/.test(path)) {
      const message = `Cannot open database "${
        escapeText(path)
      }": the path has a comma or control character`;
      throw new SallyportError("bad-config", message, {
        hint: "Deno's permission flags cannot express it; choose another folder",
      });
    }
  }
  const reads = config.access === "read" && config.tables !== undefined;
  return [
    "run",
    ...FIXED_FLAGS,
    "--no-code-cache",
    ...DENIED.map((family) => `--deny-${family}`),
    `--allow-read=${script},${config.file}`,
    reads ? "--deny-write" : `--allow-write=${config.file}`,
    `--v8-flags=--max-old-space-size=${MAX_HEAP_MIB}`,
    script,
  ];
}

export class DatabaseChild {
  readonly #child: Child;
  readonly #connection: Connection;
  #ended = false;

  private constructor(child: Child) {
    this.#child = child;
    this.#connection = new Connection({
      io: childDuplex(child.process),
      role: "host",
      maxMessageBytes: MAX_MESSAGE_BYTES,
      methods: [],
      onEnd: async () => this.#describeEnd((await child.exited).code),
    });
    this.#connection.closed.then((reason) => {
      this.#ended = true;
      // a process that breaks the protocol runs code that is not ours
      if (reason !== undefined) child.kill("SIGKILL");
    });
  }

  static async start(place: DatabasePlace, config: DatabaseConfig): Promise<DatabaseChild> {
    const { executable, script, denoDir, group } = place;
    const args = databaseArguments(script, config);
    const [command, ...rest] = [...group?.prefix ?? [], executable, ...args];
    const env = { DENO_DIR: denoDir, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" };
    const self = new DatabaseChild(startChild({
      command: command!,
      args: rest,
      env: { ...group?.prefixEnv, ...env },
      cwd: denoDir,
    }));
    try {
      await self.run({ method: "open", args: [config] }, START_TIMEOUT_MS);
      // only now: the start is not the plugin's work, and a small share would slow it down
      group?.adopt(self.#child.pid);
      return self;
    } catch (error) {
      await self.kill();
      throw error;
    }
  }

  get alive(): boolean {
    return !this.#ended && this.#child.status === undefined;
  }

  /** Sends a request to the process, one at a time. A process that is late is killed. */
  async run(request: DatabaseRequest, timeoutMs: number): Promise<unknown> {
    let late = false;
    const timer = setTimeout(() => {
      late = this.#ended = true;
      this.#child.kill("SIGKILL");
    }, timeoutMs);
    let answer: DatabaseAnswer;
    try {
      answer = await this.#connection.request(PROCESS_METHOD, request) as DatabaseAnswer;
    } catch (error) {
      if (!late) throw error;
      throw new SallyportError("timeout", `Statement ended: deadline of ${timeoutMs} ms passed`, {
        hint: "Make it do less: an index, a WHERE, fewer rows; nothing of it was kept",
        details: { timeoutMs },
      });
    } finally {
      clearTimeout(timer);
    }
    if (!("error" in answer)) return answer.value;
    const { code, message, hint, name } = answer.error;
    throw new SallyportError(code, message, { hint, details: name === undefined ? {} : { name } });
  }

  /** Ends the process in order: the end of its input, then SIGTERM, then SIGKILL. */
  async stop(): Promise<void> {
    this.#ended = true;
    await stopChild(this.#child, { endInput: () => this.#connection.end(), graceMs: 1_000 });
    this.#connection.close();
    await this.#connection.closed;
  }

  /** Ends the process at once. SQLite's journal takes back what was not committed. */
  async kill(): Promise<void> {
    this.#ended = true;
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    await this.#child.stderr.release();
    this.#connection.close();
    await this.#connection.closed;
  }

  #describeEnd(code: number): SallyportError {
    if (code === MEMORY_EXIT_CODE) {
      const message = "Statement ended: it or its result took too much memory";
      return new SallyportError("limit-exceeded", message, {
        hint: "Ask for less: fewer columns, a WHERE, or a LIMIT with pages",
      });
    }
    return new SallyportError("crashed", `The database process ended with exit code ${code}`, {
      details: { exitCode: code, signal: this.#child.status?.signal ?? null },
      // details go to the plugin, and stderr may name the host's paths
      cause: new Error(this.#child.stderr.text()),
    });
  }
}
