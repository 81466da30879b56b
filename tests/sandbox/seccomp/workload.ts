/**
 * A program of many small acts, run with and without a filter; prints one line an act, the same each
 * time. `Deno.args[0]` is an empty folder that it may write, `Deno.args[1]` is `network` or `local`.
 */
import * as dgram from "node:dgram";
import * as fs from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import * as os from "node:os";
import * as zlib from "node:zlib";
import { Buffer } from "node:buffer";
import { createHash, pbkdf2Sync, randomBytes, scryptSync } from "node:crypto";
import { Worker as NodeWorker } from "node:worker_threads";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as later } from "node:timers/promises";
import { CERTIFICATE, PRIVATE_KEY } from "./certificate.ts";

const [folder, mode] = Deno.args;
if (folder === undefined || mode === undefined) throw new Error("usage: workload.ts FOLDER MODE");
const at = (name: string) => `${folder}/${name}`;

async function act(name: string, run: () => unknown): Promise<void> {
  let said: string;
  try {
    said = JSON.stringify(await run()) ?? "done";
  } catch (error) {
    said = String(error).split("\n")[0]!.replaceAll(folder!, "");
  }
  await Deno.stdout.write(new TextEncoder().encode(`${name}: ${said}\n`));
}

await act("write and read", async () => {
  await Deno.writeTextFile(at("a"), "hello");
  Deno.writeTextFileSync(at("a"), " there", { append: true });
  return [await Deno.readTextFile(at("a")), (await Deno.stat(at("a"))).size];
});
await act("open, seek, lock, sync", async () => {
  using file = await Deno.open(at("b"), { create: true, read: true, write: true, truncate: true });
  await file.lock(true);
  await file.write(new Uint8Array(100));
  await file.seek(10, Deno.SeekMode.Start);
  await file.truncate(50);
  await file.sync();
  await file.syncData();
  await file.utime(1, 2);
  await file.unlock();
  await file.tryLock(false);
  return [(await file.stat()).size, file.isTerminal(), (await file.stat()).mtime];
});
await act("names", async () => {
  await Deno.mkdir(at("d/e/f"), { recursive: true });
  await Deno.symlink("../a", at("d/link"));
  await Deno.link(at("a"), at("d/hard"));
  await Deno.rename(at("d/hard"), at("d/renamed"));
  await Deno.copyFile(at("a"), at("d/copy"));
  await Deno.chmod(at("d/copy"), 0o600);
  await Deno.chown(at("d/copy"), Deno.uid(), Deno.gid());
  await Deno.utime(at("d/copy"), 5, 6);
  await Deno.truncate(at("d/copy"), 3);
  const names = [...Deno.readDirSync(at("d"))].map((entry) => entry.name).sort();
  const real = await Deno.realPath(at("d/link"));
  const to = await Deno.readLink(at("d/link"));
  const link = (await Deno.lstat(at("d/link"))).isSymlink;
  await Deno.remove(at("d"), { recursive: true });
  return [names, real.endsWith("/a"), to, link];
});
await act("temporary files", async () => {
  const dir = await Deno.makeTempDir({ dir: folder });
  const file = await Deno.makeTempFile({ dir });
  const size = Deno.statSync(file).size;
  Deno.removeSync(dir, { recursive: true });
  return size;
});
await act("watch", async () => {
  using watcher = Deno.watchFs(folder);
  Deno.writeTextFileSync(at("watched"), "x");
  for await (const event of watcher) return event.kind;
});
await act("folders and masks", () => {
  const before = Deno.cwd();
  Deno.chdir(folder);
  const inside = Deno.statSync("a").isFile;
  Deno.chdir(before);
  return [inside, Deno.umask(Deno.umask())];
});
await act("node:fs", () => {
  const fd = fs.openSync(at("n"), "w+");
  fs.writevSync(fd, [Buffer.from("ab"), Buffer.from("cd")]);
  const read = [Buffer.alloc(2), Buffer.alloc(2)];
  fs.readvSync(fd, read, 0);
  fs.fchmodSync(fd, 0o640);
  fs.fchownSync(fd, os.userInfo().uid, os.userInfo().gid);
  fs.futimesSync(fd, 1, 2);
  fs.ftruncateSync(fd, 3);
  fs.fdatasyncSync(fd);
  fs.fsyncSync(fd);
  fs.closeSync(fd);
  fs.accessSync(at("n"), fs.constants.R_OK | fs.constants.W_OK);
  fs.copyFileSync(at("n"), at("n2"), fs.constants.COPYFILE_FICLONE);
  fs.cpSync(at("n2"), at("n3"), { preserveTimestamps: true });
  fs.appendFileSync(at("n3"), "!");
  fs.symlinkSync("n", at("l"));
  fs.lutimesSync(at("l"), 3, 4);
  fs.lchownSync(at("l"), os.userInfo().uid, os.userInfo().gid);
  fs.renameSync(at("n3"), at("n4"));
  fs.mkdirSync(at("nd/x"), { recursive: true });
  const temporary = fs.existsSync(fs.mkdtempSync(at("t-")));
  const opened = fs.opendirSync(at("nd"));
  const first = opened.readSync()?.name;
  opened.closeSync();
  fs.rmSync(at("nd"), { recursive: true });
  fs.unlinkSync(at("n4"));
  return [
    read.join(),
    fs.statSync(at("n")).size,
    fs.statfsSync(folder).bsize > 0,
    temporary,
    first,
  ];
});
await act("node:fs.promises and streams", async () => {
  await fs.promises.writeFile(at("p"), "one\ntwo\n");
  const handle = await fs.promises.open(at("p"));
  const lines: string[] = [];
  for await (const line of handle.readLines()) lines.push(line);
  await new Promise<void>((resolve, reject) =>
    fs.createReadStream(at("p")).pipe(fs.createWriteStream(at("p2")))
      .on("finish", () => resolve()).on("error", reject)
  );
  return [lines, (await fs.promises.stat(at("p2"))).size];
});
await act("node:fs watchers", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const watcher = fs.watch(folder, (event) => resolve(event));
  const timer = setInterval(() => fs.writeFileSync(at("w2"), "x"), 10);
  const seen = typeof await promise;
  clearInterval(timer);
  watcher.close();
  return seen;
});
await act("sqlite", () => {
  const db = new DatabaseSync(at("db.sqlite"));
  db.exec("pragma journal_mode = wal; create table t (a); insert into t values (1), (2); vacuum");
  db.exec("begin immediate; insert into t values (3); commit; pragma wal_checkpoint(truncate)");
  const sum = db.prepare("select sum(a) as s from t").get()?.s;
  db.close();
  const memory = new DatabaseSync(":memory:");
  memory.exec(
    "create table big as with recursive n(i) as (select 1 union all select i + 1 from n " +
      "where i < 20000) select i, hex(randomblob(50)) as h from n order by h",
  );
  const count = memory.prepare("select count(*) as c from big").get()?.c;
  memory.close();
  return [sum, count];
});
await act("storage and caches", async () => {
  localStorage.setItem("a", "b");
  const cache = await caches.open("c");
  await cache.put("http://cached/", new Response("kept"));
  const text = await (await cache.match("http://cached/"))?.text();
  const kv = localStorage.getItem("a");
  await caches.delete("c");
  return [kv, text];
});
await act("workers", async () => {
  const script = `onmessage = (e) => postMessage(e.data.map((x) => x * 2))`;
  const results = await Promise.all(
    [1, 2, 3, 4].map((n) =>
      new Promise<unknown>((resolve, reject) => {
        const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
        const worker = new Worker(url, { type: "module" });
        worker.onerror = (event) => reject(event.error ?? new Error(event.message));
        worker.onmessage = (event) => {
          worker.terminate();
          resolve(event.data);
        };
        worker.postMessage([n]);
      })
    ),
  );
  const node = new NodeWorker(
    `require("node:worker_threads").parentPort.postMessage(process.pid > 0)`,
    { eval: true },
  );
  const answer = await new Promise((resolve, reject) => {
    node.once("message", resolve);
    node.once("error", reject);
  });
  await node.terminate();
  return [results, answer];
});
await act("wasm", async () => {
  const code = new Uint8Array([
    ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 5, 3, 1, 0, 1],
    ...[7, 7, 1, 3, 97, 100, 100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11],
  ]);
  const { instance } = await WebAssembly.instantiate(code);
  const add = instance.exports.add as (a: number, b: number) => number;
  let sum = 0;
  for (let i = 0; i < 1_000_000; i++) sum = add(sum, 1);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1000, shared: true });
  memory.grow(200);
  return [sum, memory.buffer.byteLength];
});
await act("memory", () => {
  const kept: unknown[] = [];
  for (let i = 0; i < 300_000; i++) kept.push({ i, text: `number ${i}` });
  let bytes = 0;
  for (let i = 0; i < 40; i++) {
    bytes += new ArrayBuffer(8 << 20, { maxByteLength: 16 << 20 }).byteLength;
  }
  const shared = new SharedArrayBuffer(1 << 20);
  Atomics.store(new Int32Array(shared), 0, 1);
  return [kept.length, bytes, Atomics.wait(new Int32Array(shared), 0, 1, 5)];
});
await act("hot code", () => {
  const source = "let s = 0; for (let i = 0; i < n; i++) s = (s * 31 + i) | 0; return s";
  const run = new Function("n", source) as (n: number) => number;
  let last = 0;
  for (let i = 0; i < 200; i++) last = run(20_000);
  return last;
});
await act("timers", async () => {
  const start = performance.now();
  await Promise.all([later(5), new Promise((resolve) => setTimeout(resolve, 10))]);
  performance.mark("m");
  return [performance.now() - start >= 9, Date.now() > 0, process.hrtime().length];
});
await act("crypto", async () => {
  const pair = await crypto.subtle.generateKey("Ed25519", true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  const signature = await crypto.subtle.sign("Ed25519", pair.privateKey, new Uint8Array(3));
  const ec = await crypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: "P-256" },
    false,
    ["sign", "verify"],
  ) as CryptoKeyPair;
  return [
    await crypto.subtle.verify("Ed25519", pair.publicKey, signature, new Uint8Array(3)),
    ec.publicKey.type,
    crypto.getRandomValues(new Uint8Array(70_000 - 5_000)).length,
    crypto.randomUUID().length,
    randomBytes(8).length,
    createHash("sha3-512").update("x").digest("hex").slice(0, 8),
    pbkdf2Sync("p", "s", 1000, 8, "sha256").toString("hex"),
    scryptSync("p", "s", 8).toString("hex"),
  ];
});
await act("compression", async () => {
  const stream = new Blob([new Uint8Array(100_000)]).stream()
    .pipeThrough(new CompressionStream("gzip")).pipeThrough(new DecompressionStream("gzip"));
  const zipped = zlib.brotliDecompressSync(zlib.brotliCompressSync(Buffer.alloc(1000)));
  return [(await new Response(stream).bytes()).length, zipped.length];
});
await act("the system", () => [
  os.cpus().length > 0,
  os.totalmem() > 0,
  os.loadavg().length,
  os.hostname().length > 0,
  os.release().length > 0,
  os.uptime() > 0,
  os.getPriority(),
  navigator.hardwareConcurrency > 0,
  Deno.systemMemoryInfo().total > 0,
  Deno.memoryUsage().rss > 0,
  Deno.osUptime() > 0,
  process.resourceUsage().maxRSS > 0,
  process.cpuUsage().user > 0,
  process.getuid?.() === Deno.uid(),
  process.getgroups?.().length,
  Deno.consoleSize === undefined,
  Deno.loadavg().length,
]);
await act("signals", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const heard = () => resolve("heard");
  Deno.addSignalListener("SIGUSR2", heard);
  Deno.kill(Deno.pid, "SIGUSR2");
  const said = await promise;
  Deno.removeSignalListener("SIGUSR2", heard);
  return said;
});
await act("descriptors", () => [
  Deno.stdin.isTerminal(),
  Deno.stdout.isTerminal(),
  fs.fstatSync(1).isFIFO() || fs.fstatSync(1).isSocket() || fs.fstatSync(1).isFile(),
  Deno.stdin.readSync(new Uint8Array(10)),
]);
await act("modules", async () => {
  await Deno.writeTextFile(
    at("m.ts"),
    "export const x: number = 5; enum E { A }; export const y = E.A;",
  );
  await Deno.writeTextFile(at("j.json"), "[1]");
  const { x, y } = await import(`file://${at("m.ts")}`);
  return [x, y, (await import(`file://${at("j.json")}`, { with: { type: "json" } })).default];
});
await act("text and locales", () => [
  new Intl.DateTimeFormat("de", { timeZone: "Europe/Vienna", dateStyle: "full" }).format(0),
  new Date(0).toLocaleDateString("en", { timeZone: "Asia/Tokyo" }),
  structuredClone(new Map([[1, 2]])).size,
]);

if (mode === "network") {
  await act("http", async () => {
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      (request) => {
        if (request.headers.get("upgrade") !== "websocket") return new Response("hi");
        const { socket, response } = Deno.upgradeWebSocket(request);
        socket.onmessage = (event) => socket.send(`${event.data}!`);
        return response;
      },
    );
    const url = `127.0.0.1:${server.addr.port}/`;
    const text = await (await fetch(`http://${url}`)).text();
    const socket = new WebSocket(`ws://${url}`);
    const heard = await new Promise((resolve, reject) => {
      socket.onopen = () => socket.send("ping");
      socket.onmessage = (event) => resolve(event.data);
      socket.onerror = () => reject(new Error("no WebSocket"));
    });
    const closed = new Promise((resolve) => socket.onclose = resolve);
    socket.close();
    await closed;
    return [text, heard];
  });
  await act("https", async () => {
    using client = Deno.createHttpClient({ caCerts: [CERTIFICATE] });
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", cert: CERTIFICATE, key: PRIVATE_KEY, onListen() {} },
      () => new Response("secret"),
    );
    return await (await fetch(`https://localhost:${server.addr.port}/`, { client })).text();
  });
  await act("tcp", async () => {
    using listener = Deno.listen({ port: 0, hostname: "::1" });
    const accepted = listener.accept();
    using out = await Deno.connect({ hostname: "::1", port: listener.addr.port });
    using into = await accepted;
    out.setNoDelay(true);
    out.setKeepAlive(true);
    await out.write(new Uint8Array(3));
    await out.closeWrite();
    return [await into.read(new Uint8Array(9)), await into.read(new Uint8Array(9))];
  });
  await act("unix", async () => {
    using listener = Deno.listen({ transport: "unix", path: at("s") });
    const accepted = listener.accept();
    using out = await Deno.connect({ transport: "unix", path: at("s") });
    using into = await accepted;
    await out.write(new Uint8Array(4));
    return await into.read(new Uint8Array(9));
  });
  await act("udp", async () => {
    const [a, b] = [dgram.createSocket("udp4"), dgram.createSocket("udp4")];
    await new Promise<void>((resolve) => b.bind(0, "127.0.0.1", resolve));
    const heard = new Promise<number>((resolve) => b.once("message", (m) => resolve(m.length)));
    a.send(new Uint8Array(5), b.address().port, "127.0.0.1");
    const length = await heard;
    a.close();
    b.close();
    return length;
  });
  await act("node:net and node:http", async () => {
    const server = http.createServer((_, response) => response.end("node"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as net.AddressInfo;
    const text = await new Promise((resolve, reject) =>
      http.get({ port, host: "127.0.0.1", agent: false }, (response) => {
        let all = "";
        response.on("data", (chunk) => all += chunk).on("end", () => resolve(all));
      }).on("error", reject)
    );
    await new Promise((resolve) => server.close(resolve));
    const echo = net.createServer((socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => echo.listen(at("n.sock"), resolve));
    const client = net.connect(at("n.sock"));
    client.end("sent");
    const back = await new Promise((resolve) => client.once("data", (d) => resolve(String(d))));
    await new Promise((resolve) => echo.close(resolve));
    return [text, back];
  });
  await act("names of hosts", async () => {
    const { lookup } = await import("node:dns/promises");
    return [(await lookup("localhost")).address.length > 0];
  });
}

const left = act("at the end", () => "said");
await left;
Deno.exit(mode === "network" ? 7 : 3);
