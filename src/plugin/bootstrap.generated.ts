// Made by `deno task build` from bootstrap.ts and import_map.ts; do not edit.

/** The source of the module that every plugin's process starts with. */
export const BOOTSTRAP_SOURCE: string = `// src/errors.ts
var SALLYPORT_ERROR_CODES = Object.freeze([
  "signature-invalid",
  "hash-mismatch",
  "untrusted",
  "revoked",
  "expired",
  "rollback",
  "manifest-invalid",
  "bundle-invalid",
  "permission-denied",
  "launch-failed",
  "protocol-violation",
  "timeout",
  "cancelled",
  "crashed",
  "limit-exceeded",
  "method-not-found",
  "plugin-error",
  "service-denied",
  "bad-state",
  "bad-config"
]);
var SallyportError = class extends Error {
  /** The stable code of the error. */
  code;
  /** What the reader can do about it, where there is something. */
  hint;
  /** Facts about the error as plain JSON values. */
  details;
  /**
   * Makes an error.
   *
   * @param code The stable code.
   * @param message What happened, with the values quoted.
   * @param options Hint, details and cause.
   */
  constructor(code, message, options = {}) {
    super(message, options.cause === void 0 ? void 0 : {
      cause: options.cause
    });
    this.name = "SallyportError";
    this.code = code;
    this.hint = options.hint;
    this.details = Object.freeze({
      ...options.details
    });
  }
  /** Gives code, message, hint and details as plain data; never the stack or the cause. */
  toJSON() {
    return {
      code: this.code,
      message: this.message,
      ...this.hint === void 0 ? {} : {
        hint: this.hint
      },
      details: this.details
    };
  }
};
function escapeText(text, maxLength = 2e3) {
  const cut3 = text.length > maxLength ? \`\${text.slice(0, maxLength)}\\u2026\` : text;
  return cut3.replace(/[\\u0000-\\u001f\\u007f-\\u009f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff]|[\\ud800-\\udbff](?![\\udc00-\\udfff])|(?<![\\ud800-\\udbff])[\\udc00-\\udfff]/g, (character) => {
    if (character === "\\n") return "\\\\n";
    if (character === "	") return "\\\\t";
    if (character === "\\r") return "\\\\r";
    return \`\\\\u\${character.charCodeAt(0).toString(16).padStart(4, "0")}\`;
  });
}

// src/rpc/limits.ts
var MAX_BINARY_PARTS = 1024;
var DEFAULT_MESSAGE_LIMITS = Object.freeze({
  maxMessageBytes: 16 * 1024 * 1024,
  maxDepth: 128,
  maxNodes: 2e6
});
var MAX_VALUE_DEPTH = 120;

// src/rpc/violation.ts
function violation(what, details) {
  return new SallyportError("protocol-violation", \`Protocol violation: \${what}\`, {
    hint: "The peer sent what the wire protocol forbids and was cut off; do not run it again as it is",
    ...details ? {
      details
    } : {}
  });
}

// src/rpc/binary.ts
var { stringify } = JSON;
var { isArray } = Array;
var { isView } = ArrayBuffer;
var { keys: ownKeys, hasOwn } = Object;
function holdsBytes(value, depth) {
  if (typeof value !== "object" || value === null) return false;
  if (isView(value) || value instanceof ArrayBuffer) {
    if (value instanceof Uint8Array) return true;
    throw new TypeError("Cannot send a value: of the binary types only Uint8Array can be sent");
  }
  if (depth >= MAX_VALUE_DEPTH) {
    throw new TypeError(\`Cannot send a value: it is nested deeper than \${MAX_VALUE_DEPTH} levels, or refers to itself\`);
  }
  if (isArray(value)) {
    for (let i = 0; i < value.length; i++) if (holdsBytes(value[i], depth + 1)) return true;
    return false;
  }
  const record = value;
  for (const name in record) {
    const child = record[name];
    if (typeof child === "object" && child !== null && holdsBytes(child, depth + 1)) return true;
  }
  return false;
}
function encodeValue(value, absent) {
  if (!holdsBytes(value, 0)) return {
    text: stringify(value) ?? absent,
    raw: void 0
  };
  const raw = [];
  const markers = /* @__PURE__ */ new Set();
  const text = stringify(value, function(name, given) {
    const held = this[name];
    if (held instanceof Uint8Array) {
      const marker = {
        $bin: raw.length
      };
      raw[raw.length] = held;
      markers.add(marker);
      return marker;
    }
    if (typeof given === "object" && given !== null && hasOwn(given, "$bin")) {
      if (!markers.has(given)) {
        throw new TypeError('Cannot send a value: beside byte arrays no member may be named "$bin"');
      }
    }
    return given;
  });
  if (raw.length > MAX_BINARY_PARTS) {
    throw new TypeError(\`Cannot send a value: it holds more than \${MAX_BINARY_PARTS} byte arrays\`);
  }
  return {
    text,
    raw
  };
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
    const index = child.$bin;
    if (ownKeys(child).length !== 1 || typeof index !== "number" || raw[index] === void 0 || used[index] === 1) throw violation('a "$bin" marker is malformed, out of range or repeated');
    used[index] = 1;
    return raw[index];
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

// src/rpc/json_check.ts
var { isArray: isArray2 } = Array;
var { keys: ownKeys2 } = Object;
function checkParsed(root, limits) {
  let level = [
    root
  ];
  let nodes = 0;
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > limits.maxDepth) {
      throw violation(\`a message is nested deeper than \${limits.maxDepth} levels\`);
    }
    const next = [];
    for (let i = 0; i < level.length; i++) {
      nodes += collectChildren(level[i], next);
      if (nodes > limits.maxNodes) {
        throw violation(\`a message holds more than \${limits.maxNodes} values\`);
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
  return text.includes("__proto__") || text.includes("\\\\u");
}
function isShort(text, limits) {
  return text.length <= 2 * limits.maxDepth && text.length <= limits.maxNodes;
}

// src/rpc/message.ts
var { parse, stringify: stringify2 } = JSON;
var { isArray: isArray3 } = Array;
var { isSafeInteger } = Number;
var WIRE_CODES = Object.freeze({
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** RequestCancelled of the Language Server Protocol. */
  cancelled: -32800,
  /** An error of ours, outside the reserved range; \`data.code\` says which. */
  own: 1e3
});
var decoder = new TextDecoder("utf-8", {
  fatal: true,
  ignoreBOM: true
});
var decode = decoder.decode.bind(decoder);
function parseMessage(line, limits = DEFAULT_MESSAGE_LIMITS, harmless = false) {
  const text = typeof line === "string" ? line : decodeLine(line);
  let value;
  try {
    value = parse(text);
  } catch (error) {
    throw violation(\`a line is not JSON: \${escapeText(text, 60)}\`, {
      reason: escapeText(error.message, 200)
    });
  }
  if (typeof value !== "object" || value === null) {
    throw violation(\`a line is JSON but not an object: \${escapeText(text, 60)}\`);
  }
  if (isArray3(value)) {
    throw violation("a line is an array, and batches are not part of the protocol");
  }
  if (!isShort(text, limits) || !harmless && mayHoldProto(text)) checkParsed(value, limits);
  return readEnvelope(value, limits);
}
function decodeLine(bytes) {
  try {
    return decode(bytes);
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
    else throw violation(\`a message has the unknown member "\${escapeText(name, 60)}"\`);
  }
  if (jsonrpc !== "2.0") throw violation('a message has no "jsonrpc": "2.0"');
  if (id !== void 0 && !(isSafeInteger(id) && id > 0)) {
    throw violation(\`an id is not a positive integer: \${escapeText(stringify2(id), 60)}\`);
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
      throw violation(\`the params of "\${escapeText(method, 60)}" are neither an object nor an array\`);
    }
    message.method = method;
    if (id === void 0) message.kind = "notification";
    return message;
  }
  if (params !== void 0) throw violation('a message has "params" but no "method"');
  if (id === void 0) throw violation("an answer has no id");
  if (result === void 0 === (error === void 0)) {
    throw violation(\`the answer to \${id} has \${error === void 0 ? "neither" : "both"} result and error\`);
  }
  message.kind = error === void 0 ? "result" : "error";
  message.value = result;
  if (error !== void 0) message.error = readWireError(error, message.id);
  return message;
}
function readLengths(bin, limits) {
  if (!isArray3(bin) || bin.length === 0) throw violation('"$bin" is not a list of lengths');
  if (bin.length > MAX_BINARY_PARTS) {
    throw violation(\`"$bin" announces more than \${MAX_BINARY_PARTS} byte arrays\`);
  }
  let sum = 0;
  for (const length of bin) {
    if (!isSafeInteger(length) || length < 0) throw violation('"$bin" holds what is not a length');
    sum += length;
    if (sum > limits.maxMessageBytes) {
      throw violation(\`"$bin" announces more than \${limits.maxMessageBytes} bytes\`);
    }
  }
  return bin;
}
function readWireError(error, id) {
  if (typeof error !== "object" || error === null || isArray3(error)) {
    throw violation(\`the error in the answer to \${id} is not an object\`);
  }
  let code, message, data;
  for (const name in error) {
    const value = error[name];
    if (name === "code") code = value;
    else if (name === "message") message = value;
    else if (name === "data") data = value;
    else {
      throw violation(\`the error in the answer to \${id} has the unknown member "\${escapeText(name, 60)}"\`);
    }
  }
  if (!isSafeInteger(code) || typeof message !== "string") {
    throw violation(\`the error in the answer to \${id} lacks an integer code or a message\`);
  }
  return {
    code,
    message,
    data
  };
}
function lengthsMember(raw) {
  return raw === void 0 ? "" : \`,"$bin":[\${raw.map((part) => part.length).join()}]\`;
}
function requestLine(id, method, params, raw) {
  const rest = params === "" ? "" : \`,"params":\${params}\`;
  return \`{"jsonrpc":"2.0","id":\${id},"method":\${stringify2(method)}\${rest}\${lengthsMember(raw)}}
\`;
}
function notificationLine(method, params, raw) {
  const rest = params === "" ? "" : \`,"params":\${params}\`;
  return \`{"jsonrpc":"2.0","method":\${stringify2(method)}\${rest}\${lengthsMember(raw)}}
\`;
}
function resultLine(id, result, raw) {
  return \`{"jsonrpc":"2.0","id":\${id},"result":\${result}\${lengthsMember(raw)}}
\`;
}
function errorLine(id, error) {
  return \`{"jsonrpc":"2.0","id":\${id},"error":\${stringify2(error)}}
\`;
}

// src/rpc/safe_map.ts
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

// src/rpc/stream_writer.ts
var soon = queueMicrotask;
var BATCH_LENGTH = 64 * 1024;
var IDLE_MICROTASKS = 12;
var MAX_CREDIT = 2 ** 31;
var StreamWriter = class {
  #send;
  #credit;
  #batch = "";
  #pushed = 0;
  #ticking = false;
  #stopped = false;
  #wake;
  #iterator;
  /**
   * Makes a producer.
   *
   * @param credit How many items the consumer asked for to begin with.
   * @param send Sends a JSON list of items.
   */
  constructor(credit, send) {
    this.#credit = credit;
    this.#send = send;
  }
  /** Takes credit; gives \`false\` where it adds up to more than a consumer can mean. */
  grant(count) {
    this.#credit += count;
    this.#wake?.();
    return this.#credit <= MAX_CREDIT;
  }
  /** Stops at once; the iterator is told, and what it still gives is dropped. */
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
  /** Sends everything that an iterable gives; the promise has what it returns. */
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
      this.#send(\`[\${text}]\`, raw);
      return;
    }
    this.#batch = this.#batch === "" ? text : \`\${this.#batch},\${text}\`;
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
    if (batch !== "") this.#send(\`[\${batch}]\`);
  }
};

// src/rpc/wire_error.ts
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
  const { name, message } = readError(error);
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
function readError(error) {
  try {
    if (typeof error === "object" && error !== null) {
      const { name, message, stack } = error;
      if (typeof message === "string") {
        return {
          name: typeof name === "string" ? name.slice(0, 100) : "Error",
          message: message.slice(0, MAX_MESSAGE_LENGTH),
          stack: typeof stack === "string" ? stack.slice(0, 4 * MAX_STACK_LENGTH) : ""
        };
      }
    }
    return {
      name: "Error",
      message: String(error).slice(0, MAX_MESSAGE_LENGTH),
      stack: ""
    };
  } catch {
    return {
      name: "Error",
      message: "an error that cannot be read",
      stack: ""
    };
  }
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
  return new SallyportError(code, \`\${prefix2}\${message}\`, {
    details: {
      ...details,
      message
    }
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
    if (typeof value === "string") {
      kept[name] = value.slice(0, MAX_STACK_LENGTH).split("\\n").map((line) => escapeText(line)).join("\\n");
    }
  }
  return kept;
}

// src/rpc/calls_in.ts
var NO_META = Object.freeze({});
var MAX_FIRST_CREDIT = 65536;
var Served = class {
  id;
  meta;
  #wire;
  #controller;
  answered = false;
  aborted = false;
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
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort(abortReason());
    }
    return this.#controller.signal;
  }
  progress(value) {
    if (this.answered || this.meta.progress !== true) return;
    const { text, raw } = encodeValue(value, "null");
    this.#wire.progressBudget.refill(performance.now());
    if (!this.#wire.progressBudget.take()) return;
    this.#wire.send(notificationLine("$/progress", \`{"id":\${this.id},"value":\${text}}\`, raw), raw);
  }
  abort() {
    if (this.aborted) return;
    this.aborted = true;
    this.writer?.stop();
    this.#controller?.abort(abortReason());
  }
};
function abortReason() {
  return new SallyportError("cancelled", "The caller gave the call up");
}
var CallsIn = class {
  #wire;
  #options;
  #serving = new SafeMap();
  /** Handlers under way, those of cancelled requests included. */
  #running = 0;
  #highestId = 0;
  #closed = false;
  /** Makes an empty account. */
  constructor(wire, options) {
    this.#wire = wire;
    this.#options = options;
  }
  /** Counts requests that are not answered. */
  get size() {
    return this.#serving.size;
  }
  /** Takes a request. */
  accept(message) {
    const { id, method, value: params } = message;
    const { maxInFlight, role, accepts } = this.#options;
    if (this.#serving.has(id)) throw violation(\`request \${id} came again while it was in flight\`);
    if (this.#serving.size >= maxInFlight) {
      throw violation(\`more than \${maxInFlight} requests are in flight\`, {
        maxInFlight
      });
    }
    if (id > this.#highestId) this.#highestId = id;
    if (!accepts(method, "request")) {
      if (role === "host") throw violation(\`a plugin may not request "\${cut(method)}"\`);
      return this.#send(errorLine(id, {
        code: WIRE_CODES.methodNotFound,
        message: "Unknown method"
      }));
    }
    const call = this.#newCall(id, params);
    this.#serving.set(id, call);
    if (this.#running >= 2 * maxInFlight) {
      return this.#fail(call, new SallyportError("limit-exceeded", "Too many cancelled calls are still under way"));
    }
    let given;
    try {
      given = this.#options.onRequest?.(method, params, call);
    } catch (error) {
      return this.#fail(call, error);
    }
    if (isThenable(given)) {
      this.#running++;
      given.then((value) => {
        this.#running--;
        this.#finish(call, value);
      }, (error) => {
        this.#running--;
        this.#fail(call, error);
      });
    } else this.#finish(call, given);
  }
  /** Takes a \`$/cancel\` notification; one that comes too late is no mistake. */
  cancel(id) {
    const call = this.#serving.get(id);
    if (call === void 0) return;
    this.#answer(call, errorLine(id, {
      code: WIRE_CODES.cancelled,
      message: "Request cancelled"
    }));
    call.abort();
  }
  /** Takes a \`$/credit\` notification; one that comes too late is no mistake. */
  credit(id, count) {
    if (id > this.#highestId) {
      throw violation(\`credit came for request \${id}, which was never sent\`);
    }
    const call = this.#serving.get(id);
    if (call === void 0) return;
    if (call.writer === void 0) {
      throw violation(\`credit came for request \${id}, which did not ask for a stream\`);
    }
    if (!call.writer.grant(count)) throw violation(\`credit for request \${id} adds up to too much\`);
  }
  /** Aborts every call and answers nothing from now on. */
  close() {
    this.#closed = true;
    for (const call of this.#serving.values()) {
      call.answered = true;
      call.abort();
    }
    this.#serving.clear();
  }
  #newCall(id, params) {
    const meta = readMeta(params);
    const call = new Served(id, meta, this.#wire);
    if (meta.stream !== void 0) {
      call.writer = new StreamWriter(meta.stream, (items, raw) => {
        if (call.answered) return;
        this.#wire.send(notificationLine("$/stream", \`{"id":\${id},"items":\${items}}\`, raw), raw);
      });
    }
    return call;
  }
  #finish(call, value) {
    if (call.answered || this.#closed) return;
    if (call.writer !== void 0 && isAsyncIterable(value)) {
      this.#running++;
      call.writer.run(value).then((result) => {
        this.#running--;
        this.#result(call, result);
      }, (error) => {
        this.#running--;
        this.#fail(call, error);
      });
      return;
    }
    this.#result(call, value);
  }
  #result(call, value) {
    if (call.answered || this.#closed) return;
    try {
      const { text, raw } = encodeValue(value, "null");
      this.#wire.send(resultLine(call.id, text, raw), raw);
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
    this.#serving.delete(call.id);
    this.#send(line);
  }
  #send(line) {
    this.#wire.send(line);
  }
  #errorLine(id, error) {
    const { role, describeError } = this.#options;
    const last = {
      code: WIRE_CODES.internal,
      message: "The error cannot be told"
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
function isThenable(value) {
  return typeof value === "object" && value !== null && typeof value.then === "function";
}
function isAsyncIterable(value) {
  return typeof value === "object" && value !== null && typeof value[Symbol.asyncIterator] === "function";
}
function cut(text) {
  return text.replace(/[^\\w$/.:-]/g, "?").slice(0, 60);
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

// src/rpc/stream_reader.ts
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
  /**
   * Makes a stream that starts with the first call of {@linkcode next}.
   *
   * @param call The call that feeds it.
   * @param maxBufferedBytes Bytes of items that may wait; more end the stream with \`limit-exceeded\`.
   */
  constructor(call, maxBufferedBytes) {
    this.#call = call;
    this.#maxBufferedBytes = maxBufferedBytes;
  }
  /** Takes what the producer sent, also after the consumer has left. */
  receive(items, bytes) {
    if (items.length > this.#credit) {
      throw violation(\`\${items.length} stream items came where \${this.#credit} were allowed\`);
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
  /** Ends the stream with the result of its call. */
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
  /** Gives the next item, or the result of the call at the end. */
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
  /** Leaves the stream early and rejects with the error. */
  throw(error) {
    this.#leave();
    return Promise.reject(error);
  }
  /** Gives the stream itself. */
  [Symbol.asyncIterator]() {
    return this;
  }
  /** Leaves the stream. */
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
    this.fail(new SallyportError("limit-exceeded", \`Cannot go on with a stream: more than \${max} bytes wait\`, {
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

// src/rpc/calls_out.ts
function ignore() {
}
var CallsOut = class {
  #wire;
  #options;
  #pending = new SafeMap();
  /** Calls that wait for room, from \`#waitingFrom\` on; one that was given up stays until its turn. */
  #waiting = [];
  #waitingFrom = 0;
  #nextId = 1;
  #givenUp = 0;
  #closedBy;
  /** Makes an empty account. */
  constructor(wire, options) {
    this.#wire = wire;
    this.#options = options;
  }
  /** Counts requests that somebody waits for. */
  get inFlight() {
    return this.#pending.size - this.#givenUp + this.#waitingCount;
  }
  /** Counts requests that were given up and are not answered. */
  get unanswered() {
    return this.#givenUp;
  }
  /** Sends a request and gives its result. */
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
        if (this.#pending.has(call.id)) this.#notify("$/credit", \`{"id":\${call.id},"n":\${count}}\`);
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
  /** Takes an answer. */
  answer(message) {
    const call = this.#pending.get(message.id);
    if (call === void 0) {
      const why = message.id < this.#nextId ? "which was already answered" : "which nobody sent";
      throw violation(\`an answer came to request \${message.id}, \${why}\`);
    }
    this.#pending.delete(message.id);
    if (call.givenUp) this.#givenUp--;
    else if (message.error === void 0) settle(call).resolve(message.value);
    else settle(call).reject(fromWireError(message.error, this.#options.role, prefix(call)));
    if (this.#waiting.length > 0) this.admit();
  }
  /** Takes a \`$/progress\` notification. */
  progress(id, value) {
    const call = this.#pending.get(id);
    if (call === void 0) {
      if (id < this.#nextId) return;
      throw violation(\`progress came for request \${id}, which nobody sent\`);
    }
    const { onProgress } = call.options;
    if (onProgress === void 0) {
      throw violation(\`progress came for request \${id}, which did not ask for it\`);
    }
    if (!call.givenUp) onProgress(value);
  }
  /** Takes a \`$/stream\` notification and about how many bytes it had. */
  items(id, items, bytes) {
    const call = this.#pending.get(id);
    if (call?.stream === void 0) {
      throw violation(\`stream items came for request \${id}, which is not a stream in flight\`);
    }
    call.stream.receive(items, bytes);
  }
  /** Handles the deadlines up to a moment; gives the next one, or \`Infinity\`. */
  expire(now) {
    let next = Infinity;
    for (const call of this.#pending.values()) {
      if (call.deadline <= now) {
        if (call.givenUp) throw neverAnswered(call, this.#options.cancelGraceMs);
        this.#giveUp(call, timedOut(call));
      }
      next = Math.min(next, call.deadline);
    }
    for (let i = this.#waitingFrom; i < this.#waiting.length; i++) {
      const { call } = this.#waiting[i];
      if (call.settled) continue;
      if (call.deadline <= now) this.#giveUp(call, timedOut(call));
      else next = Math.min(next, call.deadline);
    }
    return next;
  }
  /** Sends requests that waited, as far as there is room. */
  admit() {
    while (this.#waitingCount > 0 && this.#hasRoom()) {
      const waiting = this.#waiting[this.#waitingFrom++];
      if (this.#waitingCount === 0) this.#clearWaiting();
      if (waiting.call.settled) continue;
      try {
        this.#sendRequest(waiting.call, waiting.method, waiting.body);
      } catch (error) {
        settle(waiting.call).reject(error);
      }
    }
  }
  /** Settles everything with one reason, now and from now on. */
  close(reason) {
    this.#closedBy = reason;
    const waiting = this.#waiting.slice(this.#waitingFrom).map((waiting2) => waiting2.call);
    const calls = [
      ...this.#pending.values(),
      ...waiting
    ];
    this.#pending.clear();
    this.#clearWaiting();
    this.#givenUp = 0;
    for (const call of calls) if (!call.settled) settle(call).reject(reason);
  }
  #start(call, method, params, options) {
    if (this.#closedBy !== void 0) throw this.#closedBy;
    const { signal } = options;
    if (signal?.aborted) throw cancelled(call, signal.reason);
    const meta = metaFor(options, call.stream !== void 0);
    const full = meta === void 0 ? params : withMeta(params, meta);
    const body = full === void 0 ? {
      text: "",
      raw: void 0
    } : encodeValue(full, "");
    if (this.#waitingCount === 0 && this.#hasRoom()) this.#sendRequest(call, method, body);
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
    return this.#pending.size < this.#options.maxInFlight && this.#wire.hasRoom();
  }
  #wait(call, method, body) {
    const { maxWaiting } = this.#options;
    if (this.#waitingCount >= maxWaiting) {
      throw new SallyportError("limit-exceeded", \`Cannot send \${label(call)}: \${maxWaiting} others wait\`, {
        hint: "Await earlier calls before making more",
        details: {
          local: true,
          maxWaiting
        }
      });
    }
    this.#waiting.push({
      call,
      method,
      body: {
        ...body,
        raw: body.raw?.map((part) => part.slice())
      }
    });
  }
  #sendRequest(call, method, body) {
    const id = call.id = this.#nextId++;
    this.#pending.set(id, call);
    try {
      this.#wire.send(requestLine(id, method, body.text, body.raw), body.raw);
    } catch (error) {
      this.#pending.delete(id);
      throw error;
    }
  }
  #deadline({ timeoutMs }) {
    return timeoutMs === void 0 || timeoutMs === Infinity ? Infinity : this.#wire.now() + timeoutMs;
  }
  get #waitingCount() {
    return this.#waiting.length - this.#waitingFrom;
  }
  #clearWaiting() {
    this.#waiting = [];
    this.#waitingFrom = 0;
  }
  #notify(method, params) {
    this.#wire.send(notificationLine(method, params));
  }
  /** Settles a call without its answer, which the peer still owes. */
  #giveUp(call, error) {
    if (call.givenUp || call.settled) return;
    const { reject } = settle(call);
    call.givenUp = true;
    if (this.#pending.has(call.id)) {
      this.#givenUp++;
      call.deadline = performance.now() + this.#options.cancelGraceMs;
      this.#wire.arm(call.deadline);
      this.#notify("$/cancel", \`{"id":\${call.id}}\`);
    }
    if (error) reject(error);
  }
};
function newCall(method, options, resolve, reject) {
  const { timeoutMs } = options;
  if (timeoutMs !== void 0 && !(typeof timeoutMs === "number" && timeoutMs > 0)) {
    throw new RangeError(\`Cannot send a request: "timeoutMs" must be positive: \${timeoutMs}\`);
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
    onAbort: void 0
  };
}
function settle(call) {
  if (call.onAbort) call.options.signal?.removeEventListener("abort", call.onAbort);
  call.settled = true;
  return call;
}
function label(call) {
  return call.options.label ?? \`"\${call.method}"\`;
}
function prefix(call) {
  return call.options.label === void 0 ? "" : \`\${call.options.label} failed: \`;
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
function cancelled(call, reason) {
  return new SallyportError("cancelled", \`Cannot finish \${label(call)}: the caller cancelled it\`, {
    cause: reason,
    details: {
      local: true
    }
  });
}
function timedOut(call) {
  const { timeoutMs } = call.options;
  const what = call.stream ? "item" : "answer";
  return new SallyportError("timeout", \`Cannot finish \${label(call)}: no \${what} within \${timeoutMs} ms\`, {
    hint: "Give it more time, or look at what the plugin does",
    details: {
      local: true,
      timeoutMs
    }
  });
}
function neverAnswered(call, cancelGraceMs) {
  return new SallyportError("timeout", \`Cannot go on: \${label(call)} was given up and the peer did not answer it within \${cancelGraceMs} ms\`, {
    hint: "The plugin is stuck; it was cut off",
    details: {
      cancelGraceMs,
      id: call.id
    }
  });
}

// src/rpc/deadline_timer.ts
var startTimer = setTimeout;
var stopTimer = clearTimeout;
var MAX_DELAY_MS = 2 ** 31 - 1;
var DeadlineTimer = class {
  #fire;
  #timer;
  #at = Infinity;
  #stopped = false;
  /**
   * Makes a timer that is not armed.
   *
   * @param fire Handles every deadline up to \`now\` (as of \`performance.now()\`) and gives the next
   * one, or \`Infinity\`.
   */
  constructor(fire) {
    this.#fire = fire;
  }
  /** Makes sure that the timer fires at a moment of \`performance.now()\`, or earlier. */
  arm(at) {
    if (at >= this.#at || this.#stopped) return;
    if (this.#timer !== void 0) stopTimer(this.#timer);
    this.#at = at;
    const delay = Math.min(MAX_DELAY_MS, Math.max(0, Math.ceil(at - performance.now())));
    this.#timer = startTimer(() => this.#onTimer(), delay);
  }
  /** Releases the timer for good. */
  stop() {
    this.#stopped = true;
    if (this.#timer !== void 0) stopTimer(this.#timer);
    this.#timer = void 0;
  }
  #onTimer() {
    this.#timer = void 0;
    this.#at = Infinity;
    const next = this.#fire(performance.now());
    if (next !== Infinity) this.arm(next);
  }
};

// src/rpc/framing.ts
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
  /** Bytes that one line may have, without its newline. */
  maxLineBytes;
  /**
   * Makes a reader.
   *
   * @param sink Takes the frames, in order and synchronously.
   * @param maxLineBytes Bytes that one line may have; counted while they arrive, before decoding.
   */
  constructor(sink, maxLineBytes) {
    this.#sink = sink;
    this.maxLineBytes = maxLineBytes;
  }
  /** Says whether the stream is in the middle of a frame. */
  get midFrame() {
    return this.#partBytes > 0 || this.#targets.length > 0;
  }
  /** Drops what was kept and every further frame. */
  stop() {
    this.#stopped = true;
    this.#part = EMPTY;
    this.#targets = [];
    this.#partBytes = 0;
  }
  /**
   * Takes the next bytes. The chunk may be used again afterwards: what must be kept is copied.
   *
   * @throws {SallyportError} \`protocol-violation\` for a line that is too long or not UTF-8, and
   * whatever the sink throws; the reader must not be used afterwards.
   */
  push(chunk) {
    let at = 0;
    if (this.#targets.length > 0) at = this.#fill(chunk, 0);
    if (this.#partBytes > 0 && at < chunk.length) at = this.#finishLine(chunk, at);
    const last = at < chunk.length ? chunk.lastIndexOf(NEWLINE) : -1;
    if (last >= at) at = this.#manyLines(chunk, at, last);
    if (at < chunk.length && !this.#stopped) this.#keep(chunk.subarray(at));
  }
  /** Ends the line that earlier chunks began; gives where the next frame begins. */
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
      let end = text.indexOf("\\n", at);
      if (end < 0) end = text.length;
      if ((end - at) * 3 > this.maxLineBytes) this.#checkLength(chunk, from, lines);
      const targets = this.#sink.line(text.slice(at, end), harmless);
      if (this.#stopped) return chunk.length;
      lines++;
      if (targets !== void 0) {
        const next = this.#begin(targets, chunk, nthLineStart(chunk, from, lines));
        return this.#stopped ? chunk.length : this.#lineByLine(chunk, next, last);
      }
      at = end + 1;
    }
    return last + 1;
  }
  #lineByLine(chunk, from, last) {
    let at = from;
    while (at <= last && !this.#stopped) {
      const end = chunk.indexOf(NEWLINE, at);
      if (end < 0) break;
      at = this.#line(chunk.subarray(at, end), chunk, end + 1);
    }
    return at;
  }
  #line(line, chunk, next) {
    if (line.length > this.maxLineBytes) throw this.#tooLong();
    const targets = this.#sink.line(decodeLine(line), false);
    if (this.#stopped) return chunk.length;
    return targets === void 0 ? next : this.#begin(targets, chunk, next);
  }
  #begin(targets, chunk, from) {
    this.#targets = targets;
    this.#filledBytes = 0;
    return this.#fill(chunk, from);
  }
  /** Fills byte arrays from a chunk; gives where the next frame begins. */
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
    if (needed > this.maxLineBytes) throw this.#tooLong();
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
    if (end - start > this.maxLineBytes) throw this.#tooLong();
  }
  #tooLong() {
    return violation(\`a line is longer than \${this.maxLineBytes} bytes\`, {
      maxMessageBytes: this.maxLineBytes
    });
  }
};
function nthLineStart(bytes, from, lines) {
  let at = from;
  for (let i = 0; i < lines; i++) at = bytes.indexOf(NEWLINE, at) + 1;
  return at;
}

// src/rpc/options.ts
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
    "state/snapshot": "request",
    "state/restore": "request"
  }
};
var NUMBERS = {
  maxMessageBytes: DEFAULT_MESSAGE_LIMITS.maxMessageBytes,
  maxInFlight: 4096,
  maxWaiting: 65536,
  maxQueuedBytes: 64 * 1024 * 1024,
  maxMessagesPerSecond: 1e5,
  maxNotificationsPerSecond: 1e4,
  cancelGraceMs: 5e3,
  lineTimeoutMs: 3e4
};
var UNLIMITED_RATES = {
  maxMessagesPerSecond: Infinity,
  maxNotificationsPerSecond: Infinity
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
  const resolved = {
    ...NUMBERS,
    ...options.role === "host" ? {} : UNLIMITED_RATES,
    ...options,
    accepts: (method, kind) => {
      const expected = allowed.get(method);
      return expected === kind || expected === "either";
    }
  };
  for (const name of Object.keys(NUMBERS)) {
    const value = resolved[name];
    if (typeof value !== "number" || !(value > 0)) {
      throw new RangeError(\`Cannot open a connection: "\${name}" must be positive: \${value}\`);
    }
  }
  return resolved;
}

// src/rpc/outbox.ts
var encoder = new TextEncoder();
var encode = encoder.encode.bind(encoder);
var soon2 = queueMicrotask;
var EARLY_LENGTH = 16 * 1024;
var Outbox = class {
  #io;
  #events;
  #text = "";
  /** What comes before \`#text\`, where byte arrays are among it. */
  #segments = [];
  #segmentBytes = 0;
  #scheduled = false;
  #turnTime = 0;
  #writing = false;
  #writingBytes = 0;
  #stopped = false;
  #idle;
  /** Messages that were queued so far. */
  sent = 0;
  /** Bytes that were handed to the peer so far. */
  bytesSent = 0;
  /** Makes an empty outbox over a duplex. */
  constructor(io, events) {
    this.#io = io;
    this.#events = events;
  }
  /** Gives the time of \`performance.now()\`, read once for all that is sent in one turn. */
  get turnTime() {
    if (!this.#scheduled) this.#turnTime = performance.now();
    return this.#turnTime;
  }
  /** Gives about how many bytes wait, those of the write under way included. */
  get queuedBytes() {
    return this.#text.length + this.#segmentBytes + this.#writingBytes;
  }
  /** Queues a line, with the byte arrays that follow it; those are copied unless written at once. */
  push(line, raw) {
    if (this.#stopped) return;
    this.sent++;
    this.#text += line;
    if (raw !== void 0) {
      const copy = this.#io.writeSync === void 0;
      this.#segments.push(this.#text);
      this.#segmentBytes += this.#text.length + rawLength(raw);
      this.#text = "";
      for (const part of raw) if (part.length > 0) this.#segments.push(copy ? part.slice() : part);
      if (!copy) return this.flush();
    }
    if (this.#text.length > EARLY_LENGTH && this.#io.writeSync !== void 0) this.flush();
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    soon2(() => this.flush());
  }
  /** Writes what is queued, now. */
  flush() {
    this.#scheduled = false;
    if (this.#stopped || this.#writing || !this.#hasWork()) return;
    const { writeSync } = this.#io;
    if (writeSync === void 0) {
      void this.#drain();
      return;
    }
    try {
      for (const bytes of this.#take()) {
        writeSync(bytes);
        this.bytesSent += bytes.length;
      }
    } catch (error) {
      return this.#fail(error);
    }
    this.#events.drained();
  }
  /** Waits until all that is queued has been written, or the peer is gone. */
  async idle() {
    this.flush();
    if (!this.#writing) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }
  /** Drops what is queued, for good. */
  stop() {
    this.#stopped = true;
    this.#text = "";
    this.#segments = [];
    this.#segmentBytes = 0;
    this.#idle?.resolve();
  }
  #hasWork() {
    return this.#text.length > 0 || this.#segments.length > 0;
  }
  async #drain() {
    this.#writing = true;
    try {
      while (this.#hasWork() && !this.#stopped) {
        for (const bytes of this.#take()) {
          this.#writingBytes = bytes.length;
          await this.#io.write(bytes);
          this.bytesSent += bytes.length;
        }
        this.#writingBytes = 0;
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
      encode(text)
    ];
    const segments = this.#segments;
    this.#segments = [];
    this.#segmentBytes = 0;
    if (text.length > 0) segments.push(text);
    return segments.map((part) => typeof part === "string" ? encode(part) : part);
  }
  #fail(error) {
    if (this.#stopped) return;
    this.stop();
    this.#events.failed(error);
  }
};

// src/rpc/token_bucket.ts
var TokenBucket = class {
  #perSecond;
  #burst;
  #tokens;
  #refilledAt;
  /**
   * Makes a full bucket.
   *
   * @param perSecond How many are allowed a second over time.
   * @param burst How many are allowed at once.
   * @param now The time in milliseconds, from the clock that {@linkcode refill} is given.
   */
  constructor(perSecond, burst, now) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#refilledAt = now;
  }
  /** Adds what time has earned; call it once for a batch, so that no clock is read for each item. */
  refill(now) {
    if (this.#perSecond === Infinity) return;
    const earned = (now - this.#refilledAt) * this.#perSecond / 1e3;
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, earned));
    this.#refilledAt = now;
  }
  /** Takes one on credit; gives for how many milliseconds nothing more should be taken. */
  borrow() {
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : -this.#tokens * 1e3 / this.#perSecond;
  }
  /** Takes one; gives \`false\` where none is left. */
  take() {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
};

// src/rpc/connection.ts
var LAST_WORDS_MS = 1e3;
var BURST_SECONDS = 4;
var Connection = class {
  /**
   * Resolves when the connection is closed and its duplex released: with \`undefined\` when the peer
   * ended at a frame boundary or {@linkcode close} was called without a reason, else with the reason.
   */
  closed;
  #settleClosed;
  #options;
  #limits;
  #reader;
  #outbox;
  #callsOut;
  #callsIn;
  #timer;
  #messages;
  #notifications;
  #state = "open";
  #received = 0;
  #bytesReceived = 0;
  /** When the message that is half here must be whole. */
  #lineDeadline = Infinity;
  #writeDeadline = Infinity;
  /** For how long reading should stop, and until when it does. */
  #holdUpMs = 0;
  #resumeAt = Infinity;
  #resume = () => {
  };
  /** A message whose byte arrays are still to come. */
  #half;
  /**
   * Opens a connection and begins to read.
   *
   * @param options The duplex, the role, handlers and caps.
   * @throws {RangeError} when a number in the options is not positive.
   */
  constructor(options) {
    const resolved = this.#options = resolveOptions(options);
    this.#limits = {
      ...DEFAULT_MESSAGE_LIMITS,
      maxMessageBytes: resolved.maxMessageBytes
    };
    ({ promise: this.closed, resolve: this.#settleClosed } = Promise.withResolvers());
    const now = performance.now();
    this.#messages = bucket(resolved.maxMessagesPerSecond, now);
    this.#notifications = bucket(resolved.maxNotificationsPerSecond, now);
    this.#timer = new DeadlineTimer((now2) => this.#expire(now2));
    this.#reader = new FrameReader({
      line: (text, harmless) => this.#line(text, harmless),
      filled: () => this.#filled()
    }, resolved.maxMessageBytes);
    this.#outbox = new Outbox(resolved.io, {
      failed: () => this.#writeFailed(),
      drained: () => this.#callsOut.admit()
    });
    const send = (line, raw) => this.#send(line, raw);
    this.#callsOut = new CallsOut({
      send,
      arm: (at) => this.#timer.arm(at),
      now: () => this.#outbox.turnTime,
      hasRoom: () => this.#outbox.queuedBytes * 2 <= resolved.maxQueuedBytes
    }, resolved);
    this.#callsIn = new CallsIn({
      send,
      progressBudget: bucket(PROGRESS_PER_SECOND, now)
    }, resolved);
    void this.#readAll();
  }
  /** Says whether the connection has ended or is closed, so that nothing can be sent any more. */
  get isClosed() {
    return this.#state !== "open";
  }
  /** Counts what went over the connection and what is under way. */
  get stats() {
    return {
      sent: this.#outbox.sent,
      received: this.#received,
      bytesSent: this.#outbox.bytesSent,
      bytesReceived: this.#bytesReceived,
      inFlight: this.#callsOut.inFlight,
      unanswered: this.#callsOut.unanswered,
      serving: this.#callsIn.size
    };
  }
  /** Changes how many bytes a message may have, in both directions, from the next message on. */
  setMaxMessageBytes(bytes) {
    if (!(bytes > 0)) throw new RangeError(\`"maxMessageBytes" must be positive: \${bytes}\`);
    this.#limits.maxMessageBytes = bytes;
    this.#reader.maxLineBytes = bytes;
  }
  /**
   * Sends a request.
   *
   * @param method The method.
   * @param params Anything that JSON can carry, with \`Uint8Array\`s anywhere in it.
   * @returns The result.
   * @throws {SallyportError} \`cancelled\`, \`timeout\`, \`method-not-found\`, \`plugin-error\`,
   * \`limit-exceeded\` for a message that is too long, or the reason for which the connection closed.
   * @throws {TypeError} when the params cannot be sent.
   */
  request(method, params, options = {}) {
    return this.#callsOut.request(method, params, options);
  }
  /**
   * Sends a request that is answered in items; the result of the generator is that of the request.
   * Nothing is sent before the first item is asked for. Leaving early cancels the request.
   *
   * @throws {SallyportError} as {@linkcode request} does, from the generator.
   */
  stream(method, params, options = {}) {
    return this.#callsOut.stream(method, params, options);
  }
  /**
   * Sends a notification; after the end of the connection it is dropped.
   *
   * @throws {SallyportError} \`limit-exceeded\` for a message that is too long.
   * @throws {TypeError} when the params cannot be sent.
   */
  notify(method, params) {
    const { text, raw } = encodeValue(params, "");
    this.#send(notificationLine(method, text, raw), raw);
  }
  /** Writes what is queued without waiting for the end of this turn of the event loop. */
  flush() {
    this.#outbox.flush();
  }
  /** Writes what is queued, then ends the outgoing direction; reading goes on. */
  async end() {
    await this.#outbox.idle();
    if (this.#state === "open") await this.#options.io.end?.();
  }
  /**
   * Closes the connection and settles every request and stream.
   *
   * @param reason What they fail with; \`cancelled\` by default.
   */
  close(reason) {
    this.#close(reason, reason ?? new SallyportError("cancelled", "The connection was closed"));
  }
  /** Closes the connection and waits until its duplex is released. */
  async [Symbol.asyncDispose]() {
    this.close();
    await this.closed;
  }
  #close(reason, forCalls) {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#reader.stop();
    this.#timer.stop();
    this.#resume();
    this.#callsIn.close();
    this.#outbox.stop();
    this.#callsOut.close(forCalls);
    void (async () => {
      try {
        await this.#options.io.close();
      } catch {
      }
      this.#settleClosed(reason);
    })();
  }
  async #readAll() {
    const { io } = this.#options;
    try {
      for (; ; ) {
        const chunk = await io.read();
        if (this.#state !== "open") return;
        if (chunk === null) break;
        this.#receive(chunk);
        if (this.#holdUpMs > 0) await this.#pause();
      }
    } catch (error) {
      await this.#ended(error);
      return;
    }
    await this.#ended(void 0);
  }
  /** Leaves the peer's messages in the pipe for a while, because it sends too many. */
  async #pause() {
    this.#resumeAt = performance.now() + this.#holdUpMs;
    this.#holdUpMs = 0;
    this.#timer.arm(this.#resumeAt);
    await new Promise((resolve) => this.#resume = resolve);
  }
  #receive(chunk) {
    this.#bytesReceived += chunk.length;
    const now = performance.now();
    this.#messages.refill(now);
    this.#notifications.refill(now);
    const before = this.#received;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#closeWith(error);
      return;
    }
    if (!this.#reader.midFrame) this.#lineDeadline = Infinity;
    else if (this.#received !== before || this.#lineDeadline === Infinity) {
      this.#lineDeadline = now + this.#options.lineTimeoutMs;
      this.#timer.arm(this.#lineDeadline);
    }
  }
  #line(text, harmless) {
    const message = parseMessage(text, this.#limits, harmless);
    if (message.bin === void 0) {
      this.#dispatch(message, text.length);
      return void 0;
    }
    const raw = message.bin.map((length) => new Uint8Array(length));
    this.#half = {
      message,
      raw,
      bytes: text.length + rawLength(raw)
    };
    return raw;
  }
  #filled() {
    const { message, raw, bytes } = this.#half;
    this.#half = void 0;
    message.value = insertBytes(message.value, raw);
    this.#dispatch(message, bytes);
  }
  #dispatch(message, bytes) {
    this.#received++;
    if (message.kind === "result" || message.kind === "error") {
      this.#callsOut.answer(message);
      return;
    }
    if (message.method === "$/stream" && message.kind === "notification") {
      const { items } = readParams(message, "items");
      if (!Array.isArray(items) || items.length === 0) throw malformed(message.method);
      this.#callsOut.items(readId(message), items, bytes);
      return;
    }
    this.#holdUpMs = this.#messages.borrow();
    if (message.kind === "request") this.#callsIn.accept(message);
    else this.#notification(message);
  }
  #notification(message) {
    const { method } = message;
    if (method === "$/credit") {
      const { n } = readParams(message, "n");
      if (!Number.isSafeInteger(n) || n <= 0) throw malformed(method);
      return this.#callsIn.credit(readId(message), n);
    }
    if (method === "$/cancel") {
      readParams(message);
      return this.#callsIn.cancel(readId(message));
    }
    if (!this.#notifications.take()) {
      throw violation(\`more than \${this.#options.maxNotificationsPerSecond} notifications a second came\`);
    }
    if (method === "$/progress") {
      return this.#callsOut.progress(readId(message), readParams(message, "value").value);
    }
    if (this.#options.accepts(method, "notification")) {
      this.#options.onNotification?.(method, message.value);
    } else if (this.#options.role === "host") {
      throw violation(\`a plugin may not notify "\${method.replace(/[^\\w$/.:-]/g, "?").slice(0, 60)}"\`);
    }
  }
  #send(line, raw) {
    if (this.#state !== "open") return;
    const { maxMessageBytes } = this.#limits;
    if (tooLong(line, maxMessageBytes) || rawLength(raw) > maxMessageBytes) {
      throw new SallyportError("limit-exceeded", \`Cannot send a message: it has more than the \${maxMessageBytes} bytes that are allowed\`, {
        hint: "Send less at once, or raise the limit messageBytes",
        details: {
          maxMessageBytes
        }
      });
    }
    this.#outbox.push(line, raw);
    const { maxQueuedBytes } = this.#options;
    if (this.#outbox.queuedBytes > maxQueuedBytes) {
      this.#closeWith(violation(\`more than \${maxQueuedBytes} bytes wait that the peer does not read\`));
    }
  }
  #expire(now) {
    try {
      if (this.#lineDeadline <= now) {
        throw violation(\`a message was not whole after \${this.#options.lineTimeoutMs} ms\`);
      }
      const next = this.#callsOut.expire(now);
      if (this.#writeDeadline <= now) void this.#ended(new Error("The pipe broke"));
      if (this.#resumeAt <= now) {
        this.#resumeAt = Infinity;
        this.#resume();
      }
      if (this.#state !== "open") return Infinity;
      return Math.min(next, this.#lineDeadline, this.#writeDeadline, this.#resumeAt);
    } catch (error) {
      this.#closeWith(error);
      return Infinity;
    }
  }
  /** The peer has most likely ended; what it said before is still to be read. */
  #writeFailed() {
    if (this.#state !== "open") return;
    this.#writeDeadline = performance.now() + LAST_WORDS_MS;
    this.#timer.arm(this.#writeDeadline);
  }
  async #ended(error) {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#callsIn.close();
    const torn = error === void 0 && this.#reader.midFrame ? violation("the peer ended in the middle of a message") : void 0;
    let reason;
    try {
      reason = await this.#options.onEnd?.();
    } catch (cause2) {
      reason = new SallyportError("bad-state", "Cannot tell why the peer ended", {
        cause: cause2
      });
    }
    const cause = error === void 0 ? {} : {
      cause: error
    };
    const crashed = reason ?? torn ?? new SallyportError("crashed", "The peer ended before it answered", cause);
    this.#close(torn ?? (error === void 0 ? void 0 : crashed), crashed);
  }
  #closeWith(error) {
    const reason = error instanceof SallyportError ? error : new SallyportError("bad-state", "Cannot go on: a handler failed", {
      cause: error
    });
    this.#close(reason, reason);
  }
};
function bucket(perSecond, now) {
  return new TokenBucket(perSecond, perSecond * BURST_SECONDS, now);
}
var encoder2 = new TextEncoder();
function tooLong(line, maxBytes) {
  if (line.length * 3 <= maxBytes) return false;
  return line.length - 1 > maxBytes || encoder2.encode(line).length - 1 > maxBytes;
}
function malformed(method) {
  return violation(\`the params of "\${method}" are malformed\`);
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

// src/rpc/duplex.ts
var READ_BYTES = 64 * 1024;
function stdioDuplex() {
  const { stdin, stdout } = Deno;
  const read = stdin.read.bind(stdin);
  const writeSync = stdout.writeSync.bind(stdout);
  const { WouldBlock } = Deno.errors;
  const buffer = new Uint8Array(READ_BYTES);
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const writeAll = (bytes) => {
    let at = 0;
    while (at < bytes.length) {
      try {
        at += writeSync(at === 0 ? bytes : bytes.subarray(at));
      } catch (error) {
        if (!(error instanceof WouldBlock)) throw error;
        Atomics.wait(pause, 0, 0, 1);
      }
    }
  };
  return {
    async read() {
      const count = await read(buffer);
      return count === null ? null : buffer.subarray(0, count);
    },
    write(bytes) {
      writeAll(bytes);
      return Promise.resolve();
    },
    writeSync: writeAll,
    close() {
    }
  };
}

// src/plugin/console.ts
var { inspect } = Deno;
var MAX_LENGTH = 8e3;
var INSPECT = {
  depth: 4,
  iterableLimit: 100,
  strAbbreviateSize: 2e3,
  colors: false
};
function show(value) {
  if (typeof value === "string") return value;
  try {
    return inspect(value, INSPECT).slice(0, MAX_LENGTH);
  } catch {
    return "[a value that cannot be shown]";
  }
}
function convert(directive, value) {
  switch (directive) {
    case "s":
      return typeof value === "symbol" ? value.toString() : show(value);
    case "d":
    case "i": {
      if (typeof value === "bigint") return \`\${value}n\`;
      const number = Number(value);
      return String(directive === "i" ? Math.trunc(number) : number);
    }
    case "f":
      return String(Number(value));
    case "o":
    case "O":
    case "j":
      return show(value);
    case "c":
      return "";
  }
  return void 0;
}
function formatArguments(args) {
  if (args.length === 0) return "";
  let at = 0;
  let text = "";
  const first = args[0];
  if (typeof first === "string" && args.length > 1) {
    at = 1;
    text = first.slice(0, MAX_LENGTH).replace(/%([sdifoOjc%])/g, (match, directive) => {
      if (directive === "%") return "%";
      if (at >= args.length) return match;
      return safely(() => convert(directive, args[at++])) ?? match;
    });
  } else {
    at = 1;
    text = show(first);
  }
  for (; at < args.length && text.length < MAX_LENGTH; at++) text += \` \${show(args[at])}\`;
  return text.slice(0, MAX_LENGTH);
}
function safely(act) {
  try {
    return act();
  } catch {
    return "[a value that cannot be shown]";
  }
}
function replaceConsole(log2) {
  const counts = /* @__PURE__ */ new Map();
  const timers = /* @__PURE__ */ new Map();
  let indent = "";
  const at = (level) => (...args) => {
    const text = formatArguments(args);
    log2(level, indent === "" ? text : text.replace(/^/gm, indent));
  };
  const info = at("info");
  const group = (...args) => {
    if (args.length > 0) info(...args);
    if (indent.length < 40) indent += "  ";
  };
  const elapsed = (label2) => {
    const began = timers.get(label2);
    return began === void 0 ? \`Timer "\${label2}" does not exist\` : \`\${label2}: \${(performance.now() - began).toFixed(3)}ms\`;
  };
  const methods = {
    log: info,
    info,
    debug: at("debug"),
    warn: at("warn"),
    error: at("error"),
    dir: (value) => info(value),
    dirxml: info,
    table: (value) => info(value),
    trace: (...args) => at("debug")("Trace:", ...args, new Error().stack),
    assert: (condition, ...args) => {
      if (!condition) at("error")("Assertion failed", ...args);
    },
    group,
    groupCollapsed: group,
    groupEnd: () => {
      indent = indent.slice(2);
    },
    count: (label2 = "default") => {
      const count = (counts.get(String(label2)) ?? 0) + 1;
      counts.set(String(label2), count);
      info(\`\${label2}: \${count}\`);
    },
    countReset: (label2 = "default") => {
      counts.delete(String(label2));
    },
    time: (label2 = "default") => {
      timers.set(String(label2), performance.now());
    },
    timeLog: (label2 = "default", ...args) => info(elapsed(String(label2)), ...args),
    timeEnd: (label2 = "default") => {
      info(elapsed(String(label2)));
      timers.delete(String(label2));
    },
    clear: () => {
    },
    profile: () => {
    },
    profileEnd: () => {
    },
    timeStamp: () => {
    }
  };
  Object.assign(globalThis.console, methods);
}

// src/plugin/context.ts
var EVENTS_PER_SECOND = 2500;
var EVENTS_BURST = 1e4;
function createContext(params, connection2, logger2, signal) {
  const events = new TokenBucket(EVENTS_PER_SECOND, EVENTS_BURST, performance.now());
  const services = /* @__PURE__ */ new Map();
  return Object.freeze({
    name: params.plugin.name,
    version: params.plugin.version,
    limits: Object.freeze({
      ...params.limits
    }),
    services: Object.freeze({
      ...params.context
    }),
    config: params.config,
    storage: params.storage,
    signal,
    log: Object.freeze({
      debug: (message, fields) => logger2.log("debug", message, fields),
      info: (message, fields) => logger2.log("info", message, fields),
      warn: (message, fields) => logger2.log("warn", message, fields),
      error: (message, fields) => logger2.log("error", message, fields)
    }),
    get(key) {
      if (typeof key !== "string") {
        throw new TypeError("Cannot get a service: its key must be a string");
      }
      let service = services.get(key);
      if (service === void 0) services.set(key, service = createService(key, connection2));
      return service;
    },
    emit(event, data) {
      if (typeof event !== "string") {
        throw new TypeError("Cannot emit an event: its name must be a string");
      }
      events.refill(performance.now());
      if (!events.take()) {
        throw new SallyportError("limit-exceeded", \`Cannot emit "\${event}": more than \${EVENTS_PER_SECOND} events a second\`, {
          hint: "Emit fewer events, or several in one"
        });
      }
      connection2.notify("event/emit", data === void 0 ? {
        event
      } : {
        event,
        data
      });
    }
  });
}
function createService(key, connection2) {
  const methods = /* @__PURE__ */ new Map();
  const target = /* @__PURE__ */ Object.create(null);
  return new Proxy(target, {
    get(_target, name) {
      if (typeof name !== "string" || name === "then") return void 0;
      let method = methods.get(name);
      if (method === void 0) {
        method = (...args) => connection2.request("context/call", {
          key,
          method: name,
          args
        });
        methods.set(name, method);
      }
      return method;
    },
    set: () => false,
    has: (_target, name) => typeof name === "string" && name !== "then"
  });
}

// src/plugin/refusal.ts
var MAX_STACK_LENGTH2 = 4e3;
var Refusal = class extends Error {
  /** The numeric code on the wire. */
  wireCode;
  /** Makes a refusal. */
  constructor(message, wireCode = WIRE_CODES.own) {
    super(message);
    this.wireCode = wireCode;
  }
};
var StartFailure = class extends Error {
  /** \`import\` or \`init\`. */
  stage;
  /** Makes a failure. */
  constructor(stage, message, cause) {
    super(message, {
      cause
    });
    this.stage = stage;
  }
};
function pluginStack(stack, entry2, bootstrap2) {
  const base = entry2.slice(0, entry2.lastIndexOf("/") + 1);
  const lines = stack.split("\\n").filter((line) => line.trimStart().startsWith("at ") && line.includes("file://") && !line.includes(bootstrap2));
  const text = lines.map((line) => line.replaceAll(base, "./").trim()).join("\\n");
  return text.slice(0, MAX_STACK_LENGTH2);
}
function errorDescriber(bootstrap2, entry2) {
  return (error) => {
    if (error instanceof Refusal) return {
      code: error.wireCode,
      message: error.message
    };
    const stage = error instanceof StartFailure ? {
      stage: error.stage
    } : {};
    const { name, message, stack } = readError(error instanceof StartFailure && error.cause !== void 0 ? error.cause : error);
    const code = error instanceof SallyportError ? {
      code: error.code
    } : {};
    return {
      code: WIRE_CODES.own,
      message: error instanceof StartFailure ? error.message : message,
      data: {
        code: "plugin-error",
        details: {
          ...stage,
          ...code,
          name,
          stack: pluginStack(stack, entry2(), bootstrap2)
        }
      }
    };
  };
}

// src/plugin/definition.ts
var MAX_NAMES = 1e3;
var NAME = /^[A-Za-z_$][\\w$.:-]{0,127}$/;
async function importDefinition(entry2) {
  const wrapper = \`import * as m from \${JSON.stringify(entry2)}; export { m };\`;
  let namespace;
  try {
    namespace = await import(\`data:text/javascript,\${encodeURIComponent(wrapper)}\`);
  } catch (error) {
    throw failure("import", "Cannot import the entry", error);
  }
  try {
    return readDefinition(namespace.m.default);
  } catch (error) {
    if (error instanceof StartFailure) throw error;
    throw failure("import", "Cannot read the entry's default export", error);
  }
}
function failure(stage, what, error) {
  let message = "an error that cannot be read";
  try {
    message = error instanceof Error ? String(error.message) : String(error);
  } catch {
  }
  message = message.split("\\n", 1)[0];
  return new StartFailure(stage, \`\${what}: \${message}\`, error);
}
function readDefinition(given) {
  if (typeof given !== "object" || given === null) {
    throw new StartFailure("import", "The entry has no default export that is an object: write \`export default definePlugin({ \\u2026 })\`");
  }
  const plugin = given;
  const definition2 = {
    plugin,
    methods: /* @__PURE__ */ new Map(),
    hooks: /* @__PURE__ */ new Map(),
    init: readFunction(plugin, "init"),
    shutdown: readFunction(plugin, "shutdown"),
    snapshot: readFunction(plugin, "snapshot"),
    restore: readFunction(plugin, "restore")
  };
  for (const [name, value] of readTable(plugin.methods, "methods")) {
    if (typeof value !== "function") throw wrong(\`methods.\${name}\`, "a function");
    definition2.methods.set(name, {
      run: value,
      streams: isGeneratorFunction(value)
    });
  }
  for (const [name, value] of readTable(plugin.hooks, "hooks")) {
    definition2.hooks.set(name, readHook(name, value));
  }
  return definition2;
}
function readFunction(plugin, name) {
  const value = plugin[name];
  if (value !== void 0 && typeof value !== "function") throw wrong(name, "a function");
  return value;
}
function readTable(table, what) {
  if (table === void 0) return [];
  if (typeof table !== "object" || table === null) throw wrong(what, "an object");
  const entries = Object.entries(table);
  if (entries.length > MAX_NAMES) throw wrong(what, \`an object of at most \${MAX_NAMES} members\`);
  for (const [name] of entries) {
    if (!NAME.test(name)) throw wrong(\`\${what}: a name\`, "of letters, digits and _ $ . : -");
  }
  return entries;
}
function readHook(name, value) {
  if (typeof value === "function") return {
    run: value,
    priority: void 0
  };
  const { handler, priority } = value ?? {};
  if (typeof handler !== "function") throw wrong(\`hooks.\${name}\`, "a function or has a handler");
  if (priority !== void 0 && !Number.isSafeInteger(priority)) {
    throw wrong(\`hooks.\${name}.priority\`, "an integer");
  }
  const run = (data, ctx) => value.handler(data, ctx);
  return {
    run,
    priority
  };
}
function isGeneratorFunction(value) {
  const tag = value[Symbol.toStringTag];
  return tag === "AsyncGeneratorFunction" || tag === "GeneratorFunction";
}
function wrong(what, needed) {
  return new StartFailure("import", \`The plugin's "\${what}" is not \${needed}\`);
}

// src/plugin/lockdown.ts
var { defineProperty } = Object;
function removeSharedState() {
  const deno = Deno;
  const internal = Deno.internal;
  if (typeof internal === "symbol") delete deno[internal];
  for (const name of [
    "localStorage",
    "sessionStorage",
    "caches"
  ]) {
    delete globalThis[name];
  }
  Object.freeze(JSON);
  Object.freeze(Reflect);
}
function replaceStdio(log2) {
  const decoder2 = new TextDecoder();
  const print = (bytes) => {
    const text = decoder2.decode(bytes.subarray(0, 8e3)).trimEnd();
    if (text !== "") log2("info", text);
    return bytes.length;
  };
  const set = (target, name, value) => {
    defineProperty(target, name, {
      value,
      writable: true,
      configurable: true
    });
  };
  set(Deno.stdout, "write", (bytes) => Promise.resolve(print(bytes)));
  set(Deno.stdout, "writeSync", print);
  set(Deno.stdin, "read", () => Promise.resolve(null));
  set(Deno.stdin, "readSync", () => null);
  defineProperty(Deno.stdout, "writable", {
    configurable: true,
    get: () => new WritableStream({
      write: (bytes) => void print(bytes)
    })
  });
  defineProperty(Deno.stdin, "readable", {
    configurable: true,
    get: () => new ReadableStream({
      start: (controller) => controller.close()
    })
  });
}

// src/plugin/log_sender.ts
var MAX_MESSAGE_LENGTH2 = 8e3;
var MAX_FIELDS_LENGTH = 16e3;
var PER_SECOND = 2500;
var BURST = 1e4;
var LogSender = class {
  #send;
  #budget = new TokenBucket(PER_SECOND, BURST, performance.now());
  #left = 0;
  /** Makes a sender. */
  constructor(send) {
    this.#send = send;
  }
  /** Sends a record, or counts it as left out. */
  log(level, message, fields) {
    this.#budget.refill(performance.now());
    if (!this.#budget.take()) {
      this.#left++;
      return;
    }
    if (this.#left > 0) {
      const left = this.#left;
      this.#left = 0;
      this.#send({
        level: "warn",
        message: \`\${left} log records were left out: too many a second\`
      });
    }
    this.#send({
      level,
      message: cut2(message),
      ...fields === void 0 ? {} : {
        fields: checkFields(fields)
      }
    });
  }
};
function cut2(message) {
  const text = String(message);
  return text.length > MAX_MESSAGE_LENGTH2 ? \`\${text.slice(0, MAX_MESSAGE_LENGTH2)}\\u2026\` : text;
}
function checkFields(fields) {
  try {
    const { text, raw } = encodeValue(fields, "null");
    if (raw === void 0 && text.length <= MAX_FIELDS_LENGTH) return fields;
    return {
      omitted: "the fields are too large or hold bytes"
    };
  } catch {
    return {
      omitted: "the fields cannot be sent as JSON"
    };
  }
}

// src/plugin/bootstrap.ts
var PROTOCOL = 1;
var exit = Deno.exit.bind(Deno);
var writeError = Deno.stderr.writeSync.bind(Deno.stderr);
var apply = Reflect.apply;
var bootstrap = Deno.mainModule;
var stopping = new AbortController();
var entry = "";
var definition;
var context;
var started = false;
var connection = new Connection({
  io: stdioDuplex(),
  role: "plugin",
  onRequest: answer,
  describeError: errorDescriber(bootstrap, () => entry)
});
var logger = new LogSender((params) => connection.notify("log", params));
var log = logger.log.bind(logger);
removeSharedState();
replaceConsole(log);
replaceStdio(log);
addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  crash("Uncaught (in promise)", event.reason);
});
addEventListener("error", (event) => {
  event.preventDefault();
  crash("Uncaught", event.error ?? event.message);
});
connection.closed.then((reason) => {
  if (reason === void 0) exit(0);
  try {
    writeError(new TextEncoder().encode(\`\${reason?.message}
\`));
  } finally {
    exit(1);
  }
});
function crash(what, error) {
  const { name, message, stack } = readError(error);
  try {
    log("error", \`\${what} \${name}: \${message}\`, {
      stack: pluginStack(stack, entry, bootstrap)
    });
    connection.flush();
  } finally {
    exit(1);
  }
}
function answer(method, params, call) {
  if (method === "initialize") return initialize(params);
  if (definition === void 0 || context === void 0) {
    throw new Refusal(\`Cannot answer "\${method}" before the plugin is initialized\`);
  }
  switch (method) {
    case "plugin/call":
      return callMethod(definition, params, call);
    case "hook/run":
      return runHook(definition, context, params);
    case "state/snapshot":
      return snapshot(definition);
    case "state/restore":
      return restore(definition, params);
    case "shutdown":
      return shutdown(definition, context);
  }
}
async function initialize(params) {
  if (started) throw new Refusal("Cannot initialize twice");
  if (params?.protocol !== PROTOCOL) {
    throw new Refusal(\`Cannot speak protocol \${params?.protocol}: only \${PROTOCOL} is known\`);
  }
  started = true;
  entry = params.entry;
  const { messageBytes } = params.limits ?? {};
  if (messageBytes !== void 0) connection.setMaxMessageBytes(messageBytes);
  const loaded = await importDefinition(entry);
  for (const name of loaded.hooks.keys()) {
    if (params.hooks === void 0 || params.hooks.includes(name)) continue;
    loaded.hooks.delete(name);
    log("warn", \`Hook "\${name}" is left out: the manifest does not name it, or the policy does not grant it\`);
  }
  context = createContext(params, connection, logger, stopping.signal);
  if (loaded.init) {
    try {
      await apply(loaded.init, loaded.plugin, [
        context
      ]);
    } catch (error) {
      throw failure("init", "The plugin's init failed", error);
    }
  }
  definition = loaded;
  return {
    protocol: PROTOCOL,
    methods: [
      ...loaded.methods.keys()
    ],
    streams: [
      ...loaded.methods
    ].filter(([, method]) => method.streams).map(([name]) => name),
    hooks: [
      ...loaded.hooks
    ].map(([name, { priority }]) => ({
      name,
      priority
    })),
    snapshot: loaded.snapshot !== void 0 && loaded.restore !== void 0
  };
}
function callMethod({ methods, plugin }, { method: name, params }, call) {
  const method = methods.get(name);
  if (method === void 0) {
    throw new Refusal(\`The plugin has no method "\${name}"\`, WIRE_CODES.methodNotFound);
  }
  if (method.streams !== call.streaming && method.streams) throw useOther(name, "stream");
  const given = apply(method.run, plugin.methods, [
    params,
    new MethodCall(call)
  ]);
  return given instanceof Promise ? given.then((value) => checkShape(name, value, call)) : checkShape(name, given, call);
}
var MethodCall = class {
  #call;
  constructor(call) {
    this.#call = call;
  }
  get signal() {
    return this.#call.signal;
  }
  get traceparent() {
    const { traceparent } = this.#call.meta;
    return typeof traceparent === "string" ? traceparent : void 0;
  }
  progress(value) {
    this.#call.progress(value);
  }
};
function checkShape(name, value, call) {
  const object = typeof value === "object" && value !== null ? value : {};
  if (typeof object[Symbol.asyncIterator] === "function") {
    if (!call.streaming) throw useOther(name, "stream");
    return value;
  }
  if (!call.streaming) return value;
  const { next } = object;
  if (typeof object[Symbol.iterator] === "function" && typeof next === "function") {
    return delegate(value);
  }
  throw useOther(name, "call");
}
async function* delegate(items) {
  return yield* items;
}
function useOther(name, other) {
  const what = other === "stream" ? "gives a stream" : "gives no stream";
  return new Refusal(\`Method "\${name}" \${what}: use \${other}() instead\`);
}
async function runHook({ hooks, plugin }, ctx, { hook: name, data }) {
  const hook = hooks.get(name);
  if (hook === void 0) {
    throw new Refusal(\`The plugin has no hook "\${name}"\`, WIRE_CODES.methodNotFound);
  }
  const value = await apply(hook.run, plugin.hooks, [
    data,
    ctx
  ]);
  return value === void 0 ? {} : {
    value
  };
}
async function snapshot({ snapshot: snapshot2, plugin }) {
  if (snapshot2 === void 0) throw new Refusal("The plugin has no snapshot()");
  return {
    state: await apply(snapshot2, plugin, []) ?? null
  };
}
async function restore({ restore: restore2, plugin }, params) {
  if (restore2 === void 0) throw new Refusal("The plugin has no restore()");
  await apply(restore2, plugin, [
    params.state
  ]);
  return {};
}
async function shutdown({ shutdown: shutdown2, plugin }, ctx) {
  stopping.abort();
  if (shutdown2) await apply(shutdown2, plugin, [
    ctx
  ]);
  return {};
}
`;

/** The import map of plugins' processes, as JSON. */
export const IMPORT_MAP_SOURCE: string = `{
  "imports": {
    "@sallyport/host/plugin": "data:text/javascript,export%20function%20definePlugin(plugin)%20%7B%20return%20plugin%3B%20%7D",
    "jsr:@sallyport/host/plugin": "data:text/javascript,export%20function%20definePlugin(plugin)%20%7B%20return%20plugin%3B%20%7D"
  }
}
`;
