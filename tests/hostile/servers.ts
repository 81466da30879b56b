import type { World } from "./world.ts";

/** What answers on the machine, for plugins that are not to reach it. */
export interface Servers extends AsyncDisposable {
  /** Where. */
  readonly places: Pick<World, "port" | "otherPort" | "freePort" | "socket" | "abstractSocket">;
}

const MODULE = "export default 'from an address'; globalThis.postMessage?.('from an address');";

/** Serves HTTP, WebSocket and redirects on two ports, and a Unix socket in a folder. */
export function serve(folder: string, marker: string): Servers {
  const other = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
  const first = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    return pathname === "/redirect"
      ? Response.redirect(`http://127.0.0.1:${other.addr.port}/`)
      : answer(request);
  });
  const socket = `${folder}/socket`;
  const local = Deno.serve({ path: socket, onListen() {} }, () => new Response("hello"));
  // free as far as anybody can tell: nobody listens here until an attacker does
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const freePort = probe.addr.port;
  probe.close();
  const abstractSocket = `zoo-${marker}`;
  const abstract = listenAbstract(abstractSocket);
  return {
    places: { port: first.addr.port, otherPort: other.addr.port, freePort, socket, abstractSocket },
    async [Symbol.asyncDispose]() {
      abstract.close();
      await Promise.all([first.shutdown(), other.shutdown(), local.shutdown()]);
    },
  };
}

function answer(request: Request): Response {
  if (request.headers.get("upgrade") === "websocket") {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => socket.close();
    return response;
  }
  if (request.url.endsWith(".js")) {
    return new Response(MODULE, { headers: { "content-type": "text/javascript" } });
  }
  return new Response("hello");
}

/** Listens in the namespace of names that belong to a network namespace, not to the file system. */
function listenAbstract(name: string): { close(): void } {
  const libc = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    listen: { parameters: ["i32", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
  });
  const address = abstractAddress(name);
  const fd = libc.symbols.socket(1, 1 | 0x80000, 0);
  if (libc.symbols.bind(fd, address, address.length) < 0 || libc.symbols.listen(fd, 8) < 0) {
    throw new Error("cannot listen on an abstract socket");
  }
  return {
    close() {
      libc.symbols.close(fd);
      libc.close();
    },
  };
}

/** Makes a `struct sockaddr_un`. */
export function abstractAddress(name: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(`\0\0\0${name}`);
  bytes[0] = 1;
  return bytes;
}
