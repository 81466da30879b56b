// Names of systems and of their packages.
import type { ContainerKind, SystemFacts } from "./types.ts";

export type PackagedProgram = "bwrap" | "unshare" | "setpriv";

const CONTAINERS: Readonly<Record<ContainerKind, string>> = {
  docker: "Docker",
  podman: "Podman",
  kubernetes: "Kubernetes",
  lxc: "LXC",
  container: "a container",
};
type Packager = typeof PACKAGERS[number][0];

const PACKAGERS = [
  ["apt", "sudo apt install", ["debian", "ubuntu", "linuxmint", "raspbian", "devuan"]],
  ["dnf", "sudo dnf install", ["fedora", "rhel", "centos", "rocky", "almalinux", "ol", "amzn"]],
  ["yum", "sudo yum install", []],
  ["pacman", "sudo pacman -S", ["arch", "manjaro", "endeavouros"]],
  ["apk", "sudo apk add", ["alpine", "postmarketos", "wolfi"]],
  [
    "zypper",
    "sudo zypper install",
    ["suse", "opensuse", "sles", "opensuse-leap", "opensuse-tumbleweed"],
  ],
  ["nix", "nix profile install", ["nixos"]],
  ["emerge", "sudo emerge", ["gentoo"]],
  ["xbps", "sudo xbps-install", ["void"]],
] as const;

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

export function installCommand(
  program: PackagedProgram,
  { distribution }: SystemFacts,
): string | undefined {
  if (distribution === undefined) return undefined;
  const { id, like, version } = distribution;
  for (const name of [id, ...like]) {
    const found = PACKAGERS.find(([, , ids]) => (ids as readonly string[]).includes(name));
    if (found === undefined) continue;
    const isOld = found[0] === "dnf" && id !== "fedora" && Number.parseInt(version) < 8;
    const [packager, command] = isOld ? PACKAGERS.find(([name]) => name === "yum")! : found;
    return `${command} ${packageOf(program, packager)}`;
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
