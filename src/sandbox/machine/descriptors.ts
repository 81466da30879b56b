// Keeps the descriptors that this process has inherited from those that it starts.

const FOLDER = "/proc/self/fdinfo";
const CLOSE_ON_EXEC = 0o2000000;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const LIBRARIES = ["libc.so.6", "libc.so"];

/**
 * Marks every descriptor above 2 to be closed when a program is executed, where the host may use FFI.
 *
 * The runtime marks its own. Those that its parents left open it would hand on to every plugin (threat
 * LA-04), and each start would need the larger shell to close them. Where this is not possible the
 * start closes them as before.
 */
export function closeInheritedOnExec(): number {
  if (Deno.build.os !== "linux") return 0;
  const inherited = findInherited();
  if (inherited.length === 0) return 0;
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return 0;
  for (const library of LIBRARIES) {
    try {
      using libc = open(library);
      return inherited.filter((fd) => libc.symbols.fcntl(fd, F_SETFD, FD_CLOEXEC) === 0).length;
    } catch {
      // another C library, by another name
    }
  }
  return 0;
}

function findInherited(): number[] {
  try {
    return [...Deno.readDirSync(FOLDER)].map(({ name }) => Number(name)).filter((fd) => {
      if (fd < 3) return false;
      try {
        const flags = /^flags:\s*([0-7]+)$/m.exec(Deno.readTextFileSync(`${FOLDER}/${fd}`));
        return flags !== null && (parseInt(flags[1]!, 8) & CLOSE_ON_EXEC) === 0;
      } catch {
        return false; // the one that the folder was read by
      }
    });
  } catch {
    return []; // the host may not look: the shell will
  }
}

function open(library: string) {
  const libc = Deno.dlopen(library, {
    fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  });
  return { symbols: libc.symbols, [Symbol.dispose]: () => libc.close() };
}
