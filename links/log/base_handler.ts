/**
 * Stands in for `@std/log/base-handler`.
 *
 * @module
 */

import { getLevelByName, getLevelName, type LevelName, type LogLevel } from "./levels.ts";
import type { LogRecord } from "./logger.ts";

export type { LevelName, LogLevel, LogRecord };

/** Turns a record into the text that is written. */
export type FormatterFunction = (logRecord: LogRecord) => string;

/** Options of {@linkcode BaseHandler}. */
export interface BaseHandlerOptions {
  /** Formats a record; by default level and message. */
  formatter?: FormatterFunction;
}

/** Takes the records of loggers; a subclass says where the text goes. */
export abstract class BaseHandler {
  #level: LogLevel;
  /** Formats a record. */
  formatter: FormatterFunction;

  /** Makes a handler that drops what is below a level. */
  constructor(levelName: LevelName, options?: BaseHandlerOptions) {
    this.#level = getLevelByName(levelName);
    this.formatter = options?.formatter ?? ((record) => `${record.levelName} ${record.msg}`);
  }

  /** The lowest level that is handled, as a number. */
  get level(): LogLevel {
    return this.#level;
  }

  set level(level: LogLevel) {
    getLevelName(level);
    this.#level = level;
  }

  /** The lowest level that is handled, by name. */
  get levelName(): LevelName {
    return getLevelName(this.#level);
  }

  set levelName(levelName: LevelName) {
    this.#level = getLevelByName(levelName);
  }

  /** Formats and writes a record that is not below the level. */
  handle(logRecord: LogRecord): void {
    if (this.level > logRecord.level) return;
    this.log(this.format(logRecord));
  }

  /** Formats a record. */
  format(logRecord: LogRecord): string {
    return this.formatter(logRecord);
  }

  /** Writes the text of a record. */
  abstract log(msg: string): void;

  /** Prepares the handler. */
  setup(): void {}

  /** Releases what the handler holds. */
  destroy(): void {}

  /** Releases what the handler holds. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}
