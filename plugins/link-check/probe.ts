/**
 * Asking one link, redirect by redirect, so that no hop is taken without a word.
 *
 * @module
 */

/**
 * Says how a link fared: `ok` (2xx), `broken` (any other final status), `denied` (it leads to a host
 * that this plugin may not reach), `failed` (no answer, no time, or no web address).
 */
export type LinkOutcome = "ok" | "broken" | "denied" | "failed";

/** Reports one link. */
export interface LinkReport {
  /** The link as it was given. */
  url: string;
  /** How it fared. */
  outcome: LinkOutcome;
  /** The status of the last answer, where there was one. */
  status?: number;
  /** The addresses that it was redirected to, in order; the last may be the one that was denied. */
  redirects: string[];
  /** Why it is not `ok`. */
  reason?: string;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Answers of servers that do not know HEAD, or not for this address. */
const TRY_GET: ReadonlySet<number> = new Set([403, 404, 405, 501]);

/**
 * Asks one link.
 *
 * @param link The link.
 * @param timeoutMs How long all its hops together may take.
 * @param signal Gives up; then the promise rejects.
 * @returns The report; a link that does not work is no exception.
 */
export async function probe(
  link: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<LinkReport> {
  const report: LinkReport = { url: link, outcome: "failed", redirects: [] };
  let url = URL.parse(link);
  if (url === null) return { ...report, reason: "not a URL" };
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    while (true) {
      const problem = notAsked(url);
      if (problem !== undefined) return { ...report, reason: problem };
      const { status, location } = await ask(url, AbortSignal.any([signal, deadline]));
      report.status = status;
      if (!REDIRECTS.has(status) || location === null) {
        return status >= 200 && status < 300
          ? { ...report, outcome: "ok" }
          : { ...report, outcome: "broken", reason: `status ${status}` };
      }
      const target: URL | null = URL.parse(location, url);
      if (target === null) return { ...report, reason: "redirected to no URL" };
      report.redirects.push(target.href);
      if (report.redirects.length > MAX_REDIRECTS) {
        return { ...report, reason: `more than ${MAX_REDIRECTS} redirects` };
      }
      url = target;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Deno.errors.NotCapable) {
      const reason = `no permission to reach ${url.hostname}:${portOf(url)}`;
      return { ...report, outcome: "denied", reason };
    }
    if (deadline.aborted) return { ...report, reason: `no answer within ${timeoutMs} ms` };
    return { ...report, reason: reasonOf(error) };
  }
}

/** Asks for the head of a page, and for the page itself only where a server insists. */
async function ask(
  url: URL,
  signal: AbortSignal,
): Promise<{ status: number; location: string | null }> {
  let status = 0;
  for (const method of ["HEAD", "GET"]) {
    const response = await fetch(url, { method, redirect: "manual", signal });
    await response.body?.cancel();
    status = response.status;
    if (!TRY_GET.has(status)) return { status, location: response.headers.get("location") };
  }
  return { status, location: null };
}

function notAsked(url: URL): string | undefined {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return `only http: and https: are asked, not ${url.protocol}`;
  }
  return url.username || url.password ? "a link with a password in it is not asked" : undefined;
}

/** Gives the message of an error, or of its cause, which says more where `fetch` failed. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

function portOf(url: URL): string {
  return url.port || (url.protocol === "https:" ? "443" : "80");
}
