/**
 * Makes a chain of folders that is deeper than a path can say, by short paths alone: each link of the chain
 * is made at the top, and what was there before is moved to its end. As a script for whoever may write.
 */
export const NEST_DEEPER = `function nestDeeper(base, times, file) {
  const chain = ("/" + "d".repeat(200)).repeat(Deno.build.os === "linux" ? 15 : 3);
  for (let n = 0; n < times; n++) {
    const top = base + "/" + (n === times - 1 ? "deep" : "t" + n);
    Deno.mkdirSync(top + chain, { recursive: true });
    if (n === 0) { if (file) Deno.writeFileSync(top + chain + "/file", new Uint8Array(file)); }
    else Deno.renameSync(base + "/t" + (n - 1), top + chain + "/t" + (n - 1));
  }
}`;

/** The same, called in this process. */
export const nestDeeper = new Function(`${NEST_DEEPER}; return nestDeeper;`)() as (
  base: string,
  times: number,
  file?: number,
) => void;
