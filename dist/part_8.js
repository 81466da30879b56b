// Made by `deno task build` from src/; do not edit.
import {
  ENVELOPE_FILE,
  MAX_ENVELOPE_BYTES,
  MAX_SIGNATURES,
  PluginHost,
  STATEMENT_PAYLOAD_TYPE,
  UnreadableFile,
  bytesEqual,
  cannotRead,
  createStatement,
  encodeEnvelope,
  encodeHex,
  encodeStatement,
  findRoot,
  generateKeyPair,
  getPublicKey,
  keyId,
  openNoFollow,
  pae,
  parseEnvelope,
  parseStatement,
  quotePath,
  readAtMost,
  readBundle,
  readNamedFile,
  replaceFile,
  sign,
  silentLogger,
  toPath,
  verify
} from "./part_2.js";
import {
  asOwn
} from "./part_4.js";
import {
  SallyportError,
  escapeText,
  readThrown
} from "./part_6.js";

// src/bundle/signing/signable.ts
import { dirname, relative, resolve, sep } from "node:path";

// src/bundle/signing/ignore_file.ts
var IGNORE_FILE = ".sallyportignore";
var DEFAULTS = [
  IGNORE_FILE,
  ".git",
  ".hg",
  ".svn",
  "node_modules",
  ".env*",
  ".netrc",
  "*.swp",
  "*.swo",
  "*~",
  ".#*",
  "\\#*#",
  "*.bak",
  "*.orig",
  "*.rej",
  ".DS_Store",
  "._*",
  "Thumbs.db",
  "desktop.ini",
  ".idea",
  ".vscode"
];
var MAX_BYTES = 65536;
async function readIgnoreFile(dir, root) {
  const { default: ignore } = await import("./part_12.js");
  const rules = ignore().add(DEFAULTS).add(await readPatterns(dir, root));
  return (path) => rules.ignores(path);
}
async function readPatterns(dir, root) {
  try {
    const bytes = await readNamedFile(`${root}/${IGNORE_FILE}`, MAX_BYTES);
    return new TextDecoder("utf-8", {
      fatal: true
    }).decode(bytes);
  } catch (cause) {
    if (cause instanceof UnreadableFile && cause.reason === "missing") return "";
    const reason = cause instanceof UnreadableFile ? cause.message : "it is not UTF-8";
    throw cannotRead(dir, `"${IGNORE_FILE}" cannot be used: ${reason}`, {
      hint: "Write one pattern a line, as in .gitignore",
      details: {
        path: IGNORE_FILE
      },
      cause
    });
  }
}

// src/bundle/signing/private_keys.ts
import { Buffer } from "node:buffer";
import { createPrivateKey } from "node:crypto";
var MAX_KEY_BYTES = 65536;
var PEM = /-{4,5} ?BEGIN ((?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?) ?-{4,5}((?:[^-]|-(?!-)){16,65536})-{4,5} ?END \1/g;
var PEM_IN_BASE64 = "LS0tLS1CRUdJTi";
var WRAPPED = /LS0tLS1CRUdJTi[A-Za-z0-9+/\s]{40,90000}/g;
var WIDE = [
  "PRIVATE KEY",
  '"kty"'
].map((text) => Buffer.from(text, "utf16le").subarray(0, -1));
var MAX_WIDE_BYTES = 1024 * 1024;
var JWK = /\{[^{}]*\}/g;
var KEY_TYPE = /\bkty["']?\s*:\s*["'](?:OKP|EC|RSA|oct)["']/;
var SECRET_PART = /(?:^|[{,\s"'])[dk]["']?\s*:\s*["'][A-Za-z0-9_-]{6,}["']/;
var COMMENT = /^\s*(?:\/\/|#+|\*)\s/;
var OPENSSH = "openssh-key-v1\0";
var TEXTS = [
  [
    /^PuTTY-User-Key-File-\d: /,
    "PuTTY"
  ],
  [
    /^untrusted comment: [^\n]*secret key[^\n]*\r?\n[A-Za-z0-9+/=]{40,}/i,
    "minisign"
  ],
  [
    /\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b/,
    "age"
  ]
];
var STARTS = [
  [
    OPENSSH,
    "OpenSSH"
  ],
  [
    "\xFE\xED\xFE\xED\0\0\0",
    "Java key store"
  ]
];
var LENGTH = "(?:[0-8].|81..|82....|83......)";
var ENCRYPTED = new RegExp(`^30${LENGTH}30${LENGTH}06(?:09|0a)2a864886f70d01(?:05|0c01)`);
var PKCS12 = new RegExp(`^30${LENGTH}02010330${LENGTH}06092a864886f70d0107`);
function findPrivateKey(bytes, known = []) {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const key of known) {
    if (copiesOf(key).some((copy) => buffer.includes(copy))) return "the very key that signs";
  }
  if (WIDE.some((mark) => buffer.includes(mark))) {
    return findPrivateKey(bytes.filter((byte) => byte !== 0).subarray(0, MAX_WIDE_BYTES));
  }
  if (buffer.includes(PEM_IN_BASE64)) {
    for (const [text2] of buffer.toString("latin1").matchAll(WRAPPED)) {
      const form = findPrivateKey(Buffer.from(text2, "base64"), known);
      if (form !== void 0) return form;
    }
  }
  if (buffer.includes("PRIVATE KEY")) {
    for (const [, label, body] of buffer.toString("latin1").matchAll(PEM)) {
      if (isKeyBody(label, body)) return nameOf(label);
    }
  }
  if (bytes.length > MAX_KEY_BYTES) return void 0;
  const text = buffer.toString("latin1");
  return STARTS.find(([start]) => text.startsWith(start))?.[1] ?? TEXTS.find(([pattern]) => pattern.test(text))?.[1] ?? (isJwk(text) ? "JWK" : void 0) ?? (isSecretPacket(buffer) ? "OpenPGP" : void 0) ?? binaryForm(buffer);
}
function copiesOf(key) {
  const buffer = Buffer.from(key);
  const shifted = [
    0,
    1,
    2
  ].flatMap((before) => [
    "base64",
    "base64url"
  ].map((form) => Buffer.concat([
    Buffer.alloc(before),
    buffer
  ]).toString(form).slice(Math.ceil(before * 8 / 6), Math.floor((before + buffer.length) * 8 / 6))));
  const hex = buffer.toString("hex");
  return [
    buffer,
    hex,
    hex.toUpperCase(),
    ...shifted
  ];
}
function nameOf(label) {
  if (label === "PRIVATE KEY") return "PKCS#8";
  if (label === "ENCRYPTED PRIVATE KEY") return "encrypted PKCS#8";
  if (label === "EC PRIVATE KEY") return "SEC1";
  if (label === "RSA PRIVATE KEY") return "PKCS#1";
  if (label.startsWith("PGP")) return "OpenPGP";
  return label;
}
function isKeyBody(label, body) {
  const lines = body.split(/\\+[rn]|[\r\n]/).map((line) => line.replace(COMMENT, ""));
  const headers = lines.filter((line) => /^\s*[A-Za-z-]+: /.test(line));
  const digits = lines.filter((line) => !headers.includes(line)).join("\n").replace(/\\+[nrt]|["'`+,\s]|^=[A-Za-z0-9+/]{4}$/gm, "");
  const bytes = Buffer.from(/^[A-Za-z0-9+/=]*/.exec(digits)[0], "base64");
  if (bytes.length < 24) return false;
  if (label.startsWith("OPENSSH")) return bytes.toString("latin1").startsWith(OPENSSH);
  if (label.startsWith("PGP")) return isSecretPacket(bytes);
  if (/ENCRYPTED|SEALED|SSH2/.test(label) || headers.some((line) => /DEK-Info/.test(line))) {
    return true;
  }
  return bytes[0] === 48;
}
function isJwk(text) {
  return text.matchAll(JWK).some(([object]) => KEY_TYPE.test(object) && SECRET_PART.test(object));
}
function isSecretPacket(bytes) {
  const [first = 0, second = 0] = bytes;
  const newForm = (first & 192) === 192;
  const tag = newForm ? first & 63 : (first & 60) >> 2;
  if ((first & 128) === 0 || tag !== 5 && tag !== 7) return false;
  const lengths = newForm ? second < 192 ? 1 : second < 224 ? 2 : 5 : [
    1,
    2,
    4,
    0
  ][first & 3];
  const version = bytes[1 + lengths] ?? 0;
  const algorithm = bytes[1 + lengths + 5] ?? 0;
  return version >= 4 && version <= 6 && algorithm >= 1 && algorithm <= 28 && bytes.length > 40;
}
function binaryForm(buffer) {
  if (buffer[0] !== 48) return void 0;
  const start = buffer.subarray(0, 40).toString("hex");
  if (ENCRYPTED.test(start)) return "encrypted PKCS#8";
  if (PKCS12.test(start)) return "PKCS#12";
  for (const [type, name] of [
    [
      "pkcs8",
      "PKCS#8"
    ],
    [
      "sec1",
      "SEC1"
    ],
    [
      "pkcs1",
      "PKCS#1"
    ]
  ]) {
    try {
      createPrivateKey({
        key: buffer,
        format: "der",
        type
      });
      return name;
    } catch {
    }
  }
  return void 0;
}

// src/bundle/signing/signable.ts
var MAX_SEARCHED_BYTES = 1024 * 1024;
var MAX_NAMED = 5;
async function readSignable(dir, seeds, copied, options) {
  const ignores = await readIgnoreFile(dir, findRoot(dir));
  const contents = await readBundle(dir, {
    ...options,
    ...copied ? {
      leaveOut: ignores
    } : {}
  });
  for (const { path, bytes } of contents.files) refuseKey(dir, path, findPrivateKey(bytes, seeds));
  for (const path of contents.leftOut) {
    if (!path.endsWith("/")) refuseKey(dir, path, await searchLeftOut(contents.root, path, seeds));
  }
  if (!copied) refuseIgnored(dir, contents, ignores);
  return contents;
}
async function copyBundle(contents, out) {
  const refuse = (what, hint, cause) => {
    throw new SallyportError("bundle-invalid", `Cannot write a signed copy to "${escapeText(out, 500)}": ${what}`, {
      hint,
      details: {
        dir: out
      },
      cause
    });
  };
  const target = resolve(out);
  if (`${throughLinks(target)}${sep}`.startsWith(`${contents.root}${sep}`)) {
    refuse("it is within the bundle", "Name a folder outside of it");
  }
  try {
    await Deno.mkdir(target, {
      recursive: true
    });
    for await (const _entry of Deno.readDir(target)) {
      refuse("it is not empty", "Name a folder that does not exist yet");
    }
    for (const { path, bytes } of contents.files) {
      await Deno.mkdir(dirname(`${target}/${path}`), {
        recursive: true
      });
      await Deno.writeFile(`${target}/${path}`, bytes, {
        createNew: true
      });
    }
    return await Deno.realPath(target);
  } catch (cause) {
    if (cause instanceof SallyportError) throw cause;
    return refuse(cause.message, "Name a folder that you may write", cause);
  }
}
function throughLinks(path) {
  for (let at = path; ; at = dirname(at)) {
    try {
      return resolve(Deno.realPathSync(at), relative(at, path));
    } catch {
      if (dirname(at) === at) return path;
    }
  }
}
async function searchLeftOut(root, path, seeds) {
  try {
    using file = openNoFollow(`${root}/${path}`);
    if (!file.info.isFile()) return void 0;
    const bytes = await readAtMost(file, MAX_SEARCHED_BYTES);
    return bytes && findPrivateKey(bytes, seeds);
  } catch {
    return void 0;
  }
}
function refuseKey(dir, path, form) {
  if (form === void 0) return;
  throw new SallyportError("bundle-invalid", `Cannot sign bundle "${escapeText(dir, 500)}": ${quotePath(path)} holds a private key (${form})`, {
    hint: "Move it out of the folder; if the plugin was given to anybody with it, replace the key",
    details: {
      dir,
      path,
      form
    }
  });
}
function refuseIgnored(dir, { files }, ignores) {
  const found = files.map(({ path }) => path).filter((path) => path !== IGNORE_FILE && ignores(path));
  if (found.length === 0) return;
  const named = found.slice(0, MAX_NAMED).map(quotePath).join(", ");
  const more = found.length > MAX_NAMED ? ` and ${found.length - MAX_NAMED} more` : "";
  throw new SallyportError("bundle-invalid", `Cannot sign bundle "${escapeText(dir, 500)}": ${named}${more} would be signed and given away`, {
    hint: `Move what does not belong to the plugin out of the folder, sign a copy without it (sign --out DIR), or write a line such as "!${escapeText(found[0], 100)}" into ${IGNORE_FILE} to sign it`,
    details: {
      dir,
      paths: found.slice(0, 100),
      count: found.length
    }
  });
}

// src/bundle/signing/signing.ts
async function signBundle(dir, seeds, options = {}) {
  if (seeds.length === 0) throw new RangeError("Cannot sign bundle: no key was given");
  const publicKeys = await Promise.all(seeds.map((seed) => getPublicKey(seed)));
  const { out } = options;
  const contents = await readSignable(dir, seeds, out !== void 0, options);
  const root = out === void 0 ? contents.root : await copyBundle(contents, out);
  const { payload, kept, replaced } = chooseStatement(dir, contents, options);
  const message = pae(STATEMENT_PAYLOAD_TYPE, payload);
  const signatures = new Map(kept.map((signature) => [
    signature.keyid,
    signature
  ]));
  const keyIds = [];
  let added = 0;
  for (const [index, publicKey] of publicKeys.entries()) {
    const keyid = keyId(publicKey);
    keyIds.push(keyid);
    const earlier = signatures.get(keyid);
    if (earlier && await verify(earlier.sig, message, publicKey)) continue;
    signatures.set(keyid, {
      keyid,
      sig: await sign(message, seeds[index])
    });
    added++;
  }
  if (signatures.size > MAX_SIGNATURES) {
    throw new RangeError(`Cannot sign bundle: more than ${MAX_SIGNATURES} signatures`);
  }
  const envelope = {
    payloadType: STATEMENT_PAYLOAD_TYPE,
    payload,
    signatures: [
      ...signatures.values()
    ]
  };
  const before = options.out === void 0 ? contents.envelopeBytes : void 0;
  if (added > 0) await writeEnvelope(dir, root, encodeEnvelope(envelope), before);
  return {
    envelope,
    bundleHash: contents.bundleHash,
    manifest: contents.manifest,
    keyIds,
    leftOut: contents.leftOut,
    added,
    ...replaced ? {
      replaced
    } : {}
  };
}
function chooseStatement(dir, contents, options) {
  const fresh = (replaced) => ({
    payload: encodeStatement(createStatement(contents, options)),
    kept: [],
    ...replaced ? {
      replaced
    } : {}
  });
  if (!contents.envelopeBytes || options.out !== void 0) return fresh();
  let envelope;
  let there;
  try {
    envelope = parseEnvelope(contents.envelopeBytes);
    there = parseStatement(envelope.payload);
  } catch (error) {
    if (error instanceof SallyportError) return fresh("unreadable");
    throw error;
  }
  const expected = createStatement(contents, {
    createdAt: new Date(there.createdAt),
    expiresAt: there.expiresAt === void 0 ? void 0 : new Date(there.expiresAt)
  });
  if (!bytesEqual(encodeStatement(expected), encodeStatement(there))) {
    return fresh("changed");
  }
  if (options.expiresAt && options.expiresAt.toISOString() !== there.expiresAt) {
    return fresh("expiry");
  }
  if (there.expiresAt !== void 0 && new Date(there.expiresAt) <= /* @__PURE__ */ new Date()) {
    throw new SallyportError("expired", `Cannot sign bundle "${escapeText(dir, 500)}": its statement expired at "${there.expiresAt}"`, {
      hint: "Give a new expiry date, or delete plugin.sig.json to sign without one",
      details: {
        dir,
        expiresAt: there.expiresAt
      }
    });
  }
  return {
    payload: envelope.payload,
    kept: envelope.signatures
  };
}
async function writeEnvelope(dir, root, text, before) {
  if (text.length > MAX_ENVELOPE_BYTES) {
    throw new SallyportError("bundle-invalid", `Cannot sign bundle "${escapeText(dir, 500)}": its file list is larger than the ${MAX_ENVELOPE_BYTES} bytes that ${ENVELOPE_FILE} may have`, {
      hint: "Use fewer files or shorter paths",
      details: {
        dir
      }
    });
  }
  const target = `${root}/${ENVELOPE_FILE}`;
  try {
    await replaceFile(target, text, {
      temporary: `${target}.${crypto.randomUUID()}`,
      check() {
        if (!isUnchanged(target, before)) throw changedMeanwhile(dir);
      }
    });
  } catch (cause) {
    if (cause instanceof SallyportError) throw cause;
    throw new SallyportError("bundle-invalid", `Cannot sign bundle "${escapeText(dir, 500)}": ${ENVELOPE_FILE} cannot be written: ${readThrown(cause).message}`, {
      hint: "See the cause; signing needs write access to the folder",
      details: {
        dir
      },
      cause
    });
  }
}
function isUnchanged(target, before) {
  try {
    const there = Deno.readFileSync(target);
    return before !== void 0 && bytesEqual(there, before);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return before === void 0;
    throw error;
  }
}
function changedMeanwhile(dir) {
  return new SallyportError("bad-state", `Cannot sign bundle "${escapeText(dir, 500)}": somebody else signed it meanwhile`, {
    hint: "Sign it again: the signatures that are there stay",
    details: {
      dir
    }
  });
}

// src/testing/sign.ts
async function signForTest(dir, options = {}) {
  return await asOwn("sign a copy of the bundle", () => signCopy(toPath(dir), options));
}
async function signCopy(dir, options) {
  const { privateKey = (await generateKeyPair()).privateKey, expiresAt } = options;
  const copy = await Deno.realPath(await Deno.makeTempDir({
    prefix: "sallyport-signed-"
  }));
  const remove = () => asOwn("remove the copy of the bundle", () => Deno.remove(copy, {
    recursive: true
  }));
  try {
    const { keyIds, bundleHash, manifest } = await signBundle(dir, [
      privateKey
    ], {
      expiresAt,
      out: copy
    });
    return {
      dir: copy,
      manifest,
      publicKey: encodeHex(await getPublicKey(privateKey)),
      keyId: keyIds[0],
      bundleHash,
      [Symbol.asyncDispose]: once(remove)
    };
  } catch (error) {
    await remove().catch(() => {
    });
    throw error;
  }
}
function once(act) {
  let done;
  return () => done ??= act();
}

// src/testing/load.ts
async function loadForTest(dir, options = {}) {
  return await asOwn("load the plugin", () => load(dir, options));
}
async function load(dir, options) {
  const { config, services = {}, hooks = {}, dependencies = [], logger } = options;
  const { isolation, transport } = options;
  await using stack = new AsyncDisposableStack();
  const signed = stack.use(await signForTest(dir));
  const others = [];
  for (const dependency of dependencies) {
    others.push(stack.use(await signForTest(dependency)));
  }
  const all = [
    signed,
    ...others
  ];
  const host = stack.use(await PluginHost.open({
    keys: all.map(({ publicKey }) => publicKey),
    policy: options.policy ?? grantAll(all.map(({ manifest }) => manifest)),
    logger: logger ?? silentLogger,
    ...config === void 0 ? {} : {
      config: {
        [signed.manifest.name]: config
      }
    },
    ...isolation === void 0 ? {} : {
      isolation
    },
    ...transport === void 0 ? {} : {
      transport
    }
  }));
  for (const [key, { methods, access }] of Object.entries(services)) {
    host.services.provide(key, methods, access === void 0 ? {} : {
      access
    });
  }
  for (const [hook, handler] of Object.entries(hooks)) host.hooks.register(hook, handler);
  for (const { dir: dir2 } of others) await host.load(dir2);
  const plugin = await host.load(signed.dir);
  const resources = stack.move();
  const dispose = () => asOwn("unload the plugin", () => resources.disposeAsync());
  return {
    plugin,
    host,
    [Symbol.asyncDispose]: dispose
  };
}
function grantAll(manifests) {
  const entries = manifests.map(({ name, permissions = {}, context = [], hooks = [] }) => {
    const services = Object.fromEntries(context.map(({ key, access }) => [
      key,
      access
    ]));
    const grant = {
      ...permissions,
      context: services,
      hooks: hooks.map((hook) => hook.name)
    };
    return [
      name,
      {
        grant
      }
    ];
  });
  return {
    plugins: Object.fromEntries(entries)
  };
}

export {
  signBundle,
  signForTest,
  loadForTest
};
