// Names of systems and of their packages.
import type { ContainerKind, SystemFacts } from "./types.ts";

/** Names a program that a package installs. */
export type PackagedProgram = "bwrap" | "unshare" | "setpriv";

/** Names a family of distributions by how they install packages. */
type Packager = "apt" | "dnf" | "yum" | "pacman" | "apk" | "zypper" | "nix" | "emerge" | "xbps";

const CONTAINERS: Readonly<Record<ContainerKind, string>> = {
  docker: "Docker",
  podman: "Podman",
  kubernetes: "Kubernetes",
  lxc: "LXC",
  container: "a container",
};
const PACKAGERS: readonly (readonly [Packager, readonly string[]])[] = [
  ["apt", ["debian", "ubuntu", "linuxmint", "raspbian", "devuan"]],
  ["dnf", ["fedora", "rhel", "centos", "rocky", "almalinux", "ol", "amzn"]],
  ["pacman", ["arch", "manjaro", "endeavouros"]],
  ["apk", ["alpine", "postmarketos", "wolfi"]],
  ["zypper", ["suse", "opensuse", "sles", "opensuse-leap", "opensuse-tumbleweed"]],
  ["nix", ["nixos"]],
  ["emerge", ["gentoo"]],
  ["xbps", ["void"]],
];
const COMMANDS: Readonly<Record<Packager, string>> = {
  apt: "sudo apt install",
  dnf: "sudo dnf install",
  yum: "sudo yum install",
  pacman: "sudo pacman -S",
  apk: "sudo apk add",
  zypper: "sudo zypper install",
  nix: "nix profile install",
  emerge: "sudo emerge",
  xbps: "sudo xbps-install",
};

/** Names what a machine is, for people. */
export function distributionText(system: SystemFacts): string {
  const { distribution, kernel, arch, container, wsl } = system;
  return [
    distribution?.name ?? "Linux of an unknown distribution",
    ...(kernel === undefined ? [] : [`Linux ${kernel}`]),
    arch,
    ...(wsl === undefined ? [] : [`WSL ${wsl}`]),
    ...(container === undefined ? [] : [`in ${CONTAINERS[container]}`]),
  ].join(", ");
}

/** Returns the command that installs a program. */
export function installCommand(program: PackagedProgram, system: SystemFacts): string | undefined {
  const packager = packagerOf(system);
  if (packager === undefined) return undefined;
  return `${COMMANDS[packager]} ${packageOf(program, packager)}`;
}

function packagerOf({ distribution }: SystemFacts): Packager | undefined {
  if (distribution === undefined) return undefined;
  const { id, like, version } = distribution;
  for (const name of [id, ...like]) {
    const found = PACKAGERS.find(([, ids]) => ids.includes(name))?.[0];
    if (found === "dnf" && id !== "fedora" && Number.parseInt(version) < 8) return "yum";
    if (found !== undefined) return found;
  }
  return undefined;
}

function packageOf(program: PackagedProgram, packager: Packager): string {
  if (program === "bwrap") {
    if (packager === "nix") return "nixpkgs#bubblewrap";
    return packager === "emerge" ? "sys-apps/bubblewrap" : "bubblewrap";
  }
  if (packager === "apk") return program === "setpriv" ? "setpriv" : "util-linux-misc";
  if (packager === "nix") return "nixpkgs#util-linux";
  return packager === "emerge" ? "sys-apps/util-linux" : "util-linux";
}
