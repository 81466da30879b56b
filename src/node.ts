// The runtime's modules of Node, each loaded when it is first used: loading them takes longer than importing
// all the rest, and many a host needs few of them.
import type * as NodeBuffer from "node:buffer";
import type * as NodeCrypto from "node:crypto";
import type * as NodeFs from "node:fs";
import type * as NodeTimers from "node:timers/promises";
import type * as NodeSqlite from "node:sqlite";
import type * as NodeUrl from "node:url";

/** Makes what loads a module once. @see https://nodejs.org/api/process.html#processgetbuiltinmoduleid */
function loader<M>(name: string): () => M {
  let module: M | undefined;
  return () => module ??= globalOf<M>().process.getBuiltinModule(name); // `process` itself is loaded late
}

function globalOf<M>(): { process: { getBuiltinModule(name: string): M } } {
  return globalThis as unknown as { process: { getBuiltinModule(name: string): M } };
}

export const nodeBuffer: () => typeof NodeBuffer = loader("node:buffer");
export const nodeCrypto: () => typeof NodeCrypto = loader("node:crypto");
export const nodeFs: () => typeof NodeFs = loader("node:fs");
export const nodeSqlite: () => typeof NodeSqlite = loader("node:sqlite");
export const nodeTimers: () => typeof NodeTimers = loader("node:timers/promises");
export const nodeUrl: () => typeof NodeUrl = loader("node:url");
