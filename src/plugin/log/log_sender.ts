import { encodeValue } from "../../rpc/wire/binary.ts";
import { now as clock } from "../../rpc/flow/clock.ts";
import { TokenBucket } from "../../rpc/flow/token_bucket.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

const MAX_MESSAGE_LENGTH = 8_000;
const MAX_FIELDS_LENGTH = 16_000;
// A quarter of what the host takes as a flood; progress and events have the rest
const PER_SECOND = 2_500;

/**
 * Sends log records to the host, bounded in size and rate: a plugin that prints in a loop loses
 * records, with a record that counts them, but is not cut off for it.
 */
export class LogSender {
  readonly #send: (params: Record<string, unknown>) => void;
  readonly #budget = new TokenBucket(PER_SECOND, clock());
  #left = 0;

  constructor(send: (params: Record<string, unknown>) => void) {
    this.#send = send;
  }

  /** Sends a record, or counts it as left out. */
  log(level: LogLevel, message: string, fields?: Record<string, unknown>): void {
    this.#budget.refill(clock());
    if (!this.#budget.take()) {
      this.#left++;
      return;
    }
    if (this.#left > 0) {
      const left = this.#left;
      this.#left = 0;
      this.#send({
        level: "warn",
        message: `${left} log records were left out: too many a second`,
      });
    }
    this.#send({
      level,
      message: cut(message),
      ...(fields === undefined ? {} : { fields: checkFields(fields) }),
    });
  }
}

function cut(message: string): string {
  const text = String(message);
  return text.length > MAX_MESSAGE_LENGTH ? `${text.slice(0, MAX_MESSAGE_LENGTH)}…` : text;
}

function checkFields(fields: Record<string, unknown>): Record<string, unknown> {
  try {
    const { text, raw } = encodeValue(fields, "null");
    if (raw === undefined && text.length <= MAX_FIELDS_LENGTH) return fields;
    return { omitted: "the fields are too large or hold bytes" };
  } catch {
    return { omitted: "the fields cannot be sent as JSON" };
  }
}
