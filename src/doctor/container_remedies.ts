// What a host in a container needs of it, so that its plugins can have layers of their own.
import { type ContainerKind, type Remedy, remedy, type SystemFacts } from "./types.ts";

/** Returns the remedy for what a container of a kind withholds. */
export function containerRemedy(
  kind: ContainerKind,
  need: "namespaces" | "cgroup",
  { sysctls, cgroups }: SystemFacts,
): Remedy {
  if (need === "cgroup") {
    if (cgroups !== "v1") return CGROUPS[kind];
    return remedy(
      "A cgroup v1 tree cannot be handed to a container safely: boot the machine beneath with " +
        "cgroup v2 (systemd.unified_cgroup_hierarchy=1). Until then cap the whole container, host " +
        "and plugins together.",
      ...(kind === "container" ? [] : [CAPS[kind]]),
    );
  }
  const { what, lines } = NAMESPACES[kind];
  if (sysctls.apparmorRestrictsUserns !== 1) return { what, lines };
  return remedy(
    `${what} The machine beneath restricts user namespaces by AppArmor, too: run doctor there for ` +
      "that.",
    ...lines,
  );
}

const CAPS: Readonly<Record<Exclude<ContainerKind, "container">, string>> = {
  docker: "docker run --memory 2g --pids-limit 512 --cpus 2 …",
  podman: "podman run --memory 2g --pids-limit 512 --cpus 2 …",
  kubernetes: "resources: { limits: { memory: 2Gi, cpu: 2 } }",
  lxc: "lxc config set <name> limits.memory=2GiB limits.cpu=2 limits.processes=512",
};

const NAMESPACES: Readonly<Record<ContainerKind, Remedy>> = {
  docker: remedy(
    "Docker's seccomp and AppArmor profiles refuse namespaces and mounts, and its masked " +
      "/proc forbids a fresh one. Lift these three for this one container and run the host in it " +
      "as an unprivileged user: its plugins get layers of their own, the host itself has fewer " +
      "around it. Instead of seccomp=unconfined, Docker's default profile will do with clone, " +
      "clone3, mount, pivot_root, setns, umount2 and unshare allowed. Neither --privileged nor " +
      "--cap-add SYS_ADMIN: they hand the container most of the machine.",
    "docker run --user 10001:10001 --security-opt seccomp=unconfined \\",
    "  --security-opt apparmor=unconfined --security-opt systempaths=unconfined …",
  ),
  podman: remedy(
    "Podman's seccomp profile refuses namespaces and mounts, and its masked /proc forbids a " +
      "fresh one. Lift both for this one container: its plugins get layers of their own, the host " +
      "itself has fewer around it. Where SELinux refuses the mounts, add label=disable. Not " +
      "--privileged.",
    "podman run --user 10001:10001 --security-opt seccomp=unconfined \\",
    "  --security-opt unmask=ALL …",
  ),
  kubernetes: remedy(
    "The runtime's seccomp and AppArmor profiles refuse namespaces and mounts, and its masked " +
      "/proc forbids a fresh one. Lift them for this one pod, in a user namespace of its own: its " +
      "plugins get layers of their own, the host itself has fewer around it. Pod Security must " +
      "allow it in this Kubernetes namespace.",
    "spec:",
    "  hostUsers: false",
    "  containers:",
    "    - securityContext:",
    "        runAsNonRoot: true",
    "        procMount: Unmasked",
    "        seccompProfile: { type: Unconfined }",
    "        appArmorProfile: { type: Unconfined }",
  ),
  lxc: remedy(
    "LXC allows namespaces in namespaces only where nesting is on.",
    "lxc config set <name> security.nesting=true",
    "lxc restart <name>",
  ),
  container: remedy(
    "What contains this host refuses namespaces or mounts: allow clone, clone3, mount, " +
      "pivot_root, setns, umount2 and unshare in its system call filter, and leave /proc unmasked. " +
      "Not by privileges: user namespaces need none.",
  ),
};

const CGROUPS: Readonly<Record<ContainerKind, Remedy>> = {
  docker: remedy(
    "Docker mounts the cgroup tree read-only. Docker 28 and later can leave it writable (its " +
      "files are root's: give /sys/fs/cgroup to the host's user where that is another). Before, " +
      "cap the whole container, host and plugins together.",
    "docker run --cgroupns private --security-opt writable-cgroups=true …",
    CAPS.docker,
  ),
  podman: remedy(
    "Podman mounts the cgroup tree read-only. Unmask it, in a cgroup namespace of its own (its " +
      "files are root's: give /sys/fs/cgroup to the host's user where that is another).",
    "podman run --cgroupns private --security-opt unmask=/sys/fs/cgroup …",
  ),
  kubernetes: remedy(
    "The runtime mounts the cgroup tree read-only. containerd 2.1 and later can leave it " +
      "writable for a runtime class of your own (cgroup_writable). Else cap the whole pod, host " +
      "and plugins together.",
    CAPS.kubernetes,
  ),
  lxc: remedy(
    "LXC hands its cgroup tree to the container's root: run the host as that, or under the " +
      "container's own systemd in a unit with Delegate=yes. Else cap the whole container.",
    CAPS.lxc,
  ),
  container: remedy(
    "What contains this host gives it no cgroup tree that it may write: mount it writable, or " +
      "cap the whole container, host and plugins together.",
  ),
};
