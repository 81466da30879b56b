/** Lists processes of this machine that have a text in their arguments; Linux only. */
export async function processesWith(text: string): Promise<number[]> {
  const pids: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    // a process may end between the listing and the reading
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (line.includes(text)) pids.push(Number(name));
  }
  return pids;
}
