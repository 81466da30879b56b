/** Tells on a line of its own that everything has answered, then closes and tells how long that took. */
export async function report(close: () => Promise<unknown>): Promise<void> {
  await line({ rssMiB: Deno.memoryUsage().rss / 1_048_576 });
  const began = performance.now();
  await close();
  await line({ closeMs: performance.now() - began });
}

async function line(value: unknown): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(value)}\n`));
}
