// Made by `deno task build` from src/; do not edit.
import {
  escapeText
} from "./part_6.js";

// src/io/socket_path.ts
var MAX_SOCKET_PATH_BYTES = Deno.build.os === "linux" ? 107 : 103;
function fitsSocket(path) {
  return new TextEncoder().encode(path).length <= MAX_SOCKET_PATH_BYTES;
}
function shortFolders() {
  return [
    fromEnvironment("XDG_RUNTIME_DIR"),
    fromEnvironment("TMPDIR"),
    "/tmp"
  ].filter((path) => path !== void 0 && path.startsWith("/"));
}
function fromEnvironment(variable) {
  if (Deno.permissions.querySync({
    name: "env",
    variable
  }).state !== "granted") return void 0;
  return Deno.env.get(variable);
}

// src/permissions/scopes/ip.ts
var IPV4 = /^(?:0|[1-9]\d{0,2})(?:\.(?:0|[1-9]\d{0,2})){3}$/;
var MAPPED_PREFIX = 0xffffn;
function parseIpv4(text) {
  if (!IPV4.test(text)) return void 0;
  const parts = text.split(".").map(Number);
  if (parts.some((part) => part > 255)) return void 0;
  return {
    version: 4,
    bits: parts.reduce((bits, part) => bits << 8n | BigInt(part), 0n)
  };
}
function parseIpv6(text) {
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(text) || !text.includes(":")) return void 0;
  const url = URL.parse(`http://[${text}]/`);
  if (url === null) return void 0;
  const [head = "", tail] = url.hostname.slice(1, -1).split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === void 0 || tail === "" ? [] : tail.split(":");
  const zeros = new Array(8 - left.length - right.length).fill("0");
  const bits = [
    ...left,
    ...zeros,
    ...right
  ].reduce((sum, group) => sum << 16n | BigInt(`0x${group}`), 0n);
  return bits >> 32n === MAPPED_PREFIX ? {
    version: 4,
    bits: bits & 0xffffffffn
  } : {
    version: 6,
    bits
  };
}
function formatIp(address) {
  const groups = [];
  if (address.version === 4) {
    for (let shift = 24n; shift >= 0n; shift -= 8n) {
      groups.push(String(address.bits >> shift & 0xffn));
    }
    return groups.join(".");
  }
  for (let shift = 112n; shift >= 0n; shift -= 16n) {
    groups.push((address.bits >> shift & 0xffffn).toString(16));
  }
  return new URL(`http://[${groups.join(":")}]/`).hostname;
}
function addressBits(version) {
  return version === 4 ? 32 : 128;
}

// src/permissions/scopes/net_scope.ts
var DEFAULT_PORT = 443;
var LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
var IPV6_FORM = /^\[([^\][/]*)\](?:\/(\d{1,3}))?(?::(.*))?$/;
var BARE_IPV6_RANGE = /^([0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)\/(\d{1,3})$/;
function parseNetScope(text) {
  if (/[\u0000-\u0020\u007f-\u00a0,]/.test(text)) {
    return {
      problem: "has a comma, a space or a control character"
    };
  }
  if (text === "" || text.length > 300) {
    return {
      problem: "is empty or longer than 300 characters"
    };
  }
  if (text.includes("://")) return {
    problem: "is a URL: write only the host, or host:port"
  };
  if (/^(?:unix|vsock):/i.test(text)) return {
    problem: "is not an internet host"
  };
  if (/[@%?#\\<>^|"'`(){}]/.test(text)) return {
    problem: "has a character that no host has"
  };
  const bare = BARE_IPV6_RANGE.exec(text);
  if (bare) return range(parseIpv6(bare[1]), bare[2], void 0, true);
  if (text.startsWith("[")) {
    const match = IPV6_FORM.exec(text);
    if (!match) return {
      problem: "is not [IPv6], [IPv6]:port or [IPv6]/prefix:port"
    };
    return range(parseIpv6(match[1]), match[2], match[3], true);
  }
  const colon = text.indexOf(":");
  if (colon !== text.lastIndexOf(":")) {
    return {
      problem: "looks like IPv6: write it within brackets, as in [2001:db8::1]:443"
    };
  }
  const host = colon < 0 ? text : text.slice(0, colon);
  const portText = colon < 0 ? void 0 : text.slice(colon + 1);
  const slash = host.indexOf("/");
  if (slash >= 0) {
    const length = host.slice(slash + 1);
    if (!/^\d{1,2}$/.test(length)) return {
      problem: "is not an address range such as 10.0.0.0/8"
    };
    return range(parseIpv4(host.slice(0, slash)), length, portText, false);
  }
  const ipv4 = parseIpv4(host);
  if (ipv4) return range(ipv4, void 0, portText, false);
  return nameScope(host, portText);
}
function formatNetScope(scope) {
  if (scope.kind !== "range") {
    return `${scope.kind === "wildcard" ? "*." : ""}${scope.host}:${scope.port}`;
  }
  const whole = scope.prefix === addressBits(scope.address.version);
  return `${formatIp(scope.address)}${whole ? "" : `/${scope.prefix}`}:${scope.port}`;
}
function intersectNet(a, b) {
  if (netCovers(a, b)) return b;
  return netCovers(b, a) ? a : void 0;
}
function netCovers(grant, request) {
  if (grant.port !== request.port) return false;
  if (grant.kind === "range") {
    if (request.kind !== "range" || grant.address.version !== request.address.version) return false;
    const shift = BigInt(addressBits(grant.address.version) - grant.prefix);
    return grant.prefix <= request.prefix && grant.address.bits >> shift === request.address.bits >> shift;
  }
  if (request.kind === "range") return false;
  if (grant.kind === "name") return request.kind === "name" && grant.host === request.host;
  return request.host === grant.host || request.host.endsWith(`.${grant.host}`);
}
function parsePort(text) {
  if (text === void 0) return {
    value: DEFAULT_PORT
  };
  if (text === "*") return {
    problem: "has * for its port: name each port"
  };
  if (!/^[1-9]\d{0,4}$/.test(text) || Number(text) > 65535) {
    return {
      problem: "has a port that is not a number from 1 to 65535"
    };
  }
  return {
    value: Number(text)
  };
}
function range(address, prefixText, portText, bracketed) {
  if (!address) return {
    problem: `has no valid ${bracketed ? "IPv6" : "IPv4"} address`
  };
  const port = parsePort(portText);
  if ("problem" in port) return port;
  const mapped = bracketed && address.version === 4;
  const bits = addressBits(address.version);
  const prefix = prefixText === void 0 ? bits : Number(prefixText) - (mapped ? 96 : 0);
  if (prefix < 0 || prefix > bits) {
    return {
      problem: `has a prefix length outside ${mapped ? "96 to 128" : `0 to ${bits}`}`
    };
  }
  const shift = BigInt(bits - prefix);
  const network = {
    version: address.version,
    bits: address.bits >> shift << shift
  };
  const value = {
    kind: "range",
    address: network,
    prefix,
    port: port.value
  };
  if (network.bits !== address.bits) {
    return {
      problem: `has bits set after its prefix: write ${formatNetScope(value)}`
    };
  }
  return {
    value
  };
}
function nameScope(written, portText) {
  const wildcard = written.startsWith("*.");
  const name = wildcard ? written.slice(2) : written;
  if (name.includes("*")) {
    return {
      problem: "has * elsewhere than as its first label, as in *.example.com"
    };
  }
  const port = parsePort(portText);
  if ("problem" in port) return port;
  const ascii = URL.parse(`http://${name.replace(/\.$/, "")}/`)?.hostname;
  if (ascii !== void 0 && parseIpv4(ascii)) {
    return {
      problem: wildcard ? "has * before an address: write a range such as 10.0.0.0/8" : `is an odd spelling of an address: write ${escapeText(ascii)}`
    };
  }
  if (ascii === void 0 || ascii.length > 253 || !ascii.split(".").every((part) => LABEL.test(part))) {
    return {
      problem: "is not a host name"
    };
  }
  return {
    value: {
      kind: wildcard ? "wildcard" : "name",
      host: ascii,
      port: port.value
    }
  };
}

export {
  parseIpv4,
  parseIpv6,
  formatIp,
  addressBits,
  parseNetScope,
  formatNetScope,
  intersectNet,
  netCovers,
  MAX_SOCKET_PATH_BYTES,
  fitsSocket,
  shortFolders
};
