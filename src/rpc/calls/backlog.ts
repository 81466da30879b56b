import type { SallyportError } from "../../errors.ts";
import type { MessageLimits } from "../wire/limits.ts";
import type { ResolvedOptions } from "./options.ts";
import type { Outbox } from "../transport/outbox.ts";
import type { SharedValues } from "../transport/shared_values.ts";
import { violation } from "../wire/violation.ts";

/** Room for the errors that report a full queue. */
const ERROR_BYTES = 1024 * 1024;

/** Compares what is queued for the peer with what may be queued. */
export class Backlog {
  readonly #outbox: Outbox;
  readonly #shared: SharedValues;
  readonly #limits: MessageLimits;
  readonly #options: ResolvedOptions;

  constructor(
    outbox: Outbox,
    shared: SharedValues,
    limits: MessageLimits,
    options: ResolvedOptions,
  ) {
    this.#outbox = outbox;
    this.#shared = shared;
    this.#limits = limits;
    this.#options = options;
  }

  /** Whether so much is queued that this end starts no further request. */
  get isFull(): boolean {
    const { role, highWaterBytes } = this.#options;
    const lent = role === "plugin" ? this.#shared.lentBytes : 0; // its file is memory of its own
    return this.#outbox.queuedBytes + lent >= highWaterBytes;
  }

  /** Whether the peer's requests have to wait; the host's end refuses results instead. */
  get holdsUp(): boolean {
    return this.#options.role === "plugin" && this.isFull;
  }

  /** Bytes of a result that there is room for. */
  get room(): number {
    return this.#max - this.#outbox.queuedBytes;
  }

  /** The `protocol-violation` of a peer that leaves far too much unread. */
  get breach(): SallyportError | undefined {
    const max = this.#max + ERROR_BYTES;
    if (this.#outbox.queuedBytes <= max) return undefined;
    return violation(`more than ${max} bytes wait that the peer does not read`);
  }

  /** Two of the longest messages fit, so that one does not block those behind it. */
  get #max(): number {
    return Math.max(this.#options.maxQueuedBytes, 2 * this.#limits.maxMessageBytes);
  }
}
