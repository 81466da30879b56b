import { insertBytes, rawLength } from "../wire/binary.ts";
import { FrameReader } from "../wire/framing.ts";
import type { MessageLimits } from "../wire/limits.ts";
import { type Message, parseMessage } from "../wire/message.ts";
import type { SharedValues } from "./shared_values.ts";

/** Makes whole messages of a stream of bytes, with their byte arrays in place. */
export class MessageReader {
  readonly #frames: FrameReader;
  readonly #limits: MessageLimits;
  readonly #take: (message: Message, bytes: number) => void;
  readonly #shared: Pick<SharedValues, "receive">;
  /** A message whose byte arrays are still to come. */
  #half: { message: Message; raw: Uint8Array[]; bytes: number } | undefined;

  constructor(
    take: (message: Message, bytes: number) => void,
    limits: MessageLimits,
    shared: Pick<SharedValues, "receive">,
    turn: { readonly isOver: boolean } | undefined,
  ) {
    this.#take = take;
    this.#shared = shared;
    this.#limits = limits;
    this.#frames = new FrameReader({
      line: (text, harmless) => this.#line(text, harmless),
      filled: () => this.#filled(),
      get isPausing() {
        return turn?.isOver === true;
      },
    }, limits);
  }

  get isMidMessage(): boolean {
    return this.#frames.midFrame;
  }

  /** About how many bytes of the message are still to come. */
  get expected(): number {
    return this.#frames.expected;
  }

  /** Drops what was kept and every further message. */
  stop(): void {
    this.#frames.stop();
  }

  /** Takes the next bytes, which may be used again afterwards. */
  push(chunk: Uint8Array): number {
    return this.#frames.push(chunk);
  }

  #line(text: string, harmless: boolean): Uint8Array[] | undefined {
    const message = parseMessage(text, this.#limits, harmless);
    const { bin } = message;
    if (bin === undefined) {
      this.#take(message, text.length);
      return undefined;
    }
    const raw = this.#shared.receive(bin);
    this.#half = { message, raw, bytes: text.length + rawLength(raw) };
    const behind = raw.filter((_, i) => typeof bin[i] === "number");
    if (behind.length > 0) return behind;
    this.#filled();
    return undefined;
  }

  #filled(): void {
    const { message, raw, bytes } = this.#half!;
    this.#half = undefined;
    message.value = insertBytes(message.value, raw);
    this.#take(message, bytes);
  }
}
