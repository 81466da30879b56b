// Asks the platform's own tools what processes use, where `/proc` cannot be read.
import { OWN_SESSION } from "../../io/own_session.ts";

/** What a tool says of a process. */
export interface PlatformFigures {
  /** The process that started it; `undefined` where the tool does not say. */
  readonly parent: number | undefined;
  /** The resident set, in bytes. */
  readonly rssBytes: number;
  /** Processor time, in milliseconds; `undefined` where the tool does not say. */
  readonly cpuTimeMs: number | undefined;
}

/** All processes, by id. */
export type PlatformTable = ReadonlyMap<number, PlatformFigures>;

interface Tool {
  readonly command: string;
  readonly args: readonly string[];
  parse(text: string): Map<number, PlatformFigures>;
}

const TIMEOUT_MS = 2_000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;
const MAX_PROCESSES = 65_536;
const PS_LINE = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s*$/;
const PS_TIME = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)$/;
const TASKLIST_LINE = /^"[^"]*","(\d+)","[^"]*","[^"]*","([^"]*)"\s*$/;

const PS: Tool = {
  command: "/bin/ps",
  args: ["-A", "-o", "pid=", "-o", "ppid=", "-o", "rss=", "-o", "time="],
  parse: parsePs,
};
const TASKLIST: Tool = {
  command: "C:\\Windows\\System32\\tasklist.exe",
  args: ["/FO", "CSV", "/NH"],
  parse: parseTasklist,
};

/**
 * Lists the machine's processes by `ps`, on Windows by `tasklist`, which tells of memory alone.
 *
 * Runs the tool only with the permission to; never asks the user for it.
 */
export async function readPlatformTable(
  os: typeof Deno.build.os = Deno.build.os,
): Promise<PlatformTable | undefined> {
  const { command, args, parse } = os === "windows" ? TASKLIST : PS;
  try {
    if (Deno.permissions.querySync({ name: "run", command }).state !== "granted") return undefined;
    const child = new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(TIMEOUT_MS),
      env: { LC_ALL: "C" },
      ...OWN_SESSION,
    }).spawn();
    const text = await readBounded(child.stdout);
    if (text === undefined) child.kill("SIGKILL");
    const { success } = await child.status;
    return success && text !== undefined ? parse(text) : undefined;
  } catch {
    return undefined;
  }
}

/** Sums up a process and all below it. */
export function sumTree(
  table: PlatformTable,
  pid: number,
): { rssBytes: number; cpuTimeMs: number | undefined } | undefined {
  if (!table.has(pid)) return undefined;
  const members = new Set([pid]);
  // a parent may come after its child: until a pass finds nobody new
  for (let before = 0; before !== members.size;) {
    before = members.size;
    for (const [id, { parent }] of table) {
      if (parent !== undefined && members.has(parent)) members.add(id);
    }
  }
  let rssBytes = 0;
  let cpuTimeMs: number | undefined = 0;
  for (const id of members) {
    const figures = table.get(id)!;
    rssBytes += figures.rssBytes;
    cpuTimeMs = cpuTimeMs === undefined || figures.cpuTimeMs === undefined
      ? undefined
      : cpuTimeMs + figures.cpuTimeMs;
  }
  return { rssBytes, cpuTimeMs };
}

/**
 * Parses what `ps` prints: id, parent, resident set in KiB, time as `[days-][hours:]minutes:seconds`.
 */
export function parsePs(text: string): Map<number, PlatformFigures> {
  const table = new Map<number, PlatformFigures>();
  for (const line of text.split("\n", MAX_PROCESSES)) {
    const match = PS_LINE.exec(line);
    if (match === null) continue;
    const time = PS_TIME.exec(match[4]!);
    const [days, hours, minutes, seconds] = (time?.slice(1) ?? []).map((part) => Number(part ?? 0));
    table.set(Number(match[1]), {
      parent: Number(match[2]),
      rssBytes: Number(match[3]) * 1_024,
      cpuTimeMs: time === null
        ? undefined
        : Math.round((((days! * 24 + hours!) * 60 + minutes!) * 60 + seconds!) * 1_000),
    });
  }
  return table;
}

/** Parses what `tasklist` prints as CSV: name, id, session, its number, memory as `12,345 K`. */
export function parseTasklist(text: string): Map<number, PlatformFigures> {
  const table = new Map<number, PlatformFigures>();
  for (const line of text.split("\n", MAX_PROCESSES)) {
    const match = TASKLIST_LINE.exec(line);
    if (match === null) continue;
    // the separator of thousands is the user's
    const kib = match[2]!.replace(/\D/g, "");
    if (kib === "") continue;
    const rssBytes = Number(kib) * 1_024;
    table.set(Number(match[1]), { parent: undefined, rssBytes, cpuTimeMs: undefined });
  }
  return table;
}

async function readBounded(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > MAX_OUTPUT_BYTES) return undefined;
    chunks.push(chunk);
  }
  return new TextDecoder().decode(
    await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer(),
  );
}
