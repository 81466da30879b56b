// NE-01–06: talks to what it was not granted.
import dgram from "node:dgram";
import dns from "node:dns/promises";
import http from "node:http";
import net from "node:net";
import { tryEach } from "./attempt.ts";
import type { World } from "../world.ts";

async function say(connection: Deno.Conn): Promise<string> {
  const bytes = new Uint8Array(64);
  await connection.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
  const read = await connection.read(bytes);
  connection.close();
  if (read === null) throw new Error("it hung up");
  return new TextDecoder().decode(bytes.subarray(0, read)).split("\r\n")[0]!;
}

function viaNode(options: net.NetConnectOpts): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(options, () => {
      socket.destroy();
      resolve("connected");
    }).on("error", reject);
  });
}

function webSocket(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.onopen = () => {
      socket.close();
      resolve("open");
    };
    socket.onerror = (event) => reject(new Error((event as ErrorEvent).message));
  });
}

const get = async (url: string, init?: RequestInit): Promise<string> => {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return text;
};

/** Stays open until the process ends. */
const kept: unknown[] = [];

export default {
  methods: {
    connects: ({ port, socket }: World) =>
      tryEach({
        tcp: async () => await say(await Deno.connect({ hostname: "127.0.0.1", port })),
        "tcp by name": async () => await say(await Deno.connect({ hostname: "localhost", port })),
        "node:net": () => viaNode({ host: "127.0.0.1", port }),
        http: () => get(`http://127.0.0.1:${port}/`),
        "node:http": () =>
          new Promise((resolve, reject) => {
            http.get(`http://127.0.0.1:${port}/`, (response) => {
              response.resume();
              resolve(response.statusCode);
            }).on("error", reject);
          }),
        webSocket: () => webSocket(`ws://127.0.0.1:${port}/`),
        "a Unix socket": async () =>
          await say(await Deno.connect({ transport: "unix", path: socket })),
        "node:net to a Unix socket": () => viaNode({ path: socket }),
      }),
    datagrams: ({ port }: World) =>
      tryEach({
        "node:dgram": () =>
          new Promise((resolve, reject) => {
            const socket = dgram.createSocket("udp4").on("error", reject);
            socket.send("x", port, "127.0.0.1", (error) => {
              socket.close();
              error ? reject(error) : resolve("sent");
            });
          }),
      }),
    resolves: () => tryEach({ lookup: async () => (await dns.lookup("localhost")).address }),
    listens: () =>
      tryEach({
        tcp: () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(),
        everywhere: () => Deno.listen({ port: 0 }).close(),
        serve: () => void Deno.serve({ port: 0, onListen() {} }, () => new Response()).shutdown(),
        "node:http": () =>
          new Promise((resolve, reject) => {
            const server = http.createServer().on("error", reject);
            server.listen(0, "127.0.0.1", () => server.close(() => resolve("listening")));
          }),
      }),
    granted: ({ port }: World) => tryEach({ http: () => get(`http://127.0.0.1:${port}/`) }),
    /** Has only `127.0.0.1:<port>` granted. */
    stretches: ({ port, otherPort, socket }: World) =>
      tryEach({
        "another port": () => get(`http://127.0.0.1:${otherPort}/`),
        "another port by TCP": async () =>
          await say(await Deno.connect({ hostname: "127.0.0.1", port: otherPort })),
        "a redirect": () => get(`http://127.0.0.1:${port}/redirect`),
        "another name": () => get(`http://localhost:${port}/`),
        "another notation": () => get(`http://[::ffff:127.0.0.1]:${otherPort}/`),
        webSocket: () => webSocket(`ws://127.0.0.1:${otherPort}/`),
        "a client of its own": () => {
          const client = Deno.createHttpClient({ proxy: { url: `http://127.0.0.1:${otherPort}` } });
          return get("http://nowhere.invalid/", { client } as RequestInit);
        },
        "a Unix socket": async () =>
          await say(await Deno.connect({ transport: "unix", path: socket })),
      }),
    /** Asks the way out itself for what was not granted, as the relay would. */
    asksTheRelay: ({ otherPort }: World) => {
      const ask = async (head: string) => {
        const connection = await Deno.connect({ hostname: "127.0.0.1", port: 3128 });
        await connection.write(new TextEncoder().encode(head));
        const bytes = new Uint8Array(256);
        const read = await connection.read(bytes) ?? 0;
        connection.close();
        const status = new TextDecoder().decode(bytes.subarray(0, read)).split("\r\n")[0]!;
        if (!/^HTTP\/1\.[01] 2/.test(status)) throw new Error(status);
        return status;
      };
      const target = `127.0.0.1:${otherPort}`;
      return tryEach({
        CONNECT: () => ask(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`),
        "CONNECT by another Host": () =>
          ask(`CONNECT ${target} HTTP/1.1\r\nHost: allowed.example\r\n\r\n`),
        GET: () => ask(`GET http://${target}/ HTTP/1.1\r\nHost: ${target}\r\n\r\n`),
        "two requests in one": () =>
          ask(
            `GET http://${target}/ HTTP/1.1\r\nHost: ${target}\r\nContent-Length: 0\r\n\r\n`.repeat(
              2,
            ),
          ),
        "no address at all": () => ask("CONNECT :0 HTTP/1.1\r\n\r\n"),
      });
    },
    /** Has `127.0.0.1:<freePort>` granted. */
    impersonates: ({ freePort }: World) =>
      tryEach({
        listening: () => void kept.push(Deno.listen({ hostname: "127.0.0.1", port: freePort })),
      }),
  },
};
