const BUFFER_BYTES = 32 * 1024;
const MAX_CONNECTIONS = 256;

export interface RelayOptions {
  port: number;
  /** The path of the proxy's Unix socket. */
  path: string;
}

/**
 * Relays connections at `127.0.0.1` to a Unix socket, ends of input included; keeps no process alive.
 */
export function startRelay({ port, path }: RelayOptions): void {
  // plugin code shares this realm: what is needed is taken before it runs; and only here, because
  // looking them up has the runtime load its network and its timers, which takes some milliseconds
  const { listen, connect, unrefTimer } = Deno;
  const { setTimeout } = globalThis;
  const listener = listen({ hostname: "127.0.0.1", port });
  listener.unref();
  let open = 0;
  const serve = async (client: Deno.Conn): Promise<void> => {
    let proxy: Deno.Conn | undefined;
    try {
      proxy = await connect({ transport: "unix", path });
      // connections that the runtime keeps for later must keep no process alive
      client.unref();
      proxy.unref();
      await Promise.all([pass(client, proxy), pass(proxy, client)]);
    } catch {
      // one end broke: both end
    }
    close(client);
    close(proxy);
    open--;
  };
  (async () => {
    for (;;) {
      try {
        const client = await listener.accept();
        if (open >= MAX_CONNECTIONS) close(client);
        else {
          open++;
          serve(client);
        }
      } catch {
        // no descriptor is free; a timer only here, because the first one is slow
        await new Promise<void>((resolve) => unrefTimer(setTimeout(resolve, 100)));
      }
    }
  })();
}

/** Throws when `from` breaks; what a broken `to` sent before is still to be read. */
async function pass(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (let read = await from.read(buffer); read !== null; read = await from.read(buffer)) {
    try {
      for (let at = 0; at < read;) at += await to.write(buffer.subarray(at, read));
    } catch {
      return;
    }
  }
  await to.closeWrite().catch(() => {});
}

function close(conn: Deno.Conn | undefined): void {
  try {
    conn?.close();
  } catch {
    // closed already
  }
}
