/**
 * Asks whether links still work. It reaches the hosts in its manifest that the policy grants, and
 * Deno refuses every other one, wherever a redirect leads.
 *
 * @module
 */
import { definePlugin } from "@sallyport/host/plugin";
import { type LinkReport, probe } from "./probe.ts";

/** The links to ask, with how. */
export interface CheckParams {
  /** The links, at most 1000. */
  urls: string[];
  /**
   * How long one link may take with all its redirects, in milliseconds; 1 to 30000.
   *
   * @default {5000}
   */
  timeoutMs?: number;
  /**
   * How many links to ask at a time; 1 to 16.
   *
   * @default {4}
   */
  concurrency?: number;
}

const MAX_URLS = 1_000;

export default definePlugin({
  methods: {
    /** Asks all links and reports them in the order given; progress is `{ done, total }`. */
    async check(params: CheckParams, call): Promise<LinkReport[]> {
      const reports: LinkReport[] = [];
      let done = 0;
      for await (const { index, report } of probeAll(params, call.signal)) {
        reports[index] = report;
        call.progress({ done: ++done, total: params.urls.length });
      }
      return reports;
    },

    /** Streams reports as they come, the quickest link first. */
    async *watch(params: CheckParams, call): AsyncGenerator<LinkReport> {
      for await (const { report } of probeAll(params, call.signal)) yield report;
    },
  },
});

interface Indexed {
  index: number;
  report: LinkReport;
}

/** Asks links, no more than `concurrency` at a time; leaving the loop gives up those under way. */
async function* probeAll(params: CheckParams, signal: AbortSignal): AsyncGenerator<Indexed> {
  const { urls, timeoutMs, concurrency } = checked(params);
  const left = new AbortController();
  const either = AbortSignal.any([signal, left.signal]);
  const running = new Map<number, Promise<Indexed>>();
  let next = 0;
  try {
    while (next < urls.length || running.size > 0) {
      while (next < urls.length && running.size < concurrency) {
        const index = next++;
        const asked = probe(urls[index]!, timeoutMs, either);
        running.set(index, asked.then((report) => ({ index, report })));
      }
      const first = await Promise.race(running.values());
      running.delete(first.index);
      yield first;
    }
  } finally {
    left.abort();
    await Promise.allSettled(running.values());
  }
}

function checked({ urls, timeoutMs = 5_000, concurrency = 4 }: CheckParams): Required<CheckParams> {
  if (!Array.isArray(urls) || !urls.every((url) => typeof url === "string")) {
    throw new TypeError("urls must be an array of strings");
  }
  if (urls.length > MAX_URLS) {
    throw new RangeError(`urls must have at most ${MAX_URLS} entries, got ${urls.length}`);
  }
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 30_000) {
    throw new RangeError(`timeoutMs must be an integer from 1 to 30000, got ${timeoutMs}`);
  }
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 16) {
    throw new RangeError(`concurrency must be an integer from 1 to 16, got ${concurrency}`);
  }
  return { urls, timeoutMs, concurrency };
}
