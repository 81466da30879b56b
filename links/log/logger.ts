/**
 * Stands in for `@std/log/logger`.
 *
 * @module
 */

import type { BaseHandler } from "./base_handler.ts";
import {
  getLevelByName,
  getLevelName,
  type LevelName,
  type LogLevel,
  LogLevels,
} from "./levels.ts";

/** Stands for any function. */
// deno-lint-ignore no-explicit-any
export type GenericFunction = (...args: any[]) => any;

/** Options of {@linkcode LogRecord}. */
export interface LogRecordOptions {
  /** The message. */
  msg: string;
  /** What was passed after the message. */
  args: unknown[];
  /** The level. */
  level: LogLevel;
  /** The name of the logger. */
  loggerName: string;
}

/** Holds one message and its circumstances. */
export class LogRecord {
  /** The message. */
  readonly msg: string;
  /** The level, as a number. */
  readonly level: number;
  /** The level, by name. */
  readonly levelName: string;
  /** The name of the logger. */
  readonly loggerName: string;
  readonly #args: unknown[];
  readonly #time: number = Date.now();

  /** Makes a record of this moment. */
  constructor(options: LogRecordOptions) {
    this.msg = options.msg;
    this.#args = [...options.args];
    this.level = options.level;
    this.levelName = getLevelName(options.level);
    this.loggerName = options.loggerName;
  }

  /** What was passed after the message. */
  get args(): unknown[] {
    return [...this.#args];
  }

  /** When the record was made. */
  get datetime(): Date {
    return new Date(this.#time);
  }
}

/** Options of {@linkcode Logger}. */
export interface LoggerOptions {
  /** Where the records go. */
  handlers?: BaseHandler[];
}

type Message<T> = (T extends GenericFunction ? never : T) | (() => T);

/** Turns a message into text: the stack of an error, the fields of an object. */
function asString(data: unknown, isProperty = false): string {
  if (typeof data === "string") return isProperty ? `"${data}"` : data;
  if (data instanceof Error) return data.stack!;
  if (typeof data === "object" && data !== null) {
    const fields = Object.entries(data).map(([key, value]) => `"${key}":${asString(value, true)}`);
    return `{${fields.join(",")}}`;
  }
  return typeof data === "function" ? "undefined" : String(data);
}

/** Makes records and passes them to its handlers. */
export class Logger {
  #level: LogLevel;
  readonly #loggerName: string;
  /** Where the records go. */
  handlers: BaseHandler[];

  /** Makes a logger that drops what is below a level. */
  constructor(loggerName: string, levelName: LevelName, options: LoggerOptions = {}) {
    this.#loggerName = loggerName;
    this.#level = getLevelByName(levelName);
    this.handlers = options.handlers ?? [];
  }

  /** The lowest level that is logged, as a number. */
  get level(): LogLevel {
    return this.#level;
  }

  set level(level: LogLevel) {
    try {
      this.#level = getLevelByName(getLevelName(level));
    } catch {
      throw new TypeError(`Invalid log level: ${level}`);
    }
  }

  /** The lowest level that is logged, by name. */
  get levelName(): LevelName {
    return getLevelName(this.#level);
  }

  set levelName(levelName: LevelName) {
    this.#level = getLevelByName(levelName);
  }

  /** The name of the logger. */
  get loggerName(): string {
    return this.#loggerName;
  }

  #log<T>(level: LogLevel, message: Message<T>, args: unknown[]): T | undefined {
    const lazy = message instanceof Function;
    if (this.level > level) return lazy ? undefined : message;
    const value = lazy ? message() : message;
    const record = new LogRecord({
      msg: asString(value),
      args,
      level,
      loggerName: this.loggerName,
    });
    for (const handler of this.handlers) handler.handle(record);
    return value;
  }

  /** Logs for those who look for a fault; gives the message back. */
  debug<T>(msg: () => T, ...args: unknown[]): T | undefined;
  debug<T>(msg: T extends GenericFunction ? never : T, ...args: unknown[]): T;
  debug<T>(msg: Message<T>, ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.DEBUG, msg, args);
  }

  /** Logs what happens in the normal course; gives the message back. */
  info<T>(msg: () => T, ...args: unknown[]): T | undefined;
  info<T>(msg: T extends GenericFunction ? never : T, ...args: unknown[]): T;
  info<T>(msg: Message<T>, ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.INFO, msg, args);
  }

  /** Logs what someone should look at; gives the message back. */
  warn<T>(msg: () => T, ...args: unknown[]): T | undefined;
  warn<T>(msg: T extends GenericFunction ? never : T, ...args: unknown[]): T;
  warn<T>(msg: Message<T>, ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.WARN, msg, args);
  }

  /** Logs a failure; gives the message back. */
  error<T>(msg: () => T, ...args: unknown[]): T | undefined;
  error<T>(msg: T extends GenericFunction ? never : T, ...args: unknown[]): T;
  error<T>(msg: Message<T>, ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.ERROR, msg, args);
  }

  /** Logs a failure that ends the program; gives the message back. */
  critical<T>(msg: () => T, ...args: unknown[]): T | undefined;
  critical<T>(msg: T extends GenericFunction ? never : T, ...args: unknown[]): T;
  critical<T>(msg: Message<T>, ...args: unknown[]): T | undefined {
    return this.#log(LogLevels.CRITICAL, msg, args);
  }
}
