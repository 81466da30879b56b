/** Where a byte array is that does not follow its line: in the file that the sender shares. */
export class SharedPart {
  readonly length: number;
  readonly offset: number;

  constructor(length: number, offset: number) {
    this.length = length;
    this.offset = offset;
  }
}

/** A byte array of a message: behind its line, or in the shared file. */
export type Part = Uint8Array | SharedPart;

/** What a message says of a byte array: its length, and where it is if it does not follow the line. */
export type Announced = number | readonly [length: number, offset: number];

export function announce(parts: readonly Part[]): string {
  return parts.map((part) =>
    part instanceof SharedPart ? `[${part.length},${part.offset}]` : String(part.length)
  ).join();
}

/** Returns the byte arrays that follow the line; `undefined` where there are none. */
export function behindLine(parts: readonly Part[]): Uint8Array[] | undefined {
  const raw: Uint8Array[] = [];
  for (const part of parts) if (!(part instanceof SharedPart)) raw[raw.length] = part;
  return raw.length === 0 ? undefined : raw;
}
