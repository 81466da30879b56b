// The unshare launcher: a root folder and namespaces by util-linux alone.
import { INNER_ID } from "./bwrap.ts";
import { DEVICES } from "./devices.ts";
import type { LaunchCommand, Launcher } from "../launch/launcher.ts";
import {
  type BindMount,
  INSIDE,
  type LaunchSpec,
  type PrivateRoot,
} from "../launch/launch_spec.ts";
import { bringUpLoopback } from "./loopback.ts";
import { openRootLaunch, type RootLauncherOptions, rootReport, shownGroup } from "./root_launch.ts";
import { compileFilter } from "./scratch.ts";
import type { Skeleton } from "./skeleton.ts";
import type { ProgramName, Survey } from "../machine/survey.ts";
import { DETACHED, INSIDE_SCRIPT, OLD_ROOT, SETUP_SCRIPT } from "./unshare_script.ts";
import { scriptCommand } from "../launch/wrapper.ts";

const PROGRAMS: readonly ProgramName[] = ["unshare", "setpriv", "mount", "umount", "pivot_root"];
const MAX_INODES = 65_536;

/** Options of {@linkcode unshareLauncher}. */
export interface UnshareLauncherOptions extends RootLauncherOptions {
  /** The deno executable, which brings up the loopback where nothing else can. */
  readonly executable: string;
}

/** Says what this launcher lacks here. */
export function unshareLacks(survey: Survey): string | undefined {
  const absent = PROGRAMS.filter((name) => survey.programs[name] === undefined);
  if (absent.length > 0) return `not installed: ${absent.join(", ")} (of util-linux)`;
  if (!survey.shell.bash) return "it takes bash, which is not there or which the host may not run";
  if (survey.umount === undefined) return "the dynamic loader does not say what umount needs";
  if (!survey.seccomp) return "the kernel has no system call filters";
  const { setpriv } = survey.programs;
  const { state } = Deno.permissions.querySync({ name: "run", command: setpriv! });
  return state === "granted" ? undefined : `the host may not run it: needs --allow-run=${setpriv}`;
}

/** Makes the launcher. */
export function unshareLauncher(options: UnshareLauncherOptions): Launcher {
  const { libraries, scratch } = options;
  const skeletons = scratch.skeletons([DETACHED]);
  return {
    name: "unshare",
    privateRoot: true,
    libraries,
    describe(spec) {
      const { early, late, made } = unshareMounts(
        spec.root!,
        { folder: "<root>", mounts: ({ binds }) => binds },
        options,
      );
      const files = { root: "<root>", early, late, made };
      const { join, prefix } = shownGroup(options.cgroups);
      const { command, args, ...rest } = unshareCommand(spec, options, files, join);
      const shown = new Map([[SETUP_SCRIPT, "<setup script>"], [INSIDE_SCRIPT, "<inner script>"]]);
      const [program, ...words] = [...prefix, command, ...args];
      return { ...rest, command: program!, args: words.map((word) => shown.get(word) ?? word) };
    },
    report: (spec) => rootReport("unshare", options, spec),
    launch(spec) {
      return openRootLaunch("unshare", options, spec, async (group, stack) => {
        const skeleton = await skeletons.get(spec.root!);
        const { early, late, made } = unshareMounts(spec.root!, skeleton, options);
        const files = {
          root: skeleton.folder,
          early: scratch.write("mounts", early, stack),
          late: late === "" ? "" : scratch.write("mounts", late, stack),
          made,
        };
        const command = unshareCommand(spec, options, files, group?.join ?? []);
        if (group === undefined || group.prefix.length === 0) return command;
        const [program, ...args] = [...group.prefix, command.command, ...command.args];
        return { ...command, command: program!, args, env: group.prefixEnv };
      }, compileFilter(spec, false));
    },
  };
}

/** The mounts of a root, in the form of `fstab`, one line a mount. */
export interface UnshareMounts {
  /** What is mounted on what the skeleton has. */
  readonly early: string;
  /** What is mounted inside folders in memory. */
  readonly late: string;
  /** Source and target in turn of the latter. */
  readonly made: readonly string[];
}

type Line = [source: string, target: string, type: string, options: string];

/**
 * Returns the mounts of a root.
 *
 * Folders are mounted with what is mounted below them. Of what is mounted on
 * the root only what is executed or mapped into the runtime may be executed. Devices are read-only: a host that is root owns those of the
 * machine, and then the process would.
 *
 * @see https://man7.org/linux/man-pages/man5/fstab.5.html
 */
export function unshareMounts(
  root: PrivateRoot,
  { folder, noexec, mounts }: Skeleton,
  { survey, libraries }: Pick<UnshareLauncherOptions, "survey" | "libraries">,
): UnshareMounts {
  const code = new Set([INSIDE.executable, ...libraries]);
  const device = (source: string, target: string): Line => [
    source,
    target,
    "none",
    "bind,ro,nosuid,noexec",
  ];
  const isLate = ({ target }: BindMount) =>
    root.tmpfs.some((memory) => target.startsWith(`${memory.target}/`));
  const bind = ({ source, target, writable }: BindMount): Line => [
    source,
    target,
    "none",
    `rbind,${writable ? "rw" : "ro"},nosuid,nodev${code.has(target) ? "" : ",noexec"}`,
  ];
  const text = (lines: readonly Line[]) =>
    lines.map(([source, target, type, options]) =>
      `${escape(source)} ${escape(folder + target)} ${type} ${options} 0 0\n`
    ).join("");
  const binds = mounts(root);
  const late = binds.filter(isLate);
  return {
    early: text([
      // what the file system forbids may not be allowed by a mount of it
      [folder, "", "none", `bind,ro,nosuid,nodev${noexec ? ",noexec" : ""}`],
      ["proc", "/proc", "proc", "ro,nosuid,nodev,noexec"],
      ...survey.rootOnly.map((name) => device("/dev/null", `/proc/${name}`)),
      ...DEVICES.map((name) => device(`/dev/${name}`, `/dev/${name}`)),
      ...root.tmpfs.map(({ target, sizeBytes }): Line => {
        const inodes = Math.min(MAX_INODES, Math.max(64, Math.floor(sizeBytes / 4096)));
        const size = `mode=0755,size=${sizeBytes},nr_inodes=${inodes}`;
        return ["tmpfs", target, "tmpfs", `nosuid,nodev,noexec,${size}`];
      }),
      ...binds.filter((mount) => !isLate(mount)).map(bind),
    ]),
    late: text(late.map(bind)),
    made: late.flatMap(({ source, target }) => [source, target]),
  };
}

/** What is ours needs no look at what else is mounted below it. */
const OWN: ReadonlySet<string> = new Set(Object.values(INSIDE));

function unshareCommand(
  spec: LaunchSpec,
  { survey, libraries, executable }: UnshareLauncherOptions,
  files: { root: string } & UnshareMounts,
  cgroups: readonly string[],
): LaunchCommand {
  const { unshare, setpriv, mount, pivot_root, hostname, sh, ip } = survey.programs as Record<
    ProgramName,
    string
  >;
  const { binds } = spec.root!;
  const granted = binds.filter(({ target }) => !OWN.has(target) && !libraries.includes(target));
  const points = granted.length === 0
    ? []
    : binds.map(({ target, writable }) => `${writable ? "w" : "r"}${escape(files.root + target)}`);
  const loopback = spec.network === "proxied" ? bringUpLoopback(ip, executable) : [];
  const { path, loader, folders } = survey.umount!;
  const inside = [
    ...[unshare, "--user", `--map-user=${INNER_ID}`, `--map-group=${INNER_ID}`, "--keep-caps"],
    ...(survey.cgroupNamespaces ? ["--cgroup"] : []),
    ...["--", setpriv, "--pdeathsig", "KILL", "--no-new-privs"],
    ...["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"],
    ...["--", sh, "-c", INSIDE_SCRIPT, "sallyport", spec.cwd],
    ...Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    ...["--", spec.executable, ...spec.args],
  ];
  const setup = scriptCommand(survey.shell, SETUP_SCRIPT, spec.limits, cgroups, [
    ...[String(Deno.pid), files.root, files.early, mount, pivot_root, loader],
    folders.map((folder) => OLD_ROOT + folder).join(":"),
    ...[path, hostname ?? ""],
    ...[String(loopback.length), ...loopback],
    ...[String(points.length), ...points],
    ...[files.late, String(files.made.length), ...files.made],
    ...[spec.root!.copy?.source ?? "", spec.root!.copy?.target ?? ""],
    ...inside,
  ]);
  return {
    command: setpriv,
    args: [
      ...["--pdeathsig", "KILL", "--"],
      ...[unshare, "--user", "--map-root-user", "--mount", "--pid", "--ipc", "--uts"],
      ...(spec.network === "host" ? [] : ["--net"]),
      ...["--", ...setup],
    ],
    env: {},
    cwd: "/",
  };
}

/** Escapes as fstab and mountinfo do. */
function escape(path: string): string {
  return path.replace(
    /[ \t\n\\#]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}
