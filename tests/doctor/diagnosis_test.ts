/** The findings and remedies, for made-up facts of machines that are not this one. */
import assert from "node:assert/strict";
import { diagnose } from "../../src/doctor/diagnosis.ts";
import type {
  ContainerKind,
  Diagnosis,
  DoctorFacts,
  LayerFinding,
  LayerName,
  Probe,
  ProbeName,
  SystemFacts,
} from "../../src/doctor/types.ts";
import { NEWEST_TESTED_DENO, OLDEST_DENO } from "../../src/version.ts";

const WORKS: Probe = { state: "works", detail: "seen" };
const PROBES: readonly ProbeName[] = [
  "user namespace",
  "mount namespace",
  "pid namespace",
  "ipc namespace",
  "uts namespace",
  "net namespace",
  "cgroup namespace",
  "private /proc",
  "seccomp",
  "no-new-privs",
  "rlimits",
  "descriptors",
  "dies with host",
  "egress proxy",
  "data folder",
];
const NAMESPACES = PROBES.slice(0, 8);

function fails(detail: string): Probe {
  return { state: "fails", detail };
}

function all(probe: Probe, names: readonly ProbeName[] = PROBES): Record<ProbeName, Probe> {
  return Object.fromEntries(names.map((name) => [name, probe])) as Record<ProbeName, Probe>;
}

const DEBIAN: SystemFacts = {
  os: "linux",
  arch: "x86_64",
  kernel: "6.1.0",
  distribution: { id: "debian", like: [], name: "Debian GNU/Linux 12 (bookworm)", version: "12" },
  wsl: undefined,
  container: undefined,
  sysctls: { maxUserNamespaces: 1000 },
  systemd: true,
  cgroups: "v2",
};

/** A machine where all is well, for a user who has been handed a cgroup. */
const WELL: DoctorFacts = {
  system: DEBIAN,
  host: {
    deno: NEWEST_TESTED_DENO,
    pluginDeno: { path: "/usr/bin/deno", version: NEWEST_TESTED_DENO },
    isRoot: false,
    lacks: [],
    readsProc: true,
    mayRun: ["sh", "bwrap", "unshare", "setpriv"],
    mayNotRun: [],
  },
  launchers: {
    bwrap: { ...WORKS, path: "/usr/bin/bwrap" },
    unshare: { ...WORKS, path: "/usr/bin/unshare" },
  },
  start: WORKS,
  probes: all(WORKS),
  cgroup: {
    probe: WORKS,
    facts: {
      kind: "v2",
      memoryBytes: 64 * 2 ** 20,
      swapLimited: true,
      cpuPercent: 50,
      tasks: 24,
      ioWeight: 100,
    },
  },
  choice: { mode: "auto", auto: "bwrap", launcher: "bwrap", require: { works: true } },
};

const NO_SANDBOX = {
  mode: "auto",
  auto: "plain",
  launcher: "plain",
  require: { works: false, code: "bad-config", message: "Cannot isolate plugins" },
} as const;
const NO_CGROUP = { probe: fails("nothing was handed over"), facts: undefined };

function on(system: Partial<SystemFacts>, rest: Partial<DoctorFacts> = {}): DoctorFacts {
  return { ...WELL, ...rest, system: { ...DEBIAN, ...system } };
}

/** The facts of a machine that refuses user namespaces to everybody. */
function withoutNamespaces(system: Partial<SystemFacts>): DoctorFacts {
  const refused = fails("unshare failed: Operation not permitted");
  return on(system, {
    launchers: {
      bwrap: { ...refused, path: "/usr/bin/bwrap" },
      unshare: { ...refused, path: "/usr/bin/unshare" },
    },
    probes: { ...WELL.probes, ...all(refused, NAMESPACES) },
    choice: NO_SANDBOX,
  });
}

function layer(diagnosis: Diagnosis, name: LayerName): LayerFinding {
  return diagnosis.layers.find((each) => each.name === name)!;
}

function remedy(facts: DoctorFacts, name: LayerName): string {
  const found = layer(diagnose(facts), name).remedy;
  assert.ok(found !== undefined, `${name} has no remedy`);
  return [found.what, ...found.lines].join("\n");
}

Deno.test("diagnose() finds nothing missing where every layer works", () => {
  const found = diagnose(WELL);
  assert.equal(found.complete, true);
  assert.deepEqual(found.missing, []);
  for (const { name, status, remedy } of found.layers) {
    assert.equal(status, "ok", name);
    assert.equal(remedy, undefined, name);
  }
  assert.equal(
    layer(found, "platform").detail,
    "Debian GNU/Linux 12 (bookworm), Linux 6.1.0, x86_64",
  );
  assert.equal(layer(found, "cgroup memory").detail, "capped (tried: 64 MiB)");
  assert.equal(layer(found, "cgroup pids").detail, "capped (tried: 24 tasks)");
});

Deno.test("diagnose() names the same layers in the same order everywhere", () => {
  const names = (facts: DoctorFacts) => diagnose(facts).layers.map(({ name }) => name);
  const expected = names(WELL);
  assert.equal(new Set(expected).size, expected.length);
  for (const name of PROBES) assert.ok(expected.includes(name), name);
  for (const os of ["darwin", "windows"]) {
    assert.deepEqual(names(on({ os }, { cgroup: NO_CGROUP })), expected);
  }
  assert.deepEqual(names({ ...WELL, cgroup: NO_CGROUP }), expected);
});

Deno.test("diagnose() finds a remedy for every missing layer, whatever the machine", () => {
  const containers: (ContainerKind | undefined)[] = [
    undefined,
    "docker",
    "podman",
    "kubernetes",
    "lxc",
    "container",
  ];
  for (const container of containers) {
    for (const cgroups of ["v1", "v2", "none"] as const) {
      for (const systemd of [true, false]) {
        for (const isRoot of [true, false]) {
          const facts: DoctorFacts = {
            ...on({ container, cgroups, systemd, distribution: undefined }),
            host: { ...WELL.host, isRoot },
            launchers: { bwrap: fails("not installed"), unshare: fails("not installed") },
            probes: all(fails("no")),
            cgroup: NO_CGROUP,
            choice: NO_SANDBOX,
          };
          for (const { name, status, remedy } of diagnose(facts).layers) {
            if (status !== "no" || name.startsWith("cgroup ") && name !== "cgroup namespace") {
              continue;
            }
            assert.ok(remedy !== undefined, `${name} in ${container} with ${cgroups}`);
            assert.match(remedy.what, /^[A-Z].*[.)]$/s, name);
          }
        }
      }
    }
  }
});

Deno.test("Ubuntu 24.04: an AppArmor profile for bwrap, with what it costs and the other way", () => {
  const facts = withoutNamespaces({
    distribution: { id: "ubuntu", like: ["debian"], name: "Ubuntu 24.04.1 LTS", version: "24.04" },
    sysctls: {
      apparmorRestrictsUserns: 1,
      unprivilegedUsernsClone: 1,
      maxUserNamespaces: 60_000,
    },
  });
  const text = remedy(facts, "user namespace");
  assert.match(text, /^profile bwrap \/usr\/bin\/bwrap flags=\(unconfined\) \{$/m);
  assert.match(text, /^ {2}userns,$/m);
  assert.match(text, /apparmor_parser --replace \/etc\/apparmor\.d\/bwrap/);
  assert.match(text, /every local user can then use them through bwrap/);
  assert.match(text, /kernel\.apparmor_restrict_unprivileged_userns=0/);
  assert.equal(remedy(facts, "bwrap"), text, "one remedy for the launcher and its namespaces");
  assert.equal(remedy(facts, "net namespace"), text);
  const found = diagnose(facts);
  assert.equal(found.complete, false);
  assert.ok(found.missing.includes("bwrap") && found.missing.includes("private /proc"));
});

Deno.test("Ubuntu 24.04 with the profile: bwrap does, and unshare is not needed", () => {
  const found = diagnose(on({
    sysctls: { apparmorRestrictsUserns: 1, maxUserNamespaces: 60_000 },
  }, {
    launchers: {
      bwrap: WELL.launchers.bwrap,
      unshare: { ...fails("write failed /proc/self/uid_map"), path: "/usr/bin/unshare" },
    },
  }));
  assert.equal(found.complete, true);
  assert.equal(layer(found, "unshare").status, "warn");
  assert.match(layer(found, "unshare").detail, /plugins run under bwrap without it$/);
});

Deno.test("Debian: the sysctl that lets users make namespaces, or the cgroup that is handed over", () => {
  const clone = withoutNamespaces({
    sysctls: { unprivilegedUsernsClone: 0, maxUserNamespaces: 9 },
  });
  assert.match(remedy(clone, "pid namespace"), /kernel\.unprivileged_userns_clone=1.*sysctl\.d/s);
  assert.match(remedy({ ...WELL, cgroup: NO_CGROUP }, "cgroup"), /systemd-run --user --scope/);
  const text = remedy({ ...WELL, cgroup: NO_CGROUP }, "cgroup");
  assert.match(text, /^Delegate=yes$/m);
  assert.match(text, /^DelegateSubgroup=host$/m);
  assert.match(text, /loginctl enable-linger/);
  const root = { ...WELL, cgroup: NO_CGROUP, host: { ...WELL.host, isRoot: true } };
  assert.match(remedy(root, "cgroup"), /systemd-run --scope -p Delegate=yes/);
  assert.match(remedy(root, "host user"), /User=sallyport/);
  assert.deepEqual(diagnose(root).missing, [
    "cgroup",
    "cgroup memory",
    "cgroup swap",
    "cgroup cpu",
    "cgroup pids",
    "cgroup io",
  ]);
});

Deno.test("no bwrap: the command of each distribution that installs it", () => {
  const cases: [id: string, like: string[], version: string, command: string][] = [
    ["debian", [], "12", "sudo apt install bubblewrap"],
    ["ubuntu", ["debian"], "24.04", "sudo apt install bubblewrap"],
    ["pop", ["ubuntu", "debian"], "22.04", "sudo apt install bubblewrap"],
    ["fedora", [], "42", "sudo dnf install bubblewrap"],
    ["rocky", ["rhel", "centos", "fedora"], "9.4", "sudo dnf install bubblewrap"],
    ["centos", ["rhel", "fedora"], "7", "sudo yum install bubblewrap"],
    ["arch", [], "", "sudo pacman -S bubblewrap"],
    ["alpine", [], "3.22.0", "sudo apk add bubblewrap"],
    ["opensuse-tumbleweed", ["opensuse", "suse"], "20260101", "sudo zypper install bubblewrap"],
    ["nixos", [], "25.05", "nix profile install nixpkgs#bubblewrap"],
    ["gentoo", [], "", "sudo emerge sys-apps/bubblewrap"],
    ["void", [], "", "sudo xbps-install bubblewrap"],
  ];
  for (const [id, like, version, command] of cases) {
    const distribution = { id, like, name: id, version };
    const launchers = { ...WELL.launchers, bwrap: fails("not installed") };
    const found = diagnose(on({ distribution }, { launchers }));
    assert.deepEqual(layer(found, "bwrap").remedy?.lines, [command], id);
    assert.equal(layer(found, "bwrap").status, "warn", "unshare takes its place");
    assert.equal(found.complete, true);
  }
  const unknown = on({ distribution: { id: "own", like: [], name: "own", version: "" } }, {
    launchers: { ...WELL.launchers, bwrap: fails("not installed") },
  });
  assert.match(remedy(unknown, "bwrap"), /Install bubblewrap/);
});

Deno.test("neither bwrap nor unshare: every layer that needs one leads to the same command", () => {
  const facts = on({}, {
    launchers: { bwrap: fails("not installed"), unshare: fails("not installed") },
    probes: { ...WELL.probes, ...all(fails("not tried: no bwrap"), NAMESPACES) },
    choice: NO_SANDBOX,
  });
  for (const name of ["bwrap", ...NAMESPACES] as const) {
    assert.match(remedy(facts, name), /sudo apt install bubblewrap/, name);
  }
  assert.match(remedy(facts, "unshare"), /sudo apt install util-linux/);
});

Deno.test("RHEL 7: the sysctl that allows namespaces at all", () => {
  const facts = withoutNamespaces({ sysctls: { maxUserNamespaces: 0 } });
  assert.match(remedy(facts, "user namespace"), /user\.max_user_namespaces=15000/);
  const root = { ...facts, host: { ...WELL.host, isRoot: true } };
  assert.match(remedy(root, "user namespace"), /user\.max_user_namespaces=15000/);
});

Deno.test("Fedora: controllers that systemd does not hand down", () => {
  const facts = on({
    distribution: { id: "fedora", like: [], name: "Fedora Linux 42", version: "42" },
  }, {
    cgroup: {
      probe: WORKS,
      facts: { ...WELL.cgroup.facts!, cpuPercent: undefined, ioWeight: undefined },
    },
  });
  const found = diagnose(facts);
  assert.deepEqual(found.missing, ["cgroup cpu"]);
  assert.equal(layer(found, "cgroup io").status, "warn", "a weight is no cap");
  assert.match(remedy(facts, "cgroup cpu"), /Delegate=cpu cpuset io memory pids/);
  assert.equal(remedy(facts, "cgroup io"), remedy(facts, "cgroup cpu"));
});

Deno.test("Arch: a kernel that does not filter system calls", () => {
  const facts = on({ distribution: { id: "arch", like: [], name: "Arch Linux", version: "" } }, {
    probes: { ...WELL.probes, seccomp: fails("the kernel does not load a filter") },
  });
  assert.match(remedy(facts, "seccomp"), /CONFIG_SECCOMP_FILTER/);
  assert.deepEqual(diagnose(facts).missing, ["seccomp"]);
});

Deno.test("Alpine: no systemd, no setpriv", () => {
  const alpine = { id: "alpine", like: [], name: "Alpine Linux v3.22", version: "3.22.0" };
  const facts = on({ distribution: alpine, systemd: false }, {
    probes: { ...WELL.probes, "dies with host": fails("no setpriv") },
    cgroup: NO_CGROUP,
  });
  assert.match(remedy(facts, "dies with host"), /sudo apk add setpriv/);
  assert.match(remedy(facts, "cgroup"), /chown -R <user> \/sys\/fs\/cgroup\/sallyport/);
  assert.doesNotMatch(remedy(facts, "cgroup"), /systemd-run|systemctl/);
  assert.match(
    remedy(on({ systemd: false, cgroups: "none" }, { cgroup: NO_CGROUP }), "cgroup"),
    /rc-update/,
  );
});

Deno.test("Docker: what to lift for the container, and what never", () => {
  const facts = { ...withoutNamespaces({ container: "docker" }), cgroup: NO_CGROUP };
  const text = remedy(facts, "user namespace");
  for (const flag of ["seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"]) {
    assert.ok(text.includes(`--security-opt ${flag}`), flag);
  }
  assert.match(text, /Neither --privileged nor --cap-add SYS_ADMIN/);
  assert.match(remedy(facts, "cgroup"), /--security-opt writable-cgroups=true/);
  assert.match(remedy(facts, "cgroup"), /--memory 2g --pids-limit/);
  assert.match(layer(diagnose(facts), "platform").detail, /in Docker$/);
  const old = on({ container: "docker", cgroups: "v1" }, { cgroup: NO_CGROUP });
  assert.match(remedy(old, "cgroup"), /systemd\.unified_cgroup_hierarchy=1/);
  const beneath = withoutNamespaces({
    container: "docker",
    sysctls: { apparmorRestrictsUserns: 1 },
  });
  assert.match(remedy(beneath, "user namespace"), /machine beneath restricts .* AppArmor/s);
});

Deno.test("Podman, Kubernetes and LXC: each in its own words", () => {
  const need = (container: ContainerKind, name: LayerName) =>
    remedy({ ...withoutNamespaces({ container }), cgroup: NO_CGROUP }, name);
  assert.match(need("podman", "private /proc"), /--security-opt unmask=ALL/);
  assert.match(need("podman", "cgroup"), /unmask=\/sys\/fs\/cgroup/);
  assert.match(need("kubernetes", "mount namespace"), /procMount: Unmasked/);
  assert.match(need("kubernetes", "mount namespace"), /hostUsers: false/);
  assert.match(need("kubernetes", "cgroup"), /cgroup_writable/);
  assert.match(need("lxc", "user namespace"), /security\.nesting=true/);
});

Deno.test("WSL 1 has no layer at all, WSL 2 has every one once systemd manages it", () => {
  const first = on({ wsl: 1, kernel: "4.4.0-19041-Microsoft" }, { choice: NO_SANDBOX });
  assert.equal(layer(diagnose(first), "platform").status, "no");
  assert.match(remedy(first, "platform"), /wsl --set-version/);
  const second = on({ wsl: 2, systemd: false, cgroups: "v1" }, { cgroup: NO_CGROUP });
  assert.match(remedy(second, "cgroup"), /systemd=true/);
  assert.match(remedy(second, "cgroup"), /cgroup_no_v1=all/);
  assert.match(layer(diagnose(second), "platform").detail, /WSL 2/);
});

for (const [os, name] of [["darwin", "macOS"], ["windows", "Windows"]] as const) {
  Deno.test(`${name}: says plainly what holds, and where every layer would`, () => {
    const only = fails("only on Linux");
    const facts = on({ os, kernel: undefined, distribution: undefined, sysctls: {} }, {
      launchers: { bwrap: only, unshare: only },
      probes: { ...all(only), "data folder": WORKS },
      cgroup: { probe: only, facts: undefined },
      choice: NO_SANDBOX,
    });
    const found = diagnose(facts);
    assert.equal(found.complete, false);
    assert.equal(
      layer(found, "platform").detail,
      `${name}: only Deno's flags, signatures and protocol checks hold here`,
    );
    assert.match(remedy(facts, "platform"), /plugins whose authors you trust/);
    const others = found.layers.filter(({ name, remedy }) => name !== "platform" && remedy);
    assert.deepEqual(others, [], "one remedy says it");
    assert.equal(layer(found, "data folder").status, "ok");
  });
}

Deno.test("a processor without filters", () => {
  const facts = on({ arch: "riscv64" });
  assert.equal(layer(diagnose(facts), "platform").status, "no");
  assert.match(remedy(facts, "platform"), /x86_64 and aarch64/);
});

Deno.test("a Deno that is too old is missing, one that is newer than what was tested is reported", () => {
  const withHost = (host: Partial<DoctorFacts["host"]>) =>
    on({}, { host: { ...WELL.host, ...host } });
  const deno = (facts: DoctorFacts) => layer(diagnose(facts), "deno");
  const well = { name: "deno", status: "ok", detail: NEWEST_TESTED_DENO, remedy: undefined };
  assert.deepEqual(deno(WELL), well);

  const old = withHost({ deno: "2.4.0" });
  assert.equal(deno(old).status, "no");
  assert.match(deno(old).detail, /needs Deno 2\.\d+\.\d+ or later, this is 2\.4\.0$/);
  assert.match(remedy(old, "deno"), /deno upgrade 2\.9\.6/);
  assert.equal(diagnose(old).complete, false);

  const problem = { problem: 'Cannot use "/opt/deno": too old', hint: "Run `/opt/deno upgrade`" };
  const oldChild = withHost({ pluginDeno: problem });
  assert.deepEqual([deno(oldChild).status, deno(oldChild).detail], ["no", problem.problem]);
  assert.match(remedy(oldChild, "deno"), /opt\/deno upgrade/);

  for (
    const newer of [
      withHost({ deno: "3.0.0" }),
      withHost({ pluginDeno: { path: "/opt/deno", version: "2.10.0" } }),
    ]
  ) {
    assert.equal(deno(newer).status, "warn");
    assert.match(deno(newer).detail, /is newer than 2\.9, the newest that was tested$/);
    assert.equal(diagnose(newer).complete, true);
  }
  const other = withHost({ pluginDeno: { path: "/opt/deno", version: OLDEST_DENO } });
  assert.equal(deno(other).detail, `${NEWEST_TESTED_DENO}; plugins: ${OLDEST_DENO}, /opt/deno`);
});

Deno.test("a plugin that does not start is missing, whatever else there is", () => {
  const facts: DoctorFacts = { ...WELL, start: fails("Plugin crashed: exit code 1") };
  const found = diagnose(facts);
  assert.deepEqual(found.missing, ["plugin start"]);
  assert.equal(found.complete, false);
  assert.match(remedy(facts, "plugin start"), /No plugin would run/);
  assert.equal(diagnose(WELL).complete, true);
});

Deno.test("cgroup v1: what an unprivileged user cannot have, and swap that is not counted", () => {
  const facts = on({ cgroups: "v1" }, { cgroup: NO_CGROUP });
  assert.match(remedy(facts, "cgroup"), /systemd\.unified_cgroup_hierarchy=1/);
  const swap = on({ cgroups: "v1" }, {
    cgroup: { probe: WORKS, facts: { ...WELL.cgroup.facts!, kind: "v1", swapLimited: false } },
  });
  assert.equal(layer(diagnose(swap), "cgroup swap").status, "warn");
  assert.match(remedy(swap, "cgroup swap"), /swapaccount=1/);
});

Deno.test("what this host may not look at is reported, counts as missing, and names the permission", () => {
  const unseen: Probe = { state: "unseen", detail: "needs --allow-run=/usr/bin/bwrap" };
  const facts: DoctorFacts = {
    ...WELL,
    host: {
      ...WELL.host,
      isRoot: undefined,
      lacks: ["--allow-run", "--allow-sys"],
      readsProc: false,
      mayRun: [],
      mayNotRun: ["bwrap"],
    },
    launchers: {
      bwrap: { ...unseen, path: "/usr/bin/bwrap" },
      unshare: { ...unseen, path: "/usr/bin/unshare" },
    },
    probes: all(unseen),
    cgroup: { probe: unseen, facts: undefined },
    choice: { ...NO_SANDBOX, auto: undefined, launcher: undefined },
  };
  const found = diagnose(facts);
  assert.equal(found.complete, false);
  for (const name of [...PROBES, "cgroup"] as const) {
    assert.equal(layer(found, name).status, "warn", name);
    assert.match(layer(found, name).detail, /^not seen: needs --allow-run/, name);
    assert.ok(found.missing.includes(name), name);
    assert.match(remedy(facts, name), /with -A: .*--allow-run, --allow-sys/s, name);
  }
  assert.match(layer(found, "host permissions").detail, /not bwrap; may not read \/proc/);
  assert.match(layer(found, "host user").detail, /^not seen: needs --allow-sys=uid/);
});

Deno.test("a bwrap that lacks /proc/sys is not to be installed again", () => {
  const bwrap = { ...fails("it does not run: Can't read /proc/sys"), path: "/usr/bin/bwrap" };
  const { launchers } = WELL;
  for (const processesOnly of [true, false]) {
    const diagnosis = diagnose(on({ processesOnly }, { launchers: { ...launchers, bwrap } }));
    const { remedy } = layer(diagnosis, "bwrap");
    assert.equal(/ProcSubset=all/.test(remedy!.lines.join("\n")), processesOnly);
  }
});

Deno.test("where the machine is short of something, that is what is to be done", () => {
  const short = { ...fails("Too many open files"), shortage: "Raise the limit" };
  const launchers = { bwrap: short, unshare: short };
  const probes = { ...WELL.probes, ...all(fails("Too many open files"), NAMESPACES) };
  const diagnosis = diagnose(on({}, { launchers, probes, choice: NO_SANDBOX }));
  for (const name of ["bwrap", "unshare", "user namespace", "private /proc"] as const) {
    assert.deepEqual(layer(diagnosis, name).remedy, { what: "Raise the limit", lines: [] });
  }
});
