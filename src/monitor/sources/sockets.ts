// Counts the network connections among a process's descriptors.

/** Descriptors of one process that are looked at; beyond them the count is the least there are. */
const MAX_DESCRIPTORS = 4_096;
/** Bytes of one table of the kernel's that are read. */
const MAX_TABLE_BYTES = 4 * 1024 * 1024;
/** So many times what reading the tables took passes before they are read again. */
const REST_FACTOR = 200;
const LISTENING = "0A";

/** Tells what the sockets of one plugin are; each is looked up once. */
export class SocketCounter {
  /** By inode, whether it is a connection. */
  #kinds = new Map<string, boolean>();
  #nextLook = -Infinity;

  /** Counts TCP sockets that do not listen and UDP sockets. */
  count(pids: readonly number[]): number | undefined {
    const inodes = new Set<string>();
    let readable = false;
    for (const pid of pids) readable = addSockets(pid, inodes) || readable;
    if (!readable) return undefined;
    for (const inode of this.#kinds.keys()) if (!inodes.has(inode)) this.#kinds.delete(inode);
    const now = performance.now();
    if (now >= this.#nextLook && [...inodes].some((inode) => !this.#kinds.has(inode))) {
      this.#look(pids, inodes);
      this.#nextLook = performance.now() + (performance.now() - now) * REST_FACTOR;
    }
    let connections = 0;
    for (const inode of inodes) if (this.#kinds.get(inode) === true) connections++;
    return connections;
  }

  /** A TCP socket that is in no table is not connected yet: it is looked up again. */
  #look(pids: readonly number[], inodes: ReadonlySet<string>): void {
    const net = pids.map((pid) => `/proc/${pid}/net`).find((folder) => readable(`${folder}/tcp`));
    if (net === undefined) return;
    for (const table of ["tcp", "tcp6", "udp", "udp6"]) {
      for (const line of readTable(`${net}/${table}`)) {
        const fields = line.trim().split(/\s+/, 10);
        const inode = fields[9];
        if (inode === undefined || !inodes.has(inode)) continue;
        this.#kinds.set(inode, table.startsWith("udp") || fields[3] !== LISTENING);
      }
    }
    for (const line of readTable(`${net}/unix`)) {
      const inode = line.trim().split(/\s+/, 7)[6];
      if (inode !== undefined && inodes.has(inode)) this.#kinds.set(inode, false);
    }
  }
}

function addSockets(pid: number, inodes: Set<string>): boolean {
  try {
    let seen = 0;
    for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
      if (++seen > MAX_DESCRIPTORS) break;
      try {
        const link = Deno.readLinkSync(`/proc/${pid}/fd/${name}`);
        if (link.startsWith("socket:[")) inodes.add(link.slice(8, -1));
      } catch {
        // closed since
      }
    }
    return true;
  } catch {
    return false;
  }
}

function readable(path: string): boolean {
  try {
    Deno.openSync(path).close();
    return true;
  } catch {
    return false;
  }
}

/** The lines below the headings of a table, up to the bound. */
function readTable(path: string): string[] {
  const chunks: string[] = [];
  const decoder = new TextDecoder();
  try {
    using file = Deno.openSync(path);
    const buffer = new Uint8Array(64 * 1024);
    for (let total = 0; total < MAX_TABLE_BYTES;) {
      const length = file.readSync(buffer);
      if (length === null || length === 0) break;
      total += length;
      chunks.push(decoder.decode(buffer.subarray(0, length), { stream: true }));
    }
  } catch {
    return []; // no such protocol, or the process is gone
  }
  return chunks.join("").split("\n").slice(1);
}
