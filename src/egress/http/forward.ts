// The two ways of passing bytes on: a tunnel, and one HTTP request with its response.
import { forwardBody } from "./body.ts";
import { parseResponseHead, type RequestHead } from "./http_head.ts";
import type { Meter } from "./meter.ts";
import { Refusal } from "./refusal.ts";
import { isWebSocket, originRequest, pluginResponse } from "./rewrite.ts";
import { ConnReader, copy, endWriting, writeAll } from "./streams.ts";
import type { Target } from "./target.ts";

/** How many bytes after the one request are read and dropped, to see its end. */
const MAX_IGNORED_BYTES = 64 * 1024;

const MAX_INTERIM = 16;

export interface Ends {
  /** The plugin's end, and what reads it. */
  readonly client: Deno.Conn;
  readonly reader: ConnReader;
  /** The granted host's end. */
  readonly remote: Deno.Conn;
  readonly meter: Meter;
  /** Is called before the first byte of an answer goes to the plugin. */
  onAnswer(): void;
  /** How long a request is read after its response has ended, in milliseconds. */
  readonly lingerMs: number;
}

/** Passes everything both ways until both directions have ended. */
export async function splice(ends: Ends, fromRemote?: ConnReader): Promise<void> {
  const { client, reader, remote, meter } = ends;
  const moved = () => meter.touch();
  await Promise.all([
    copy(reader, remote, (bytes) => meter.addSent(bytes), moved),
    copy(fromRemote ?? new ConnReader(remote), client, (n) => meter.addReceived(n), moved),
  ]);
}

/**
 * Passes one request on, then its response; after `101 Switching Protocols` everything.
 *
 * What follows the request on the plugin's end goes nowhere: it could be for another host.
 */
export async function forwardRequest(ends: Ends, head: RequestHead, target: Target): Promise<void> {
  const { remote, meter } = ends;
  const fromRemote = new ConnReader(remote);
  const written = originRequest(head, target);
  meter.addSent(written.length);
  await writeAll(remote, written);
  meter.touch();
  if (!isWebSocket(head)) {
    return await passAnswer(ends, passRequest(ends, head), async () => {
      await passHeads(ends, fromRemote, false);
      await passBody(ends, fromRemote);
    });
  }
  // nothing that the plugin sends goes on before the host has agreed
  const status = await passHeads(ends, fromRemote, true);
  if (status === 101) return await splice(ends, fromRemote);
  await passAnswer(ends, ignoreRest(ends), () => passBody(ends, fromRemote));
}

/** Runs both directions; the answer's end is the end, whether or not the request was read by then. */
async function passAnswer(ends: Ends, up: Promise<void>, down: () => Promise<void>): Promise<void> {
  const answer = down();
  await Promise.race([Promise.all([up, answer]), answer]);
  // a close while the plugin still writes could cut its answer off
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ends.lingerMs);
  try {
    await Promise.race([up.catch(() => {}), promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function passRequest(ends: Ends, head: RequestHead): Promise<void> {
  const { reader, remote, meter } = ends;
  let gone = false;
  await forwardBody(reader, head.framing, async (bytes) => {
    meter.addSent(bytes.length);
    if (gone) return;
    try {
      await writeAll(remote, bytes);
      meter.touch();
    } catch {
      gone = true; // a host may answer and close before it has read all: reading it shows which
    }
  });
  await ignoreRest(ends);
}

/** Drops what follows a request, and passes its end on. */
async function ignoreRest({ reader, remote }: Ends): Promise<void> {
  for (let ignored = 0; ignored < MAX_IGNORED_BYTES;) {
    const bytes = await reader.read();
    if (bytes === null) return await endWriting(remote);
    ignored += bytes.length;
  }
}

/** Passes interim responses and the head of the final one on; returns its status. */
async function passHeads(ends: Ends, fromRemote: ConnReader, upgrade: boolean): Promise<number> {
  for (let count = 0; count <= MAX_INTERIM; count++) {
    const bytes = await fromRemote.head(502);
    if (bytes === null) throw new Refusal(502, "the host closed without an answer");
    const head = parseResponseHead(bytes);
    if (head.status === 101 && !upgrade) {
      throw new Refusal(502, "the host switched to a protocol that was not asked for");
    }
    const written = pluginResponse(head);
    ends.meter.addReceived(written.length);
    ends.onAnswer();
    await writeAll(ends.client, written);
    ends.meter.touch();
    if (head.status >= 200 || head.status === 101) return head.status;
  }
  throw new Refusal(502, "the host sent too many interim answers");
}

/** Passes the rest of the response on: the host closes after it. */
async function passBody(ends: Ends, fromRemote: ConnReader): Promise<void> {
  const { client, meter } = ends;
  await copy(fromRemote, client, (n) => meter.addReceived(n), () => meter.touch());
}
