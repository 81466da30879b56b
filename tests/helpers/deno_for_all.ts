/** A Deno that every user of the machine may run: this one, or a copy where its folder keeps others out. */
let path: string | undefined;

/** Returns its path; a copy goes away with this process's tests. */
export function denoForAll(): string {
  path ??= isOpen(Deno.execPath()) ? Deno.execPath() : copyOf(Deno.execPath());
  return path;
}

function isOpen(file: string): boolean {
  const folders = file.split("/").slice(1).map((_, index, all) =>
    `/${all.slice(0, index + 1).join("/")}`
  );
  return Deno.build.os === "windows" ||
    folders.every((each) => (Deno.statSync(each).mode! & 1) === 1);
}

function copyOf(file: string): string {
  const folder = Deno.makeTempDirSync({ prefix: "sallyport-deno-" });
  Deno.chmodSync(folder, 0o755);
  Deno.copyFileSync(file, `${folder}/deno`);
  Deno.chmodSync(`${folder}/deno`, 0o755);
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  return `${folder}/deno`;
}
