import assert from "node:assert/strict";
import type { PluginHandle, PluginHost, PolicyEntry, SandboxReport } from "../../src/mod.ts";
import type { ManifestFields } from "../helpers/signing.ts";
import type { Ways } from "./plugins/attempt.ts";
import type { World } from "./world.ts";

/** What an attack is staged with, for what happens before and after it. */
export interface Stage {
  /** The host under attack. */
  readonly host: PluginHost;
  /** The name of the attacking plugin. */
  readonly name: string;
  /** Its bundle. */
  readonly bundle: string;
  /** What it aims at. */
  readonly world: World;
  /** What was logged, with the plugin that it is about. */
  readonly records: readonly { readonly message: string; readonly plugin: unknown }[];
  /** The plugin; absent while it could not be loaded. */
  readonly plugin: PluginHandle | undefined;
}

/** One thing that a hostile plugin tries. */
export interface Attack {
  /** The rows of the table of threats that it covers. */
  readonly rows: readonly string[];
  /** What it does, after "a plugin that". */
  readonly what: string;
  /** The module in `plugins`. */
  readonly plugin: string;
  /** The method with its parameters, laid over the world; without one, loading it is the attack. */
  readonly call?: readonly [method: string, params?: Record<string, unknown>];
  /** Fields of its manifest; texts may name `PORT`, `FREE_PORT` and `OUTSIDE`. */
  readonly manifest?: ManifestFields;
  /** Its entry in the policy; texts likewise. */
  readonly policy?: PolicyEntry;
  /** Files that are added to its bundle; texts likewise. */
  readonly files?: Readonly<Record<string, string>>;
  /** Files that are added after the bundle was signed. */
  readonly unsigned?: Readonly<Record<string, string>>;
  /** Files that are links, with where they lead; made after signing. */
  readonly links?: Readonly<Record<string, string>>;
  /** How long the call may take. */
  readonly timeoutMs?: number;
  /** Attacks with the same plugin and group share one process, one after another. */
  readonly group?: string;
  /** Whether there is a second plugin of the same kind, in the bundle with `-other` to its name. */
  readonly twin?: boolean;
  /** Whether what it writes to the pipe is to be read as messages; beside a socket it is none. */
  readonly lane?: "stdio";
  /** Whether nothing else may run meanwhile. */
  readonly quiet?: boolean;
  /** Prepares the scene, before the plugin is loaded. */
  before?(stage: Stage): Promise<void>;
  /** Looks at what is there afterwards, before the plugin is unloaded. */
  after?(stage: Stage): Promise<unknown>;
  /** Asserts that it was contained. */
  contained(report: Report): void;
  /** How the same act succeeds where nothing protects. */
  readonly control: Control;
}

/** Shows an attack without the protection. */
export type Control =
  /** The same module and method by `deno run -A`. */
  | { readonly by: "direct"; succeeded(report: Report): void; readonly params?: DirectOptions }
  /** The same attack under isolation "plain", where only Deno's flags hold. */
  | { readonly by: "plain"; succeeded(report: Report): void }
  /** The `after` of the attack itself shows it. */
  | { readonly by: "itself" }
  /** There is nothing that could succeed. */
  | { readonly by: "nothing"; readonly because: string };

/** How a module is run without a host. */
export interface DirectOptions {
  /** A method to call after it in the same process; its answer counts. */
  readonly again?: string;
  /** A method to call after it in another process with the same cache folder; its answer counts. */
  readonly nextRun?: string;
  /** Parameters of that method. */
  readonly params?: Record<string, unknown>;
  /** More flags. */
  readonly flags?: readonly string[];
}

/** What came of an attack. */
export interface Report {
  /** The attack, as {@linkcode keyOf} names it. */
  readonly key: string;
  /** What the method answered. */
  readonly answer?: unknown;
  /** How load or call failed. */
  readonly error?: { readonly code: string; readonly message: string; readonly details?: unknown };
  /** Where it failed or ended. */
  readonly phase: "load" | "call";
  /** What `after` saw. */
  readonly after?: unknown;
  /** The state of the plugin after the attack. */
  readonly state: string;
  /** The codes of its violations. */
  readonly violations: readonly string[];
  /** The types of its events. */
  readonly events: readonly string[];
  /** What was in force. */
  readonly sandbox?: SandboxReport;
  /** Whether every process of it is gone at the end. */
  readonly gone: boolean;
  /** Whether the well-behaved plugin beside it still answers. */
  readonly witness: boolean;
  /** How long attack and unloading took, in milliseconds. */
  readonly ms: { readonly attack: number; readonly unload: number };
  /** How a process without a host ended; `undefined` where it had to be killed. */
  readonly exit?: { readonly code: number; readonly signal: string | null };
  /** How much a process without a host wrote to its output. */
  readonly outputBytes?: number;
}

/** Names an attack, the same in every lane. */
export function keyOf({ rows, what }: Pick<Attack, "rows" | "what">): string {
  return `${rows.join(", ")}: a plugin that ${what}`;
}

function waysOf(report: Report): [string, string][] {
  assert.equal(report.error, undefined, `the call failed: ${JSON.stringify(report.error)}`);
  const ways = Object.entries(report.answer as Ways);
  assert.ok(ways.length > 0, "nothing was tried");
  return ways;
}

/** Asserts that no way led anywhere. */
export function denied(report: Report): void {
  const open = waysOf(report).filter(([, came]) => came.startsWith("ok"));
  assert.deepEqual(open, [], "a way was open");
}

/** Asserts that every way led where it should not. */
export function allowed(report: Report): void {
  const shut = waysOf(report).filter(([, came]) => !came.startsWith("ok"));
  assert.deepEqual(shut, [], "a way was shut");
}

/** Asserts that the host refused to load the plugin. */
export function refused(code: string, message = /./): (report: Report) => void {
  return ({ error, phase }) => {
    assert.deepEqual([phase, error?.code], ["load", code], JSON.stringify(error));
    assert.match(error!.message, message);
  };
}

/** Asserts that the attack failed with one of some codes and that this was the plugin's end. */
export function ended(codes: string | readonly string[], message = /./): (report: Report) => void {
  return ({ error, state, answer }) => {
    assert.ok(error !== undefined, `it went on, and answered ${JSON.stringify(answer)}`);
    assert.ok([codes].flat().includes(error.code), JSON.stringify(error));
    assert.match(error.message, message);
    assert.equal(state, "failed");
  };
}

/** Asserts that the call was given up, and that the plugin could be taken away. */
export function timedOut({ error, ms }: Report): void {
  assert.equal(error?.code, "timeout", JSON.stringify(error));
  assert.ok(ms.unload < 8_000, `it took ${ms.unload} ms to unload`);
}

/** Asserts that a process without a host went on and on. */
export function ranOn({ exit, answer }: Report): void {
  assert.equal(exit, undefined, `it ended: ${JSON.stringify({ exit, answer })}`);
}

/** Asserts that a process without a host had its way. */
export function exitedWith(code: number, signal: string | null = null): (report: Report) => void {
  return ({ exit }) => assert.deepEqual(exit, { code, signal });
}

/** Asserts that the method gave its answer. */
export function answered({ answer, error }: Report): void {
  assert.equal(error, undefined, JSON.stringify(error));
  assert.ok(answer !== undefined && answer !== null);
}
