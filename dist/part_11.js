// Made by `deno task build` from src/; do not edit.
import {
  MAX_SOCKET_PATH_BYTES,
  addressBits,
  formatIp,
  formatNetScope,
  netCovers,
  parseIpv4,
  parseIpv6,
  parseNetScope
} from "./part_5.js";
import {
  SallyportError,
  escapeText
} from "./part_6.js";
import "./part_7.js";

// src/egress/proxy.ts
import { setTimeout as sleep } from "node:timers/promises";

// src/egress/dialing/allow_list.ts
var AllowList = class {
  #scopes;
  constructor(plugin, grants) {
    this.#scopes = grants.map((grant) => {
      const parsed = parseNetScope(grant);
      if ("problem" in parsed || formatNetScope(parsed.value) !== grant) {
        const problem = "problem" in parsed ? parsed.problem : "is not in normal form";
        const shown = escapeText(grant, 200);
        const message = `Cannot open the egress proxy of plugin "${plugin}": "${shown}" ${problem}`;
        throw new SallyportError("bad-config", message, {
          details: {
            plugin,
            grant
          }
        });
      }
      return parsed.value;
    });
  }
  /** Returns whether a grant covers what a request asks for; a name is only ever covered by names. */
  covers(scope) {
    return this.#scopes.some((grant) => netCovers(grant, scope));
  }
  /** Returns whether an address is granted as such, or within a range, at a port. */
  coversAddress(address, port) {
    const prefix = addressBits(address.version);
    return this.covers({
      kind: "range",
      address,
      prefix,
      port
    });
  }
};

// src/egress/dialing/address_policy.ts
var IPV4_RANGES = ranges(parseIpv4, [
  [
    "0.0.0.0/8",
    "unspecified"
  ],
  [
    "10.0.0.0/8",
    "private"
  ],
  [
    "100.64.0.0/10",
    "shared (carrier-grade NAT)"
  ],
  [
    "127.0.0.0/8",
    "loopback"
  ],
  [
    "168.63.129.16/32",
    "cloud platform"
  ],
  [
    "169.254.0.0/16",
    "link-local"
  ],
  [
    "172.16.0.0/12",
    "private"
  ],
  [
    "192.0.0.0/24",
    "protocol assignment"
  ],
  [
    "192.0.2.0/24",
    "documentation"
  ],
  [
    "192.88.99.0/24",
    "6to4 relay"
  ],
  [
    "192.168.0.0/16",
    "private"
  ],
  [
    "198.18.0.0/15",
    "benchmarking"
  ],
  [
    "198.51.100.0/24",
    "documentation"
  ],
  [
    "203.0.113.0/24",
    "documentation"
  ],
  [
    "224.0.0.0/4",
    "multicast"
  ],
  [
    "255.255.255.255/32",
    "broadcast"
  ],
  [
    "240.0.0.0/4",
    "reserved"
  ]
]);
var IPV6_RANGES = ranges(parseIpv6, [
  [
    "::/128",
    "unspecified"
  ],
  [
    "::1/128",
    "loopback"
  ],
  [
    "64:ff9b:1::/48",
    "private NAT64"
  ],
  [
    "100::/64",
    "discard-only"
  ],
  [
    "5f00::/16",
    "segment routing"
  ],
  [
    "fc00::/7",
    "private"
  ],
  [
    "fe80::/10",
    "link-local"
  ],
  [
    "fec0::/10",
    "private"
  ],
  [
    "ff00::/8",
    "multicast"
  ],
  [
    "2001::/32",
    "Teredo tunnel"
  ],
  [
    "2001::/23",
    "protocol assignment"
  ],
  [
    "2001:db8::/32",
    "documentation"
  ],
  [
    "2002::/16",
    "6to4 tunnel"
  ],
  [
    "3fff::/20",
    "documentation"
  ]
]);
var [GLOBAL_UNICAST, NAT64] = ranges(parseIpv6, [
  [
    "2000::/3",
    "global unicast"
  ],
  [
    "64:ff9b::/96",
    "NAT64"
  ]
]);
function refusedKind(address) {
  if (address.version === 4) return find(IPV4_RANGES, address);
  if (contains(NAT64, address)) {
    const inner = find(IPV4_RANGES, {
      version: 4,
      bits: address.bits & 0xffffffffn
    });
    return inner === void 0 ? void 0 : `${inner} (NAT64)`;
  }
  return find(IPV6_RANGES, address) ?? (contains(GLOBAL_UNICAST, address) ? void 0 : "not globally reachable");
}
function find(list, address) {
  return list.find((range) => contains(range, address))?.name;
}
function contains(range, address) {
  return range.version === address.version && address.bits >> range.shift === range.network;
}
function ranges(parse, rows) {
  return rows.map(([text, name]) => {
    const [head, prefix] = text.split("/");
    const { version, bits } = parse(head);
    const shift = BigInt(addressBits(version) - Number(prefix));
    return {
      version,
      shift,
      network: bits >> shift,
      name
    };
  });
}

// src/egress/dialing/deadline.ts
function within(ms, signal, late, work, drop = () => {
}) {
  const controller = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers();
  let open = true;
  const settle = (act) => {
    if (!open) return;
    open = false;
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    act();
  };
  const stop = (reason) => settle(() => {
    reject(reason);
    controller.abort(reason);
  });
  const onAbort = () => stop(signal.reason);
  const timer = setTimeout(() => stop(late()), ms);
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) {
    onAbort();
    return promise;
  }
  work(controller.signal).then((value) => open ? settle(() => resolve(value)) : drop(value), (error) => settle(() => reject(error)));
  return promise;
}

// src/egress/http/refusal.ts
var PHRASES = {
  400: "Bad Request",
  403: "Forbidden",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported"
};
var Refusal = class extends Error {
  status;
  /** What the host's operator reads, who may know more than a plugin. */
  reason;
  constructor(status, message, { reason = message, cause } = {}) {
    super(message, cause === void 0 ? void 0 : {
      cause
    });
    this.name = "Refusal";
    this.status = status;
    this.reason = escapeText(reason, 500);
  }
};
function refusalResponse(refusal) {
  const encoder = new TextEncoder();
  const body = encoder.encode(`Sallyport egress proxy: ${escapeText(refusal.message, 500)}
`);
  const error = refusal.status === 403 ? "http_request_denied" : "proxy_internal_response";
  const head = [
    `HTTP/1.1 ${refusal.status} ${PHRASES[refusal.status]}`,
    "content-type: text/plain; charset=utf-8",
    `content-length: ${body.length}`,
    `proxy-status: sallyport; error=${error}`,
    "connection: close",
    "",
    ""
  ].join("\r\n");
  const bytes = new Uint8Array(head.length + body.length);
  encoder.encodeInto(head, bytes);
  bytes.set(body, head.length);
  return bytes;
}

// src/egress/dialing/dial.ts
var MAX_ATTEMPTS = 4;
async function allowedAddresses(target, context) {
  if (target.address !== void 0) return [
    target.address
  ];
  const { host, port } = target;
  const found = await context.resolver.addresses(host, context.dialMs, context.signal);
  if (found.length === 0) throw new Refusal(502, `the name "${host}" has no address`);
  const kinds = found.map((address2) => context.allowList.coversAddress(address2, port) ? void 0 : refusedKind(address2));
  const allowed = found.filter((_, index) => kinds[index] === void 0);
  if (allowed.length > 0) return allowed;
  const address = formatIp(found[0]);
  throw new Refusal(403, `the name "${host}" leads to an address that is not public, and no grant names that address`, {
    reason: `"${host}" leads to ${address} (${kinds[0]}), and "${address}:${port}" is no grant`
  });
}
async function dial(addresses, port, context, onAttempt) {
  const tried = addresses.slice(0, MAX_ATTEMPTS);
  let failure;
  for (const address of tried) {
    const hostname = formatIp(address).replace(/^\[|\]$/g, "");
    onAttempt(hostname);
    try {
      return await within(context.dialMs / tried.length, context.signal, () => new Refusal(504, "the host did not answer in time"), (signal) => Deno.connect({
        hostname,
        port,
        signal
      }), (conn) => conn.close());
    } catch (error) {
      if (context.signal.aborted) throw error;
      failure = error;
    }
  }
  if (failure instanceof Refusal) throw failure;
  const short = "the host could not be reached";
  const why = failure instanceof Deno.errors.NotCapable ? "the host process may not: it needs --allow-net for the address" : failure instanceof Error ? failure.name : String(failure);
  throw new Refusal(502, short, {
    reason: `${short}: ${why}`,
    cause: failure
  });
}

// src/egress/http/body.ts
var CRLF = new Uint8Array([
  13,
  10
]);
var MAX_TRAILERS = 100;
var MAX_TRAILER_BYTES = 8192;
async function forwardBody(reader, framing, write) {
  if (framing.kind === "none") return;
  if (framing.kind === "length") return await forwardBytes(reader, framing.bytes, write);
  const encoder = new TextEncoder();
  for (; ; ) {
    const line = await reader.line(16);
    if (!/^[0-9A-Fa-f]{1,12}$/.test(line)) {
      throw new Refusal(400, "the request has a chunk without a valid size");
    }
    const size = parseInt(line, 16);
    if (size === 0) break;
    await write(encoder.encode(`${size.toString(16)}\r
`));
    await forwardBytes(reader, size, write);
    if (await reader.line(0) !== "") throw new Refusal(400, "the request has an overlong chunk");
    await write(CRLF);
  }
  for (let count = 0; await reader.line(MAX_TRAILER_BYTES) !== ""; count++) {
    if (count >= MAX_TRAILERS) throw new Refusal(400, "the request has too many trailers");
  }
  await write(encoder.encode("0\r\n\r\n"));
}
async function forwardBytes(reader, bytes, write) {
  for (let left = bytes; left > 0; ) {
    const part = await reader.read(left);
    if (part === null) throw new Refusal(400, "the request ended within its body");
    await write(part);
    left -= part.length;
  }
}

// src/egress/http/http_head.ts
import { Buffer } from "node:buffer";
var MAX_HEAD_BYTES = 32 * 1024;
var MAX_HEADERS = 100;
var TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
var REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/;
var STATUS_LINE = /^HTTP\/1\.[01] ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
var VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
var SINGLE = [
  "host",
  "content-length",
  "transfer-encoding"
];
function parseRequestHead(bytes) {
  const [line, headers] = parseLines(bytes, "request", 400);
  const match = REQUEST_LINE.exec(line);
  if (match === null) throw new Refusal(400, "the request line is malformed");
  if (match[3] !== "1" || match[4] !== "1") {
    throw new Refusal(505, "only HTTP/1.1 is spoken here");
  }
  for (const name of SINGLE) {
    if (headers.filter(([each]) => each === name).length > 1) {
      throw new Refusal(400, `the request has more than one ${name} header`);
    }
  }
  return {
    method: match[1],
    target: match[2],
    headers,
    framing: framingOf(headers)
  };
}
function parseResponseHead(bytes) {
  const [statusLine, headers] = parseLines(bytes, "response", 502);
  const match = STATUS_LINE.exec(statusLine);
  if (match === null) throw new Refusal(502, "the host's answer has no valid status line");
  return {
    status: Number(match[1]),
    statusLine,
    headers
  };
}
function formatHead(first, headers) {
  const lines = [
    first,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    "",
    ""
  ];
  return new Uint8Array(Buffer.from(lines.join("\r\n"), "latin1"));
}
function listHeader(headers, name) {
  return headers.filter(([each]) => each === name).flatMap(([, value]) => value.split(",")).map((member) => member.trim().toLowerCase()).filter((member) => member !== "");
}
function parseLines(bytes, what, status) {
  const refuse = (problem) => new Refusal(status, `the ${what} ${problem}`);
  if (bytes.length > MAX_HEAD_BYTES) {
    throw new Refusal(status === 400 ? 431 : status, `the ${what} has a head over 32 KiB`);
  }
  const text = Buffer.from(bytes).toString("latin1");
  if (!text.endsWith("\r\n\r\n")) throw refuse("has a head without an end");
  const [first = "", ...lines] = text.slice(0, -4).split("\r\n");
  if (lines.length > MAX_HEADERS) {
    throw new Refusal(status === 400 ? 431 : status, `the ${what} has over ${MAX_HEADERS} headers`);
  }
  const headers = lines.map((line) => {
    if (/^[ \t]/.test(line)) throw refuse("has a folded header line");
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0));
    const value = line.slice(colon + 1);
    if (!TOKEN.test(name)) throw refuse("has a header without a valid name");
    if (!VALUE.test(value)) throw refuse("has a control character or a bare line end in a header");
    return [
      name.toLowerCase(),
      value.replace(/^[ \t]+|[ \t]+$/g, "")
    ];
  });
  return [
    first,
    headers
  ];
}
function framingOf(headers) {
  const value = (name) => headers.find(([each]) => each === name)?.[1];
  const length = value("content-length");
  const encoding = value("transfer-encoding");
  if (encoding !== void 0) {
    if (length !== void 0) {
      throw new Refusal(400, "the request has both content-length and transfer-encoding");
    }
    if (encoding.toLowerCase() !== "chunked") {
      throw new Refusal(501, "the request has another transfer-encoding than chunked");
    }
    return {
      kind: "chunked"
    };
  }
  if (length === void 0) return {
    kind: "none"
  };
  if (!/^(?:0|[1-9]\d{0,14})$/.test(length)) {
    throw new Refusal(400, "the request has a content-length that is no decimal number");
  }
  return {
    kind: "length",
    bytes: Number(length)
  };
}

// src/egress/http/rewrite.ts
var HOP_BY_HOP = /* @__PURE__ */ new Set([
  "connection",
  "content-length",
  "host",
  "http2-settings",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
]);
var RESPONSE_HOP_BY_HOP = /* @__PURE__ */ new Set([
  "connection",
  "keep-alive",
  "upgrade"
]);
function isWebSocket(head) {
  return head.method === "GET" && head.framing.kind === "none" && listHeader(head.headers, "connection").includes("upgrade") && listHeader(head.headers, "upgrade").join() === "websocket";
}
function originRequest(head, target) {
  const { framing } = head;
  const headers = [
    [
      "host",
      target.port === 80 ? target.host : `${target.host}:${target.port}`
    ],
    ...passedOn(head.headers, HOP_BY_HOP)
  ];
  if (framing.kind === "length") headers.push([
    "content-length",
    String(framing.bytes)
  ]);
  if (framing.kind === "chunked") headers.push([
    "transfer-encoding",
    "chunked"
  ]);
  if (isWebSocket(head)) headers.push([
    "upgrade",
    "websocket"
  ], [
    "connection",
    "upgrade"
  ]);
  else headers.push([
    "connection",
    "close"
  ]);
  return formatHead(`${head.method} ${target.path} HTTP/1.1`, headers);
}
function pluginResponse(head) {
  const headers = passedOn(head.headers, RESPONSE_HOP_BY_HOP);
  if (head.status === 101) headers.push([
    "upgrade",
    "websocket"
  ], [
    "connection",
    "upgrade"
  ]);
  else if (head.status >= 200) headers.push([
    "connection",
    "close"
  ]);
  return formatHead(head.statusLine, headers);
}
function passedOn(headers, dropped) {
  const named = new Set(listHeader(headers, "connection"));
  named.delete("content-length");
  named.delete("transfer-encoding");
  return headers.filter(([name]) => !dropped.has(name) && !named.has(name) && !name.startsWith("proxy-"));
}

// src/egress/http/streams.ts
var BUFFER_BYTES = 64 * 1024;
var LF = 10;
var CR = 13;
var TAB = 9;
var SPACE = 32;
var DEL = 127;
var ConnReader = class {
  #conn;
  #buffer = new Uint8Array(BUFFER_BYTES);
  #start = 0;
  #end = 0;
  constructor(conn) {
    this.#conn = conn;
  }
  /** Reads what is there, waiting for at least one byte. */
  async read(max = BUFFER_BYTES) {
    if (this.#start === this.#end && !await this.#fill()) return null;
    const bytes = this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + max));
    this.#start += bytes.length;
    return bytes;
  }
  /** Reads the head of a message, through its empty line. */
  async head(status) {
    let line = 0;
    for (let length = 0; ; length++) {
      if (length >= MAX_HEAD_BYTES) {
        throw new Refusal(status === 400 ? 431 : status, "the head is over 32 KiB");
      }
      if (this.#start + length >= this.#end && !await this.#fill()) {
        if (length === 0) return null;
        throw new Refusal(status, "the connection ended within a head");
      }
      const byte = this.#buffer[this.#start + length];
      const previous = length > 0 ? this.#buffer[this.#start + length - 1] : void 0;
      if (byte === LF !== (previous === CR)) {
        throw new Refusal(status, "the head has a bare line end");
      }
      if (byte !== LF && byte !== CR) {
        line++;
        if (byte >= SPACE && byte !== DEL || byte === TAB) continue;
        throw new Refusal(status, "the head has a control character");
      }
      if (byte === CR) continue;
      if (line === 0) {
        const head = this.#buffer.subarray(this.#start, this.#start + length + 1);
        this.#start += head.length;
        return head;
      }
      line = 0;
    }
  }
  /** Reads one short line. */
  async line(maxBytes) {
    let text = "";
    for (let previous = 0; ; ) {
      const byte = (await this.read(1))?.[0];
      if (byte === void 0) throw new Refusal(400, "the connection ended within a line");
      if (byte === LF && previous === CR) return text.slice(0, -1);
      if (byte === LF || previous === CR || byte === DEL || byte < SPACE && byte !== CR) {
        throw new Refusal(400, "a line has a control character or a bare line end");
      }
      if (text.length > maxBytes) throw new Refusal(400, "a line is too long");
      text += String.fromCharCode(previous = byte);
    }
  }
  /** Reads more behind what is buffered; the buffer always has room, as heads are half of it at most. */
  async #fill() {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    const read = await this.#conn.read(this.#buffer.subarray(this.#end));
    this.#end += read ?? 0;
    return read !== null;
  }
};
async function writeAll(conn, bytes) {
  for (let offset = 0; offset < bytes.length; ) offset += await conn.write(bytes.subarray(offset));
}
async function copy(from, to, count, moved) {
  for (let bytes = await from.read(); bytes !== null; bytes = await from.read()) {
    count(bytes.length);
    try {
      await writeAll(to, bytes);
    } catch {
      return;
    }
    moved();
  }
  await endWriting(to);
}
async function endWriting(conn) {
  try {
    await conn.closeWrite();
  } catch {
  }
}
function closeQuietly(conn) {
  try {
    conn?.close();
  } catch {
  }
}

// src/egress/http/forward.ts
var MAX_IGNORED_BYTES = 64 * 1024;
var MAX_INTERIM = 16;
async function splice(ends, fromRemote) {
  const { client, reader, remote, meter } = ends;
  const moved = () => meter.touch();
  await Promise.all([
    copy(reader, remote, (bytes) => meter.addSent(bytes), moved),
    copy(fromRemote ?? new ConnReader(remote), client, (n) => meter.addReceived(n), moved)
  ]);
}
async function forwardRequest(ends, head, target) {
  const { remote, meter } = ends;
  const fromRemote = new ConnReader(remote);
  const written = originRequest(head, target);
  meter.addSent(written.length);
  await writeAll(remote, written);
  meter.touch();
  if (!isWebSocket(head)) {
    return await passAnswer(ends, passRequest(ends, head), async () => {
      await passHeads(ends, fromRemote, false);
      await passBody(ends, fromRemote);
    });
  }
  const status = await passHeads(ends, fromRemote, true);
  if (status === 101) return await splice(ends, fromRemote);
  await passAnswer(ends, ignoreRest(ends), () => passBody(ends, fromRemote));
}
async function passAnswer(ends, up, down) {
  const answer = down();
  await Promise.race([
    Promise.all([
      up,
      answer
    ]),
    answer
  ]);
  const { promise, resolve } = Promise.withResolvers();
  const timer = setTimeout(resolve, ends.lingerMs);
  try {
    await Promise.race([
      up.catch(() => {
      }),
      promise
    ]);
  } finally {
    clearTimeout(timer);
  }
}
async function passRequest(ends, head) {
  const { reader, remote, meter } = ends;
  let gone = false;
  await forwardBody(reader, head.framing, async (bytes) => {
    meter.addSent(bytes.length);
    if (gone) return;
    try {
      await writeAll(remote, bytes);
      meter.touch();
    } catch {
      gone = true;
    }
  });
  await ignoreRest(ends);
}
async function ignoreRest({ reader, remote }) {
  for (let ignored = 0; ignored < MAX_IGNORED_BYTES; ) {
    const bytes = await reader.read();
    if (bytes === null) return await endWriting(remote);
    ignored += bytes.length;
  }
}
async function passHeads(ends, fromRemote, upgrade) {
  for (let count = 0; count <= MAX_INTERIM; count++) {
    const bytes = await fromRemote.head(502);
    if (bytes === null) throw new Refusal(502, "the host closed without an answer");
    const head = parseResponseHead(bytes);
    if (head.status === 101 && !upgrade) {
      throw new Refusal(502, "the host switched to a protocol that was not asked for");
    }
    const written = pluginResponse(head);
    ends.meter.addReceived(written.length);
    ends.onAnswer();
    await writeAll(ends.client, written);
    ends.meter.touch();
    if (head.status >= 200 || head.status === 101) return head.status;
  }
  throw new Refusal(502, "the host sent too many interim answers");
}
async function passBody(ends, fromRemote) {
  const { client, meter } = ends;
  await copy(fromRemote, client, (n) => meter.addReceived(n), () => meter.touch());
}

// src/egress/http/meter.ts
var Meter = class {
  #maxBytes;
  /** Bytes from the plugin to the host that it was granted. */
  sent = 0;
  /** Bytes from there to the plugin. */
  received = 0;
  #touched = performance.now();
  constructor(maxBytes) {
    this.#maxBytes = maxBytes;
  }
  /** How long no byte has moved, in milliseconds. */
  get idleMs() {
    return performance.now() - this.#touched;
  }
  /** Counts bytes that are about to be sent; throws at the cap, so that no byte above it goes out. */
  addSent(bytes) {
    this.#check(bytes);
    this.sent += bytes;
  }
  /** Counts bytes that are about to be handed to the plugin. */
  addReceived(bytes) {
    this.#check(bytes);
    this.received += bytes;
  }
  touch() {
    this.#touched = performance.now();
  }
  #check(bytes) {
    if (this.sent + this.received + bytes > this.#maxBytes) {
      throw new Refusal(502, `the connection reached its cap of ${this.#maxBytes} bytes`);
    }
    this.touch();
  }
};

// src/egress/http/target.ts
var AUTHORITY = /^(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._~%-]+)(?::([1-9]\d{0,4}))?$/;
var ABSOLUTE = /^http:\/\/([^/?#]*)([/?][^#]*)?$/i;
function parseTarget(head) {
  if (head.method === "CONNECT") {
    if (head.framing.kind !== "none") throw new Refusal(400, "a CONNECT request has no body");
    return parseAuthority(head.target, void 0, void 0);
  }
  const match = ABSOLUTE.exec(head.target);
  if (match === null) {
    throw new Refusal(400, "the request is for no absolute http:// URL, and is no CONNECT");
  }
  const path = match[2] ?? "/";
  return parseAuthority(match[1], 80, path.startsWith("?") ? `/${path}` : path);
}
function parseAuthority(text, defaultPort, path) {
  const match = AUTHORITY.exec(text);
  const port = match?.[2] === void 0 ? defaultPort : Number(match[2]);
  if (match === null || port === void 0 || port > 65535) {
    throw new Refusal(400, "the request names no valid host and port");
  }
  const written = match[1];
  const address = written.startsWith("[") ? parseIpv6(written.slice(1, -1)) : parseIpv4(hostOf(written));
  if (address !== void 0) {
    const prefix = addressBits(address.version);
    const scope = {
      kind: "range",
      address,
      prefix,
      port
    };
    return {
      host: formatIp(address),
      port,
      address,
      scope,
      path
    };
  }
  const parsed = parseNetScope(`${hostOf(written)}:${port}`);
  if ("problem" in parsed || parsed.value.kind !== "name") {
    throw new Refusal(400, "the request names no valid host");
  }
  return {
    host: parsed.value.host,
    port,
    address: void 0,
    scope: parsed.value,
    path
  };
}
function hostOf(written) {
  const host = written.startsWith("[") ? void 0 : URL.parse(`http://${written}/`)?.hostname;
  if (host === void 0) throw new Refusal(400, "the request names no valid host");
  return host;
}

// src/egress/connection.ts
var ESTABLISHED = new TextEncoder().encode("HTTP/1.1 200 Connection established\r\n\r\n");
var MAX_LINGER_BYTES = 256 * 1024;
var EgressConnectionHandler = class {
  #client;
  #context;
  #reader;
  #meter;
  #started = performance.now();
  #ended = new AbortController();
  #timer;
  #remote;
  #target;
  #address;
  #allowed = false;
  #answered = false;
  constructor(client, context) {
    this.#client = client;
    this.#context = context;
    this.#reader = new ConnReader(client);
    this.#meter = new Meter(context.maxBytes);
  }
  /** Serves the connection to its end; never throws. */
  async run() {
    const { signal } = this.#context;
    const onAbort = () => this.#ended.abort(new Refusal(503, "the proxy was closed"));
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    const { promise: cut, reject } = Promise.withResolvers();
    cut.catch(() => {
    });
    this.#ended.signal.addEventListener("abort", () => reject(this.#ended.signal.reason));
    const work = this.#serve();
    let reason;
    try {
      await Promise.race([
        work,
        cut
      ]);
    } catch (error) {
      reason = error instanceof Refusal ? error.reason : brokenReason(error);
      if (error instanceof Refusal && error.status === 403) this.#allowed = false;
      if (error instanceof Refusal && !this.#answered && !signal.aborted) await this.#answer(error);
    }
    clearTimeout(this.#timer);
    signal.removeEventListener("abort", onAbort);
    this.#ended.abort();
    closeQuietly(this.#client);
    closeQuietly(this.#remote);
    await work.catch(() => {
    });
    closeQuietly(this.#remote);
    return this.#report(reason);
  }
  async #serve() {
    const { tuning, allowList } = this.#context;
    this.#within(tuning.headMs, () => new Refusal(408, "the request did not come in time"));
    const bytes = await this.#reader.head(400);
    if (bytes === null) throw new Refusal(400, "the connection ended without a request");
    const head = parseRequestHead(bytes);
    const target = parseTarget(head);
    clearTimeout(this.#timer);
    this.#target = target;
    const { host, port } = target;
    if (!allowList.covers(target.scope)) {
      throw new Refusal(403, `"${host}:${port}" is not granted`);
    }
    const dialContext = {
      ...this.#context,
      dialMs: tuning.dialMs,
      signal: this.#ended.signal
    };
    this.#allowed = true;
    const addresses = await allowedAddresses(target, dialContext);
    const remote = await dial(addresses, port, dialContext, (address) => this.#address = address);
    this.#remote = remote;
    this.#ended.signal.throwIfAborted();
    remote.setNoDelay(true);
    this.#meter.touch();
    this.#watchIdle();
    const ends = {
      client: this.#client,
      reader: this.#reader,
      remote,
      meter: this.#meter,
      lingerMs: tuning.lingerMs,
      onAnswer: () => this.#answered = true
    };
    if (target.path !== void 0) return await forwardRequest(ends, head, target);
    this.#answered = true;
    await writeAll(this.#client, ESTABLISHED);
    await splice(ends);
  }
  /** Ends the connection unless the next step comes in time. */
  #within(ms, late) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ended.abort(late()), ms);
  }
  #watchIdle() {
    const { idleMs } = this.#context.tuning;
    const left = idleMs - this.#meter.idleMs;
    if (left <= 0) {
      return this.#ended.abort(new Refusal(504, "no byte moved for too long"));
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#watchIdle(), Math.ceil(left));
  }
  /** Says why there is no answer, and reads on a little, so that it arrives. */
  async #answer(refusal) {
    clearTimeout(this.#timer);
    const timer = setTimeout(() => closeQuietly(this.#client), this.#context.tuning.lingerMs);
    const onAbort = () => closeQuietly(this.#client);
    this.#context.signal.addEventListener("abort", onAbort);
    try {
      await writeAll(this.#client, refusalResponse(refusal));
      await endWriting(this.#client);
      if (this.#ended.signal.aborted || this.#remote !== void 0) return;
      for (let ignored = 0; ignored < MAX_LINGER_BYTES; ) {
        const bytes = await this.#reader.read();
        if (bytes === null) return;
        ignored += bytes.length;
      }
    } catch {
    } finally {
      clearTimeout(timer);
      this.#context.signal.removeEventListener("abort", onAbort);
    }
  }
  #report(reason) {
    return {
      host: this.#target?.host ?? "",
      port: this.#target?.port ?? 0,
      address: this.#address,
      allowed: this.#allowed,
      reason,
      bytesSent: this.#meter.sent,
      bytesReceived: this.#meter.received,
      durationMs: performance.now() - this.#started,
      count: 1
    };
  }
};
function brokenReason(error) {
  return `the connection broke: ${error instanceof Error ? error.name : "unknown error"}`;
}

// src/egress/pace.ts
var Pace = class {
  #burst;
  #perSecond;
  #tokens;
  #filled = performance.now();
  /** Makes a full bucket: so much may be taken at once, and so much comes back each second. */
  constructor(burst, perSecond) {
    this.#burst = this.#tokens = burst;
    this.#perSecond = perSecond;
  }
  /** How long until something may be taken again, in milliseconds; 0 for at once. */
  get waitMs() {
    this.#fill();
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#perSecond * 1e3);
  }
  /** Takes tokens, on credit where there are none; the debt is one burst at most. */
  take(tokens) {
    this.#fill();
    this.#tokens = Math.max(this.#tokens - tokens, -this.#burst);
  }
  #fill() {
    const now = performance.now();
    const earned = (now - this.#filled) / 1e3 * this.#perSecond;
    this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    this.#filled = now;
  }
};

// src/egress/reports.ts
var MAX_KINDS = 16;
var Reports = class {
  #emit;
  #pace;
  #windowMs;
  #combined = /* @__PURE__ */ new Map();
  #timer;
  constructor(emit, tuning) {
    this.#emit = emit;
    this.#pace = new Pace(tuning.reportBurst, tuning.reportsPerSecond);
    this.#windowMs = tuning.reportWindowMs;
  }
  /** Reports a connection, now or with others alike within the window. */
  add(report) {
    if (this.#pace.waitMs === 0) {
      this.#pace.take(1);
      return this.#send(report);
    }
    const { host, port, address, allowed, reason } = report;
    let key = JSON.stringify([
      host,
      port,
      address,
      allowed,
      reason
    ]);
    let next = report;
    if (!this.#combined.has(key) && this.#combined.size >= MAX_KINDS) {
      key = `other ${allowed}`;
      const why = "other connections that came too fast to report each";
      next = {
        ...report,
        host: "",
        port: 0,
        address: void 0,
        reason: why
      };
    }
    const before = this.#combined.get(key);
    this.#combined.set(key, before === void 0 ? next : sum(before, next));
    this.#timer ??= setTimeout(() => this.flush(), this.#windowMs);
  }
  flush() {
    clearTimeout(this.#timer);
    this.#timer = void 0;
    const reports = [
      ...this.#combined.values()
    ];
    this.#combined.clear();
    for (const report of reports) this.#send(report);
  }
  #send(report) {
    try {
      this.#emit(Object.freeze(report));
    } catch {
    }
  }
};
function sum(a, b) {
  return {
    ...a,
    bytesSent: a.bytesSent + b.bytesSent,
    bytesReceived: a.bytesReceived + b.bytesReceived,
    durationMs: Math.max(a.durationMs, b.durationMs),
    count: a.count + b.count
  };
}

// src/egress/dialing/resolver.ts
import { lookup } from "node:dns/promises";
var MAX_ADDRESSES = 64;
var Resolver = class {
  #resolve;
  #options;
  #pending = /* @__PURE__ */ new Map();
  #waiting = [];
  #running = 0;
  constructor(options) {
    this.#options = options;
    this.#resolve = options.resolve ?? lookupAll;
  }
  async addresses(host, ms, signal) {
    const late = () => new Refusal(504, `the name "${host}" was not resolved in time`);
    let texts;
    try {
      texts = await within(ms, signal, late, () => this.#shared(host));
    } catch (error) {
      if (error instanceof Refusal || signal.aborted) throw error;
      throw lookupRefusal(host, error);
    }
    return texts.slice(0, MAX_ADDRESSES).map((text) => parseIpv4(text) ?? parseIpv6(text)).filter((address) => address !== void 0);
  }
  #shared(host) {
    const known = this.#pending.get(host);
    if (known !== void 0) return known;
    if (this.#pending.size >= this.#options.maxPending) {
      return Promise.reject(new Refusal(503, "too many names are being resolved"));
    }
    const lookup2 = this.#lookup(host).finally(() => this.#pending.delete(host));
    lookup2.catch(() => {
    });
    this.#pending.set(host, lookup2);
    return lookup2;
  }
  async #lookup(host) {
    while (this.#running >= this.#options.maxLookups) {
      await new Promise((resolve) => this.#waiting.push(resolve));
    }
    this.#running++;
    try {
      return await this.#resolve(host);
    } finally {
      this.#running--;
      this.#waiting.shift()?.();
    }
  }
};
async function lookupAll(host) {
  return (await lookup(host, {
    all: true
  })).map(({ address }) => address);
}
function lookupRefusal(host, error) {
  const { code, message } = error;
  const short = `the name "${host}" could not be resolved`;
  const why = code === "EPERM" ? "the host process may not: it needs --allow-net for the granted names" : String(code ?? message ?? error);
  return new Refusal(502, short, {
    reason: `${short}: ${why}`,
    cause: error
  });
}

// src/egress/tuning.ts
var DEFAULT_TUNING = Object.freeze({
  /** How long a plugin may take to send the head of a request, in milliseconds. */
  headMs: 1e4,
  /** How long resolving may take, and how long connecting, in milliseconds. */
  dialMs: 1e4,
  /** How long no byte may move, in milliseconds. */
  idleMs: 5 * 6e4,
  /** How long a refused or answered request is read further, in milliseconds. */
  lingerMs: 1e3,
  /** How many lookups run at once. */
  maxLookups: 16,
  /** How many connections are taken at once before they are paced, and how many a second after that. */
  acceptBurst: 1e3,
  acceptsPerSecond: 500,
  /** How many connections a refused one counts as. */
  refusalCost: 10,
  /** How many reports are made one by one before they are combined, and how many a second after that. */
  reportBurst: 64,
  reportsPerSecond: 16,
  /** How long reports are combined, in milliseconds. */
  reportWindowMs: 1e3
});

// src/egress/proxy.ts
var GIB = 1024 ** 3;
async function openEgressProxy(options, tuning = {}) {
  const { plugin, socketPath, maxConnections, maxBytesPerConnection = GIB } = options;
  for (const [name, value] of Object.entries({
    maxConnections,
    maxBytesPerConnection
  })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`Cannot open an egress proxy with ${name} ${value}: must be 1 or more`);
    }
  }
  const allowList = new AllowList(plugin, options.grants);
  const head = `Cannot open the egress proxy of plugin "${plugin}"`;
  const details = {
    plugin,
    socketPath
  };
  const bytes = new TextEncoder().encode(socketPath).length;
  if (bytes > MAX_SOCKET_PATH_BYTES) {
    const why = `the path of its socket has ${bytes} bytes, over ${MAX_SOCKET_PATH_BYTES}`;
    throw new SallyportError("bad-config", `${head}: ${why}`, {
      hint: "Choose a shorter dataDir, or a shorter folder for temporary files (TMPDIR)",
      details
    });
  }
  let listener;
  try {
    listener = Deno.listen({
      transport: "unix",
      path: socketPath
    });
    await Deno.chmod(socketPath, 384);
  } catch (cause) {
    listener?.close();
    if (listener !== void 0) await Deno.remove(socketPath).catch(() => {
    });
    const why = cause instanceof Error ? cause.message : cause;
    throw new SallyportError("launch-failed", `${head}: ${why}`, {
      hint: "The host needs --allow-read, --allow-write and --allow-net for the socket",
      details,
      cause
    });
  }
  const bounds = {
    ...DEFAULT_TUNING,
    ...tuning
  };
  return new EgressProxy(listener, {
    ...options,
    maxBytesPerConnection
  }, allowList, bounds);
}
var EgressProxy = class {
  socketPath;
  #listener;
  #maxConnections;
  #context;
  #reports;
  #pace;
  #closing = new AbortController();
  #running = /* @__PURE__ */ new Set();
  #accepting;
  #closed;
  constructor(listener, options, allowList, tuning) {
    const { maxConnections, resolve } = options;
    this.socketPath = options.socketPath;
    this.#listener = listener;
    this.#maxConnections = maxConnections;
    this.#reports = new Reports((report) => options.onConnection(report), tuning);
    this.#pace = new Pace(tuning.acceptBurst, tuning.acceptsPerSecond);
    this.#context = {
      allowList,
      resolver: new Resolver({
        resolve,
        maxLookups: tuning.maxLookups,
        maxPending: Math.max(maxConnections, tuning.maxLookups)
      }),
      maxBytes: options.maxBytesPerConnection,
      tuning,
      signal: this.#closing.signal
    };
    this.#accepting = this.#accept();
  }
  get open() {
    return this.#running.size;
  }
  [Symbol.asyncDispose]() {
    return this.#closed ??= this.#close();
  }
  async #close() {
    this.#closing.abort();
    this.#listener.close();
    await this.#accepting;
    await Promise.all(this.#running);
    this.#reports.flush();
    try {
      await Deno.remove(this.socketPath);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  async #accept() {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      let waitMs;
      try {
        const client = await this.#listener.accept();
        this.#pace.take(1);
        if (this.#running.size >= this.#maxConnections) await this.#turnAway(client);
        else this.#start(client);
        waitMs = this.#pace.waitMs;
      } catch {
        waitMs = 100;
      }
      if (waitMs > 0) await sleep(waitMs, void 0, {
        signal
      }).catch(() => {
      });
    }
  }
  #start(client) {
    const handler = new EgressConnectionHandler(client, this.#context);
    const running = handler.run().then((report) => this.#done(report)).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
  #done(report) {
    if (report.address === void 0) this.#pace.take(this.#context.tuning.refusalCost - 1);
    this.#reports.add(report);
  }
  async #turnAway(client) {
    const reason = `more than ${this.#maxConnections} connections at once`;
    try {
      await writeAll(client, refusalResponse(new Refusal(503, reason)));
    } catch {
    } finally {
      closeQuietly(client);
    }
    const none = {
      host: "",
      port: 0,
      address: void 0,
      bytesSent: 0,
      bytesReceived: 0
    };
    this.#done({
      ...none,
      allowed: false,
      reason,
      durationMs: 0,
      count: 1
    });
  }
};
export {
  EgressProxy,
  openEgressProxy
};
