// Tells whether something has a path.

/** Tells whether something has a path, even if it is a link that leads nowhere; what cannot be seen has none. */
export function isPresent(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
