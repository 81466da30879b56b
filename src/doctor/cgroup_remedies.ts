// How a host gets cgroups that it may make.
import { containerRemedy } from "./container_remedies.ts";
import { type DoctorFacts, type LayerName, type Remedy, remedy } from "./types.ts";

export function cgroupRemedy(layer: LayerName, facts: DoctorFacts): Remedy | undefined {
  const { system, cgroup, host } = facts;
  if (layer !== "cgroup" && cgroup.probe.state !== "works") return undefined; // the cgroup's own says it
  if (system.container !== undefined && layer === "cgroup") {
    return containerRemedy(system.container, "cgroup", system);
  }
  if (layer !== "cgroup") return controllerRemedy(layer, facts);
  if (system.wsl === 2 && (system.cgroups !== "v2" || !system.systemd)) return WSL_2;
  if (system.cgroups === "none") return system.systemd ? UNIFIED : MOUNT;
  if (system.cgroups === "v1" && host.isRoot !== true) return UNIFIED;
  if (!system.systemd) return host.isRoot === true ? MOUNT : OWN_TREE;
  return host.isRoot === true ? ROOT_UNIT : USER_UNIT;
}

function controllerRemedy(layer: LayerName, { system, cgroup, host }: DoctorFacts): Remedy {
  if (layer === "cgroup swap" && cgroup.facts?.kind === "v1") {
    return kernelOption(
      "swapaccount=1",
      "This kernel does not count swap: tell it to, or run without.",
    );
  }
  if (layer === "cgroup io" && cgroup.facts?.kind === "v1") {
    return remedy(
      "With cgroup v1 only some schedulers of block devices weigh who reads and writes; the " +
        "rest of the limits hold. Boot with cgroup v2 to have it.",
      ...UNIFIED.lines,
    );
  }
  if (system.systemd && host.isRoot !== true) return CONTROLLERS;
  if (layer === "cgroup memory") {
    return kernelOption("cgroup_enable=memory", "This kernel leaves the memory controller off.");
  }
  return remedy(
    "The controller is not handed down to this part of the cgroup tree: enable it above, or " +
      "the kernel was built without it.",
    "cat /sys/fs/cgroup/cgroup.controllers",
    "echo '+cpu +memory +pids +io' | sudo tee /sys/fs/cgroup/cgroup.subtree_control",
  );
}

function kernelOption(option: string, what: string): Remedy {
  return remedy(
    `${what} Add it to the kernel's command line, then boot again.`,
    `sudo sed -i 's/^GRUB_CMDLINE_LINUX="/&${option} /' /etc/default/grub`,
    "sudo grub-mkconfig -o /boot/grub/grub.cfg",
  );
}

const UNIFIED = kernelOption(
  "systemd.unified_cgroup_hierarchy=1",
  "An unprivileged user can be handed cgroups only with cgroup v2.",
);

const USER_UNIT = remedy(
  "Start the host in a scope or a unit whose cgroup is handed to it (DelegateSubgroup needs " +
    "systemd 254; it keeps the host out of the folder in which it makes others). Lingering keeps " +
    "the user's manager running without a login.",
  "systemd-run --user --scope -p Delegate=yes -- deno run -A <the host>",
  "# or in ~/.config/systemd/user/<name>.service:",
  "[Service]",
  "Delegate=yes",
  "DelegateSubgroup=host",
  "KillMode=mixed",
  "ExecStart=/usr/bin/deno run -A <the host>",
  "# and once: sudo loginctl enable-linger <user>",
);

const ROOT_UNIT = remedy(
  "Start the host in a scope or a unit whose cgroup is handed to it (DelegateSubgroup needs " +
    "systemd 254); with User= in the unit it need not be root.",
  "systemd-run --scope -p Delegate=yes -- deno run -A <the host>",
  "# or in /etc/systemd/system/<name>.service:",
  "[Service]",
  "User=sallyport",
  "Delegate=yes",
  "DelegateSubgroup=host",
  "KillMode=mixed",
  "ExecStart=/usr/bin/deno run -A <the host>",
);

const CONTROLLERS = remedy(
  "systemd hands only some controllers down to users. Hand down all of them, then log in anew.",
  "sudo mkdir -p /etc/systemd/system/user@.service.d",
  "printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' |",
  "  sudo tee /etc/systemd/system/user@.service.d/delegate.conf",
  "sudo systemctl daemon-reload",
);

const MOUNT = remedy(
  "Mount the cgroup v2 tree (with OpenRC: rc-update add cgroups, and rc_cgroup_mode=unified " +
    "in /etc/rc.conf).",
  "sudo mount -t cgroup2 none /sys/fs/cgroup",
  "echo '+cpu +memory +pids +io' | sudo tee /sys/fs/cgroup/cgroup.subtree_control",
);

const OWN_TREE = remedy(
  "Without systemd users get no cgroups: make a group, give it to the host's user, and " +
    "start the host in it (as root, before it becomes that user).",
  "mkdir -p /sys/fs/cgroup/sallyport/host",
  "echo '+cpu +memory +pids +io' > /sys/fs/cgroup/cgroup.subtree_control",
  "chown -R <user> /sys/fs/cgroup/sallyport",
  "echo $$ > /sys/fs/cgroup/sallyport/host/cgroup.procs",
  "exec setpriv --reuid <user> --regid <user> --init-groups deno run -A <the host>",
);

const WSL_2 = remedy(
  "Let systemd manage the distribution and leave cgroup v1 out: the first in /etc/wsl.conf, the " +
    "second in .wslconfig in the Windows home folder; then wsl --shutdown.",
  "[boot]",
  "systemd=true",
  "",
  "[wsl2]",
  "kernelCommandLine=cgroup_no_v1=all",
);
