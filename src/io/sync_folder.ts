// Names that survive a power cut.

/** Waits until the names in a folder are on the disk, where the system can do that. */
export async function syncFolder(path: string): Promise<void> {
  if (Deno.build.os === "windows") return; // which opens no folders
  using folder = await Deno.open(path);
  await folder.sync();
}
