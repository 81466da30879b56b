// The process that the command line talks through: its streams, and whether they are terminals.
import { SallyportError } from "../../errors.ts";
import { listenForInterrupt } from "./interrupt.ts";

/** Is where a person types. */
export interface Terminal {
  /**
   * Reads what is typed as it comes and without echo, while a function runs.
   *
   * The terminal is put back whatever happens, also when a signal asks the process to end.
   *
   * @param act Gets a function that returns the next bytes, or `null` at the end of the input.
   * @returns What `act` returns.
   */
  raw<T>(act: (read: () => Promise<Uint8Array | null>) => Promise<T>): Promise<T>;
}

/** Says where a command reads and writes; a test may pass its own. */
export interface CliIo {
  /** Writes all of a text to stdout. */
  writeOut(text: string): void;
  /** Writes all of a text to stderr. */
  writeErr(text: string): void;
  /** Opens stdin. */
  stdin(): ReadableStream<Uint8Array>;
  /** Whether stdout is a terminal. */
  readonly outIsTerminal: boolean;
  /** Whether stderr is a terminal. */
  readonly errIsTerminal: boolean;
  /** Whether colour is unwanted, whatever the streams are. */
  readonly noColor: boolean;
  /** Where a person can be asked: there when both stdin and stderr are terminals. */
  readonly terminal?: Terminal;
}

/** Says that the reader of stdout has gone, as `head` does. */
export class OutputClosed extends Error {
  constructor() {
    super("stdout is closed");
    this.name = "OutputClosed";
  }
}

const RETRY_MS = 5;

export function processIo(): CliIo {
  return {
    writeOut(text) {
      try {
        writeAll(Deno.stdout, text);
      } catch (error) {
        if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosed();
        throw cannotWrite(error);
      }
    },
    writeErr(text) {
      try {
        writeAll(Deno.stderr, text);
      } catch {
        // stderr is gone, or its disk is full: only the exit code can report that
      }
    },
    stdin: () => Deno.stdin.readable,
    outIsTerminal: Deno.stdout.isTerminal(),
    errIsTerminal: Deno.stderr.isTerminal(),
    noColor: Deno.noColor,
    ...(Deno.stdin.isTerminal() && Deno.stderr.isTerminal() ? { terminal: TERMINAL } : {}),
  };
}

const READ_BYTES = 1_024;

const TERMINAL: Terminal = {
  async raw(act) {
    using interrupt = listenForInterrupt();
    Deno.stdin.setRaw(true);
    try {
      return await act(() => interrupt.race(readStdin(), "Nothing was changed"));
    } finally {
      Deno.stdin.setRaw(false);
    }
  },
};

async function readStdin(): Promise<Uint8Array | null> {
  const bytes = new Uint8Array(READ_BYTES);
  const length = await Deno.stdin.read(bytes);
  return length === null ? null : bytes.subarray(0, length);
}

/** Makes the error of an output that cannot be written, such as to a full disk. */
function cannotWrite(cause: unknown): SallyportError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SallyportError("bad-config", `Cannot write the output: ${reason}`, {
    hint: "Check where stdout is redirected to, and the room on its disk",
    cause,
  });
}

function writeAll(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(to.writeSync(rest));
    } catch (error) {
      // a parent may have made the pipe non-blocking: wait for its reader
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
