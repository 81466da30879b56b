/**
 * Refuses members of an option that there are not: misspelt, most likely.
 *
 * @throws {TypeError} naming the first.
 */
export function refuseUnknown(others: object, of = ""): void {
  for (const [name, value] of Object.entries(others)) {
    if (value !== undefined) {
      throw new TypeError(`Cannot open the host: unknown option "${of}${name}"`);
    }
  }
}
