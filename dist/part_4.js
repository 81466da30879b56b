// Made by `deno task build` from src/; do not edit.
import {
  SALLYPORT_ERROR_CODES,
  SallyportError,
  escapeText,
  readThrown
} from "./part_6.js";

// src/io/system_error.ts
var HINTS = {
  EACCES: "Let the host's user read and write it",
  EPERM: "Let the host's user read and write it",
  EROFS: "It is mounted read-only: mount it for writing, or choose another folder",
  ENOSPC: "Free space on its file system, then try again",
  EDQUOT: "Free space within the user's quota, then try again",
  ENOENT: "Something has removed it: keep the host's folder from whatever cleans up",
  EMFILE: "Raise the host's limit of open files (`ulimit -n`, or LimitNOFILE= in its unit)",
  ENFILE: "The machine has no open files left: end what holds them",
  ENAMETOOLONG: "Choose a shorter path",
  ENOMEM: "The machine has no memory left: end what holds it, or raise the limit of the host's cgroup",
  EAGAIN: "Raise the host's limit of processes (`ulimit -u`, or pids.max of its cgroup)",
  EIO: "The disk does not work: see the kernel's log (`dmesg`)"
};
var SHORTAGES = /* @__PURE__ */ new Set([
  "EMFILE",
  "ENFILE",
  "ENOSPC",
  "EDQUOT",
  "ENOMEM",
  "EAGAIN",
  "EIO"
]);
function systemCode(error) {
  for (let depth = 0; depth < 8 && error instanceof Error; depth++) {
    const { code } = error;
    if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code;
    error = error.cause;
  }
  return void 0;
}
function isShortage(error) {
  return SHORTAGES.has(systemCode(error) ?? "");
}
function systemHint(error) {
  const code = systemCode(error);
  return code !== void 0 && Object.hasOwn(HINTS, code) ? HINTS[code] : void 0;
}
function ownError(error, action, options = {}) {
  const first = firstOf(error);
  if (first instanceof SallyportError) return first;
  if (first instanceof TypeError || first instanceof RangeError) return first;
  const { code = "bad-config", signal } = options;
  if (signal?.aborted && first === signal.reason) {
    return new SallyportError("cancelled", `Cannot ${action}: it was cancelled`, {
      cause: first
    });
  }
  const { message } = readThrown(first);
  return new SallyportError(code, `Cannot ${action}: ${escapeText(message)}`, {
    cause: error,
    hint: systemHint(first) ?? (first instanceof Deno.errors.NotCapable ? "Run it with the permission that it names, or with -A" : "See the cause")
  });
}
async function asOwn(action, act, signal) {
  try {
    return await act();
  } catch (error) {
    throw ownError(error, action, {
      signal
    });
  }
}
function firstOf(error) {
  for (let depth = 0; depth < 16; depth++) {
    if (error instanceof SuppressedError) error = error.suppressed;
    else if (error instanceof AggregateError && error.errors.length > 0) error = error.errors[0];
    else break;
  }
  return error;
}

// src/io/own_session.ts
import { isAbsolute } from "node:path";
var OWN_SESSION = {
  detached: Deno.build.os !== "windows"
};
var SETSID_PATHS = [
  "/usr/bin/setsid",
  "/bin/setsid"
];
var setsid;
function inOwnSession(command, args) {
  setsid ??= Deno.build.os === "linux" ? SETSID_PATHS.find(isProgram) ?? null : null;
  if (setsid === null || !isAbsolute(command) || !isProgram(command) || !mayRun(setsid, command)) {
    return {
      command,
      args: [
        ...args
      ],
      ...OWN_SESSION
    };
  }
  return {
    command: setsid,
    args: [
      command,
      ...args
    ],
    detached: false
  };
}
function mayRun(...commands) {
  return commands.every((command) => Deno.permissions.querySync({
    name: "run",
    command
  }).state === "granted");
}
function isProgram(path) {
  if (Deno.permissions.querySync({
    name: "read",
    path
  }).state !== "granted") return false;
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && (mode ?? 0) % 2 === 1;
  } catch {
    return false;
  }
}

// src/process/stderr_tail.ts
var MAX_LINE_BYTES = 2e3;
var LINE_FEED = 10;
var WINDOW_MS = 1e3;
var SLICE_MS = 50;
var StderrTail = class {
  /** Settles when the stream has ended or was released. */
  done;
  #reader;
  /** The end of what was written, copied: a chunk of the runtime keeps a whole read buffer alive. */
  #ring;
  #total = 0;
  #onLine;
  #maxLines;
  #line = new Uint8Array(MAX_LINE_BYTES);
  #lineLength = 0;
  #hasLine = false;
  #windowStart = -Infinity;
  #windowLines = 0;
  #suppressed = 0;
  /** Those of the windows before. */
  #suppressedBefore = 0;
  #timer;
  #maxSliceBytes;
  #sliceStart = -Infinity;
  #sliceBytes = 0;
  /** Ends a pause of the reading, where there is one. */
  #resume = () => {
  };
  #released = false;
  /** Starts draining a stream. */
  constructor(stream, options = {}) {
    this.#reader = stream.getReader();
    this.#ring = new Uint8Array(options.maxBytes ?? 8192);
    this.#maxLines = options.maxLinesPerSecond ?? 100;
    this.#maxSliceBytes = (options.maxBytesPerSecond ?? 32 * 1024 * 1024) * SLICE_MS / 1e3;
    this.#onLine = options.onLine;
    this.done = this.#drain();
  }
  /** How many bytes the child has written. */
  get totalBytes() {
    return this.#total;
  }
  /** How many lines the rate limit has held back so far. */
  get suppressedLines() {
    return this.#suppressedBefore + this.#suppressed;
  }
  /** Gets the end of what was written, control characters escaped but for line ends. */
  text() {
    const size = this.#ring.length;
    const kept = Math.min(this.#total, size);
    const start = (this.#total - kept) % size;
    const bytes = new Uint8Array(kept);
    const first = this.#ring.subarray(start, Math.min(start + kept, size));
    bytes.set(first);
    bytes.set(this.#ring.subarray(0, kept - first.length), first.length);
    return new TextDecoder().decode(bytes).split(/\r?\n/).map((line) => escapeText(line, size)).join("\n").trimEnd();
  }
  /** Stops reading; a grandchild that holds the pipe open cannot keep the host waiting. */
  async release() {
    this.#released = true;
    this.#resume();
    await this.#reader.cancel().catch(() => {
    });
    await this.done;
  }
  async #drain() {
    try {
      while (true) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        this.#keep(value);
        if (this.#onLine !== void 0) this.#split(value);
        await this.#pace(value.length);
      }
    } catch {
    }
    if (this.#hasLine) this.#emit();
    this.#endWindow();
  }
  /** Waits for the end of this slice of time when all its bytes were read. */
  async #pace(bytes) {
    const now2 = performance.now();
    if (now2 - this.#sliceStart >= SLICE_MS) {
      this.#sliceStart = now2;
      this.#sliceBytes = 0;
    }
    this.#sliceBytes += bytes;
    if (this.#sliceBytes < this.#maxSliceBytes || this.#released) return;
    await new Promise((resolve) => {
      const timer = setTimeout(() => this.#resume(), this.#sliceStart + SLICE_MS - now2);
      this.#resume = () => {
        clearTimeout(timer);
        this.#resume = () => {
        };
        resolve();
      };
    });
  }
  #keep(chunk) {
    const size = this.#ring.length;
    const part = chunk.subarray(Math.max(0, chunk.length - size));
    const at = (this.#total + chunk.length - part.length) % size;
    const room = size - at;
    this.#ring.set(part.subarray(0, room), at);
    this.#ring.set(part.subarray(room), 0);
    this.#total += chunk.length;
  }
  #split(chunk) {
    for (let from = 0; from < chunk.length; ) {
      if (this.#timer !== void 0 && this.#windowLines >= this.#maxLines) {
        this.#suppressed += countLines(chunk, from);
        this.#lineLength = 0;
        this.#hasLine = chunk.at(-1) !== LINE_FEED;
        return;
      }
      const found = chunk.indexOf(LINE_FEED, from);
      const end = found < 0 ? chunk.length : found;
      const part = chunk.subarray(from, Math.min(end, from + MAX_LINE_BYTES - this.#lineLength));
      this.#line.set(part, this.#lineLength);
      this.#lineLength += part.length;
      this.#hasLine = true;
      if (found >= 0) this.#emit();
      from = end + 1;
    }
  }
  #emit() {
    if (performance.now() - this.#windowStart >= WINDOW_MS) {
      this.#endWindow();
      this.#windowStart = performance.now();
    }
    this.#windowLines++;
    if (this.#windowLines === this.#maxLines) {
      const left = WINDOW_MS - (performance.now() - this.#windowStart);
      this.#timer = setTimeout(() => this.#endWindow(), Math.max(0, left));
    }
    const line = new TextDecoder().decode(this.#line.subarray(0, this.#lineLength));
    this.#lineLength = 0;
    this.#hasLine = false;
    this.#tell(escapeText(line.replace(/\r$/, "")));
  }
  /** Begins to count anew, and tells what the rate has held back. */
  #endWindow() {
    clearTimeout(this.#timer);
    this.#timer = void 0;
    this.#windowLines = 0;
    this.#windowStart = -Infinity;
    const lines = this.#suppressed;
    this.#suppressedBefore += lines;
    this.#suppressed = 0;
    if (lines > 0) this.#tell(`(${lines} more lines suppressed by the rate limit)`);
  }
  #tell(line) {
    try {
      this.#onLine?.(line);
    } catch {
    }
  }
};
function countLines(chunk, from) {
  let count = 0;
  for (let at = from; at < chunk.length; at++) if (chunk[at] === LINE_FEED) count++;
  return count;
}

// src/process/child.ts
function startChild(command, options = {}) {
  let process;
  try {
    const { command: program, args, detached } = inOwnSession(command.command, command.args);
    process = new Deno.Command(program, {
      args,
      detached,
      env: {
        ...command.env
      },
      cwd: command.cwd,
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped"
    }).spawn();
  } catch (cause) {
    throw new SallyportError("launch-failed", `Cannot start "${command.command}": ${cause instanceof Error ? cause.message : cause}`, {
      cause,
      hint: cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotCapable ? "Check that the file exists and that the host has --allow-run for it" : systemHint(cause) ?? "See the cause"
    });
  }
  const stderr = new StderrTail(process.stderr, options);
  let status;
  const exited = process.status.then(({ code, signal }) => status = {
    code,
    signal
  });
  return {
    pid: process.pid,
    process,
    stderr,
    exited,
    get status() {
      return status;
    },
    kill(signal) {
      if (status !== void 0) return;
      try {
        process.kill(signal);
      } catch {
      }
    }
  };
}

// src/process/stop.ts
async function settledWithin(promise, timeoutMs) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([
      promise.then(() => true, () => true),
      late
    ]);
  } finally {
    clearTimeout(timer);
  }
}
async function stopChild(child, options = {}) {
  const { shutdownMs = 2e3, graceMs = 1e3 } = options;
  const end = async (step) => {
    const status = await child.exited;
    await child.stderr.release();
    return {
      ...status,
      step
    };
  };
  if (child.status !== void 0) return await end("exited");
  if (options.shutdown !== void 0 && shutdownMs > 0) {
    await settledWithin(Promise.race([
      Promise.try(options.shutdown),
      child.exited
    ]), shutdownMs);
    if (child.status !== void 0) return await end("shutdown");
  }
  if (options.endInput !== void 0) {
    Promise.try(options.endInput).catch(() => {
    });
    if (await settledWithin(child.exited, graceMs)) return await end("stdin");
  }
  child.kill("SIGTERM");
  if (await settledWithin(child.exited, graceMs)) return await end("SIGTERM");
  child.kill("SIGKILL");
  return await end("SIGKILL");
}

// src/rpc/wire/violation.ts
function violation(what, details) {
  return new SallyportError("protocol-violation", `Protocol violation: ${what}`, {
    hint: "The peer sent what the wire protocol forbids and was cut off; do not run it again as it is",
    ...details ? {
      details
    } : {}
  });
}
function shownMethod(method) {
  return method.replace(/[^\w$/.:-]/g, "?").slice(0, 60);
}

// src/rpc/calls/backlog.ts
var ERROR_BYTES = 1024 * 1024;
var Backlog = class {
  #outbox;
  #shared;
  #limits;
  #options;
  constructor(outbox, shared, limits, options) {
    this.#outbox = outbox;
    this.#shared = shared;
    this.#limits = limits;
    this.#options = options;
  }
  /** Whether so much is queued that this end starts no further request. */
  get isFull() {
    const { role, highWaterBytes } = this.#options;
    const lent = role === "plugin" ? this.#shared.lentBytes : 0;
    return this.#outbox.queuedBytes + lent >= highWaterBytes;
  }
  /** Whether the peer's requests have to wait; the host's end refuses results instead. */
  get holdsUp() {
    return this.#options.role === "plugin" && this.isFull;
  }
  /** Bytes of a result that there is room for. */
  get room() {
    return this.#max - this.#outbox.queuedBytes;
  }
  /** The `protocol-violation` of a peer that leaves far too much unread. */
  get breach() {
    const max = this.#max + ERROR_BYTES;
    if (this.#outbox.queuedBytes <= max) return void 0;
    return violation(`more than ${max} bytes wait that the peer does not read`);
  }
  /** Two of the longest messages fit, so that one does not block those behind it. */
  get #max() {
    return Math.max(this.#options.maxQueuedBytes, 2 * this.#limits.maxMessageBytes);
  }
};

// src/rpc/wire/limits.ts
var MAX_BINARY_PARTS = 1024;
var MAX_TEXT_PARTS = 256;
var DEFAULT_MESSAGE_LIMITS = Object.freeze({
  maxMessageBytes: 16 * 1024 * 1024,
  maxDepth: 128,
  maxNodes: 2e6
});
var MAX_VALUE_DEPTH = 120;
var encoder = new TextEncoder();
function tooLong(line, maxBytes) {
  if (line.length * 3 <= maxBytes) return false;
  return line.length - 1 > maxBytes || encoder.encode(line).length - 1 > maxBytes;
}
function tooLongError(maxMessageBytes) {
  return new SallyportError("limit-exceeded", `Cannot send a message: it has more than the ${maxMessageBytes} bytes that are allowed`, {
    hint: "Send less at once, or raise the limit messageBytes in plugin.json, and in the policy if it is lower there",
    details: {
      maxMessageBytes
    }
  });
}

// src/rpc/wire/utf8.ts
var strictly = new TextDecoder("utf-8", {
  fatal: true,
  ignoreBOM: true
});
var decodeStrictly = strictly.decode.bind(strictly);
var loosely = new TextDecoder("utf-8", {
  ignoreBOM: true
});
var decodeLoosely = loosely.decode.bind(loosely);
var REPLACEMENT = "\uFFFD";
function decodeUtf8(bytes) {
  const text = decodeLoosely(bytes);
  return text.includes(REPLACEMENT) ? decodeStrictly(bytes) : text;
}

// src/rpc/wire/binary.ts
var { stringify } = JSON;
var { isArray } = Array;
var { isView } = ArrayBuffer;
var { keys: ownKeys, hasOwn } = Object;
var LONG_TEXT = 32 * 1024;
var OWN = Symbol("own");
var FREED_BYTES = 64 * 1024;
var encoder2 = new TextEncoder();
var encode = encoder2.encode.bind(encoder2);
var { apply } = Reflect;
var { isWellFormed } = String.prototype;
var { transfer } = ArrayBuffer.prototype;
var Bytes = Uint8Array;
function look(value, depth) {
  if (typeof value === "string") return value.length > LONG_TEXT ? 1 : 0;
  if (typeof value !== "object" || value === null) return 0;
  if (isView(value) || value instanceof ArrayBuffer) {
    if (value instanceof Uint8Array) return 2;
    throw new TypeError("Cannot send a value: of the binary types only Uint8Array can be sent; make one over its buffer");
  }
  if (depth >= MAX_VALUE_DEPTH) {
    throw new TypeError(`Cannot send a value: it is nested deeper than ${MAX_VALUE_DEPTH} levels, or refers to itself`);
  }
  let holds = 0;
  if (isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const found = look(value[i], depth + 1);
      if (found === 2) return found;
      if (found > holds) holds = found;
    }
    return holds;
  }
  const record = value;
  for (const name in record) {
    const child = record[name];
    if (typeof child !== "string" && (typeof child !== "object" || child === null)) continue;
    const found = look(child, depth + 1);
    if (found === 2) return found;
    if (found > holds) holds = found;
  }
  return holds;
}
function encodeValue(value, absent) {
  const holds = look(value, 0);
  if (holds !== 0) {
    const encoded = encodeParts(value, absent);
    if (encoded !== void 0) return encoded;
    if (holds === 2) {
      throw new TypeError('Cannot send a value: beside byte arrays no member may be named "$bin"');
    }
  }
  return {
    text: stringify(value) ?? absent,
    raw: void 0
  };
}
function encodeParts(value, absent) {
  const raw = [];
  const markers = /* @__PURE__ */ new Set();
  let isAmbiguous = false;
  const mark = (bytes, marker) => {
    raw[raw.length] = bytes;
    markers.add(marker);
    return marker;
  };
  const text = stringify(value, function(name, given) {
    const held = this[name];
    if (held instanceof Uint8Array) return mark(held, {
      $bin: raw.length
    });
    if (typeof given === "string") {
      if (given.length <= LONG_TEXT || raw.length >= MAX_TEXT_PARTS) return given;
      if (!apply(isWellFormed, given, [])) return given;
      return mark(own(encode(given)), {
        $bin: raw.length,
        as: "text"
      });
    }
    if (typeof given === "object" && given !== null && hasOwn(given, "$bin")) {
      if (!markers.has(given)) isAmbiguous = true;
    }
    return given;
  });
  if (isAmbiguous) return void 0;
  if (raw.length > MAX_BINARY_PARTS) {
    throw new TypeError(`Cannot send a value: it holds more than ${MAX_BINARY_PARTS} byte arrays`);
  }
  return {
    text: text ?? absent,
    raw: raw.length > 0 ? raw : void 0
  };
}
function keep(part) {
  return part[OWN] === true ? part : own(new Bytes(part));
}
function free(part) {
  if (part[OWN] !== true || part.length < FREED_BYTES) return;
  apply(transfer, part.buffer, [
    0
  ]);
}
function own(bytes) {
  bytes[OWN] = true;
  return bytes;
}
function rawLength(raw) {
  let sum = 0;
  if (raw) {
    for (let i = 0; i < raw.length; i++) sum += raw[i].length;
  }
  return sum;
}
function insertBytes(value, raw) {
  const used = new Uint8Array(raw.length);
  const resolve = (child) => {
    if (typeof child !== "object" || child === null || !hasOwn(child, "$bin")) return child;
    const { $bin: index, as } = child;
    const members = as === "text" ? 2 : 1;
    if (ownKeys(child).length !== members || typeof index !== "number" || raw[index] === void 0 || used[index] === 1) throw violation('a "$bin" marker is malformed, out of range or repeated');
    used[index] = 1;
    return as === "text" ? readText(raw[index]) : raw[index];
  };
  const root = {
    value
  };
  let level = [
    root
  ];
  while (level.length > 0) {
    const next = [];
    for (const container of level) {
      for (const name of ownKeys(container)) {
        const child = resolve(container[name]);
        container[name] = child;
        if (typeof child === "object" && child !== null && !isView(child)) next.push(child);
      }
    }
    level = next;
  }
  if (used.includes(0)) throw violation('a byte array announced in "$bin" has no marker');
  return root.value;
}
function readText(bytes) {
  try {
    return decodeUtf8(bytes);
  } catch {
    throw violation("a text behind a line is not valid UTF-8");
  }
}

// src/rpc/flow/clock.ts
var now = performance.now.bind(performance);

// src/rpc/flow/fifo.ts
var MIN_GAP = 1024;
var Fifo = class {
  #items = [];
  #from = 0;
  get size() {
    return this.#items.length - this.#from;
  }
  push(item) {
    this.#items[this.#items.length] = item;
  }
  shift() {
    if (this.size === 0) return void 0;
    const item = this.#items[this.#from];
    this.#items[this.#from++] = void 0;
    if (this.#from * 2 >= this.#items.length + MIN_GAP) {
      this.#items.splice(0, this.#from);
      this.#from = 0;
    } else if (this.size === 0) this.clear();
    return item;
  }
  values() {
    return this.#items.slice(this.#from);
  }
  clear() {
    this.#items = [];
    this.#from = 0;
  }
};

// src/rpc/wire/control.ts
function malformed(method) {
  return violation(`the params of "${method}" are malformed`);
}
function readParams(message, name) {
  const params = message.value;
  if (typeof params !== "object" || params === null) throw malformed(message.method);
  const names2 = Object.keys(params);
  if (names2.length !== (name === void 0 ? 1 : 2) || !Object.hasOwn(params, "id")) {
    throw malformed(message.method);
  }
  if (name !== void 0 && !Object.hasOwn(params, name)) throw malformed(message.method);
  return params;
}
function readId(message) {
  const id = message.value?.id;
  if (!Number.isSafeInteger(id) || id <= 0) throw malformed(message.method);
  return id;
}

// src/rpc/wire/json_check.ts
var { isArray: isArray2 } = Array;
var { keys: ownKeys2 } = Object;
function checkParsed(root, limits) {
  let level = [
    root
  ];
  let nodes = 0;
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > limits.maxDepth) {
      throw violation(`a message is nested deeper than ${limits.maxDepth} levels`);
    }
    const next = [];
    for (let i = 0; i < level.length; i++) {
      nodes += collectChildren(level[i], next);
      if (nodes > limits.maxNodes) {
        throw violation(`a message holds more than ${limits.maxNodes} values`);
      }
    }
    level = next;
  }
}
function collectChildren(container, next) {
  if (isArray2(container)) {
    for (let i = 0; i < container.length; i++) {
      const child = container[i];
      if (typeof child === "object" && child !== null) next[next.length] = child;
    }
    return container.length;
  }
  const record = container;
  const names2 = ownKeys2(record);
  for (let i = 0; i < names2.length; i++) {
    const name = names2[i];
    const child = record[name];
    if (name === "__proto__") delete record[name];
    else if (typeof child === "object" && child !== null) next[next.length] = child;
  }
  return names2.length;
}
function mayHoldProto(text) {
  return text.includes("__proto__") || text.includes("\\u");
}
function isShort(text, limits) {
  return text.length <= 2 * limits.maxDepth && text.length <= limits.maxNodes;
}

// src/rpc/wire/parts.ts
var SharedPart = class {
  length;
  offset;
  constructor(length, offset) {
    this.length = length;
    this.offset = offset;
  }
};
function announce(parts) {
  return parts.map((part) => part instanceof SharedPart ? `[${part.length},${part.offset}]` : String(part.length)).join();
}
function behindLine(parts) {
  const raw = [];
  for (const part of parts) if (!(part instanceof SharedPart)) raw[raw.length] = part;
  return raw.length === 0 ? void 0 : raw;
}

// src/rpc/wire/message.ts
var { parse, stringify: stringify2 } = JSON;
var { isArray: isArray3 } = Array;
var { isSafeInteger } = Number;
var { hasOwn: hasOwn2, keys: ownKeys3 } = Object;
var WIRE_CODES = Object.freeze({
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** RequestCancelled of the Language Server Protocol. */
  cancelled: -32800,
  /** An error of ours, outside the reserved range; `data.code` says which. */
  own: 1e3
});
function parseMessage(line, limits = DEFAULT_MESSAGE_LIMITS, harmless = false) {
  const text = typeof line === "string" ? line : decodeLine(line);
  let value;
  try {
    value = parse(text);
  } catch (error) {
    throw violation(`a line is not JSON: ${escapeText(text, 60)}`, {
      reason: escapeText(error.message, 200)
    });
  }
  if (typeof value !== "object" || value === null) {
    throw violation(`a line is JSON but not an object: ${escapeText(text, 60)}`);
  }
  if (isArray3(value)) {
    throw violation("a line is an array, and batches are not part of the protocol");
  }
  if (!isShort(text, limits) || !harmless && mayHoldProto(text)) checkParsed(value, limits);
  return readEnvelope(value, limits);
}
function decodeLine(bytes) {
  try {
    return decodeUtf8(bytes);
  } catch {
    throw violation("a line is not valid UTF-8");
  }
}
function readEnvelope(record, limits) {
  let id, method, params, result, error;
  let jsonrpc, bin;
  for (const name in record) {
    const value = record[name];
    if (name === "jsonrpc") jsonrpc = value;
    else if (name === "id") id = value;
    else if (name === "method") method = value;
    else if (name === "params") params = value;
    else if (name === "result") result = value;
    else if (name === "error") error = value;
    else if (name === "$bin") bin = value;
    else if (hasOwn2(record, name)) {
      throw violation(`a message has the unknown member "${escapeText(name, 60)}"`);
    }
  }
  if (jsonrpc !== "2.0") throw violation('a message has no "jsonrpc": "2.0"');
  if (id !== void 0 && !(isSafeInteger(id) && id > 0)) {
    throw violation(`an id is not a positive integer: ${escapeText(stringify2(id), 60)}`);
  }
  const message = {
    kind: "request",
    id: id === void 0 ? 0 : id,
    method: "",
    value: params,
    error: void 0,
    bin: bin === void 0 ? void 0 : readLengths(bin, limits)
  };
  if (method !== void 0) {
    if (typeof method !== "string") throw violation("a method is not a string");
    if (result !== void 0 || error !== void 0) {
      throw violation('a message has both "method" and an answer');
    }
    if (params !== void 0 && (typeof params !== "object" || params === null)) {
      throw violation(`the params of "${escapeText(method, 60)}" are neither an object nor an array`);
    }
    message.method = method;
    if (id === void 0) message.kind = "notification";
    return message;
  }
  if (params !== void 0) throw violation('a message has "params" but no "method"');
  if (id === void 0) throw violation("an answer has no id");
  if (result === void 0 === (error === void 0)) {
    throw violation(`the answer to ${id} has ${error === void 0 ? "neither" : "both"} result and error`);
  }
  message.kind = error === void 0 ? "result" : "error";
  message.value = result;
  if (error !== void 0) message.error = readWireError(error, message.id);
  return message;
}
function readLengths(bin, limits) {
  if (!isArray3(bin) || bin.length === 0) throw violation('"$bin" is not a list of lengths');
  if (bin.length > MAX_BINARY_PARTS) {
    throw violation(`"$bin" announces more than ${MAX_BINARY_PARTS} byte arrays`);
  }
  let sum = 0;
  for (const part of bin) {
    const length = isArray3(part) && isPlace(part) ? part[0] : part;
    if (!isSafeInteger(length) || length < 0) throw violation('"$bin" holds what is not a length');
    sum += length;
    if (sum > limits.maxMessageBytes) {
      throw violation(`"$bin" announces more than ${limits.maxMessageBytes} bytes`);
    }
  }
  return bin;
}
function isPlace(part) {
  const [length, offset] = part;
  return part.length === 2 && length !== 0 && isSafeInteger(offset) && offset >= 0;
}
function readWireError(error, id) {
  if (typeof error !== "object" || error === null || isArray3(error)) {
    throw violation(`the error in the answer to ${id} is not an object`);
  }
  let code, message, data;
  for (const name of ownKeys3(error)) {
    const value = error[name];
    if (name === "code") code = value;
    else if (name === "message") message = value;
    else if (name === "data") data = value;
    else {
      throw violation(`the error in the answer to ${id} has the unknown member "${escapeText(name, 60)}"`);
    }
  }
  if (!isSafeInteger(code) || typeof message !== "string") {
    throw violation(`the error in the answer to ${id} lacks an integer code or a message`);
  }
  return {
    code,
    message,
    data
  };
}
function lengthsMember(raw) {
  return raw === void 0 ? "" : `,"$bin":[${announce(raw)}]`;
}
var quotedMethod = "";
var quoted = "";
function quote(method) {
  if (method !== quotedMethod || quoted === "") {
    quotedMethod = method;
    quoted = stringify2(method);
  }
  return quoted;
}
function requestLine(id, method, params, raw) {
  const rest = params === "" ? "" : `,"params":${params}`;
  return `{"jsonrpc":"2.0","id":${id},"method":${quote(method)}${rest}${lengthsMember(raw)}}
`;
}
function notificationLine(method, params, raw) {
  const rest = params === "" ? "" : `,"params":${params}`;
  return `{"jsonrpc":"2.0","method":${quote(method)}${rest}${lengthsMember(raw)}}
`;
}
function resultLine(id, result, raw) {
  return `{"jsonrpc":"2.0","id":${id},"result":${result}${lengthsMember(raw)}}
`;
}
function errorLine(id, error) {
  return `{"jsonrpc":"2.0","id":${id},"error":${stringify2(error)}}
`;
}

// src/rpc/wire/error_parts.ts
var MAX_DEPTH = 4;
var MAX_PARTS = 16;
var MAX_NAME = 100;
var MAX_MESSAGE = 1e3;
var MAX_STACK = 2e3;
function readErrorParts(details) {
  return readParts(details, (value) => {
    const { name, message, stack } = recordOf(value);
    return [
      escapeText(textOf(name, MAX_NAME) || "Error", MAX_NAME),
      escapeText(textOf(message, MAX_MESSAGE), MAX_MESSAGE),
      escapeLines(textOf(stack, MAX_STACK))
    ];
  }, (value) => {
    const record = recordOf(value);
    const own2 = (name) => Object.hasOwn(record, name) ? record[name] : void 0;
    const cause = own2("cause");
    return {
      cause: isRecord(cause) ? cause : void 0,
      errors: own2("errors")
    };
  });
}
function readParts(error, read, inner) {
  const room = {
    left: MAX_PARTS
  };
  const part = (value, depth) => {
    const [name, message, stack] = read(value);
    return {
      name,
      message,
      ...stack === "" ? {} : {
        stack
      },
      ...parts(value, depth)
    };
  };
  const parts = (value, depth) => {
    if (depth === 0) return {};
    try {
      const { cause, errors } = inner(value);
      return {
        ...cause === void 0 || room.left-- <= 0 ? {} : {
          cause: part(cause, depth - 1)
        },
        ...Array.isArray(errors) ? {
          errors: take(errors, room).map((each) => part(each, depth - 1))
        } : {}
      };
    } catch {
      return {};
    }
  };
  return parts(error, MAX_DEPTH);
}
function causeOf({ cause, errors }, message) {
  if (cause !== void 0) return errorOf(cause);
  return errors && named(new AggregateError(errors.map(errorOf), message), {
    name: "AggregateError",
    message
  });
}
function escapeLines(text) {
  return text.split("\n").map((line) => escapeText(line)).join("\n");
}
function errorOf(part) {
  const { message, errors } = part;
  const cause = causeOf({
    cause: part.cause
  }, message);
  const options = cause === void 0 ? void 0 : {
    cause
  };
  const error = errors === void 0 ? new Error(message, options) : new AggregateError(errors.map(errorOf), message, options);
  return named(error, part);
}
function named(error, { name, message, stack }) {
  Object.defineProperty(error, "name", {
    value: name,
    configurable: true,
    writable: true
  });
  error.stack = `${name}: ${message}${stack === void 0 ? "" : `
    ${stack.replaceAll("\n", "\n    ")}`}`;
  return error;
}
function take(values, room) {
  const taken = values.slice(0, Math.max(0, room.left));
  room.left -= taken.length;
  return taken;
}
function textOf(value, maxLength) {
  return typeof value === "string" ? value.slice(0, maxLength) : "";
}
function recordOf(value) {
  return isRecord(value) ? value : {};
}
function isRecord(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// src/rpc/wire/wire_error.ts
var MAX_MESSAGE_LENGTH = 2e3;
var MAX_STACK_LENGTH = 4e3;
var CODES = new Set(SALLYPORT_ERROR_CODES);
function toWireError(error, role) {
  if (error instanceof SallyportError) {
    const { code, message: message2, details, hint } = error;
    const number = code === "method-not-found" ? WIRE_CODES.methodNotFound : code === "cancelled" ? WIRE_CODES.cancelled : WIRE_CODES.own;
    return {
      code: number,
      message: message2.slice(0, MAX_MESSAGE_LENGTH),
      data: {
        code,
        details,
        ...hint === void 0 ? {} : {
          hint
        }
      }
    };
  }
  if (role === "host") return {
    code: WIRE_CODES.internal,
    message: "The host failed to answer"
  };
  const { name, message } = readThrown(error);
  return {
    code: WIRE_CODES.own,
    message: message.slice(0, MAX_MESSAGE_LENGTH),
    data: {
      code: "plugin-error",
      details: {
        name
      }
    }
  };
}
function fromWireError(error, role, prefix2) {
  const message = escapeText(error.message, MAX_MESSAGE_LENGTH);
  const data = asRecord(error.data);
  if (role === "plugin") {
    const code2 = CODES.has(data.code) ? data.code : fallbackCode(error.code);
    const hint = typeof data.hint === "string" ? {
      hint: data.hint
    } : {};
    return new SallyportError(code2, message, {
      ...hint,
      details: asRecord(data.details)
    });
  }
  const code = fallbackCode(error.code);
  const details = keepText(asRecord(data.details), [
    "name",
    "stack",
    "stage",
    "code"
  ]);
  const parts = readErrorParts(asRecord(data.details));
  return new SallyportError(code, `${prefix2}${message}`, {
    details: {
      ...details,
      ...parts,
      message
    },
    cause: causeOf(parts, message)
  });
}
function fallbackCode(code) {
  if (code === WIRE_CODES.methodNotFound) return "method-not-found";
  if (code === WIRE_CODES.cancelled) return "cancelled";
  return "plugin-error";
}
function asRecord(value) {
  return typeof value === "object" && value !== null ? value : {};
}
function keepText(record, names2) {
  const kept = {};
  for (const name of names2) {
    const value = Object.hasOwn(record, name) ? record[name] : void 0;
    if (typeof value === "string") kept[name] = escapeLines(value.slice(0, MAX_STACK_LENGTH));
  }
  return kept;
}

// src/rpc/wire/safe_map.ts
var SafeMap = class extends Map {
};
var names = [
  "get",
  "set",
  "has",
  "delete",
  "clear",
  "keys",
  "values",
  "entries",
  "size"
];
for (const name of [
  ...names,
  Symbol.iterator
]) {
  Object.defineProperty(SafeMap.prototype, name, Object.getOwnPropertyDescriptor(Map.prototype, name));
}
Object.freeze(SafeMap.prototype);

// src/rpc/calls/id_table.ts
var FIRST_SIZE = 64;
var MAX_SIZE = 8192;
var IdTable = class {
  #ring = new Array(FIRST_SIZE).fill(void 0);
  #inRing = 0;
  #stayed = new SafeMap();
  get size() {
    return this.#inRing + this.#stayed.size;
  }
  get(id) {
    const found = this.#ring[id & this.#ring.length - 1];
    if (found !== void 0 && found.id === id) return found;
    return this.#stayed.size > 0 ? this.#stayed.get(id) : void 0;
  }
  /** Adds what has an id that is not there yet. */
  add(item) {
    let at = item.id & this.#ring.length - 1;
    if (this.#ring[at] !== void 0) {
      if (this.#inRing * 2 >= this.#ring.length && this.#ring.length < MAX_SIZE) this.#grow();
      at = item.id & this.#ring.length - 1;
      const before = this.#ring[at];
      if (before !== void 0) {
        this.#stayed.set(before.id, before);
        this.#inRing--;
      }
    }
    this.#ring[at] = item;
    this.#inRing++;
  }
  delete(id) {
    const at = id & this.#ring.length - 1;
    if (this.#ring[at]?.id !== id) return this.#stayed.size > 0 && this.#stayed.delete(id);
    this.#ring[at] = void 0;
    this.#inRing--;
    return true;
  }
  values() {
    const values = [];
    for (const item of this.#stayed.values()) values[values.length] = item;
    if (this.#inRing === 0) return values;
    for (let i = 0; i < this.#ring.length; i++) {
      const item = this.#ring[i];
      if (item !== void 0) values[values.length] = item;
    }
    return values;
  }
  clear() {
    this.#ring.fill(void 0);
    this.#inRing = 0;
    this.#stayed.clear();
  }
  #grow() {
    const before = this.#ring;
    const size = before.length * 2;
    const ring = new Array(size).fill(void 0);
    for (let i = 0; i < before.length; i++) {
      const item = before[i];
      if (item !== void 0) ring[item.id & size - 1] = item;
    }
    this.#ring = ring;
  }
};

// src/rpc/calls/served_call.ts
var { AbortController: Controller } = globalThis;
var NO_META = Object.freeze({});
var MAX_FIRST_CREDIT = 65536;
var ServedCall = class {
  id;
  meta;
  #wire;
  #controller;
  answered = false;
  aborted = false;
  /** What to begin it with, as long as it waits. */
  waiting;
  writer;
  constructor(id, meta, wire) {
    this.id = id;
    this.meta = meta;
    this.#wire = wire;
  }
  get streaming() {
    return this.writer !== void 0;
  }
  /** Made when first looked at: most handlers never do. */
  get signal() {
    if (this.#controller === void 0) {
      this.#controller = new Controller();
      if (this.aborted) this.#controller.abort(abortReason());
    }
    return this.#controller.signal;
  }
  progress(value) {
    if (this.answered || this.meta.progress !== true) return;
    const { text, raw } = encodeValue(value, "null");
    this.#wire.progressBudget.refill(now());
    if (!this.#wire.progressBudget.take()) return;
    this.#wire.send(notificationLine("$/progress", `{"id":${this.id},"value":${text}}`, raw), raw);
  }
  abort() {
    if (this.aborted) return;
    this.aborted = true;
    this.writer?.stop();
    this.#controller?.abort(abortReason());
  }
};
function abortReason() {
  return new SallyportError("cancelled", "The caller cancelled the call");
}
function readMeta(params) {
  if (typeof params !== "object" || params === null || !Object.hasOwn(params, "_meta")) {
    return NO_META;
  }
  const meta = params._meta;
  if (typeof meta !== "object" || meta === null || Array.isArray(meta)) {
    throw violation('"_meta" is not an object');
  }
  const { stream, progress } = meta;
  if (stream !== void 0 && !(Number.isSafeInteger(stream) && stream > 0 && stream <= MAX_FIRST_CREDIT)) {
    throw violation('"_meta.stream" is not a credit');
  }
  if (progress !== void 0 && typeof progress !== "boolean") {
    throw violation('"_meta.progress" is not a boolean');
  }
  return meta;
}

// src/rpc/flow/microtask.ts
var { apply: apply2 } = Reflect;
var { then } = Promise.prototype;
var resolved = Promise.resolve();
function soon(act) {
  apply2(then, resolved, [
    act
  ]);
}

// src/rpc/calls/stream_writer.ts
var BATCH_LENGTH = 64 * 1024;
var IDLE_MICROTASKS = 12;
var MAX_CREDIT = 2 ** 31;
var StreamWriter = class {
  #send;
  #untilRoom;
  #credit;
  #batch = "";
  #pushed = 0;
  #ticking = false;
  #stopped = false;
  #wake;
  #iterator;
  constructor(credit, send, untilRoom) {
    this.#credit = credit;
    this.#send = send;
    this.#untilRoom = untilRoom;
  }
  /** Takes credit; returns `false` where it adds up to more than a consumer can mean. */
  grant(count) {
    this.#credit += count;
    this.#wake?.();
    return this.#credit <= MAX_CREDIT;
  }
  /** Stops at once: returns the iterator early, and drops what it still yields. */
  stop() {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#batch = "";
    this.#wake?.();
    try {
      this.#iterator?.return?.()?.then(void 0, () => {
      });
    } catch {
    }
  }
  /** Sends all that an iterable yields; resolves with what it returns. */
  async run(iterable) {
    const iterator = iterable[Symbol.asyncIterator]();
    this.#iterator = iterator;
    while (!this.#stopped) {
      if (this.#credit === 0) {
        this.#flush();
        await new Promise((resolve) => this.#wake = resolve);
        this.#wake = void 0;
        continue;
      }
      const room = this.#untilRoom();
      if (room !== void 0) {
        await room;
        continue;
      }
      let step;
      try {
        step = await iterator.next();
      } catch (error) {
        this.#flush();
        throw error;
      }
      if (step.done) {
        this.#flush();
        return step.value;
      }
      try {
        this.#push(step.value);
      } catch (error) {
        this.stop();
        throw error;
      }
    }
  }
  #push(item) {
    if (this.#stopped) return;
    const { text, raw } = encodeValue(item, "null");
    this.#credit--;
    if (raw !== void 0) {
      this.#flush();
      this.#send(`[${text}]`, raw);
      return;
    }
    this.#batch = this.#batch === "" ? text : `${this.#batch},${text}`;
    this.#pushed++;
    if (this.#batch.length > BATCH_LENGTH) this.#flush();
    else if (!this.#ticking) this.#tick(this.#pushed, IDLE_MICROTASKS);
  }
  #tick(pushed, left) {
    this.#ticking = true;
    soon(() => {
      if (this.#batch === "") this.#ticking = false;
      else if (pushed !== this.#pushed) this.#tick(this.#pushed, IDLE_MICROTASKS);
      else if (left > 0) this.#tick(pushed, left - 1);
      else {
        this.#ticking = false;
        this.#flush();
      }
    });
  }
  #flush() {
    const batch = this.#batch;
    this.#batch = "";
    if (batch !== "") this.#send(`[${batch}]`);
  }
};

// src/rpc/calls/calls_in.ts
var TOO_LONG = {
  code: WIRE_CODES.own,
  message: "The call failed, and its error is longer than a message may be",
  data: {
    code: "limit-exceeded",
    details: {}
  }
};
var CallsIn = class {
  #wire;
  #options;
  #serving = new IdTable();
  /** Handlers under way, those of cancelled requests included. */
  #running = 0;
  #highestId = 0;
  /** Requests that wait for room or for others to end. */
  #held = new Fifo();
  #room;
  #closed = false;
  constructor(wire, options) {
    this.#wire = wire;
    this.#options = options;
  }
  get size() {
    return this.#serving.size;
  }
  accept(message) {
    const { id, method, value: params } = message;
    const { maxInFlight, role, accepts } = this.#options;
    if (this.#serving.get(id) !== void 0) {
      throw violation(`request ${id} came again while it was in flight`);
    }
    if (this.#serving.size >= maxInFlight) {
      throw violation(`more than ${maxInFlight} requests are in flight`, {
        maxInFlight
      });
    }
    if (id > this.#highestId) this.#highestId = id;
    if (!accepts(method, "request")) {
      if (role === "host") throw violation(`a plugin may not request "${shownMethod(method)}"`);
      return this.#wire.send(errorLine(id, {
        code: WIRE_CODES.methodNotFound,
        message: "Unknown method"
      }));
    }
    const call = this.#newCall(id, params);
    this.#serving.add(call);
    if (this.#held.size === 0 && this.#hasRoom) this.#begin(call, method, params);
    else if (this.#held.size >= 2 * maxInFlight) {
      this.#fail(call, new SallyportError("limit-exceeded", "Too many cancelled calls wait"));
    } else {
      call.waiting = {
        method,
        params
      };
      this.#held.push(call);
    }
  }
  get #hasRoom() {
    return this.#running < this.#options.maxRunning && !this.#wire.backlog.holdsUp;
  }
  resume() {
    while (this.#held.size > 0 && this.#hasRoom) {
      const call = this.#held.shift();
      const { waiting } = call;
      call.waiting = void 0;
      if (call.answered || waiting === void 0) continue;
      const since = now();
      this.#begin(call, waiting.method, waiting.params);
      this.#wire.charge(since);
    }
    if (this.#room === void 0 || this.#wire.backlog.holdsUp) return;
    this.#room.resolve();
    this.#room = void 0;
  }
  #begin(call, method, params) {
    let given;
    try {
      given = this.#options.onRequest?.(method, params, call);
    } catch (error) {
      return this.#fail(call, error);
    }
    if (isThenable(given)) this.#await(call, given, (value) => this.#finish(call, value));
    else this.#finish(call, given);
  }
  control(message) {
    const { method } = message;
    if (method === "$/credit") {
      const { n } = readParams(message, "n");
      if (!Number.isSafeInteger(n) || n <= 0) throw malformed(method);
      this.#credit(readId(message), n);
    } else if (method === "$/cancel") {
      readParams(message);
      this.#cancel(readId(message));
    } else return false;
    return true;
  }
  /** To cancel a request that was answered is no violation, as both may cross. */
  #cancel(id) {
    const call = this.#serving.get(id);
    if (call === void 0) return;
    this.#answer(call, errorLine(id, {
      code: WIRE_CODES.cancelled,
      message: "Request cancelled"
    }));
    call.abort();
  }
  #credit(id, count) {
    if (id > this.#highestId) {
      throw violation(`credit came for request ${id}, which was never sent`);
    }
    const call = this.#serving.get(id);
    if (call === void 0) return;
    if (call.writer === void 0) {
      throw violation(`credit came for request ${id}, which did not ask for a stream`);
    }
    if (!call.writer.grant(count)) throw violation(`credit for request ${id} adds up to too much`);
  }
  /** Aborts every call and answers nothing from now on. */
  close() {
    this.#closed = true;
    this.#held.clear();
    this.#room?.resolve();
    for (const call of this.#serving.values()) {
      call.answered = true;
      call.abort();
    }
    this.#serving.clear();
  }
  #newCall(id, params) {
    const meta = readMeta(params);
    const call = new ServedCall(id, meta, this.#wire);
    if (meta.stream !== void 0) {
      call.writer = new StreamWriter(meta.stream, (items, bytes) => {
        if (call.answered) return;
        const raw = bytes && this.#wire.place(bytes);
        this.#wire.send(notificationLine("$/stream", `{"id":${id},"items":${items}}`, raw), raw);
      }, () => this.#untilRoom());
    }
    return call;
  }
  /** Waits for room; returns `undefined` where there is some. */
  #untilRoom() {
    if (this.#closed || !this.#wire.backlog.holdsUp) return void 0;
    return (this.#room ??= Promise.withResolvers()).promise;
  }
  #finish(call, value) {
    if (call.answered || this.#closed) return;
    try {
      if (call.writer === void 0 || !isAsyncIterable(value)) return this.#result(call, value);
    } catch (error) {
      return this.#fail(call, error);
    }
    this.#await(call, call.writer.run(value), (result) => this.#result(call, result));
  }
  #await(call, work, done) {
    this.#running++;
    work.then((value) => this.#ended(() => done(value)), (error) => this.#ended(() => this.#fail(call, error)));
  }
  /** Answers for a handler that has ended, and goes on with what waited for that. */
  #ended(answer) {
    const since = now();
    this.#running--;
    answer();
    this.#wire.charge(since);
    if (this.#held.size > 0) this.resume();
  }
  #result(call, value) {
    if (call.answered || this.#closed) return;
    try {
      const body = encodeValue(value, "null");
      if (body.text.length + rawLength(body.raw) > this.#wire.backlog.room) throw tooManyWait();
      const raw = body.raw && this.#wire.place(body.raw);
      this.#wire.send(resultLine(call.id, body.text, raw), raw);
    } catch (error) {
      return this.#fail(call, error);
    }
    call.answered = true;
    this.#serving.delete(call.id);
  }
  #fail(call, error) {
    if (call.answered || this.#closed) return;
    this.#answer(call, this.#errorLine(call.id, error));
  }
  #answer(call, line) {
    call.answered = true;
    call.waiting = void 0;
    this.#serving.delete(call.id);
    try {
      this.#wire.send(line);
    } catch {
      this.#wire.send(errorLine(call.id, TOO_LONG));
    }
  }
  #errorLine(id, error) {
    const { role, describeError } = this.#options;
    const last = {
      code: WIRE_CODES.internal,
      message: "The error cannot be described"
    };
    for (const describe of [
      describeError,
      (error2) => toWireError(error2, role)
    ]) {
      try {
        if (describe) return errorLine(id, describe(error));
      } catch {
      }
    }
    return errorLine(id, last);
  }
};
function tooManyWait() {
  const message = "Cannot answer: too many other answers wait to be read";
  return new SallyportError("limit-exceeded", message, {
    hint: "Await earlier calls before making more"
  });
}
function isThenable(value) {
  return typeof value === "object" && value !== null && typeof value.then === "function";
}
function isAsyncIterable(value) {
  return typeof value === "object" && value !== null && typeof value[Symbol.asyncIterator] === "function";
}

// src/rpc/calls/call_errors.ts
function label(call) {
  return call.options.label ?? `"${call.method}"`;
}
function prefix(call) {
  return call.options.label === void 0 ? "" : `${call.options.label} failed: `;
}
function cancelled(call, reason) {
  return new SallyportError("cancelled", `Cannot finish ${label(call)}: the caller cancelled it`, {
    cause: reason,
    details: {
      local: true
    }
  });
}
function timedOut(call) {
  const { timeoutMs } = call.options;
  const what = call.stream ? "item" : "answer";
  const message = `Cannot finish ${label(call)}: no ${what} within ${timeoutMs} ms`;
  return new SallyportError("timeout", message, {
    hint: "Give it more time, or look at what the plugin does",
    details: {
      local: true,
      timeoutMs
    }
  });
}
function neverAnswered(call, cancelGraceMs) {
  const late = `was given up and the peer did not answer it within ${cancelGraceMs} ms`;
  return new SallyportError("timeout", `Cannot go on: ${label(call)} ${late}`, {
    hint: "The plugin is stuck; it was cut off",
    details: {
      cancelGraceMs,
      id: call.id
    }
  });
}

// src/rpc/calls/stream_reader.ts
var FIRST_CREDIT = 8;
var MAX_CREDIT2 = 256;
var BUFFER_BYTES = 4 * 1024 * 1024;
var StreamReader = class {
  #call;
  #maxBufferedBytes;
  #items = [];
  /** About how many bytes each waiting item took on the wire. */
  #costs = [];
  #bufferedBytes = 0;
  #at = 0;
  #outcome = {
    done: false
  };
  #waiters = [];
  #started = false;
  #left = false;
  #credit = FIRST_CREDIT;
  #window = FIRST_CREDIT;
  constructor(call, maxBufferedBytes) {
    this.#call = call;
    this.#maxBufferedBytes = maxBufferedBytes;
  }
  /** Takes what the producer sent, also after the consumer has left. */
  receive(items, bytes) {
    if (items.length > this.#credit) {
      throw violation(`${items.length} stream items came where ${this.#credit} were allowed`);
    }
    this.#credit -= items.length;
    if (this.#left) return;
    const perItem = Math.max(1, bytes / items.length);
    const fitting = Math.floor(BUFFER_BYTES / perItem);
    this.#window = Math.max(1, Math.min(MAX_CREDIT2, fitting, this.#window * 2));
    for (const item of items) {
      this.#items.push(item);
      this.#costs.push(perItem);
    }
    this.#bufferedBytes += bytes;
    this.#call.waiting(false);
    while (this.#waiters.length > 0 && this.#at < this.#items.length) {
      this.#waiters.shift().resolve({
        done: false,
        value: this.#takeItem()
      });
    }
    if (this.#waiters.length > 0) this.#call.waiting(true);
    if (this.#bufferedBytes > this.#maxBufferedBytes) this.#overflow();
  }
  finish(value) {
    this.#settle({
      done: true,
      value
    });
  }
  /** Ends the stream with an error, after the items that came before it. */
  fail(error) {
    this.#settle({
      done: true,
      error
    });
  }
  /** Returns the next item, or the result of the call at the end. */
  next() {
    if (this.#left) return Promise.resolve({
      done: true,
      value: void 0
    });
    if (!this.#started) {
      this.#started = true;
      try {
        this.#call.start();
      } catch (error) {
        this.#left = true;
        return Promise.reject(error);
      }
    }
    if (this.#at < this.#items.length) {
      return Promise.resolve({
        done: false,
        value: this.#takeItem()
      });
    }
    if (this.#outcome.done) return this.#end(this.#outcome);
    const waiter = Promise.withResolvers();
    this.#waiters.push(waiter);
    this.#call.waiting(true);
    return waiter.promise;
  }
  /** Leaves the stream early, which cancels its call. */
  return(value) {
    this.#leave();
    return Promise.resolve(value).then((value2) => ({
      done: true,
      value: value2
    }));
  }
  throw(error) {
    this.#leave();
    return Promise.reject(error);
  }
  [Symbol.asyncIterator]() {
    return this;
  }
  async [Symbol.asyncDispose]() {
    await this.return();
  }
  #leave() {
    if (this.#left) return;
    this.#left = true;
    this.#drop();
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({
      done: true,
      value: void 0
    });
    if (this.#started && !this.#outcome.done) this.#call.cancel();
  }
  #takeItem() {
    const item = this.#items[this.#at];
    this.#bufferedBytes -= this.#costs[this.#at];
    this.#items[this.#at++] = void 0;
    if (this.#at === this.#items.length) this.#drop();
    const waiting = this.#items.length - this.#at;
    const missing = this.#window - waiting - this.#credit;
    if (!this.#outcome.done && missing * 2 >= this.#window) {
      this.#credit += missing;
      this.#call.grant(missing);
    }
    return item;
  }
  #drop() {
    this.#items = [];
    this.#costs = [];
    this.#at = 0;
    this.#bufferedBytes = 0;
  }
  #overflow() {
    const max = this.#maxBufferedBytes;
    this.#drop();
    this.#call.cancel();
    this.fail(new SallyportError("limit-exceeded", `Cannot go on with a stream: more than ${max} bytes wait`, {
      hint: "Consume the items faster, or let the plugin send smaller ones",
      details: {
        maxBufferedBytes: max
      }
    }));
  }
  #settle(outcome) {
    if (this.#outcome.done) return;
    this.#outcome = outcome;
    const [first, ...others] = this.#waiters.splice(0);
    if (first) this.#end(outcome).then(first.resolve, first.reject);
    for (const waiter of others) waiter.resolve({
      done: true,
      value: void 0
    });
  }
  #end(outcome) {
    this.#left = true;
    if ("error" in outcome) return Promise.reject(outcome.error);
    return Promise.resolve({
      done: true,
      value: "value" in outcome ? outcome.value : void 0
    });
  }
};

// src/rpc/calls/own_call.ts
var NOTHING = {
  text: "",
  raw: void 0
};
function encodeParams(params) {
  try {
    return encodeValue(params, "");
  } catch (cause) {
    if (cause instanceof TypeError || cause instanceof SallyportError) throw cause;
    const { message } = readThrown(cause);
    throw new TypeError(`Cannot send a value: it cannot be read: ${message}`, {
      cause
    });
  }
}
function newCall(method, options, resolve, reject) {
  const { timeoutMs } = options;
  if (timeoutMs !== void 0 && !(typeof timeoutMs === "number" && timeoutMs > 0)) {
    throw new RangeError(`Cannot send a request: "timeoutMs" must be positive: ${timeoutMs}`);
  }
  return {
    id: 0,
    method,
    options,
    deadline: Infinity,
    givenUp: false,
    settled: false,
    resolve,
    reject,
    stream: void 0,
    onAbort: void 0,
    waiting: void 0
  };
}
function settle(call) {
  if (call.onAbort) call.options.signal?.removeEventListener("abort", call.onAbort);
  call.settled = true;
  return call;
}
function metaFor(options, streams) {
  if (options.meta === void 0 && options.onProgress === void 0 && !streams) return void 0;
  return {
    ...options.meta,
    ...options.onProgress ? {
      progress: true
    } : {},
    ...streams ? {
      stream: FIRST_CREDIT
    } : {}
  };
}
function withMeta(params, meta) {
  if (params !== void 0 && (typeof params !== "object" || params === null || Array.isArray(params))) {
    throw new TypeError("Cannot send a request: params must be an object where there is meta");
  }
  return {
    ...params,
    _meta: meta
  };
}

// src/rpc/calls/calls_out.ts
function ignore() {
}
var CallsOut = class {
  #wire;
  #options;
  #pending = new IdTable();
  /** Calls that wait for room; one that was given up stays until its turn. */
  #waiting = new Fifo();
  #waitingBytes = 0;
  #nextId = 1;
  #givenUp = 0;
  #closedBy;
  constructor(wire, options) {
    this.#wire = wire;
    this.#options = options;
  }
  get inFlight() {
    return this.#pending.size - this.#givenUp + this.#waiting.size;
  }
  get unanswered() {
    return this.#givenUp;
  }
  request(method, params, options) {
    return new Promise((resolve, reject) => {
      const call = newCall(method, options, resolve, reject);
      call.deadline = this.#deadline(options);
      this.#start(call, method, params, options);
    });
  }
  /** Makes a stream whose request is sent when its first item is asked for. */
  stream(method, params, options) {
    const call = newCall(method, options, ignore, ignore);
    const stream = new StreamReader({
      start: () => this.#start(call, method, params, options),
      grant: (count) => {
        if (this.#pending.get(call.id) === call) {
          this.#notify("$/credit", `{"id":${call.id},"n":${count}}`);
        }
      },
      cancel: () => this.#giveUp(call, void 0),
      waiting: (waits) => {
        if (call.givenUp || call.settled) return;
        call.deadline = waits ? this.#deadline(options) : Infinity;
        if (call.deadline !== Infinity) this.#wire.arm(call.deadline);
      }
    }, this.#options.maxQueuedBytes);
    call.stream = stream;
    call.resolve = (value) => stream.finish(value);
    call.reject = (error) => stream.fail(error);
    return stream;
  }
  answer(message) {
    const call = this.#pending.get(message.id);
    if (call === void 0) {
      const why = message.id < this.#nextId ? "which was already answered" : "which was never sent";
      throw violation(`an answer came to request ${message.id}, ${why}`);
    }
    this.#pending.delete(message.id);
    if (call.givenUp) this.#givenUp--;
    else if (message.error === void 0) settle(call).resolve(message.value);
    else settle(call).reject(fromWireError(message.error, this.#options.role, prefix(call)));
    if (this.#waiting.size > 0) this.admit();
  }
  progress(id, value) {
    const call = this.#pending.get(id);
    if (call === void 0) {
      if (id < this.#nextId) return;
      throw violation(`progress came for request ${id}, which was never sent`);
    }
    const { onProgress } = call.options;
    if (onProgress === void 0) {
      throw violation(`progress came for request ${id}, which did not ask for it`);
    }
    if (!call.givenUp) onProgress(value);
  }
  /** Takes a `$/stream` notification and about how many bytes it had. */
  items(id, items, bytes) {
    const call = this.#pending.get(id);
    if (call?.stream === void 0) {
      throw violation(`stream items came for request ${id}, which is not a stream in flight`);
    }
    call.stream.receive(items, bytes);
  }
  /** Handles the deadlines up to a moment; returns the next one, or `Infinity`. */
  expire(now2) {
    let next = Infinity;
    for (const call of this.#pending.values()) {
      if (call.deadline <= now2) {
        if (call.givenUp) throw neverAnswered(call, this.#options.cancelGraceMs);
        this.#giveUp(call, timedOut(call));
      }
      next = Math.min(next, call.deadline);
    }
    for (const { call } of this.#waiting.values()) {
      if (call.settled) continue;
      if (call.deadline <= now2) this.#giveUp(call, timedOut(call));
      else next = Math.min(next, call.deadline);
    }
    return next;
  }
  /** Lists the requests that were sent and are neither settled nor given up, the oldest first. */
  open() {
    const open = [];
    for (const { id, method, givenUp } of this.#pending.values()) {
      if (!givenUp) open[open.length] = {
        id,
        method
      };
    }
    return open;
  }
  /** Fails a request at once and cancels it; one that is settled stays so. */
  fail(id, describe) {
    const call = this.#pending.get(id);
    if (call !== void 0) this.#giveUp(call, describe(label(call)));
  }
  admit() {
    while (this.#waiting.size > 0 && this.#hasRoom()) {
      const waiting = this.#waiting.shift();
      if (waiting.call.settled) continue;
      const { body } = waiting;
      this.#letGo(waiting);
      try {
        this.#sendRequest(waiting.call, waiting.method, body);
      } catch (error) {
        settle(waiting.call).reject(error);
      }
    }
  }
  /** Settles everything with one reason, now and from now on. */
  close(reason) {
    this.#closedBy = reason;
    const calls = [
      ...this.#pending.values()
    ];
    for (const { call } of this.#waiting.values()) calls.push(call);
    this.#pending.clear();
    this.#waiting.clear();
    this.#waitingBytes = 0;
    this.#givenUp = 0;
    for (const call of calls) if (!call.settled) settle(call).reject(reason);
  }
  #start(call, method, params, options) {
    if (this.#closedBy !== void 0) throw this.#closedBy;
    const { signal } = options;
    if (signal?.aborted) throw cancelled(call, signal.reason);
    const meta = metaFor(options, call.stream !== void 0);
    const full = meta === void 0 ? params : withMeta(params, meta);
    const body = full === void 0 ? NOTHING : encodeParams(full);
    if (this.#waiting.size === 0 && this.#hasRoom()) this.#sendRequest(call, method, body);
    else this.#wait(call, method, body);
    if (signal && !call.settled) {
      call.onAbort = () => this.#giveUp(call, cancelled(call, signal.reason));
      signal.addEventListener("abort", call.onAbort, {
        once: true
      });
    }
    if (call.deadline !== Infinity) this.#wire.arm(call.deadline);
  }
  #hasRoom() {
    return this.#pending.size < this.#options.maxInFlight && !this.#wire.backlog.isFull;
  }
  #wait(call, method, body) {
    const { maxWaiting, maxWaitingBytes } = this.#options;
    const bytes = body.text.length + rawLength(body.raw);
    const isMany = this.#waiting.size >= maxWaiting;
    if (isMany || this.#waitingBytes > 0 && this.#waitingBytes + bytes > maxWaitingBytes) {
      const others = isMany ? `${maxWaiting} others` : `others with ${this.#waitingBytes} bytes`;
      throw new SallyportError("limit-exceeded", `Cannot send ${label(call)}: ${others} wait`, {
        hint: "Await earlier calls before making more",
        details: {
          local: true,
          maxWaiting,
          maxWaitingBytes
        }
      });
    }
    const kept = {
      ...body,
      raw: body.raw?.map(keep)
    };
    this.#waiting.push(call.waiting = {
      call,
      method,
      body: kept,
      bytes
    });
    this.#waitingBytes += bytes;
  }
  /** Lets go of what a call would send that does not wait any more. */
  #letGo(waiting) {
    this.#waitingBytes -= waiting.bytes;
    waiting.body = NOTHING;
    waiting.call.waiting = void 0;
  }
  #sendRequest(call, method, body) {
    const id = call.id = this.#nextId++;
    this.#pending.add(call);
    try {
      const raw = body.raw && this.#wire.place(body.raw);
      this.#wire.send(requestLine(id, method, body.text, raw), raw);
    } catch (error) {
      this.#pending.delete(id);
      throw error;
    }
  }
  #deadline({ timeoutMs }) {
    return timeoutMs === void 0 || timeoutMs === Infinity ? Infinity : this.#wire.now() + timeoutMs;
  }
  #notify(method, params) {
    this.#wire.send(notificationLine(method, params));
  }
  /** Settles a call without its answer, which the peer still owes. */
  #giveUp(call, error) {
    if (call.givenUp || call.settled) return;
    const { reject } = settle(call);
    call.givenUp = true;
    if (call.waiting !== void 0) this.#letGo(call.waiting);
    if (this.#pending.get(call.id) === call) {
      this.#givenUp++;
      call.deadline = now() + this.#options.cancelGraceMs;
      this.#wire.arm(call.deadline);
      this.#notify("$/cancel", `{"id":${call.id}}`);
    }
    if (error) reject(error);
  }
};

// src/rpc/flow/deadline_timer.ts
var MAX_DELAY_MS = 2 ** 31 - 1;
var DeadlineTimer = class {
  #fire;
  #timer;
  #at = Infinity;
  #stopped = false;
  constructor(fire) {
    this.#fire = fire;
  }
  /** Makes sure that the timer fires at a moment of `performance.now()`, or earlier. */
  arm(at) {
    if (at >= this.#at || this.#stopped) return;
    if (this.#timer !== void 0) clearTimeout(this.#timer);
    this.#at = at;
    const delay = Math.min(MAX_DELAY_MS, Math.max(0, Math.ceil(at - now())));
    this.#timer = setTimeout(() => this.#onTimer(), delay);
  }
  stop() {
    this.#stopped = true;
    if (this.#timer !== void 0) clearTimeout(this.#timer);
    this.#timer = void 0;
  }
  #onTimer() {
    this.#timer = void 0;
    this.#at = Infinity;
    const next = this.#fire(now());
    if (next !== Infinity) this.arm(next);
  }
};

// src/rpc/wire/end_reason.ts
function tornMessage() {
  return violation("the peer ended in the middle of a message", {
    torn: true
  });
}
async function askWhyEnded(ask, error) {
  try {
    const reason = await ask?.();
    if (reason !== void 0) return {
      reason,
      isKnown: true
    };
  } catch (cause) {
    const reason = new SallyportError("bad-state", "Cannot tell why the peer ended", {
      cause
    });
    return {
      reason,
      isKnown: true
    };
  }
  return {
    reason: new SallyportError("crashed", "The peer ended before it answered", {
      cause: error
    }),
    isKnown: false
  };
}
function asReason(error) {
  if (error instanceof SallyportError) return error;
  return new SallyportError("bad-state", "Cannot go on: a handler failed", {
    cause: error
  });
}

// src/rpc/transport/lanes.ts
var LANE_LINE = '{"jsonrpc":"2.0","method":"$/lane"}\n';
var CONTROL_TURNS = 16;
function afterMove() {
  return violation("something came on a pipe that the peer had moved away from");
}
var Lanes = class {
  #control;
  #events;
  #lane;
  #coming;
  #in;
  #watches = false;
  #closed = false;
  constructor(control, events) {
    this.#control = this.#in = control;
    this.#events = events;
  }
  /** Whether the peer has announced its last message on the control duplex, and nothing was read since. */
  get isMoving() {
    return this.#coming !== void 0;
  }
  /** Returns the next bytes of the peer, from the duplex that it uses now. */
  read(expected) {
    if (this.#coming !== void 0) return this.#switch(this.#coming);
    return this.#watches ? this.#readBehindControl(expected) : this.#in.read(expected);
  }
  /**
   * What came on the control duplex before is handled first: it ends the connection. Both have come by now,
   * but a stream needs a few turns more of the microtasks than a socket.
   */
  async #readBehindControl(expected) {
    const chunk = await this.#in.read(expected);
    for (let turn = 0; turn < CONTROL_TURNS; turn++) await void 0;
    return chunk;
  }
  async #switch(coming) {
    this.#in = await coming;
    this.#coming = void 0;
    return await this.read(0);
  }
  /** Takes the lane that this end moves to first; the peer will follow. */
  offer(lane) {
    if (this.#lane !== void 0) throw new TypeError("A connection moves once");
    this.#lane = lane;
  }
  follow(open) {
    if (this.#in !== this.#control || this.isMoving) throw violation("the peer moved twice");
    if (this.#lane !== void 0) {
      this.#coming = Promise.resolve(this.#lane);
      return;
    }
    const opening = open?.();
    if (opening === void 0) throw violation("the peer moved to a lane that was not offered");
    this.#coming = opening.then((lane) => {
      if (this.#closed) {
        lane.close();
        throw violation("the connection was closed while its lane was opened");
      }
      this.#lane = lane;
      this.#events.opened(lane);
      return lane;
    });
    this.#coming.catch(() => {
    });
    this.#watches = true;
    void this.#watch();
  }
  async #watch() {
    try {
      const chunk = await this.#control.read();
      if (this.#closed) return;
      if (chunk === null) this.#events.controlEnded();
      else this.#events.controlSpoke();
    } catch {
      if (!this.#closed) this.#events.controlEnded();
    }
  }
  async end() {
    await Promise.allSettled([
      this.#lane?.end?.(),
      this.#control.end?.()
    ]);
  }
  async close() {
    this.#closed = true;
    await Promise.allSettled([
      this.#lane?.close(),
      this.#control.close()
    ]);
  }
};

// src/rpc/calls/options.ts
var PEER_METHODS = {
  host: {
    "context/call": "request",
    "event/emit": "notification",
    "log": "notification"
  },
  plugin: {
    "initialize": "request",
    "shutdown": "request",
    "plugin/call": "request",
    "hook/run": "request",
    "sandbox/enter": "request",
    "health": "request",
    "state/snapshot": "request",
    "state/restore": "request",
    "memory": "request",
    "violation": "notification"
  }
};
var NUMBERS = {
  maxMessageBytes: DEFAULT_MESSAGE_LIMITS.maxMessageBytes,
  maxInFlight: 4096,
  maxWaiting: 65536,
  maxWaitingBytes: 256 * 1024 * 1024,
  maxQueuedBytes: 64 * 1024 * 1024,
  highWaterBytes: 32 * 1024 * 1024,
  maxMessagesPerSecond: 1e5,
  maxNotificationsPerSecond: 1e4,
  maxNotifiedBytesPerSecond: 4 * 1024 * 1024,
  maxHostMsPerSecond: 500,
  maxRunning: 256,
  cancelGraceMs: 5e3,
  lineTimeoutMs: 3e4
};
var PLUGIN_NUMBERS = {
  maxMessagesPerSecond: Infinity,
  maxNotificationsPerSecond: Infinity,
  maxNotifiedBytesPerSecond: Infinity,
  maxHostMsPerSecond: Infinity,
  maxRunning: 8192,
  lineTimeoutMs: Infinity,
  maxQueuedBytes: Infinity,
  highWaterBytes: 8 * 1024 * 1024
};
var PROGRESS_PER_SECOND = NUMBERS.maxNotificationsPerSecond / 2;
function resolveOptions(options) {
  const known = new SafeMap(Object.entries(PEER_METHODS[options.role]));
  const allowed = new SafeMap((options.methods ?? [
    ...known.keys()
  ]).map((name) => [
    name,
    known.get(name) ?? "either"
  ]));
  let last;
  const resolved2 = {
    ...NUMBERS,
    ...options.role === "host" ? {} : PLUGIN_NUMBERS,
    ...options,
    accepts: (method, kind) => {
      if (method === last && kind === "request") return true;
      const expected = allowed.get(method);
      const accepted = expected === kind || expected === "either";
      if (accepted && kind === "request") last = method;
      return accepted;
    }
  };
  for (const name of Object.keys(NUMBERS)) {
    const value = resolved2[name];
    if (typeof value !== "number" || !(value > 0)) {
      throw new RangeError(`Cannot open a connection: "${name}" must be positive: ${value}`);
    }
  }
  return resolved2;
}

// src/rpc/transport/outbox.ts
var encoder3 = new TextEncoder();
var encode2 = encoder3.encode.bind(encoder3);
var Bytes2 = Uint8Array;
var EARLY_SHARE = 1 / 3;
var MIN_EARLY_LENGTH = 16 * 1024;
var MAX_EARLY_LENGTH = 64 * 1024;
var Outbox = class {
  #io;
  #events;
  #text = "";
  /** What comes before `#text`, where byte arrays are among it, or a duplex that the rest goes to. */
  #segments = [];
  #segmentBytes = 0;
  #scheduled = false;
  #inTurn = false;
  #turnTime;
  #turnLength = 0;
  #earlyLength = MIN_EARLY_LENGTH;
  #writing = false;
  #writingBytes = 0;
  #stopped = false;
  #idle;
  sent = 0;
  /** Bytes that were handed to the peer so far. */
  bytesSent = 0;
  constructor(io, events) {
    this.#io = io;
    this.#events = events;
  }
  /** Returns the time of `performance.now()`, read once for all that is sent in one turn. */
  get turnTime() {
    this.#beginTurn();
    return this.#turnTime ??= now();
  }
  /** Returns about how many bytes wait, those of the write under way included. */
  get queuedBytes() {
    return this.#text.length + this.#segmentBytes + this.#writingBytes;
  }
  /** Queues a line, with the byte arrays that follow it; those are copied unless written at once. */
  push(line, raw) {
    if (this.#stopped) return;
    this.#beginTurn();
    this.sent++;
    this.#text += line;
    this.#turnLength += line.length;
    if (raw !== void 0) {
      const copy = this.#io.writeSync === void 0;
      this.#segments.push(this.#text);
      this.#segmentBytes += this.#text.length + rawLength(raw);
      this.#text = "";
      for (const part of raw) if (part.length > 0) this.#segments.push(copy ? keep(part) : part);
      if (!copy) return this.flush();
    }
    if (this.#text.length > this.#earlyLength && !this.#writing && (this.#io.isPrompt === true || this.#io.writeSync !== void 0)) this.flush();
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    soon(() => this.flush());
  }
  /** Sends all that is pushed from now on over another duplex. */
  moveTo(io) {
    if (this.#stopped) return;
    if (this.#text.length > 0) this.#segments.push(this.#text);
    this.#segmentBytes += this.#text.length;
    this.#text = "";
    this.#segments.push(io);
    this.flush();
  }
  flush() {
    this.#scheduled = false;
    if (this.#stopped || this.#writing || !this.#hasWork()) return;
    const { writeSync } = this.#io;
    if (writeSync === void 0) {
      void this.#drain();
      return;
    }
    const parts = this.#take();
    try {
      for (let i = 0; i < parts.length; i++) {
        const part = parts[i];
        if (!(part instanceof Bytes2)) {
          this.#io = part;
          this.#segments = [
            ...parts.slice(i + 1),
            ...this.#segments
          ];
          return this.flush();
        }
        writeSync(part);
        this.bytesSent += part.length;
        free(part);
      }
    } catch (error) {
      return this.#fail(error);
    }
    this.#events.drained();
  }
  /** Whether something waits behind a write that is under way. */
  get isHeldUp() {
    return this.#hasWork();
  }
  /** Waits until all that is queued has been written, or the peer is gone. */
  async idle() {
    this.flush();
    if (!this.#writing) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }
  stop() {
    this.#stopped = true;
    this.#text = "";
    this.#segments = [];
    this.#segmentBytes = 0;
    this.#idle?.resolve();
  }
  #beginTurn() {
    if (this.#inTurn) return;
    this.#inTurn = true;
    soon(() => {
      const share = this.#turnLength * EARLY_SHARE;
      this.#earlyLength = Math.min(MAX_EARLY_LENGTH, Math.max(MIN_EARLY_LENGTH, share));
      this.#turnLength = 0;
      this.#turnTime = void 0;
      this.#inTurn = false;
    });
  }
  #hasWork() {
    return this.#text.length > 0 || this.#segments.length > 0;
  }
  async #drain() {
    this.#writing = true;
    try {
      while (this.#hasWork() && !this.#stopped) {
        const parts = this.#take();
        for (const part of parts) if (part instanceof Bytes2) this.#writingBytes += part.length;
        for (const part of parts) {
          if (!(part instanceof Bytes2)) {
            this.#io = part;
            continue;
          }
          const { length } = part;
          await this.#io.write(part);
          this.#writingBytes -= length;
          this.bytesSent += length;
          free(part);
        }
        if (!this.#stopped) this.#events.drained();
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#writing = false;
      this.#writingBytes = 0;
      this.#idle?.resolve();
      this.#idle = void 0;
    }
  }
  #take() {
    const text = this.#text;
    this.#text = "";
    if (this.#segments.length === 0) return [
      encode2(text)
    ];
    const segments = this.#segments;
    this.#segments = [];
    this.#segmentBytes = 0;
    if (text.length > 0) segments.push(text);
    return segments.map((part) => typeof part === "string" ? encode2(part) : part);
  }
  #fail(error) {
    if (this.#stopped) return;
    this.stop();
    this.#events.failed(error);
  }
};

// src/rpc/peer_messages.ts
function takeMessage(message, bytes, parts) {
  const { kind, method } = message;
  if (kind === "result" || kind === "error") {
    parts.callsOut.answer(message);
    return false;
  }
  if (method === "$/stream" && kind === "notification") {
    const { items } = readParams(message, "items");
    if (!Array.isArray(items) || items.length === 0) throw malformed(method);
    parts.callsOut.items(readId(message), items, bytes);
    return false;
  }
  if (method === "$/free" && kind === "notification") {
    parts.shared.freed(message);
    parts.freed();
    return false;
  }
  parts.reader.countUnasked();
  if (kind === "request") parts.callsIn.accept(message);
  else takeNotification(message, bytes, parts);
  return true;
}
function takeNotification(message, bytes, { options, lanes, reader, callsIn, callsOut }) {
  const { method, value } = message;
  if (method === "$/lane") return lanes.follow(options.onLane);
  if (callsIn.control(message)) return;
  reader.countNotification(bytes);
  if (method === "$/progress") {
    return callsOut.progress(readId(message), readParams(message, "value").value);
  }
  if (options.accepts(method, "notification")) options.onNotification?.(method, value);
  else if (options.role === "host") {
    throw violation(`a plugin may not notify "${shownMethod(method)}"`);
  }
}

// src/rpc/flow/token_bucket.ts
var TokenBucket = class {
  #perSecond;
  #burst;
  #tokens;
  #refilledAt;
  constructor(perSecond, now2, burst = 4 * perSecond) {
    this.#perSecond = perSecond;
    this.#tokens = this.#burst = burst;
    this.#refilledAt = now2;
  }
  /** Adds what time has earned; call it once for a batch, so that no clock is read for each item. */
  refill(now2) {
    if (this.#perSecond === Infinity) return;
    const earned = (now2 - this.#refilledAt) * this.#perSecond / 1e3;
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, earned));
    this.#refilledAt = now2;
  }
  /** Takes some on credit; returns for how many milliseconds nothing more should be taken. */
  borrow(amount = 1) {
    this.#tokens -= amount;
    return this.#tokens >= 0 ? 0 : -this.#tokens * 1e3 / this.#perSecond;
  }
  /** Takes one; returns `false` where none is left. */
  take() {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
};

// src/rpc/flow/host_time.ts
var SLICE_MS2 = 4;
var TURN_MS = 1;
var HostTime = class {
  /** Milliseconds of work for the peer. */
  spentMs = 0;
  /** Milliseconds that the peer was left waiting because it had had its share. */
  heldMs = 0;
  /** Whether the slice is used up: nothing more is taken before a pause. */
  isOver = false;
  #slice = 0;
  #owed = 0;
  #mark;
  #bucket;
  constructor(msPerSecond, now2) {
    this.#bucket = new TokenBucket(msPerSecond, now2);
    this.#mark = now2;
  }
  setShare(msPerSecond, now2) {
    this.#bucket = new TokenBucket(msPerSecond, now2);
  }
  /** Starts to work on bytes that were read. */
  begin(now2) {
    if (this.isOver || now2 - this.#mark >= TURN_MS) this.#slice = 0;
    this.isOver = false;
    this.heldMs += this.#owed;
    this.#owed = 0;
    this.#mark = now2;
    this.#bucket.refill(now2);
  }
  /** Leaves out the time since the last mark: this end itself needed the message. */
  skip(now2) {
    this.#mark = now2;
  }
  /** Charges what was done since the last mark, or since a moment after it. */
  charge(now2, since = 0) {
    const ms = now2 - Math.max(since, this.#mark);
    this.#mark = now2;
    this.spentMs += ms;
    this.#slice += ms;
    this.#owed = this.#bucket.borrow(ms);
    if (this.#slice < SLICE_MS2) return this.#owed;
    this.isOver = true;
    return Math.max(this.#owed, TURN_MS);
  }
};

// src/rpc/flow/pause.ts
var Pause = class {
  #ms = 0;
  #until = Infinity;
  #resume = () => {
  };
  /** Asks for a pause before anything else is read; the longest that was asked for counts. */
  ask(ms) {
    if (ms > this.#ms) this.#ms = ms;
  }
  /** Waits as long as was asked for, or until {@linkcode expire} or {@linkcode end}. */
  begin(arm) {
    if (this.#ms === 0) return void 0;
    this.#until = now() + this.#ms;
    this.#ms = 0;
    arm(this.#until);
    return new Promise((resolve) => this.#resume = resolve);
  }
  /** Ends a pause that is over by now; returns when the present one is, or `Infinity`. */
  expire(now2) {
    if (this.#until <= now2) this.end();
    return this.#until;
  }
  end() {
    this.#until = Infinity;
    this.#resume();
  }
};

// src/rpc/wire/framing.ts
var NEWLINE = 10;
var EMPTY = new Uint8Array(0);
var KEPT_BUFFER_BYTES = 64 * 1024;
var FrameReader = class {
  #sink;
  /** The beginning of a line; grows by doubling, because a peer may send it byte by byte. */
  #part = EMPTY;
  #partBytes = 0;
  /** Byte arrays still to be filled, and how far the first one is. */
  #targets = [];
  #filledBytes = 0;
  #stopped = false;
  #limits;
  constructor(sink, limits) {
    this.#sink = sink;
    this.#limits = limits;
  }
  get midFrame() {
    return this.#partBytes > 0 || this.#targets.length > 0;
  }
  /** About how many bytes of the frame are still to come: of a line, as many again as there are. */
  get expected() {
    if (this.#targets.length === 0) return this.#partBytes;
    let bytes = -this.#filledBytes;
    for (let i = 0; i < this.#targets.length; i++) bytes += this.#targets[i].length;
    return bytes;
  }
  /** Drops what was kept and every further frame. */
  stop() {
    this.#stopped = true;
    this.#part = EMPTY;
    this.#targets = [];
    this.#partBytes = 0;
  }
  /** Takes the next bytes, and copies what it keeps; once it has thrown, the reader is not used again. */
  push(chunk) {
    let at = 0;
    if (this.#targets.length > 0) at = this.#fill(chunk, 0);
    if (this.#partBytes > 0 && at < chunk.length) at = this.#finishLine(chunk, at);
    if (at < chunk.length && !this.#sink.isPausing) {
      const last = chunk.lastIndexOf(NEWLINE);
      if (last >= at) at = this.#manyLines(chunk, at, last);
    }
    if (this.#stopped) return chunk.length;
    if (at < chunk.length) {
      if (this.#sink.isPausing) return at;
      this.#keep(chunk.subarray(at));
    }
    return chunk.length;
  }
  /** Ends the line that earlier chunks began; returns where the next frame begins. */
  #finishLine(chunk, from) {
    const end = chunk.indexOf(NEWLINE, from);
    if (end < 0) {
      this.#keep(chunk.subarray(from));
      return chunk.length;
    }
    this.#keep(chunk.subarray(from, end));
    const line = this.#part.subarray(0, this.#partBytes);
    this.#partBytes = 0;
    if (this.#part.length > KEPT_BUFFER_BYTES) this.#part = EMPTY;
    return this.#line(line, chunk, end + 1);
  }
  /** Decodes all whole lines in one pass, unless one of them is followed by raw bytes. */
  #manyLines(chunk, from, last) {
    let text;
    try {
      text = decodeLine(chunk.subarray(from, last));
    } catch {
      return this.#lineByLine(chunk, from, last);
    }
    const harmless = !mayHoldProto(text);
    let at = 0;
    let lines = 0;
    while (at <= text.length) {
      let end = text.indexOf("\n", at);
      if (end < 0) end = text.length;
      if ((end - at) * 3 > this.#limits.maxMessageBytes) this.#checkLength(chunk, from, lines);
      const targets = this.#sink.line(text.slice(at, end), harmless);
      if (this.#stopped) return chunk.length;
      lines++;
      if (targets !== void 0) {
        const next = this.#begin(targets, chunk, nthLineStart(chunk, from, lines));
        return this.#stopped ? chunk.length : this.#lineByLine(chunk, next, last);
      }
      at = end + 1;
      if (this.#sink.isPausing) return nthLineStart(chunk, from, lines);
    }
    return last + 1;
  }
  #lineByLine(chunk, from, last) {
    let at = from;
    while (at <= last && !this.#stopped && !this.#sink.isPausing) {
      const end = chunk.indexOf(NEWLINE, at);
      if (end < 0) break;
      at = this.#line(chunk.subarray(at, end), chunk, end + 1);
    }
    return at;
  }
  #line(line, chunk, next) {
    if (line.length > this.#limits.maxMessageBytes) throw this.#tooLong();
    const targets = this.#sink.line(decodeLine(line), false);
    if (this.#stopped) return chunk.length;
    return targets === void 0 ? next : this.#begin(targets, chunk, next);
  }
  #begin(targets, chunk, from) {
    this.#targets = targets;
    this.#filledBytes = 0;
    return this.#fill(chunk, from);
  }
  /** Fills byte arrays from a chunk; returns where the next frame begins. */
  #fill(chunk, from) {
    let at = from;
    let index = 0;
    while (index < this.#targets.length) {
      const target = this.#targets[index];
      const count = Math.min(target.length - this.#filledBytes, chunk.length - at);
      target.set(chunk.subarray(at, at + count), this.#filledBytes);
      at += count;
      this.#filledBytes += count;
      if (this.#filledBytes < target.length) break;
      this.#filledBytes = 0;
      index++;
    }
    this.#targets = this.#targets.slice(index);
    if (this.#targets.length === 0) {
      this.#sink.filled();
      if (this.#stopped) return chunk.length;
    }
    return at;
  }
  #keep(bytes) {
    const needed = this.#partBytes + bytes.length;
    if (needed > this.#limits.maxMessageBytes) throw this.#tooLong();
    if (needed > this.#part.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#part.length, 1024));
      grown.set(this.#part.subarray(0, this.#partBytes));
      this.#part = grown;
    }
    this.#part.set(bytes, this.#partBytes);
    this.#partBytes = needed;
  }
  #checkLength(chunk, from, lines) {
    const start = nthLineStart(chunk, from, lines);
    const end = chunk.indexOf(NEWLINE, start);
    if (end - start > this.#limits.maxMessageBytes) throw this.#tooLong();
  }
  #tooLong() {
    return violation(`a line is longer than ${this.#limits.maxMessageBytes} bytes`, {
      maxMessageBytes: this.#limits.maxMessageBytes
    });
  }
};
function nthLineStart(bytes, from, lines) {
  let at = from;
  for (let i = 0; i < lines; i++) at = bytes.indexOf(NEWLINE, at) + 1;
  return at;
}

// src/rpc/peer_reader.ts
var PeerReader = class {
  received = 0;
  bytesReceived = 0;
  #unasked = 0;
  #owner;
  #frames;
  /** A message whose byte arrays are still to come. */
  #half;
  #messages;
  #notifications;
  #notifiedBytes;
  #pause = new Pause();
  /** The plugin's end trusts its host, and measures nothing. */
  #hostTime;
  /** When the message that is half here must be whole. */
  #lineDeadline = Infinity;
  constructor(owner) {
    this.#owner = owner;
    const { options, limits } = owner;
    const now2 = now();
    this.#messages = new TokenBucket(options.maxMessagesPerSecond, now2);
    this.#notifications = new TokenBucket(options.maxNotificationsPerSecond, now2);
    this.#notifiedBytes = new TokenBucket(options.maxNotifiedBytesPerSecond, now2);
    const hostTime = options.role === "host" ? new HostTime(options.maxHostMsPerSecond, now2) : void 0;
    this.#hostTime = hostTime;
    this.#frames = new FrameReader({
      line: (text, harmless) => this.#line(text, harmless),
      filled: () => this.#filled(),
      get isPausing() {
        return hostTime?.isOver === true;
      }
    }, limits);
  }
  get isMidMessage() {
    return this.#frames.midFrame;
  }
  get stats() {
    return {
      unasked: this.#unasked,
      hostMs: this.#hostTime?.spentMs ?? 0,
      hostHeldMs: this.#hostTime?.heldMs ?? 0
    };
  }
  setHostShare(msPerSecond) {
    this.#hostTime?.setShare(msPerSecond, now());
  }
  async run() {
    const { lanes, isOpen, arm, failed, ended } = this.#owner;
    try {
      for (; ; ) {
        const chunk = await lanes.read(this.#frames.expected);
        if (!isOpen()) return;
        if (chunk === null) break;
        for (let at = 0; at < chunk.length; ) {
          at += this.#receive(at === 0 ? chunk : chunk.subarray(at));
          const pause = this.#pause.begin(arm);
          if (pause !== void 0) await pause;
          if (!isOpen()) return;
        }
      }
    } catch (error) {
      return error instanceof SallyportError ? failed(error) : await ended(error);
    }
    await ended(void 0);
  }
  /** Counts a request or notification; too many are read later. */
  countUnasked() {
    this.#unasked++;
    this.#pause.ask(this.#messages.borrow());
  }
  /** Counts a notification: too many bytes are read later, and a flood is a `protocol-violation`. */
  countNotification(bytes) {
    if (!this.#notifications.take()) {
      const { maxNotificationsPerSecond } = this.#owner.options;
      throw violation(`more than ${maxNotificationsPerSecond} notifications a second came`);
    }
    this.#pause.ask(this.#notifiedBytes.borrow(bytes));
  }
  /** Charges what was done for the peer since the last mark, or since a moment after it. */
  charge(since) {
    if (this.#hostTime !== void 0) this.#pause.ask(this.#hostTime.charge(now(), since));
  }
  /** Ends a pause that is over; returns the next moment to look, and throws for a message that is late. */
  expire(now2) {
    if (this.#lineDeadline <= now2) {
      throw violation(`a message was not whole after ${this.#owner.options.lineTimeoutMs} ms`);
    }
    return Math.min(this.#lineDeadline, this.#pause.expire(now2));
  }
  stop() {
    this.#frames.stop();
    this.#pause.end();
  }
  /** Takes messages until the slice is used up; returns how many bytes they had. */
  #receive(chunk) {
    const { lanes, options, arm, failed } = this.#owner;
    const now2 = now();
    this.#hostTime?.begin(now2);
    const read = now2 - (this.#hostTime?.heldMs ?? 0);
    this.#messages.refill(read);
    this.#notifications.refill(read);
    this.#notifiedBytes.refill(read);
    const before = this.received;
    let taken;
    try {
      taken = this.#frames.push(chunk);
    } catch (error) {
      failed(error);
      return chunk.length;
    }
    this.bytesReceived += taken;
    if (!this.isMidMessage) this.#lineDeadline = Infinity;
    else if (lanes.isMoving) failed(afterMove());
    else if (this.received !== before || this.#lineDeadline === Infinity) {
      this.#lineDeadline = now2 + options.lineTimeoutMs;
      arm(this.#lineDeadline);
    }
    return taken;
  }
  /** Parses a line; returns the byte arrays that follow it. */
  #line(text, harmless) {
    const { limits, shared } = this.#owner;
    const message = parseMessage(text, limits, harmless);
    const { bin } = message;
    if (bin === void 0) {
      this.#dispatch(message, text.length);
      return void 0;
    }
    const raw = shared.receive(bin);
    this.#half = {
      message,
      raw,
      bytes: text.length + rawLength(raw)
    };
    const behind = raw.filter((_, i) => typeof bin[i] === "number");
    if (behind.length > 0) return behind;
    this.#filled();
    return void 0;
  }
  #filled() {
    const { message, raw, bytes } = this.#half;
    this.#half = void 0;
    message.value = insertBytes(message.value, raw);
    this.#dispatch(message, bytes);
  }
  #dispatch(message, bytes) {
    if (this.#owner.lanes.isMoving) throw afterMove();
    this.received++;
    if (this.#owner.take(message, bytes)) this.charge();
    else this.#hostTime?.skip(now());
  }
};

// src/rpc/transport/regions.ts
var ALIGNMENT = 4096;
var Regions = class {
  #bytes;
  /** Lent regions in ascending order; they do not overlap. */
  #lent = [];
  /** How many bytes are lent, in whole pages. */
  lentBytes = 0;
  constructor(bytes) {
    this.#bytes = bytes - bytes % ALIGNMENT;
  }
  get size() {
    return this.#lent.length;
  }
  lend(length) {
    const size = Math.ceil(length / ALIGNMENT) * ALIGNMENT;
    let start = 0;
    let index = 0;
    while (index < this.#lent.length && this.#lent[index].start - start < size) {
      start = this.#lent[index++].end;
    }
    if (start + size > this.#bytes) return void 0;
    this.#lent.splice(index, 0, {
      start,
      end: start + size
    });
    this.lentBytes += size;
    return start;
  }
  takeBack(start) {
    const index = this.#lent.findIndex((region) => region.start === start);
    if (index < 0) return false;
    this.lentBytes -= this.#lent.splice(index, 1)[0].end - start;
    return true;
  }
};

// src/rpc/transport/shared_values.ts
var { isArray: isArray4 } = Array;
var { keys: ownKeys4 } = Object;
var SHARED_MIN_BYTES = 256 * 1024;
var FREED_PER_MESSAGE = 32;
var SharedValues = class {
  #send;
  #limits;
  #in;
  #out;
  #lent;
  /** Bytes that were read in this turn of the event loop. */
  #readBytes = 0;
  #closed = false;
  /** Bytes of values that were put into the file so far. */
  bytesSent = 0;
  /** Bytes of values that were read from the peer's file so far. */
  bytesReceived = 0;
  constructor(send, limits) {
    this.#send = send;
    this.#limits = limits;
  }
  /** Reads from now on what the peer puts into its file; the connection closes it. */
  readFrom(file) {
    if (this.#closed) return file.close();
    if (this.#in !== void 0) throw new TypeError("A connection reads from one shared file");
    this.#in = file;
  }
  /** Puts large values into a file from now on, which the peer reads from; the connection closes it. */
  writeTo(file) {
    if (this.#closed) return file.close();
    if (this.#out !== void 0) throw new TypeError("A connection writes to one shared file");
    this.#out = file;
    this.#lent = new Regions(file.bytes);
  }
  get isWriting() {
    return this.#out !== void 0;
  }
  /** Bytes of the file that the peer has not returned. */
  get lentBytes() {
    return this.#lent?.lentBytes ?? 0;
  }
  /** Puts large byte arrays into the file, as far as there is room. */
  place(raw) {
    const { maxMessageBytes } = this.#limits;
    if (rawLength(raw) > maxMessageBytes) throw tooLongError(maxMessageBytes);
    if (this.#out === void 0) return raw;
    let parts;
    for (let i = 0; i < raw.length; i++) {
      const bytes = raw[i];
      if (bytes.length < SHARED_MIN_BYTES) continue;
      const offset = this.#put(bytes);
      if (offset === void 0) continue;
      parts ??= [
        ...raw
      ];
      parts[i] = new SharedPart(bytes.length, offset);
      free(bytes);
    }
    return parts ?? raw;
  }
  /** Takes back what was placed for a message that is not sent. */
  takeBack(parts) {
    for (const part of parts) if (part instanceof SharedPart) this.#lent?.takeBack(part.offset);
  }
  /** Takes a `$/free` notification: the peer has read what is in regions that were lent to it. */
  freed(message) {
    const params = message.value ?? {};
    const { at } = params;
    if (!isArray4(at) || at.length === 0 || ownKeys4(params).length !== 1) {
      throw malformed(message.method);
    }
    for (const offset of at) {
      if (typeof offset !== "number" || this.#lent?.takeBack(offset) !== true) {
        throw violation("the peer returned a region of the shared file that was not lent to it");
      }
    }
  }
  /** Makes the byte arrays of a message: those in the peer's file are read, others are still to be filled. */
  receive(announced) {
    this.#check(announced);
    const raw = [];
    const read = [];
    for (const part of announced) {
      if (typeof part === "number") {
        raw[raw.length] = new Uint8Array(part);
        continue;
      }
      const [length, offset] = part;
      const bytes = new Uint8Array(length);
      if (!this.#readPart(offset, bytes)) throw violation("the shared file has no such bytes");
      this.bytesReceived += length;
      raw[raw.length] = bytes;
      read[read.length] = offset;
    }
    if (read.length > 0) this.#giveBack(read);
    return raw;
  }
  close() {
    this.#closed = true;
    this.#in?.close();
    this.#out?.close();
    this.#in = this.#out = this.#lent = void 0;
  }
  #put(bytes) {
    const offset = this.#lent?.lend(bytes.length);
    if (offset === void 0) return void 0;
    try {
      this.#out.write(offset, bytes);
    } catch (error) {
      this.#lent.takeBack(offset);
      if (!(error instanceof TypeError)) this.#stopWriting();
      return void 0;
    }
    this.bytesSent += bytes.length;
    return offset;
  }
  /** The peer still reads and returns what is lent. */
  #stopWriting() {
    this.#out.close();
    this.#out = void 0;
  }
  #check(announced) {
    const places = [];
    for (const part of announced) {
      if (typeof part !== "number") places[places.length] = part;
    }
    if (places.length === 0) return;
    if (this.#in === void 0) throw violation("the peer named a shared file that there is not");
    places.sort(([, a], [, b]) => a - b);
    let end = 0;
    for (const [length, offset] of places) {
      if (offset < end) throw violation("regions of the shared file overlap");
      end = offset + length;
      if (end > this.#in.bytes) throw violation("a region is outside of the shared file");
      if (this.#readBytes === 0) soon(() => this.#readBytes = 0);
      this.#readBytes += length;
    }
    if (this.#readBytes > this.#in.bytes) {
      throw violation("a region of the shared file was used again before it was returned");
    }
  }
  #readPart(offset, into) {
    try {
      return this.#in.read(offset, into);
    } catch {
      return false;
    }
  }
  /** Is sent before any answer to the message, so that its sender has room again by then. */
  #giveBack(offsets) {
    for (let i = 0; i < offsets.length; i += FREED_PER_MESSAGE) {
      const at = offsets.slice(i, i + FREED_PER_MESSAGE).join();
      this.#send(notificationLine("$/free", `{"at":[${at}]}`));
    }
  }
};

// src/rpc/connection.ts
var LAST_WORDS_MS = 1e3;
var Connection = class {
  /** Resolves when it is closed and its duplex released: with the reason, where there is one. */
  closed;
  #settleClosed;
  #options;
  #limits;
  #reader;
  #outbox;
  #callsOut;
  #callsIn;
  #lanes;
  #shared;
  #timer;
  #backlog;
  #parts;
  #state = "open";
  #brokenDeadline = Infinity;
  #isOutFirst = false;
  constructor(given) {
    const options = this.#options = resolveOptions(given);
    const limits = this.#limits = {
      ...DEFAULT_MESSAGE_LIMITS,
      maxMessageBytes: options.maxMessageBytes
    };
    ({ promise: this.closed, resolve: this.#settleClosed } = Promise.withResolvers());
    const lanes = this.#lanes = new Lanes(options.io, {
      opened: (lane) => this.#speakOver(lane),
      controlSpoke: () => this.#closeWith(afterMove()),
      controlEnded: () => this.#pipeBroke()
    });
    this.#timer = new DeadlineTimer((now2) => this.#expire(now2));
    const arm = (at) => this.#timer.arm(at);
    const send = (line, raw) => this.#send(line, raw);
    const shared = this.#shared = new SharedValues(send, limits);
    this.#reader = new PeerReader({
      options,
      limits,
      lanes,
      shared,
      arm,
      isOpen: () => this.#state === "open",
      take: (message, bytes) => takeMessage(message, bytes, this.#parts),
      failed: (error) => this.#closeWith(error),
      ended: (error) => this.#ended(error)
    });
    this.#outbox = new Outbox(options.io, {
      failed: () => this.#pipeBroke(),
      drained: () => this.#resumeCalls()
    });
    this.#backlog = new Backlog(this.#outbox, shared, limits, options);
    const wire = {
      place: (raw) => shared.place(raw),
      send,
      arm,
      now: () => this.#outbox.turnTime,
      charge: (since) => this.#reader.charge(since),
      backlog: this.#backlog,
      progressBudget: new TokenBucket(PROGRESS_PER_SECOND, now())
    };
    this.#callsOut = new CallsOut(wire, options);
    this.#callsIn = new CallsIn(wire, options);
    this.#parts = {
      options,
      lanes,
      shared,
      reader: this.#reader,
      callsIn: this.#callsIn,
      callsOut: this.#callsOut,
      freed: () => this.#resumeCalls()
    };
    void this.#reader.run();
  }
  get isClosed() {
    return this.#state !== "open";
  }
  get stats() {
    return {
      sent: this.#outbox.sent,
      received: this.#reader.received,
      bytesSent: this.#outbox.bytesSent + this.#shared.bytesSent,
      bytesReceived: this.#reader.bytesReceived + this.#shared.bytesReceived,
      inFlight: this.#callsOut.inFlight,
      unanswered: this.#callsOut.unanswered,
      serving: this.#callsIn.size,
      ...this.#reader.stats
    };
  }
  /** Changes how many bytes a message may have from the next one on, and those that wait. */
  setLimits(maxMessageBytes, maxWaitingBytes = this.#options.maxWaitingBytes) {
    if (!(maxMessageBytes > 0 && maxWaitingBytes > 0)) {
      throw new RangeError(`Limits must be positive: ${maxMessageBytes}, ${maxWaitingBytes}`);
    }
    this.#limits.maxMessageBytes = maxMessageBytes;
    this.#options.maxWaitingBytes = maxWaitingBytes;
  }
  /** Changes how many milliseconds a second the peer may take of this thread. */
  setHostShare(msPerSecond) {
    this.#reader.setHostShare(msPerSecond);
  }
  /** Sends a request; rejects with its error, or with the reason for which the connection closed. */
  request(method, params, options = {}) {
    return this.#callsOut.request(method, params, options);
  }
  /** Sends a request that is answered in items, when the first is asked for; leaving early cancels it. */
  stream(method, params, options = {}) {
    return this.#callsOut.stream(method, params, options);
  }
  /** The requests of this end in flight: lists them, and fails one at once. */
  get openRequests() {
    return this.#callsOut;
  }
  /** Sends a notification; after the end of the connection it is dropped. */
  notify(method, params) {
    const body = encodeValue(params, "");
    const raw = body.raw && this.#shared.place(body.raw);
    this.#send(notificationLine(method, body.text, raw), raw);
  }
  /** Writes what is queued without waiting for the end of this turn of the event loop. */
  flush() {
    this.#outbox.flush();
  }
  /** Whether something could not be written by {@linkcode flush}, for a write that is under way. */
  get isHeldUp() {
    return this.#outbox.isHeldUp;
  }
  /** Speaks over another duplex from now on, and reads from it as soon as the peer has followed. */
  moveTo(lane) {
    this.#lanes.offer(lane);
    this.#speakOver(lane);
  }
  /** Takes the files that large values travel in, one for each direction. */
  get shared() {
    return this.#shared;
  }
  /** Writes what is queued, and waits until that is done or the peer is gone. */
  idle() {
    return this.#outbox.idle();
  }
  /** Writes what is queued, then ends the outgoing direction; reading goes on. */
  async end() {
    await this.idle();
    if (this.#state === "open") await this.#lanes.end();
  }
  /** Closes the connection and settles every request and stream, with `cancelled` by default. */
  close(reason) {
    this.#close(reason, reason ?? new SallyportError("cancelled", "The connection was closed"));
  }
  async [Symbol.asyncDispose]() {
    this.close();
    await this.closed;
  }
  #close(reason, forCalls) {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#reader.stop();
    this.#timer.stop();
    this.#callsIn.close();
    this.#outbox.stop();
    this.#shared.close();
    this.#callsOut.close(forCalls);
    void (async () => {
      try {
        await this.#lanes.close();
      } catch {
      }
      this.#settleClosed(reason);
    })();
  }
  #resumeCalls() {
    this.#isOutFirst = !this.#isOutFirst;
    if (this.#isOutFirst) this.#callsOut.admit();
    this.#callsIn.resume();
    this.#callsOut.admit();
  }
  #send(line, raw) {
    if (this.#state !== "open") return;
    const { maxMessageBytes } = this.#limits;
    if (tooLong(line, maxMessageBytes)) {
      if (raw !== void 0) this.#shared.takeBack(raw);
      throw tooLongError(maxMessageBytes);
    }
    const { breach } = this.#backlog;
    if (breach !== void 0) return this.#closeWith(breach);
    this.#outbox.push(line, raw && behindLine(raw));
  }
  #speakOver(lane) {
    this.#outbox.push(LANE_LINE);
    this.#outbox.moveTo(lane);
  }
  #expire(now2) {
    try {
      const next = Math.min(this.#reader.expire(now2), this.#callsOut.expire(now2));
      if (this.#brokenDeadline <= now2) void this.#ended(new Error("The pipe broke"));
      return this.#state === "open" ? Math.min(next, this.#brokenDeadline) : Infinity;
    } catch (error) {
      this.#closeWith(error);
      return Infinity;
    }
  }
  /** The peer has most likely ended; what it said before is still to be read. */
  #pipeBroke() {
    if (this.#state !== "open") return;
    this.#brokenDeadline = now() + LAST_WORDS_MS;
    this.#timer.arm(this.#brokenDeadline);
  }
  async #ended(error) {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#callsIn.close();
    const torn = error === void 0 && this.#reader.isMidMessage ? tornMessage() : void 0;
    const { reason, isKnown } = await askWhyEnded(this.#options.onEnd, error);
    const crashed = isKnown ? reason : torn ?? reason;
    this.#close(torn ?? (error === void 0 ? void 0 : crashed), crashed);
  }
  #closeWith(error) {
    const reason = asReason(error);
    this.#close(reason, reason);
  }
};

// src/rpc/transport/duplex.ts
var READ_BYTES = 64 * 1024;
var SOCKET_READ_BYTES = 32 * 1024;
var LONG_READ_BYTES = 208 * 1024;
function socketDuplex(conn) {
  const read = conn.read.bind(conn);
  const write = conn.write.bind(conn);
  const short = new Uint8Array(SOCKET_READ_BYTES);
  let long;
  let closed = false;
  return {
    isPrompt: true,
    async read(expected = 0) {
      const buffer = expected <= SOCKET_READ_BYTES ? short : long ??= new Uint8Array(LONG_READ_BYTES);
      try {
        const count = await read(buffer);
        return count === null ? null : buffer.subarray(0, count);
      } catch (error) {
        if (closed) return null;
        throw error;
      }
    },
    async write(bytes) {
      let at = await write(bytes);
      while (at < bytes.length) at += await write(bytes.subarray(at));
    },
    end: () => conn.closeWrite(),
    close() {
      if (closed) return;
      closed = true;
      conn.close();
    }
  };
}
function childDuplex(child) {
  const reader = child.stdout.getReader();
  const writer = child.stdin.getWriter();
  writer.closed.catch(() => {
  });
  let ended = false;
  return {
    async read() {
      const { done, value } = await reader.read();
      return done ? null : value;
    },
    write(bytes) {
      return writer.write(bytes);
    },
    async end() {
      if (ended) return;
      ended = true;
      await writer.close();
    },
    async close() {
      ended = true;
      await Promise.allSettled([
        reader.cancel(),
        writer.abort()
      ]);
    }
  };
}

// src/io/remove_tree.ts
var MAX_BELOW = 128;
async function removeTree(path) {
  await ignoreMissing(async () => {
    const folders = (await Deno.lstat(path)).isDirectory ? [
      path
    ] : [];
    for (let folder = folders.pop(); folder !== void 0; folder = folders.pop()) {
      await ignoreMissing(async () => {
        if (folder.length - path.length > MAX_BELOW) folder = await moveUp(folder, path);
        else await Deno.chmod(folder, 448);
        for await (const entry of Deno.readDir(folder)) {
          if (entry.isDirectory) folders.push(`${folder}/${entry.name}`);
        }
      });
    }
    await Deno.remove(path, {
      recursive: true
    });
  });
}
async function moveUp(folder, root) {
  await Deno.chmod(folder, 448);
  const near = `${root}/${crypto.randomUUID()}`;
  await Deno.rename(folder, near);
  return near;
}
async function ignoreMissing(act) {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

// src/host/admission/code_caching.ts
var MAX_EAGER_BYTES = 256 * 1024;
var CODE = /\.(?:[cm]?[jt]s|[jt]sx)$/;
var BUILTIN = /["'](node:[a-z0-9_/]{1,60})["']/g;
var MAX_BUILTINS = 100;
var decoder = new TextDecoder();
var CODE_CACHE = /^v8_code_cache_v\d+$/;
function isCodeCache(path) {
  return CODE_CACHE.test(path);
}
function codeCachingOf(files, jitless) {
  const code = files.filter(({ path }) => CODE.test(path));
  const bytes = code.reduce((sum, { bytes: bytes2 }) => sum + bytes2.length, 0);
  if (jitless || bytes > MAX_EAGER_BYTES) return "lazy";
  return code.some(({ bytes: bytes2 }) => decoder.decode(bytes2).includes("node:")) ? "lazy" : "eager";
}
function builtinsOf(files) {
  const found = /* @__PURE__ */ new Set();
  for (const { path, bytes } of files) {
    if (!CODE.test(path)) continue;
    for (const [, name] of decoder.decode(bytes).matchAll(BUILTIN)) found.add(name);
  }
  return [
    ...found
  ].slice(0, MAX_BUILTINS);
}

export {
  systemCode,
  isShortage,
  systemHint,
  ownError,
  asOwn,
  OWN_SESSION,
  startChild,
  settledWithin,
  stopChild,
  encodeValue,
  toWireError,
  TokenBucket,
  Connection,
  socketDuplex,
  childDuplex,
  removeTree,
  isCodeCache,
  codeCachingOf,
  builtinsOf
};
