// What becomes of each message of the peer.
import type { CallsIn } from "./calls/calls_in.ts";
import type { CallsOut } from "./calls/calls_out.ts";
import type { ResolvedOptions } from "./calls/options.ts";
import type { PeerReader } from "./peer_reader.ts";
import type { Lanes } from "./transport/lanes.ts";
import type { SharedValues } from "./transport/shared_values.ts";
import { malformed, readId, readParams } from "./wire/control.ts";
import type { Message } from "./wire/message.ts";
import { shownMethod, violation } from "./wire/violation.ts";

export interface MessageParts {
  readonly options: ResolvedOptions;
  readonly lanes: Lanes;
  readonly shared: SharedValues;
  readonly reader: PeerReader;
  readonly callsIn: CallsIn;
  readonly callsOut: CallsOut;
  /** Goes on with calls that waited for room. */
  freed(): void;
}

/** Hands a message on; returns whether it came unasked. */
export function takeMessage(message: Message, bytes: number, parts: MessageParts): boolean {
  const { kind, method } = message;
  if (kind === "result" || kind === "error") {
    parts.callsOut.answer(message);
    return false;
  }
  // Answers and stream items are bounded by what this end asked for; the rest is not
  if (method === "$/stream" && kind === "notification") {
    const { items } = readParams(message, "items");
    if (!Array.isArray(items) || items.length === 0) throw malformed(method);
    parts.callsOut.items(readId(message), items, bytes);
    return false;
  }
  if (method === "$/free" && kind === "notification") {
    parts.shared.freed(message);
    parts.freed();
    return false;
  }
  parts.reader.countUnasked();
  if (kind === "request") parts.callsIn.accept(message);
  else takeNotification(message, bytes, parts);
  return true;
}

function takeNotification(
  message: Message,
  bytes: number,
  { options, lanes, reader, callsIn, callsOut }: MessageParts,
): void {
  const { method, value } = message;
  if (method === "$/lane") return lanes.follow(options.onLane);
  if (callsIn.control(message)) return;
  reader.countNotification(bytes);
  if (method === "$/progress") {
    return callsOut.progress(readId(message), readParams(message, "value").value);
  }
  if (options.accepts(method, "notification")) options.onNotification?.(method, value);
  else if (options.role === "host") {
    throw violation(`a plugin may not notify "${shownMethod(method)}"`);
  }
}
