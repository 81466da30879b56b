// Made by `deno task build` from src/; do not edit.
import {
  Admission,
  ChainCheck,
  DataDir,
  HEAD_FILE,
  PUBLIC_KEY_FILE,
  Problems,
  Quarantine,
  SIGNED_TYPES,
  TrustSource,
  bytesEqual,
  entryFor,
  explainPermissions,
  fileName,
  keyId,
  listChains,
  listEntries,
  listFiles,
  missingGrant,
  openLaunchers,
  pae,
  parseEnvelope,
  parseHostOptions,
  parseStatement,
  readBundle,
  readPublicKey,
  readRawLines,
  toPath,
  verify,
  writableByOthers
} from "./part_2.js";
import {
  asOwn,
  ownError
} from "./part_4.js";
import {
  SallyportError,
  escapeText
} from "./part_6.js";

// src/audit/verify/read_log.ts
import { setTimeout } from "node:timers/promises";
var POLL_MS = 250;
async function* readAuditLog(dir, query = {}) {
  const { signal, follow = false } = query;
  const reader = new AuditReader(dir);
  try {
    while (!signal?.aborted) {
      yield* reader.read(query);
      if (!follow) return;
      await reader.pause(signal);
    }
  } catch (error) {
    throw ownError(error, `read audit log "${escapeText(dir)}"`);
  }
}
var AuditReader = class {
  #dir;
  #cursors = /* @__PURE__ */ new Map();
  /** Starts before the first entry. */
  constructor(dir) {
    this.#dir = dir;
  }
  /** Returns entries that were not read yet, in the order of their times. */
  async *read(query = {}) {
    for (const chain of (await listChains(this.#dir)).numbers) {
      if (this.#cursors.has(chain)) continue;
      this.#cursors.set(chain, new ChainCursor(`${this.#dir}/${chain}`, chain));
    }
    for await (const record of merge([
      ...this.#cursors.values()
    ])) {
      if (query.signal?.aborted) return;
      if (matches(record, query)) yield record;
    }
  }
  /** Waits until it is worth looking again. */
  async pause(signal) {
    await setTimeout(POLL_MS, void 0, {
      signal
    }).catch(() => {
    });
  }
};
async function* merge(cursors) {
  const sources = cursors.map((cursor) => cursor.read());
  try {
    const heads = await Promise.all(sources.map((source) => source.next()));
    for (; ; ) {
      let oldest = -1;
      heads.forEach(({ done, value }, index) => {
        if (done) return;
        const other = oldest === -1 ? void 0 : heads[oldest].value;
        if (other === void 0 || value.time < other.time) oldest = index;
      });
      if (oldest === -1) return;
      yield heads[oldest].value;
      heads[oldest] = await sources[oldest].next();
    }
  } finally {
    for (const source of sources) await source.return();
  }
}
var MAX_WAITING = 512;
var ChainCursor = class {
  #dir;
  #chain;
  #file = 0;
  #offset = 0;
  #line = 0;
  #time = "";
  #ended = false;
  constructor(dir, chain) {
    this.#dir = dir;
    this.#chain = chain;
  }
  /** Returns what was not given yet, and marks what no run has signed. */
  async *read() {
    let waiting = [];
    for await (const record of this.#read()) {
      if (record.type === "started") {
        for (const before of waiting) yield {
          ...before,
          unsigned: true
        };
      } else if (this.#ended) {
        yield {
          ...record,
          unsigned: true
        };
        continue;
      } else if (SIGNED_TYPES.has(record.type) || waiting.length >= MAX_WAITING) yield* waiting;
      else {
        waiting.push(record);
        continue;
      }
      waiting = [];
      this.#ended = record.type === "stopped";
      yield record;
    }
    yield* waiting;
  }
  /** Returns the whole lines that were not given yet; a line without an end waits for it. */
  async *#read() {
    for (const number of (await listFiles(this.#dir)).numbers) {
      if (number < this.#file) continue;
      if (number > this.#file) {
        this.#file = number;
        this.#offset = 0;
        this.#line = 0;
      }
      const path = `${this.#dir}/${fileName(number)}`;
      try {
        for await (const batch of readRawLines(path, this.#offset)) {
          for (const { parsed, text, end, whole } of batch) {
            if (!whole) continue;
            this.#offset = end;
            yield this.#toRecord(number, ++this.#line, parsed, text);
          }
        }
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  }
  #toRecord(file, line, parsed, text) {
    const place = {
      chain: this.#chain,
      file: fileName(file),
      line
    };
    if (parsed === void 0) {
      const fields2 = {
        text: text.slice(0, 2e3)
      };
      return {
        ...place,
        seq: 0,
        time: this.#time,
        type: "unreadable",
        fields: fields2
      };
    }
    const { seq: _seq, time: _time, type: _type, prev: _prev, signature: _signature, ...fields } = parsed.fields;
    this.#time = parsed.time;
    return {
      ...place,
      seq: parsed.seq,
      time: parsed.time,
      type: parsed.type,
      fields
    };
  }
};
function matches(record, query) {
  const { plugin, types, since, until } = query;
  if (plugin !== void 0 && record.fields.plugin !== plugin) return false;
  if (types !== void 0 && !types.includes(record.type)) return false;
  const time = Date.parse(record.time);
  if (since !== void 0 && !(time >= since.getTime())) return false;
  return until === void 0 || time < until.getTime();
}

// src/audit/verify/verify_chain.ts
var MAX_NOTES = 100;
async function verifyChain(dir, chain, publicKey, signal) {
  const check = new ChainCheck(dir, chain, publicKey, signal);
  await check.checkAll();
  const { files, lines, first, to, end, vouched, problems } = check;
  const notes = [
    ...vouched.notes(),
    ...check.notes
  ];
  const more = notes.length - MAX_NOTES;
  const report = {
    chain,
    id: vouched.id,
    files: files.map(fileName),
    lines,
    fromSeq: first?.parsed?.seq ?? 0,
    toSeq: end.seq,
    from: first?.parsed?.time,
    to,
    signedSeq: vouched.signed?.parsed?.seq ?? 0,
    checkpoints: vouched.hashes.size,
    closed: vouched.closed,
    keyIds: [
      ...vouched.keyIds
    ],
    retainedFrom: vouched.retention?.firstSeq,
    takenOver: vouched.takenOver,
    notWritten: vouched.notWritten,
    notes: more <= 0 ? notes : [
      ...notes.slice(0, MAX_NOTES),
      `and ${more} more`
    ],
    problems: problems.list,
    problemCount: problems.count
  };
  return {
    report,
    named: vouched.named,
    hashes: vouched.hashes
  };
}

// src/audit/verify/verify_log.ts
var LIMITS = Object.freeze([
  "What follows the last signed line can be cut off or rewritten: a minute, or 256 lines. After a crash that is what the next run says it took over",
  "Whoever has the signing key (key.pem) can write the whole log anew",
  "An older copy of the whole folder, put back, looks like a log that ends there, and so does one chain, put back to how another named it last: keep what this command prints, or send the log to another machine, to see that",
  "A chain can be removed as a whole as long as no other has named it",
  "The times are those of the host's clock"
]);
var UNPINNED = "Without the public key from elsewhere, a log written anew with another key looks good: compare the key id";
var MAX_ATTEMPTS = 4;
async function verifyAuditLog(dir, options = {}) {
  const { publicKey: pinned, signal } = options;
  signal?.throwIfAborted();
  try {
    await checkIsLog(dir);
    const found = new Problems(0);
    const publicKey = chooseKey(dir, pinned, found);
    const { numbers, others } = await listChains(dir);
    for (const name of others) {
      found.inFile("unexpected", name, "is nothing that a host makes here");
    }
    const check = (chain) => verifySteady(`${dir}/${chain}`, chain, publicKey, signal);
    const checked = /* @__PURE__ */ new Map();
    for (const chain of numbers) checked.set(chain, await check(chain));
    const problems = [
      ...found.list,
      ...await checkNamed(checked, check)
    ];
    const chains = [
      ...checked.values()
    ].map(({ report }) => report);
    problems.push(...chains.flatMap((report) => report.problems));
    return {
      ok: problems.length === 0,
      dir,
      keyId: publicKey === void 0 ? void 0 : keyId(publicKey),
      pinned: pinned !== void 0,
      chains,
      notes: await folderNotes(dir, numbers),
      problems,
      limits: pinned === void 0 ? [
        ...LIMITS,
        UNPINNED
      ] : LIMITS
    };
  } catch (cause) {
    if (cause instanceof SallyportError || signal?.aborted) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new SallyportError("bad-config", `Cannot read audit log "${escapeText(dir)}": ${escapeText(message)}`, {
      cause,
      hint: "Check that you may read the folder and its files"
    });
  }
}
async function checkIsLog(dir) {
  const hasKey = (await listEntries(dir)).some(({ name }) => name === PUBLIC_KEY_FILE);
  if (hasKey || (await listChains(dir)).numbers.length > 0) return;
  throw new SallyportError("bad-config", `Cannot read audit log "${escapeText(dir)}": there is none`, {
    hint: "Name the data folder of a host, or the folder with key.pub in it"
  });
}
async function folderNotes(dir, chains) {
  const notes = [];
  for (const path of [
    dir,
    ...chains.map((chain) => `${dir}/${chain}`)
  ]) {
    const mode = await writableByOthers(path);
    if (mode !== void 0) {
      notes.push(`Others than its owner may write to ${escapeText(path)} (mode ${mode})`);
    }
  }
  return notes;
}
function chooseKey(dir, pinned, found) {
  let own;
  try {
    own = readPublicKey(dir);
    if (own === void 0) found.inFile("key-missing", PUBLIC_KEY_FILE, "is missing");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    found.inFile("unreadable", PUBLIC_KEY_FILE, `cannot be used: ${reason}`);
  }
  if (pinned !== void 0 && own !== void 0 && !bytesEqual(pinned, own)) {
    const what = `is another key than the given one: ${keyId(own)} instead of ${keyId(pinned)}`;
    found.inFile("key-replaced", PUBLIC_KEY_FILE, what);
  }
  return pinned ?? own;
}
async function verifySteady(dir, chain, publicKey, signal) {
  for (let attempt2 = 1; ; attempt2++) {
    const before = await fingerprint(dir);
    try {
      const checked = await verifyChain(dir, chain, publicKey, signal);
      if (checked.report.problemCount === 0 || attempt2 === MAX_ATTEMPTS) return checked;
      if (await fingerprint(dir) === before) return checked;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) || attempt2 === MAX_ATTEMPTS) throw error;
    }
  }
}
async function fingerprint(dir) {
  const parts = [];
  for (const name of [
    HEAD_FILE,
    ...(await listFiles(dir)).numbers.map(fileName)
  ]) {
    const stat = await Deno.lstat(`${dir}/${name}`).catch(() => void 0);
    parts.push(`${name} ${stat?.size} ${stat?.ino} ${stat?.mtime?.getTime()}`);
  }
  return parts.join("\n");
}
async function checkNamed(checked, check) {
  const problems = /* @__PURE__ */ new Map();
  const tell = (kind, chain, message, seq) => void problems.set(chain, {
    kind,
    chain,
    ...seq === void 0 ? {} : {
      seq
    },
    message
  });
  const missing = (chain) => tell("chain-missing", chain, `Chain ${chain} is missing`);
  const highest = Math.max(1, ...checked.keys());
  for (let chain = 1; chain <= highest; chain++) if (!checked.has(chain)) missing(chain);
  for (const { report, named } of [
    ...checked.values()
  ]) {
    for (const { at, chain, seq, hash } of named) {
      let other = checked.get(chain);
      if (other === void 0) missing(chain);
      if (other === void 0 || problems.has(chain)) continue;
      if (other.report.toSeq < seq) {
        other = await check(chain);
        checked.set(chain, other);
      }
      const { fromSeq, toSeq, problemCount } = other.report;
      const fits = seq < Math.max(1, fromSeq) || other.hashes.get(seq) === hash;
      if (fits || problemCount > 0) continue;
      const by = `line ${at} of chain ${report.chain}`;
      if (toSeq < seq) {
        const ends = `Chain ${chain} ends with line ${toSeq}, but was signed up to line ${seq}`;
        tell("truncated", chain, `${ends}, says ${by}: an older copy, or cut off`, toSeq + 1);
      } else {
        const what = `Line ${seq} of chain ${chain} is not the one that ${by} names`;
        tell("chain-replaced", chain, `${what}: another chain was put in its place`, seq);
      }
    }
  }
  return [
    ...problems.values()
  ].sort((a, b) => a.chain - b.chain);
}

// src/host/inspect.ts
var DATA_PLACEHOLDER = "<data>";
async function inspectBundle(dir, options = {}) {
  return await asOwn("inspect the bundle", async () => {
    const settings = await parseHostOptions({
      ...options,
      audit: false
    });
    const trust = await TrustSource.open(settings, {
      ...settings.dataDir === void 0 ? {} : {
        markDir: `${settings.dataDir}/trust`
      },
      remember: false
    });
    await using data = await DataDir.open();
    await using launchers = await openLaunchers({
      isolation: settings.isolation,
      executable: settings.executable,
      scratchDir: data.scratch
    });
    return await inspectWith({
      settings,
      data,
      launchers,
      trust
    }, toPath(dir));
  });
}
async function inspectWith(parts, dir) {
  const { settings, data, launchers, trust } = parts;
  const admission = new Admission(settings, data, launchers, {
    trust
  });
  const contents = await readBundle(dir);
  const { manifest, bundleHash } = contents;
  const judged = await attempt(() => admission.verify(contents));
  const withheld = await attempt(async () => {
    if (settings.dataDir !== void 0) await new Quarantine(settings.dataDir).check(manifest.name);
    trust.checkConsent(contents);
  });
  const entry = entryFor(settings.policy, manifest.name);
  const whole = await attempt(() => admission.settle(contents, entry));
  const rest = whole.failure && await attempt(() => admission.settle(contents, {
    ...entry,
    onExcess: "narrow"
  }));
  const settled = whole.value ?? rest?.value;
  const services = missingServices(manifest, entry);
  return {
    manifest,
    bundleHash,
    files: contents.files.map(({ path, size, sha3_512 }) => ({
      path,
      size,
      sha3_512
    })),
    ...await readSignatures(contents, trust),
    signers: judged.value?.signers ?? [],
    refusal: judged.failure,
    denial: withheld.failure ?? whole.failure,
    consent: trust.consentState(manifest, bundleHash),
    entry,
    missingPolicy: missingPolicy(entry, settled, services, manifest.name),
    missingServices: services,
    launch: settled && launchOf(settled, admission.planFirst(settled), data)
  };
}
async function attempt(act) {
  try {
    return {
      value: await act(),
      failure: void 0
    };
  } catch (failure) {
    if (failure instanceof SallyportError) return {
      failure
    };
    throw failure;
  }
}
async function readSignatures({ envelopeBytes, manifest: { name, version }, bundleHash: hash }, trust) {
  let envelope;
  try {
    if (envelopeBytes === void 0) return {
      signatures: [],
      statement: void 0
    };
    envelope = parseEnvelope(envelopeBytes);
  } catch {
    return {
      signatures: [],
      statement: void 0
    };
  }
  const message = pae(envelope.payloadType, envelope.payload);
  const known = new Map(trust.keys.map((key) => [
    key.id,
    key
  ]));
  const good = /* @__PURE__ */ new Set();
  for (const { keyid, sig } of envelope.signatures) {
    const key = known.get(keyid);
    if (key !== void 0 && await verify(sig, message, key.raw)) good.add(keyid);
  }
  const counting = trust.countingKeys({
    name,
    version,
    hash
  }, good);
  const signatures = envelope.signatures.map(({ keyid: keyId2 }) => {
    const key = known.get(keyId2);
    const status = key === void 0 ? "unknown" : !good.has(keyId2) ? "invalid" : counting.has(keyId2) ? "trusted" : "void";
    return {
      keyId: keyId2,
      ...key?.name === void 0 ? {} : {
        name: key.name
      },
      status
    };
  });
  let statement;
  try {
    statement = parseStatement(envelope.payload);
  } catch {
    statement = void 0;
  }
  return {
    signatures,
    statement
  };
}
function missingServices(manifest, { grant: { context: granted = {} } = {} }) {
  return (manifest.context ?? []).flatMap(({ key, access }) => {
    const given = Object.hasOwn(granted, key) ? granted[key] : void 0;
    return given === access || given === "readwrite" ? [] : [
      {
        key,
        asked: access,
        granted: given
      }
    ];
  });
}
function missingPolicy(entry, settled, services, name) {
  const grant = {
    ...missingGrant(entry, settled?.permissions.dropped ?? []),
    ...services.length === 0 ? {} : {
      context: {
        ...entry.grant?.context,
        ...Object.fromEntries(services.map(({ key, asked }) => [
          key,
          asked
        ]))
      }
    }
  };
  return Object.keys(grant).length === 0 ? void 0 : {
    plugins: {
      [name]: {
        grant
      }
    }
  };
}
function launchOf({ permissions, containment: { launcher } }, planned, data) {
  const { net, read, write, sys, hooks, context, limits, items, dropped } = permissions;
  const { lane, library, spec } = planned;
  return shown({
    permissions: {
      net,
      read,
      write,
      sys,
      hooks,
      context: Object.fromEntries(context),
      limits,
      items: items.map((item) => ({
        ...item
      })),
      dropped: dropped.map(({ family, value, reason }) => ({
        family,
        value,
        reason
      }))
    },
    explanation: explainPermissions(permissions),
    command: launcher.describe(spec),
    givenUp: [
      ...(lane?.revoke ?? []).map((family) => ({
        family,
        value: family === "net" ? `unix:${lane.path}` : lane.path
      })),
      ...library === void 0 ? [] : [
        {
          family: "ffi",
          value: library
        }
      ]
    ],
    sandbox: launcher.report(spec)
  }, data);
}
function shown(value, data) {
  if (typeof value === "string") {
    return value.replaceAll(data.scratch, `${DATA_PLACEHOLDER}/run/<run>`).replaceAll(data.root, DATA_PLACEHOLDER);
  }
  if (Array.isArray(value)) return value.map((inner) => shown(inner, data));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [
    key,
    shown(inner, data)
  ]);
  return Object.fromEntries(entries);
}

export {
  readAuditLog,
  AuditReader,
  verifyAuditLog,
  checkIsLog,
  DATA_PLACEHOLDER,
  inspectBundle
};
