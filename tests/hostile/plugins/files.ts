// FS-01–08, 19, 20, 25, 26: reaches for what lies outside its grants.
import fs from "node:fs";
import v8 from "node:v8";
import { DatabaseSync } from "node:sqlite";
import { tryEach } from "./attempt.ts";
import type { World } from "../world.ts";

const own = new URL("./own.txt", import.meta.url);

function must(condition: boolean): void {
  if (!condition) throw new Error("it is not there");
}

/** Tries a write, and takes it back where it went through. */
function undone<T>(act: () => T, path: string | URL): void {
  act();
  Deno.removeSync(path, { recursive: true });
}

/** Reads descriptors that the process may have got from whoever started it. */
function inherited(read: (fd: number) => unknown): string {
  const found: number[] = [];
  for (let fd = 3; fd < 64; fd++) {
    try {
      // a pipe or a socket would keep us waiting
      if (!fs.statSync(`/proc/self/fd/${fd}`).isFile()) continue;
      if (String(read(fd)).includes("a secret")) found.push(fd);
    } catch {
      // closed, or not for us
    }
  }
  must(found.length > 0);
  return found.join(" ");
}

export default {
  methods: {
    reads: ({ secret }: World) =>
      tryEach({
        "by Deno": () => Deno.readTextFileSync(secret),
        "by node:fs": () => fs.readFileSync(secret, "utf8"),
        "by opening it": () => Deno.openSync(secret).close(),
        "through ..": () =>
          Deno.readTextFileSync(`${import.meta.dirname}${"/..".repeat(30)}${secret}`),
        "through //": () => Deno.readTextFileSync(`//${secret}`),
        "through its own folder": () =>
          Deno.readTextFileSync(`/proc/self/cwd/${"../".repeat(30)}${secret}`),
        "by fetch": async () => await (await fetch(`file://${secret}`)).text(),
        "by copying it": () => undone(() => Deno.copyFileSync(secret, `${secret}2`), `${secret}2`),
      }),
    looks: ({ secret, outside }: World) =>
      tryEach({
        stat: () => Deno.statSync(secret).size,
        lstat: () => Deno.lstatSync(secret).size,
        exists: () => must(fs.existsSync(secret)),
        access: () => fs.accessSync(secret),
        list: () => [...Deno.readDirSync(outside)].length,
        "list /": () => [...Deno.readDirSync("/")].length,
        "real path": () => Deno.realPathSync(outside),
        link: () => Deno.readLinkSync(`${outside}/link`),
      }),
    special: ({ secret }: World) =>
      tryEach({
        "/proc/self/environ": () => Deno.readTextFileSync("/proc/self/environ").length,
        "/proc/self/maps": () => Deno.readTextFileSync("/proc/self/maps").length,
        "/proc/self/mem": () => Deno.openSync("/proc/self/mem").close(),
        "/proc/1/cmdline": () => Deno.readTextFileSync("/proc/1/cmdline").length,
        "its parent": () => Deno.readTextFileSync(`/proc/${Deno.ppid}/status`).length,
        "its root": () => Deno.readTextFileSync(`/proc/self/root${secret}`),
        "its tasks": () => [...Deno.readDirSync("/proc/self/task")].length,
        "/dev/fd": () => Deno.openSync("/dev/fd/0").close(),
        "/proc/self/fd": () => Deno.openSync("/proc/self/fd/0").close(),
        "/dev": () => [...Deno.readDirSync("/dev")].length,
        "/dev/tty": () => Deno.statSync("/dev/tty").mode,
        "/sys": () => [...Deno.readDirSync("/sys")].length,
      }),
    writes: ({ outside, marker, secret }: World) =>
      tryEach({
        ...Object.fromEntries(
          ["/tmp", "/dev/shm", "/var/tmp", outside].map((folder) => {
            const path = `${folder}/${marker}`;
            return [folder, () => undone(() => Deno.writeTextFileSync(path, "x"), path)];
          }),
        ),
        "a temporary file": () => Deno.removeSync(Deno.makeTempFileSync()),
        "a temporary folder": () => Deno.removeSync(Deno.makeTempDirSync()),
        "node's temporary folder": () => fs.rmdirSync(fs.mkdtempSync("/tmp/x")),
        "a folder": () => undone(() => Deno.mkdirSync(`${outside}/new`), `${outside}/new`),
        appending: () => Deno.writeTextFileSync(secret, "", { append: true }),
        truncating: () => Deno.truncateSync(`${outside}/victim`),
        "mode and times": () => {
          Deno.chmodSync(`${outside}/victim`, 0o600);
          Deno.utimeSync(`${outside}/victim`, 0, 0);
        },
        removing: () => Deno.removeSync(`${outside}/victim`),
      }),
    ownBundle: () =>
      tryEach({
        overwriting: () => Deno.writeTextFileSync(own, "changed"),
        appending: () => fs.appendFileSync(own, "changed"),
        opening: () => Deno.openSync(own, { read: true, write: true }).close(),
        adding: () => Deno.writeTextFileSync(new URL("./added.ts", own), ""),
        renaming: () => Deno.renameSync(own, new URL("./renamed.txt", own)),
        chmod: () => Deno.chmodSync(new URL("./renamed.txt", own), 0o777),
        removing: () => Deno.removeSync(new URL("./renamed.txt", own)),
      }),
    ownMetadata: ({ uid }: World) => {
      const fd = fs.openSync(own, "r");
      return tryEach({
        fchmod: () => fs.fchmodSync(fd, 0o666),
        fchown: () => fs.fchownSync(fd, uid, uid),
        futimes: () => fs.futimesSync(fd, 1, 1),
      });
    },
    /** The lock stays with the process. */
    locks: () => tryEach({ flock: () => Deno.openSync(own).lockSync(true) }),
    watches: ({ outside }: World) =>
      tryEach({
        Deno: () => Deno.watchFs(outside).close(),
        "node:fs": () =>
          new Promise<void>((resolve, reject) => {
            // it refuses only when it begins
            const watcher = fs.watch(outside).on("error", reject);
            setTimeout(() => {
              watcher.close();
              resolve();
            }, 200);
          }),
      }),
    sqlite: ({ outside }: World) => {
      const memory = () => new DatabaseSync(":memory:");
      const copy = `${outside}/copy.sqlite`;
      return tryEach({
        open: () => new DatabaseSync(`${outside}/data.sqlite`, { readOnly: true }).close(),
        attach: () =>
          memory().exec(`ATTACH '${outside}/data.sqlite' AS other; SELECT * FROM other.t`),
        create: () => undone(() => new DatabaseSync(copy).close(), copy),
        "vacuum into": () => undone(() => memory().exec(`VACUUM INTO '${copy}'`), copy),
      });
    },
    sqliteExtension: () => {
      const extensible = () => new DatabaseSync(":memory:", { allowExtension: true });
      return tryEach({
        enabling: () => extensible().enableLoadExtension(true),
        loading: () => extensible().loadExtension("/usr/lib/any.so"),
      });
    },
    descriptors: () =>
      tryEach({
        "by /proc/self/fd": () => inherited((fd) => Deno.readTextFileSync(`/proc/self/fd/${fd}`)),
        "by /dev/fd": () => inherited((fd) => fs.readFileSync(`/dev/fd/${fd}`, "utf8")),
      }),
    rawDescriptors: () =>
      tryEach({
        "by number": () =>
          inherited((fd) => {
            const bytes = new Uint8Array(8);
            fs.readSync(fd, bytes, 0, 8, 0);
            return new TextDecoder().decode(bytes);
          }),
      }),
    reports: ({ outside }: World) => {
      const path = `${outside}/report`;
      return tryEach({
        "a heap snapshot": () => undone(() => v8.writeHeapSnapshot(path), path),
      });
    },
  },
};
