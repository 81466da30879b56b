import { now as clock } from "../../rpc/flow/clock.ts";
import { SafeMap } from "../../rpc/wire/safe_map.ts";
import type { LogLevel } from "./log_sender.ts";

const { inspect } = Deno;
const MAX_LENGTH = 8_000;
const INSPECT = { depth: 4, iterableLimit: 100, strAbbreviateSize: 2_000, colors: false };

function show(value: unknown): string {
  if (typeof value === "string") return value;
  try {
    return inspect(value, INSPECT).slice(0, MAX_LENGTH);
  } catch {
    return "[a value that cannot be shown]";
  }
}

function convert(directive: string, value: unknown): string | undefined {
  switch (directive) {
    case "s":
      return typeof value === "symbol" ? value.toString() : show(value);
    case "d":
    case "i": {
      if (typeof value === "bigint") return `${value}n`;
      const number = Number(value);
      return String(directive === "i" ? Math.trunc(number) : number);
    }
    case "f":
      return String(Number(value));
    case "o":
    case "O":
    case "j":
      return show(value);
    case "c":
      return "";
  }
  return undefined;
}

/** Formats arguments as `console.log` does, bounded. */
export function formatArguments(args: readonly unknown[]): string {
  if (args.length === 0) return "";
  let at = 0;
  let text = "";
  const first = args[0];
  if (typeof first === "string" && args.length > 1) {
    at = 1;
    text = first.slice(0, MAX_LENGTH).replace(/%([sdifoOjc%])/g, (match, directive: string) => {
      if (directive === "%") return "%";
      if (at >= args.length) return match;
      return safely(() => convert(directive, args[at++])) ?? match;
    });
  } else {
    at = 1;
    text = show(first);
  }
  for (; at < args.length && text.length < MAX_LENGTH; at++) text += ` ${show(args[at])}`;
  return text.slice(0, MAX_LENGTH);
}

function safely(act: () => string | undefined): string | undefined {
  try {
    return act();
  } catch {
    return "[a value that cannot be shown]";
  }
}

/** Replaces the methods of `console`, so that what plugin code prints becomes log records. */
export function replaceConsole(log: (level: LogLevel, message: string) => void): void {
  const counts = new SafeMap<string, number>();
  const timers = new SafeMap<string, number>();
  let indent = "";
  const at = (level: LogLevel) => (...args: unknown[]): void => {
    const text = formatArguments(args);
    log(level, indent === "" ? text : text.replace(/^/gm, indent));
  };
  const info = at("info");
  const group = (...args: unknown[]): void => {
    if (args.length > 0) info(...args);
    if (indent.length < 40) indent += "  ";
  };
  const elapsed = (label: string): string => {
    const began = timers.get(label);
    return began === undefined
      ? `Timer "${label}" does not exist`
      : `${label}: ${(clock() - began).toFixed(3)}ms`;
  };
  const methods = {
    log: info,
    info,
    debug: at("debug"),
    warn: at("warn"),
    error: at("error"),
    dir: (value: unknown): void => info(value),
    dirxml: info,
    table: (value: unknown): void => info(value),
    trace: (...args: unknown[]): void => at("debug")("Trace:", ...args, new Error().stack),
    assert: (condition: unknown, ...args: unknown[]): void => {
      if (!condition) at("error")("Assertion failed", ...args);
    },
    group,
    groupCollapsed: group,
    groupEnd: (): void => {
      indent = indent.slice(2);
    },
    count: (label = "default"): void => {
      const count = (counts.get(String(label)) ?? 0) + 1;
      counts.set(String(label), count);
      info(`${label}: ${count}`);
    },
    countReset: (label = "default"): void => {
      counts.delete(String(label));
    },
    time: (label = "default"): void => {
      timers.set(String(label), clock());
    },
    timeLog: (label = "default", ...args: unknown[]): void => info(elapsed(String(label)), ...args),
    timeEnd: (label = "default"): void => {
      info(elapsed(String(label)));
      timers.delete(String(label));
    },
    clear: (): void => {},
    profile: (): void => {},
    profileEnd: (): void => {},
    timeStamp: (): void => {},
  };
  Object.assign(globalThis.console, methods);
}
