// What to do about a layer that is missing: the exact commands for the machine at hand.
import { cgroupRemedy } from "./cgroup_remedies.ts";
import { containerRemedy } from "./container_remedies.ts";
import { installCommand, type PackagedProgram } from "./names.ts";
import { NEWEST_TESTED_DENO } from "../version.ts";
import {
  type DoctorFacts,
  type LayerName,
  type Remedy,
  remedy,
  type SystemFacts,
} from "./types.ts";

export function remedyFor(layer: LayerName, facts: DoctorFacts): Remedy | undefined {
  const { system } = facts;
  if (layer === "deno") return denoRemedy(facts);
  if (layer === "plugin start") return startRemedy(facts);
  if (system.os !== "linux") return layer === "platform" ? OTHER_SYSTEMS[system.os] : undefined;
  if (system.wsl === 1) return layer === "platform" ? WSL_1 : undefined;
  if (layer === "platform") return OTHER_PROCESSOR;
  if (layer === "host permissions") return permissionsRemedy(facts);
  if (layer === "host user") return facts.host.isRoot === true ? userRemedy(system) : undefined;
  const shortage = facts.launchers.bwrap.shortage ?? facts.launchers.unshare.shortage;
  if (shortage !== undefined) return remedy(shortage); // what was seen means nothing
  if (isUnseen(layer, facts)) return permissionsRemedy(facts);
  if (layer === "cgroup" || layer.startsWith("cgroup ") && layer !== "cgroup namespace") {
    return cgroupRemedy(layer, facts);
  }
  if (layer === "bwrap" || layer === "unshare") return launcherRemedy(layer, facts);
  if (layer.endsWith(" namespace") || layer === "private /proc") {
    return namespaceRemedy(layer, facts);
  }
  if (layer === "seccomp") return SECCOMP;
  if (layer === "egress proxy" || layer === "data folder") return DATA_FOLDER;
  return installRemedy("setpriv", "util-linux", system);
}

function denoRemedy({ host }: DoctorFacts): Remedy {
  if ("problem" in host.pluginDeno) return remedy(host.pluginDeno.hint);
  return remedy(
    "Run the host, and plugins, with the version that it is tested with.",
    `deno upgrade ${NEWEST_TESTED_DENO}`,
  );
}

function startRemedy(facts: DoctorFacts): Remedy {
  if (facts.start.state === "unseen") return permissionsRemedy(facts);
  return remedy(
    "No plugin would run. See first to what else is missing here; if that is nothing, please " +
      "report it, with what this command prints.",
  );
}

const OTHER_SYSTEMS: Readonly<Record<string, Remedy>> = {
  darwin: remedy(
    "Run only plugins whose authors you trust; or run the host in a Linux machine or " +
      "container, where every layer can hold.",
  ),
  windows: remedy(
    "Run only plugins whose authors you trust; or run the host under WSL 2, where every " +
      "layer can hold.",
    "wsl --install",
  ),
};

const WSL_1 = remedy(
  "WSL 1 translates system calls and has no namespaces. Convert the distribution to WSL 2 " +
    "(in PowerShell).",
  "wsl --list --verbose",
  "wsl --set-version <distribution> 2",
);

const OTHER_PROCESSOR = remedy(
  "System call filters exist for x86_64 and aarch64 only: run the host on one of them.",
);

const SECCOMP = remedy(
  "The kernel must be built with CONFIG_SECCOMP_FILTER, as every distribution's is; what " +
    "contains this host (such as gVisor) may not have it.",
  "grep SECCOMP /boot/config-$(uname -r)",
);

const DATA_FOLDER = remedy(
  "Give the host a folder of its own on a local disk, with room: as its dataDir, or by TMPDIR. A " +
    "socket's path has at most 107 bytes: where that is too little, it takes XDG_RUNTIME_DIR or /tmp.",
  "mkdir -m 700 /var/lib/sallyport",
);

function isUnseen(layer: LayerName, { launchers, probes, cgroup }: DoctorFacts): boolean {
  if (layer === "bwrap" || layer === "unshare") return launchers[layer].state === "unseen";
  if (layer in probes) return probes[layer as keyof typeof probes].state === "unseen";
  return layer.startsWith("cgroup") && cgroup.probe.state === "unseen";
}

function permissionsRemedy({ host }: DoctorFacts): Remedy {
  const { lacks } = host;
  return remedy(
    "Run the host with -A: only --allow-all may read /proc of plugins." +
      (lacks.length === 0 ? "" : ` Or give it at least what it lacks: ${lacks.join(", ")}.`),
    "deno run -A <the host>",
  );
}

function userRemedy({ container, systemd }: SystemFacts): Remedy {
  const what =
    "Run the host as a user of its own: then what breaks out of every layer is that user, " +
    "not root.";
  if (container === "kubernetes") {
    return { what, lines: ["securityContext: { runAsNonRoot: true, runAsUser: 10001 }"] };
  }
  if (container === "docker" || container === "podman") {
    return { what, lines: [`${container} run --user 10001:10001 …`] };
  }
  const make = "useradd --system --create-home --shell /usr/sbin/nologin sallyport";
  return {
    what,
    lines: systemd
      ? [make, "loginctl enable-linger sallyport", "# and in the host's unit: User=sallyport"]
      : [make, "setpriv --reuid sallyport --regid sallyport --init-groups deno run -A <the host>"],
  };
}

function launcherRemedy(layer: "bwrap" | "unshare", facts: DoctorFacts): Remedy {
  const { path } = facts.launchers[layer];
  if (path === undefined) {
    return installRemedy(layer, layer === "bwrap" ? "bubblewrap" : "util-linux", facts.system);
  }
  if (layer === "bwrap" && facts.system.processesOnly) return WHOLE_PROC;
  const { "user namespace": user, "private /proc": proc } = facts.probes;
  if (user.state !== "works" || proc.state !== "works") {
    return namespaceRemedy("user namespace", facts);
  }
  const command = installCommand(layer, facts.system); // then it is the program itself
  return remedy(
    `What ${layer} needs of the kernel is there: see its message, or take a newer version.`,
    ...(command === undefined ? [] : [command]),
  );
}

const WHOLE_PROC = remedy(
  "bwrap reads /proc/sys, which is hidden from this host: leave ProcSubset=pid out of its unit, " +
    "or let plugins run under unshare.",
  "[Service]",
  "ProcSubset=all",
);

function installRemedy(program: PackagedProgram, upstream: string, system: SystemFacts): Remedy {
  const command = installCommand(program, system);
  const lines = command === undefined ? [] : [command];
  return { what: `Install ${upstream}, which has ${program}.`, lines };
}

function namespaceRemedy(layer: LayerName, facts: DoctorFacts): Remedy {
  const { system, host, launchers } = facts;
  const { sysctls, container } = system;
  if (launchers.bwrap.path === undefined && launchers.unshare.path === undefined) {
    return installRemedy("bwrap", "bubblewrap", system); // nothing is known of the kernel yet
  }
  if (sysctls.unprivilegedUsernsClone === 0 && host.isRoot !== true) {
    return sysctl(
      "kernel.unprivileged_userns_clone",
      1,
      "This kernel lets only root make user namespaces. Let every user: more of the kernel is then " +
        "within reach of local users, which is what distributions ship by default today.",
    );
  }
  if (sysctls.maxUserNamespaces === 0) {
    return sysctl(
      "user.max_user_namespaces",
      15_000,
      "This machine allows no user namespaces at all, as RHEL 7 does by default. Allow some.",
    );
  }
  if (container !== undefined) return containerRemedy(container, "namespaces", system);
  if (sysctls.apparmorRestrictsUserns === 1 && host.isRoot !== true) return APPARMOR;
  return remedy(
    layer === "cgroup namespace"
      ? "The kernel must be 4.6 or later and built with CONFIG_CGROUPS."
      : "The kernel must be built with CONFIG_USER_NS and the other namespaces, as every " +
        "distribution's is; a security module (SELinux, AppArmor) may refuse them, and then says " +
        "so in the kernel's log.",
    "sudo dmesg | grep -iE 'apparmor|avc|userns|namespace'",
  );
}

function sysctl(name: string, value: number, what: string): Remedy {
  return {
    what,
    lines: [
      `echo '${name}=${value}' |`,
      "  sudo tee /etc/sysctl.d/60-user-namespaces.conf",
      "sudo sysctl --system",
    ],
  };
}

/** See https://ubuntu.com/blog/ubuntu-23-10-restricted-unprivileged-user-namespaces. */
const APPARMOR = remedy(
  "Ubuntu 23.10 and later let only programs with an AppArmor profile use user namespaces. " +
    "Give bwrap such a profile: every local user can then use them through bwrap, but through " +
    "nothing else. (The other way opens them to every program, which is what the restriction is " +
    "against: sysctl kernel.apparmor_restrict_unprivileged_userns=0.)",
  "# /etc/apparmor.d/bwrap",
  "abi <abi/4.0>,",
  "include <tunables/global>",
  "profile bwrap /usr/bin/bwrap flags=(unconfined) {",
  "  userns,",
  "  include if exists <local/bwrap>",
  "}",
  "",
  "sudo apparmor_parser --replace /etc/apparmor.d/bwrap",
);
