// Made by `deno task build` from src/; do not edit.
import {
  Connection,
  childDuplex,
  isCodeCache,
  removeTree,
  startChild,
  stopChild
} from "./part_4.js";
import "./part_6.js";
import "./part_7.js";

// src/host/process/compile.ts
import { DatabaseSync } from "node:sqlite";
var MAX_BYTES = 4 * 1024 * 1024;
var MAX_DATABASE_BYTES = MAX_BYTES / 2;
var MAX_FILES = 1e3;
var TIMEOUT_MS = 3e3;
async function compile({ entry, builtins = [], maxFileBytes, launch }, signal) {
  const child = startChild(launch.command);
  const connection = new Connection({
    io: childDuplex(child.process),
    role: "host"
  });
  try {
    const bounds = {
      timeoutMs: TIMEOUT_MS,
      signal
    };
    if (launch.enter !== void 0) await connection.request("sandbox/enter", launch.enter, bounds);
    const job = {
      protocol: 1,
      entry,
      builtins,
      compileOnly: true
    };
    await connection.request("initialize", job, bounds);
    await stopChild(child, {
      endInput: () => connection.end()
    });
  } finally {
    child.kill("SIGKILL");
    await connection[Symbol.asyncDispose]();
    await child.exited;
    await child.stderr.release();
  }
  return await readCache(launch.denoDir, maxFileBytes);
}
function foldLog(file) {
  const database = new DatabaseSync(file);
  try {
    database.exec("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)");
  } finally {
    database.close();
  }
}
function freezeCode(file) {
  const database = new DatabaseSync(file);
  try {
    database.exec("CREATE TRIGGER frozen BEFORE INSERT ON codecache BEGIN SELECT RAISE(IGNORE); END");
    return true;
  } catch {
    return false;
  } finally {
    database.close();
  }
}
async function readCache(dir, maxFileBytes = MAX_BYTES) {
  for (const { name, isFile } of [
    ...Deno.readDirSync(dir)
  ]) {
    const path = `${dir}/${name}`;
    if (!isFile || !/_cache_v\d+$/.test(name)) continue;
    const keeps = !isCodeCache(name) || freezeCode(path);
    foldLog(path);
    if (!keeps || Deno.statSync(path).size > Math.min(maxFileBytes, MAX_DATABASE_BYTES)) {
      Deno.removeSync(path);
    }
  }
  const files = [];
  const folders = [
    ""
  ];
  let bytes = 0;
  for (let folder = folders.pop(); folder !== void 0; folder = folders.pop()) {
    for await (const { name, isFile, isDirectory } of Deno.readDir(`${dir}/${folder}`)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (isDirectory && (folder !== "" || name === "gen")) folders.push(path);
      if (!isFile || folder === "" && !/_cache_v\d+$/.test(name)) continue;
      bytes += (await Deno.lstat(`${dir}/${path}`)).size;
      if (bytes > MAX_BYTES || files.length === MAX_FILES) return [];
      files.push({
        path,
        bytes: await Deno.readFile(`${dir}/${path}`)
      });
    }
  }
  await removeTree(dir);
  return files;
}
export {
  compile,
  readCache
};
