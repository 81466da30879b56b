import type { Clock } from "../../src/io/clock.ts";

/** A clock that goes on when it is told to. */
export class FakeClock implements Clock {
  #now = 0;
  #timers: { readonly at: number; readonly act: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, act: () => void): () => void {
    const timer = { at: this.#now + ms, act };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Goes on, and lets what a timer began settle before the next one is due. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((each) => each !== due);
      this.#now = Math.max(this.#now, due.at);
      due.act();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Waits until nothing is left to do at once. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
}
