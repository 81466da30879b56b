// Quarantine: plugins that are not loaded until an operator says so, whatever becomes of the host.
import * as z from "zod";
import { PARSING } from "../../json/schema_issues.ts";
import { isAbsent } from "../../io/absent.ts";
import { openNoFollow, readAtMost } from "../../io/plain_file.ts";
import { replaceFile } from "../../io/durable_file.ts";
import { parseStrictJson } from "../../json/strict_json.ts";
import { commandLine } from "../../command_line.ts";
import { escapeText, SALLYPORT_ERROR_CODES, SallyportError } from "../../errors.ts";
import { VIOLATION_KINDS, VIOLATION_SEVERITIES } from "../../permissions/policy/watch_policy.ts";
import type { Violation } from "./violations.ts";

/** Says which bundle is in quarantine and why. */
export interface QuarantineRecord {
  /** The plugin's name. */
  readonly name: string;
  /** Its version at the time; others of that name are refused as well. */
  readonly version: string;
  /** The hash of its bundle. */
  readonly bundleHash: string;
  /** Since when, in RFC 3339. */
  readonly since: string;
  /** Why, for people. */
  readonly reason: string;
  /** Its last violations, at most ten, the oldest first. */
  readonly violations: readonly Violation[];
}

/** Tells of one plugin in quarantine. */
export interface QuarantineEntry {
  /** The plugin's name. */
  readonly name: string;
  /** The file that keeps it there. */
  readonly path: string;
  /** What the file says; none where it cannot be read. */
  readonly record?: QuarantineRecord;
  /** Why the file cannot be read. */
  readonly problem?: string;
}

const NAME = /^[a-z][a-z0-9_-]{0,63}$/;
const FILE = /^([a-z][a-z0-9_-]{0,63})\.json$/;
const TEMPORARY = /^\.[0-9a-f-]{36}\.tmp$/;
const MAX_FILE_BYTES = 256 * 1024;
const MAX_FILES = 10_000;
const MAX_VIOLATIONS = 10;
const MAX_TEXT = 1_000;
/** After this long a temporary file is one that a killed host has left. */
const LEFT_BEHIND_MS = 600_000;

/** Nobody knows what is behind it. */
const HIDDEN = "a link on its way leads nowhere";

const text = z.string().max(8 * MAX_TEXT);

const RECORD = z.lazy(() =>
  z.strictObject({
    schema: z.literal(1),
    name: z.string().regex(NAME),
    version: z.string().max(256),
    bundleHash: z.string().regex(/^[0-9a-f]{128}$/),
    since: z.iso.datetime(),
    reason: text,
    violations: z.array(z.strictObject({
      time: z.iso.datetime(),
      kind: z.enum(VIOLATION_KINDS),
      code: z.enum(SALLYPORT_ERROR_CODES),
      message: text,
      measured: z.number().optional(),
      limit: z.number().optional(),
      unit: z.string().max(256).optional(),
      severity: z.enum(VIOLATION_SEVERITIES),
    })).max(MAX_VIOLATIONS),
  })
);

/**
 * Keeps the quarantine of a data folder, one file a plugin; several hosts may share it, and each sees at
 * once what another one does.
 *
 * A plugin is out of quarantine only where its file is known not to be there: one that cannot be read,
 * or that somebody has damaged, keeps it in.
 */
export class Quarantine {
  /** The folder of the files; it need not be there. */
  readonly dir: string;
  readonly #dataDir: string;
  /** What could not be written: it holds for this host at least. */
  #unwritten = new Map<string, QuarantineRecord>();

  /** Names the folder; reads and makes nothing. */
  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.dir = `${dataDir}/quarantine`;
  }

  /**
   * Puts a plugin into quarantine.
   *
   * @throws {SallyportError} `bad-config` when it cannot be written: then it holds for this object
   * only, and not after a restart.
   */
  async add(
    plugin: Omit<QuarantineRecord, "since">,
    now: Date = new Date(),
  ): Promise<QuarantineRecord> {
    const path = this.#path(plugin.name);
    const record: QuarantineRecord = Object.freeze({
      name: plugin.name,
      version: plugin.version,
      bundleHash: plugin.bundleHash,
      since: now.toISOString(),
      reason: escapeText(plugin.reason, MAX_TEXT),
      violations: Object.freeze(plugin.violations.slice(-MAX_VIOLATIONS)),
    });
    this.#unwritten.set(plugin.name, record);
    try {
      await Deno.mkdir(this.dir, { recursive: true, mode: 0o700 });
      await removeLeftBehind(this.dir);
      await replaceFile(path, `${JSON.stringify({ schema: 1, ...record }, null, 2)}\n`, {
        temporary: `${this.dir}/.${crypto.randomUUID()}.tmp`,
        mode: 0o600,
      });
    } catch (cause) {
      throw cannot(`put plugin "${plugin.name}" into quarantine`, path, cause);
    }
    this.#unwritten.delete(plugin.name);
    return record;
  }

  /**
   * Looks whether a plugin is in quarantine.
   *
   * @throws {RangeError} When it is no name of a plugin.
   */
  async find(name: string): Promise<QuarantineEntry | undefined> {
    const path = this.#path(name);
    const unwritten = this.#unwritten.get(name);
    if (unwritten !== undefined) return { name, path, record: unwritten };
    try {
      return { name, path, record: await readRecord(path, name) };
    } catch (error) {
      if (isMissing(error)) {
        if (await isAbsent(path)) return undefined;
        return { name, path, problem: HIDDEN };
      }
      // fail closed: who damages the file must not get the plugin loaded
      return { name, path, problem: describe(error) };
    }
  }

  /**
   * Refuses a plugin that is in quarantine.
   *
   * @throws {SallyportError} `bad-state` when it is, with the reason and how to lift it.
   */
  async check(name: string): Promise<void> {
    const entry = await this.find(name);
    if (entry !== undefined) throw quarantinedError(entry, this.#dataDir);
  }

  /**
   * Lists the plugins in quarantine, sorted by name.
   *
   * @throws {SallyportError} `bad-config` when the folder cannot be read.
   */
  async list(): Promise<QuarantineEntry[]> {
    const names = new Set(this.#unwritten.keys());
    try {
      for await (const { name } of Deno.readDir(this.dir)) {
        const plugin = FILE.exec(name)?.[1];
        if (plugin !== undefined && names.size < MAX_FILES) names.add(plugin);
      }
    } catch (cause) {
      const hidden = isMissing(cause) && !await isAbsent(this.dir);
      if (hidden) throw cannot("list the quarantine", this.dir, new Error(HIDDEN, { cause }));
      if (!isMissing(cause)) throw cannot("list the quarantine", this.dir, cause);
    }
    const entries: QuarantineEntry[] = [];
    for (const name of [...names].sort()) {
      const entry = await this.find(name);
      if (entry !== undefined) entries.push(entry); // else somebody has lifted it meanwhile
    }
    return entries;
  }

  /**
   * Lets a plugin out of quarantine.
   *
   * @throws {SallyportError} `bad-config` when the file cannot be removed.
   * @throws {RangeError} When it is no name of a plugin.
   */
  async lift(name: string): Promise<QuarantineEntry | undefined> {
    const entry = await this.find(name);
    if (entry === undefined) return undefined;
    try {
      await Deno.remove(entry.path);
    } catch (cause) {
      if (!isMissing(cause)) throw cannot(`lift the quarantine of "${name}"`, entry.path, cause);
    }
    this.#unwritten.delete(name);
    return entry;
  }

  #path(name: string): string {
    // a name with a slash would lead out of the folder
    if (!NAME.test(name)) throw new RangeError(`"${escapeText(name, 80)}" is no name of a plugin`);
    return `${this.dir}/${name}.json`;
  }
}

/** Tells that a plugin is in quarantine. */
export function quarantinedError(entry: QuarantineEntry, dataDir: string): SallyportError {
  const { name, path, record, problem } = entry;
  const why = record === undefined
    ? `it is in quarantine, and the file that says why cannot be read: ${problem ?? "unknown"}`
    : `it is in quarantine since ${record.since}: ${escapeText(record.reason, 8 * MAX_TEXT)}`;
  return new SallyportError("bad-state", `Cannot load plugin "${name}": ${why}`, {
    hint:
      `Find out why, then lift it: host.releaseQuarantine("${name}"), or on the command line: ` +
      commandLine(["quarantine", "lift", dataDir, name]),
    details: {
      plugin: name,
      state: "quarantined",
      file: path,
      ...(record === undefined ? { problem } : {
        version: record.version,
        bundleHash: record.bundleHash,
        since: record.since,
        reason: record.reason,
      }),
    },
  });
}

async function readRecord(path: string, name: string): Promise<QuarantineRecord> {
  using file = openNoFollow(path);
  if (!file.info.isFile()) throw new Error("it is not a regular file");
  const bytes = await readAtMost(file, MAX_FILE_BYTES);
  if (bytes === undefined) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
  const parsed = RECORD.safeParse(parseStrictJson(bytes), PARSING);
  if (!parsed.success) throw new Error("it is not a record of a quarantine");
  const { schema: _schema, ...record } = parsed.data;
  if (record.name !== name) throw new Error("it is another plugin's");
  return record;
}

async function removeLeftBehind(dir: string): Promise<void> {
  for await (const { name } of Deno.readDir(dir)) {
    if (!TEMPORARY.test(name)) continue;
    const path = `${dir}/${name}`;
    const { mtime } = await Deno.lstat(path).catch(() => ({ mtime: null })); // just renamed
    if (mtime !== null && Date.now() - mtime.getTime() > LEFT_BEHIND_MS) {
      await Deno.remove(path).catch(() => {}); // another host does the same
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    (error instanceof Error && (error as { code?: unknown }).code === "ENOENT");
}

function describe(error: unknown): string {
  return escapeText(error instanceof Error ? error.message : String(error), MAX_TEXT);
}

function cannot(what: string, path: string, cause: unknown): SallyportError {
  return new SallyportError("bad-config", `Cannot ${what}: ${describe(cause)}`, {
    hint: "Check the data folder, its free space, and that you may write there",
    details: { path },
    cause,
  });
}
