// FS-12–18, 24: misuses the folder that it was granted.
import fs from "node:fs";
import net from "node:net";
import { tryEach } from "./attempt.ts";
import type { World } from "../world.ts";

let storage = "";

export default {
  init(ctx: { storage: string }) {
    storage = ctx.storage;
  },
  methods: {
    crosses: ({ secret, outside, marker }: World) => {
      const victim = `${outside}/${marker}-crossed`; // others write to the marker itself
      return tryEach({
        "a symbolic link": () => {
          Deno.symlinkSync(secret, `${storage}/link`);
          return Deno.readTextFileSync(`${storage}/link`);
        },
        "a relative link": () => {
          fs.symlinkSync(`${"../".repeat(30)}${secret}`, `${storage}/relative`);
          return fs.readFileSync(`${storage}/relative`, "utf8");
        },
        "a hard link": () => {
          Deno.linkSync(secret, `${storage}/hard`);
          return Deno.readTextFileSync(`${storage}/hard`);
        },
        "copying in": () => Deno.copyFileSync(secret, `${storage}/copy`),
        "renaming out": () => {
          Deno.writeTextFileSync(`${storage}/planted`, "planted");
          Deno.renameSync(`${storage}/planted`, victim);
        },
        "renaming in": () => Deno.renameSync(victim, `${storage}/planted`),
        "walking out": () => Deno.readTextFileSync(`${storage}${"/..".repeat(30)}${secret}`),
      });
    },
    bigFile: ({ bytes }: { bytes: number }) => {
      const chunk = new Uint8Array(65_536);
      using file = Deno.openSync(`${storage}/big`, { write: true, create: true });
      for (let written = 0; written < bytes; written += chunk.length) file.writeSync(chunk);
      return { "a big file": "ok" };
    },
    sparseFile: ({ bytes }: { bytes: number }) => {
      Deno.writeTextFileSync(`${storage}/sparse`, "");
      Deno.truncateSync(`${storage}/sparse`, bytes);
      return { "a sparse file": "ok" };
    },
    manyFiles: ({ count }: { count: number }) => {
      for (let n = 0; n < count; n++) Deno.writeTextFileSync(`${storage}/${n}`, "");
      return { files: "ok" };
    },
    names: () => {
      const names = ["\x1b[2Jescape", "two\nlines", "\u202ereversed", "-rf", "$(id)", "%n"];
      return tryEach({
        "odd names": () => {
          for (const name of names) Deno.writeTextFileSync(`${storage}/${name}`, "");
        },
        setuid: () => {
          Deno.writeTextFileSync(`${storage}/program`, "#!/bin/sh\nid\n");
          Deno.chmodSync(`${storage}/program`, 0o6777);
          return Deno.statSync(`${storage}/program`).mode!.toString(8);
        },
      });
    },
    nests: ({ depth }: { depth: number }) => {
      Deno.mkdirSync(`${storage}${"/d".repeat(depth)}`, { recursive: true });
      return { nesting: "ok" };
    },
    socket: () =>
      tryEach({
        Deno: () => Deno.listen({ transport: "unix", path: `${storage}/socket` }).close(),
        "node:net": () =>
          new Promise((resolve, reject) => {
            const server = net.createServer().on("error", reject);
            server.listen(`${storage}/socket2`, () => server.close(() => resolve("listening")));
          }),
      }),
  },
};
