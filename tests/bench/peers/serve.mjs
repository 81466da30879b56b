/**
 * What a peer's own process does: it starts the peer once, then measures what its standard input asks for.
 *
 * @module
 */
import { createInterface } from "node:readline";
import process from "node:process";
import { checkBytes, makeBytes, roundTrips, throughput, timeMs } from "../call_times.mjs";

/**
 * @typedef {object} Peer A started peer: a child, or a worker, that echoes.
 * @property {(text: string) => Promise<unknown>} call Sends a short text there and back.
 * @property {(bytes: Uint8Array) => Promise<unknown>} echo Sends bytes there and back, as bytes.
 * @property {() => unknown} close Ends it.
 */

/**
 * Answers each line `{ measure, count }` with a line `{ value }`, or `{ error }`, until its input ends.
 *
 * @param {() => Promise<Peer>} start Starts the peer, in a new process where it has one.
 */
export async function servePeer(start) {
  const peer = await start();
  await peer.call("hello");
  const measures = {
    /** @param {number} count */
    roundTrip: async (count) => (await roundTrips(() => peer.call("hello"), count)).p50,
    /** @param {number} count */
    throughput: (count) => throughput(() => peer.call("hello"), count),
    /** @param {number} count */
    binary: async (count) => {
      const bytes = makeBytes(count);
      return await timeMs(async () => checkBytes(await peer.echo(bytes), count));
    },
    cold: async () => {
      /** @type {Peer | undefined} */
      let other;
      const ms = await timeMs(async () => {
        other = await start();
        await other.call("hello");
      });
      await other?.close();
      return ms;
    },
  };
  answer({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    const { measure, count } = JSON.parse(line);
    try {
      answer({ value: await measures[measure](count) });
    } catch (error) {
      answer({ error: String(error) });
    }
  }
  await peer.close();
}

/** @param {unknown} message */
function answer(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
