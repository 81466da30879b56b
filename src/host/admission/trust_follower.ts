// Follows a trust list while the host runs: tells what becomes of it, and has it enforced.
import type { Logger } from "../../log.ts";
import { describeChange } from "../../trust/list/diff.ts";
import type { EventHub } from "../events/events.ts";
import type { TrustUpdate } from "./trust_refresh.ts";
import type { TrustSource } from "./trust_source.ts";
import { FileWatch } from "../folders/file_watch.ts";

/** What a {@linkcode TrustFollower} works with. */
export interface TrustFollowerParts {
  /** The list. */
  readonly trust: TrustSource;
  /** Takes the events. */
  readonly hub: EventHub;
  /** Takes the log records. */
  readonly logger: Logger;
  /** Takes down what is not trusted any more. */
  readonly enforce: () => Promise<void>;
}

const TICK_MS = 1_000;
/** How many changes of one revision are told. */
const MAX_CHANGES = 1_000;
const MAX_LOGGED = 20;

/** Watches a trust list's file and the clock; keeps no process alive. */
export class TrustFollower implements AsyncDisposable {
  #parts: TrustFollowerParts;
  #watch: FileWatch | undefined;
  #ticking: ReturnType<typeof setInterval> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** Begins to follow, where there is a list. */
  constructor(parts: TrustFollowerParts) {
    this.#parts = parts;
    const { trust: { file } } = parts;
    if (file === undefined) return;
    this.#watch = new FileWatch(file, () => this.#settled(() => this.#refresh()));
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    Deno.unrefTimer(this.#ticking);
    this.#tick();
  }

  /** Reads the list now; what it refuses is down when this settles. */
  refresh(): Promise<void> {
    return this.#queued(() => this.#refresh());
  }

  /** Follows no more, and waits for what is being done. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#ticking);
    await this.#watch?.[Symbol.asyncDispose]();
    await this.#last;
  }

  /** Runs one thing after the other, so that a caller's turn ends after all earlier changes took effect. */
  #queued(act: () => Promise<void>): Promise<void> {
    const result = this.#last.then(act);
    this.#last = result.catch(() => {}); // the caller has the error
    return result;
  }

  async #settled(act: () => Promise<void>): Promise<void> {
    try {
      await this.#queued(act);
    } catch (error) {
      this.#parts.logger.error("Cannot enforce the trust list", { error: String(error) });
    }
  }

  async #refresh(): Promise<void> {
    const { trust, enforce } = this.#parts;
    const update = await trust.refresh();
    if (update === undefined) return;
    this.#tell(update);
    if (update.status === "updated") await enforce();
    this.#tick(); // the new one may have expired
  }

  #tick(): void {
    const { trust, enforce } = this.#parts;
    const due = trust.tick();
    if (due === "expiry") {
      this.#tell({ status: "expired", revision: trust.revision!, changes: [] });
    } else if (due === "revocation") {
      void this.#settled(enforce);
    }
  }

  #tell({ status, revision, changes, problem }: TrustUpdate): void {
    const { trust, hub, logger } = this.#parts;
    const fields = { file: trust.file, revision };
    if (status === "updated") {
      const described = changes.slice(0, MAX_LOGGED).map(describeChange);
      if (changes.length > MAX_LOGGED) described.push(`${changes.length - MAX_LOGGED} more`);
      logger.info(`Trust list revision ${revision} is in force`, { ...fields, changes: described });
    } else if (status === "restored") {
      logger.info("The trust list can be used again", fields);
    } else if (status === "expired") {
      logger.error("The trust list has expired: no plugin is loaded any more", fields);
    } else {
      logger.error(problem?.message ?? "The trust list cannot be used", {
        ...fields,
        code: problem?.code,
      });
    }
    hub.emit({
      type: "trust",
      status,
      revision,
      changes: changes.slice(0, MAX_CHANGES),
      ...(problem === undefined ? {} : { problem }),
    });
  }
}
