/**
 * Waits for something, but not for ever.
 *
 * @param ms How long.
 * @param what What is waited for, for the error.
 * @param act What is done.
 * @returns What came of it.
 * @throws {Error} when it takes longer.
 */
export async function within<T>(ms: number, what: string, act: () => Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms);
  });
  try {
    return await Promise.race([act(), late]);
  } finally {
    clearTimeout(timer);
  }
}
