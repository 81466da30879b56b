// The bwrap launcher: a root folder, namespaces and a system call filter by bubblewrap.
import { type DeviceSource, machineDevices } from "./devices.ts";
import type { LaunchCommand, Launcher } from "../launch/launcher.ts";
import type { LaunchSpec, PrivateRoot } from "../launch/launch_spec.ts";
import { openRootLaunch, type RootLauncherOptions, rootReport, shownGroup } from "./root_launch.ts";
import type { Skeleton } from "./skeleton.ts";
import {
  ARGUMENTS_FD,
  FILTER_FD,
  FIRST_COPY_FD,
  MAX_COPIES,
  scriptCommand,
  WRAPPER_SCRIPT,
} from "../launch/wrapper.ts";

/** What {@linkcode bwrapArguments} goes by. */
export interface BwrapFeatures {
  /** Whether it can forbid further user namespaces. */
  readonly disableUserns: boolean;
  /** Whether the kernel has cgroup namespaces. */
  readonly cgroupNamespaces: boolean;
  /** Names in `/proc` to hide: what root owns there the process owns too, where the host is root. */
  readonly hidden: readonly string[];
  /** Where devices are. */
  readonly devices: DeviceSource;
  /** The folder that becomes the root, with the mount points. */
  readonly skeleton: Skeleton;
}

/** What every user of the machine is to the process: nobody, and itself. */
export const INNER_ID = "65534";

/** The name that the process thinks its machine has. */
export const INNER_HOSTNAME = "sallyport";

/** Makes the launcher. */
export function bwrapLauncher(options: RootLauncherOptions): Launcher {
  const { survey, libraries, scratch } = options;
  const bwrap = survey.programs.bwrap ?? "bwrap";
  const features = (devices: DeviceSource, skeleton: Skeleton): BwrapFeatures => ({
    disableUserns: survey.bwrapOptions.has("disable-userns"),
    cgroupNamespaces: survey.cgroupNamespaces,
    hidden: survey.rootOnly,
    devices,
    skeleton,
  });
  // the prefix runs before anything is cleared, so nothing of the plugin's is in that environment
  const command = (
    spec: LaunchSpec,
    files: { arguments: readonly string[]; argumentsFile: string; filter: string },
    cgroups: readonly string[],
    prefix: readonly string[] = [],
    prefixEnv: Readonly<Record<string, string>> = {},
  ): LaunchCommand => {
    const rest = [
      files.argumentsFile,
      files.filter,
      ...copiesOf(spec.root!).map((path) => `${spec.root!.copy!.source}/${path}`),
      "--",
      bwrap,
      ...files.arguments,
      ...(files.filter === "" ? [] : ["--seccomp", String(FILTER_FD)]),
      "--",
      spec.executable,
      ...spec.args,
    ];
    // bash empties the environment before bwrap, whose init keeps what it was given
    const shell = Object.keys(prefixEnv).length === 0 ? survey.quickShell : survey.shell;
    const [program, ...args] = [
      ...prefix,
      ...scriptCommand(shell, WRAPPER_SCRIPT, spec.limits, cgroups, rest),
    ];
    return { command: program!, args, env: prefixEnv, cwd: "/" };
  };
  return {
    name: "bwrap",
    privateRoot: true,
    libraries,
    describe(spec) {
      const { join, prefix } = shownGroup(options.cgroups);
      const shown = command(
        spec,
        {
          arguments: bwrapArguments(
            spec,
            features(machineDevices(), { folder: "<root>", mounts: ({ binds }) => binds }),
          ),
          argumentsFile: "<arguments>",
          filter: spec.seccomp === "off" ? "" : `<${spec.seccomp} filter>`,
        },
        join,
        prefix,
      );
      return { ...shown, args: shown.args.map((arg) => arg === WRAPPER_SCRIPT ? "<script>" : arg) };
    },
    report: (spec) => rootReport("bwrap", options, spec),
    launch(spec) {
      return openRootLaunch("bwrap", options, spec, async (group, stack) => {
        const source = survey.root ? await scratch.devices(survey.shell) : machineDevices();
        const found = features(source, await scratch.skeletons().get(spec.root!));
        const filter = spec.seccomp === "off" ? "" : await scratch.filter(spec);
        const text = bwrapArguments(spec, found).map((argument) => `${argument}\0`).join("");
        const argumentsFile = scratch.write("arguments", text, stack);
        const files = {
          arguments: ["--args", String(ARGUMENTS_FD)],
          argumentsFile,
          filter,
        };
        return command(spec, files, group?.join ?? [], group?.prefix, group?.prefixEnv);
      });
    },
  };
}

/** Returns the arguments of bwrap for a spec, but for the filter and the command. */
export function bwrapArguments(spec: LaunchSpec, features: BwrapFeatures): string[] {
  const { root } = spec;
  if (root === undefined) throw new TypeError("Cannot run bwrap without a root");
  return [
    "--unshare-user",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    ...(features.cgroupNamespaces ? ["--unshare-cgroup"] : []),
    ...(spec.network === "host" ? [] : ["--unshare-net"]),
    // every filter refuses further user namespaces; without one, this takes another millisecond
    ...(features.disableUserns && spec.seccomp === "off" ? ["--disable-userns"] : []),
    ...["--uid", INNER_ID, "--gid", INNER_ID, "--hostname", INNER_HOSTNAME],
    "--die-with-parent",
    "--new-session",
    ...["--cap-drop", "ALL"],
    ...tree(root, features),
    "--clearenv",
    ...Object.entries(spec.env).flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--chdir", spec.cwd],
  ];
}

/** The files that are copied: databases, which the runtime wants to write. */
function copiesOf({ copy }: PrivateRoot): readonly string[] {
  return (copy?.files ?? []).filter((path) => !path.includes("/")).slice(0, MAX_COPIES);
}

/** The rest is read only, and mounted: each file to be copied takes a descriptor. */
function copied(root: PrivateRoot): string[] {
  const { copy } = root;
  if (copy === undefined) return [];
  const copies = copiesOf(root);
  return [
    ...copies.flatMap((path, index) => [
      "--file",
      String(FIRST_COPY_FD + index),
      `${copy.target}/${path}`,
    ]),
    ...copy.files.filter((path) => path.includes("/")).flatMap((path) => [
      "--ro-bind",
      `${copy.source}/${path}`,
      `${copy.target}/${path}`,
    ]),
  ];
}

function tree(root: PrivateRoot, { hidden, devices, skeleton }: BwrapFeatures): string[] {
  return [
    // one mount for all that is the same for every plugin: each takes bwrap a look at all the others
    ...["--ro-bind", skeleton.folder, "/"],
    ...["--proc", "/proc"],
    ...hidden.flatMap((name) => ["--ro-bind", "/dev/null", `/proc/${name}`]),
    // without capabilities, root could still write to /proc/sys if the host is root
    ...["--remount-ro", "/proc"],
    ...(typeof devices === "string" ? ["--dev-bind", devices, "/dev"] : [
      ...[...devices].flatMap(([name, path]) => ["--dev-bind", path, `/dev/${name}`]),
    ]),
    ...root.tmpfs.flatMap(({ target, sizeBytes }) => [
      ...["--size", String(sizeBytes)],
      ...["--tmpfs", target],
    ]),
    ...copied(root),
    ...skeleton.mounts(root).flatMap(({ source, target, writable }) => [
      writable ? "--bind" : "--ro-bind",
      source,
      target,
    ]),
  ];
}
