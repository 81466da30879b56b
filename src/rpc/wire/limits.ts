import { SallyportError } from "../../errors.ts";

/** Caps what one message may be; every number is a maximum. */
export interface MessageLimits {
  /** Bytes of one line without its newline, and separately of the raw bytes behind it. */
  maxMessageBytes: number;
  /** Levels of arrays and objects in one message, its envelope included. */
  maxDepth: number;
  /** Array elements and object members in one message. */
  maxNodes: number;
}

/** How many byte arrays one message may carry behind its line. */
export const MAX_BINARY_PARTS = 1_024;

/** How many of them may be texts, so that room is left for byte arrays. */
export const MAX_TEXT_PARTS = 256;

export const DEFAULT_MESSAGE_LIMITS: Readonly<MessageLimits> = Object.freeze({
  maxMessageBytes: 16 * 1024 * 1024,
  maxDepth: 128,
  maxNodes: 2_000_000,
});

/** Levels that a value may have on its way out, so that it fits in an envelope within `maxDepth`. */
export const MAX_VALUE_DEPTH = 120;

const encoder = new TextEncoder();

/**
 * Returns whether a line with its newline has too many bytes; counts exactly only where the answer
 * is not plain from the number of UTF-16 units.
 */
export function tooLong(line: string, maxBytes: number): boolean {
  if (line.length * 3 <= maxBytes) return false;
  return line.length - 1 > maxBytes || encoder.encode(line).length - 1 > maxBytes;
}

export function tooLongError(maxMessageBytes: number): SallyportError {
  return new SallyportError(
    "limit-exceeded",
    `Cannot send a message: it has more than the ${maxMessageBytes} bytes that are allowed`,
    {
      hint:
        "Send less at once, or raise the limit messageBytes in plugin.json, and in the policy if it is lower there",
      details: { maxMessageBytes },
    },
  );
}
