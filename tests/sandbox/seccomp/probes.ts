/**
 * System calls with arguments that do no harm where nothing stops them: they fail for another reason
 * than the filter's, or succeed without effect. Numbers are literals, on purpose not those of `src/`.
 */

/** What a profile does with a call. */
export type Answer = "allow" | "EPERM" | "ENOSYS";

/** One call. */
export interface Probe {
  name: string;
  /** Its number on x86_64 and on aarch64, where it has one. */
  numbers: readonly [number | undefined, number | undefined];
  args: readonly number[];
  strict: Answer;
  baseline: Answer;
  /**
   * Where the kernel answers otherwise without a filter: anywhere; only to the machine's own root,
   * because others are refused for want of a capability; only to others, because it would succeed; or
   * nowhere, because the filter says nothing else than the kernel.
   */
  control: "any" | "root" | "user" | "none";
}

/** An address at which nothing is. */
const BAD = 1;
const MINUS_1 = -1;
const O_CREAT = 0o100;
const O_TMPFILE = 0o20200000;
const S_IFREG = 0o100000;

type Row = readonly [name: string, x86: number, arm: number, ...args: number[]];

function both(control: Probe["control"], rows: readonly Row[], answer: Answer = "EPERM"): Probe[] {
  return rows.map(([name, x86, arm, ...args]) => ({
    name,
    numbers: [x86 < 0 ? undefined : x86, arm < 0 ? undefined : arm],
    args,
    strict: answer,
    baseline: answer,
    control,
  }));
}

function differing(strict: Answer, baseline: Answer, rows: readonly Row[]): Probe[] {
  return both("any", rows).map((probe) => ({ ...probe, strict, baseline }));
}

/** Calls that every profile treats the same whether there is a network and `execve` or not. */
export const PROBES: readonly Probe[] = [
  ...both("any", [
    ["mount", 165, 40, BAD, BAD, BAD, 0, 0],
    ["umount2", 166, 39, BAD, 0xffff],
    ["chroot", 161, 51, BAD],
    ["open_tree", 428, 428, MINUS_1, BAD, 0x7fffffff],
    ["open_tree_attr", 467, 467, MINUS_1, BAD, 0x7fffffff, 0, 0],
    ["fsconfig", 431, 431, MINUS_1, 99, 0, 0, 0],
    ["mount_setattr", 442, 442, MINUS_1, BAD, 0x7fffffff, 0, 0],
    ["unshare nothing", 272, 97, 0],
    ["unshare a user namespace", 272, 97, 0x10000000],
    ["setns", 308, 268, MINUS_1, 0],
    ["clone a process", 56, 220, 0x800],
    ["clone a user namespace", 56, 220, 0x10000000 | 0x200],
    ["clone a thread in a user namespace", 56, 220, 0x10000000 | 0x10000 | 0x800],
    ["clone a thread in a net namespace", 56, 220, 0x40000000 | 0x10000 | 0x800],
    ["clone a thread in a mount namespace", 56, 220, 0x00020000 | 0x10000 | 0x800],
    ["clone a thread in a cgroup namespace", 56, 220, 0x02000000 | 0x10000 | 0x800],
    ["clone a process, upper bits set", 56, 220, 2 ** 32 + 0x800],
    ["execveat", 322, 281, MINUS_1, BAD, 0, 0, 0x7fff0000],
    ["ptrace", 101, 117, 16, 0x7ffffff0],
    ["process_vm_readv", 310, 270, 1, 0, 0, 0, 0, 99],
    ["process_vm_writev", 311, 271, 1, 0, 0, 0, 0, 99],
    ["pidfd_getfd", 438, 438, MINUS_1, 0, 0],
    ["process_madvise", 440, 440, MINUS_1, 0, 0, 0, 0],
    ["process_mrelease", 448, 448, MINUS_1, 99],
    ["perf_event_open", 298, 241, BAD, 0, 0, MINUS_1, 0x7fffffff],
    ["seccomp", 317, 277, 99, 0, 0],
    ["name_to_handle_at", 303, 264, MINUS_1, BAD, BAD, BAD, 0x7fffffff],
    ["setuid", 105, 146, MINUS_1],
    ["setgid", 106, 144, MINUS_1],
    ["setreuid", 113, 145, MINUS_1, MINUS_1],
    ["setregid", 114, 143, MINUS_1, MINUS_1],
    ["setresuid", 117, 147, MINUS_1, MINUS_1, MINUS_1],
    ["setresgid", 119, 149, MINUS_1, MINUS_1, MINUS_1],
    ["setfsuid", 122, 151, MINUS_1],
    ["setfsgid", 123, 152, MINUS_1],
    ["capset", 126, 91, BAD, BAD],
    ["settimeofday", 164, 170, BAD, 0],
    ["clock_settime", 227, 112, 99, BAD],
    ["adjtimex", 159, 171, BAD],
    ["clock_adjtime", 305, 266, 99, BAD],
    ["swapon", 167, 224, BAD, 0x70000000],
    ["iopl", 172, -1, 99],
    ["ioperm", 173, -1, 0xffff, 0xffff, 0],
    ["modify_ldt", 154, -1, 99],
    ["personality", 135, 92, 0x0040000],
    ["ioctl TIOCSTI", 16, 29, MINUS_1, 0x5412],
    ["ioctl TIOCSTI, upper bits set", 16, 29, MINUS_1, 2 ** 32 + 0x5412],
    ["ioctl TIOCLINUX", 16, 29, MINUS_1, 0x541c],
    ["ioctl TIOCSETD", 16, 29, MINUS_1, 0x5423],
    ["prctl PR_SET_PDEATHSIG", 157, 167, 1, 999],
    ["prctl PR_SET_DUMPABLE", 157, 167, 4, 99],
    ["prctl PR_SET_SECCOMP", 157, 167, 22, 99],
    ["prctl PR_SET_SECCOMP, upper bits set", 157, 167, 2 ** 32 + 22, 99],
    ["prctl PR_SET_CHILD_SUBREAPER", 157, 167, 36, 0],
    ["prctl PR_SET_PTRACER", 157, 167, 0x59616d61, 0x7ffffff0],
    ["socket AF_VSOCK", 41, 198, 40, 1, 0],
    ["socket AF_ALG", 41, 198, 38, 5, 0],
    ["socket AF_BLUETOOTH", 41, 198, 31, 3, 0],
    ["socket AF_TIPC", 41, 198, 30, 5, 0],
    ["socket AF_CAN", 41, 198, 29, 2, 0],
    ["socket AF_UNIX, raw", 41, 198, 1, 3, 0],
    ["socket AF_INET, SCTP", 41, 198, 2, 1, 132],
    ["socket AF_INET, MPTCP", 41, 198, 2, 1, 262],
    ["socket AF_INET, ping", 41, 198, 2, 2, 1],
    ["socket AF_NETLINK, audit", 41, 198, 16, 3, 9],
    ["socket AF_NETLINK, netfilter", 41, 198, 16, 3, 12],
    ["socket of no type", 41, 198, 2, 0, 0],
    ["socket AF_INET, upper bits set, raw", 41, 198, 2 ** 32 + 2, 3, 0],
    ["socketpair AF_UNIX, datagrams", 53, 199, 1, 2, 0, BAD],
    ["ustat", 136, -1, 0xffff, BAD],
    ["sysfs", 139, -1, 99],
    // compiled in or not, as the distribution pleases
    ["kcmp", 312, 272, 1, 0x7ffffff0, 99, 0, 0],
    ["keyctl", 250, 219, 99_999],
    ["add_key", 248, 217, BAD, BAD, 0, 0, 0],
    ["request_key", 249, 218, BAD, BAD, 0, 0],
    ["quotactl", 179, 60, 0x7fff0000, BAD, 0, 0],
    ["quotactl_fd", 443, 443, MINUS_1, 0x7fff0000, 0, 0],
    ["migrate_pages", 256, 238, 0x7ffffff0, 0, 0, 0],
    ["move_pages", 279, 239, 0, 0, 0, 0, 0, 0x7fffffff],
    ["mbind", 237, 235, 0, 0, 99, 0, 0, 0x7fffffff],
    ["set_mempolicy", 238, 237, 99, 0, 0],
    ["set_mempolicy_home_node", 450, 450, 0, 0, 0, 99],
    ["memfd_secret", 447, 447, 0x7fffffff],
    ["lsm_set_self_attr", 460, 460, 0x7fff, BAD, 0, 99],
    ["lookup_dcookie", 212, 18, 0, BAD, 0],
    ["nfsservctl", 180, 42, 99, BAD, BAD],
    ["uselib", 134, -1, BAD],
    ["_sysctl", 156, -1, BAD],
  ]),
  ...both("root", [
    ["syslog", 103, 116, 10],
    ["socket AF_PACKET", 41, 198, 17, 3, 0],
    ["socket AF_KEY", 41, 198, 15, 3, 2],
    ["socket AF_INET, raw", 41, 198, 2, 3, 1],
    ["socket AF_INET6, raw", 41, 198, 10, 3, 58],
    ["pivot_root", 155, 41, BAD, BAD],
    ["move_mount", 429, 429, MINUS_1, BAD, MINUS_1, BAD, 0x7fffffff],
    ["fsopen", 430, 430, BAD, 0x7fffffff],
    ["fsmount", 432, 432, MINUS_1, 0x7fffffff, 0],
    ["fspick", 433, 433, MINUS_1, BAD, 0x7fffffff],
    ["bpf", 321, 280, 9999, BAD, 8],
    ["userfaultfd", 323, 282, 0x70000000],
    ["init_module", 175, 105, BAD, 0, BAD],
    ["finit_module", 313, 273, MINUS_1, BAD, 0x7fffffff],
    ["delete_module", 176, 106, BAD, 0],
    ["kexec_load", 246, 104, 0, 99, BAD, 0x7fffffff],
    ["kexec_file_load", 320, 294, MINUS_1, MINUS_1, 0, BAD, 0x7fffffff],
    ["open_by_handle_at", 304, 265, MINUS_1, BAD, 0],
    ["fanotify_init", 300, 262, 0x7fffffff, 0],
    ["acct", 163, 89, BAD],
    ["swapoff", 168, 225, BAD],
    ["reboot", 169, 142, 1, 2, 3, 0],
    ["sethostname", 170, 161, BAD, MINUS_1],
    ["setdomainname", 171, 162, BAD, MINUS_1],
    ["setgroups", 116, 159, 0x7fffffff, BAD],
    ["vhangup", 153, 58],
    ["prctl PR_SET_MM", 157, 167, 35, 99, 0, 0, 1],
  ]),
  // set-user-id and set-group-id modes, whatever would make them
  ...[0o4755, 0o2755, 0o6000].flatMap((mode) =>
    both("any", [
      [`chmod ${mode}`, 90, -1, BAD, mode],
      [`fchmod ${mode}`, 91, 52, MINUS_1, mode],
      [`fchmodat ${mode}`, 268, 53, MINUS_1, BAD, mode],
      [`fchmodat2 ${mode}`, 452, 452, MINUS_1, BAD, mode, 0],
      [`chmod ${mode}, upper bits set`, 90, -1, BAD, 2 ** 32 + 0x10000 + mode],
      [`fchmodat ${mode}, upper bits set`, 268, 53, MINUS_1, BAD, 2 ** 32 + 0x10000 + mode],
      [`open O_CREAT ${mode}`, 2, -1, BAD, O_CREAT | 1, mode],
      [`open O_TMPFILE ${mode}`, 2, -1, BAD, O_TMPFILE | 1, mode],
      [`openat O_CREAT ${mode}`, 257, 56, MINUS_1, BAD, O_CREAT | 1, mode],
      [`openat O_TMPFILE ${mode}`, 257, 56, MINUS_1, BAD, O_TMPFILE | 1, mode],
      [`openat O_CREAT ${mode}, upper bits set`, 257, 56, MINUS_1, BAD, 2 ** 32 + O_CREAT, mode],
      [`creat ${mode}`, 85, -1, BAD, mode],
      [`mkdir ${mode}`, 83, -1, BAD, mode],
      [`mkdirat ${mode}`, 258, 34, MINUS_1, BAD, mode],
      [`mknod ${mode}`, 133, -1, BAD, S_IFREG | mode, 0],
      [`mknodat ${mode}`, 259, 33, MINUS_1, BAD, S_IFREG | mode, 0],
    ])
  ),
  // its mode is behind a pointer
  ...both("any", [["openat2", 437, 437, MINUS_1, BAD, BAD, 24]], "ENOSYS"),
  // would succeed as root; others run it with no process left to them
  ...both("user", [["fork", 57, -1], ["vfork", 58, -1]]),
  ...both("any", [["clone3", 435, 435, 0, 0], ["io_uring_setup", 425, 425, 0, BAD]], "ENOSYS"),
  ...both("any", [
    ["io_uring_enter", 426, 426, MINUS_1, 0, 0, 0, 0, 0],
    ["io_uring_register", 427, 427, MINUS_1, 99, 0, 0],
  ], "ENOSYS"),
  // newer than our tables: what the kernel says is the same, so there is nothing to see without
  ...both("none", [["call 470", 470, 470], ["call 9999", 9999, 9999]], "ENOSYS"),
  // what only the allow-list refuses
  ...differing("EPERM", "allow", [
    ["splice", 275, 76, MINUS_1, 0, MINUS_1, 0, 0, 0x7fff],
    ["tee", 276, 77, MINUS_1, MINUS_1, 1, 0x7fff],
    ["vmsplice", 278, 75, MINUS_1, BAD, 1, 0x7fff],
    ["memfd_create", 319, 279, BAD, 0x70000000],
    ["mknodat", 259, 33, MINUS_1, BAD, 0, 0],
    ["setpgid", 109, 154, 0x7ffffff0, 0],
    ["io_setup", 206, 0, 0, BAD],
    ["pidfd_open", 434, 434, MINUS_1, 0],
    ["pidfd_send_signal", 424, 424, MINUS_1, 0, 0, 0],
    ["sched_setscheduler", 144, 119, MINUS_1, 99, BAD],
    ["rt_sigqueueinfo", 129, 138, MINUS_1, 0, BAD],
    ["mlockall", 151, 230, 99],
    ["syncfs", 306, 267, MINUS_1],
    ["setxattr", 188, 5, BAD, BAD, BAD, 0, 0],
    ["setrlimit", 160, 164, 99, BAD],
    ["fcntl F_SETLEASE", 72, 25, MINUS_1, 1024, 0],
    ["fcntl F_SETOWN", 72, 25, MINUS_1, 8, 0],
    ["prctl PR_SET_THP_DISABLE", 157, 167, 41, 0, 99],
    ["prctl PR_SET_TIMERSLACK", 157, 167, 29, 50_000],
    ["prlimit64 of another", 302, 261, 0x7ffffff0, 7, 0, 0],
    ["ioctl TCSETS", 16, 29, MINUS_1, 0x5402],
    ["ioctl FS_IOC_SETFLAGS", 16, 29, MINUS_1, 0x40086602],
    ["setpriority of a user", 141, 140, 99, 0, 0],
    ["socket AF_UNIX, packets", 41, 198, 1, 5, 99],
    ["socket AF_NETLINK, route", 41, 198, 16, 99, 0],
  ]),
  // controls: what both let pass
  ...both("none", [
    ["getppid", 110, 173],
    ["clone a thread without its memory", 56, 220, 0x10000],
    ["getpid", 39, 172],
    ["futex", 202, 98, BAD, 1],
    ["openat", 257, 56, MINUS_1, BAD, 0],
    ["close", 3, 57, MINUS_1],
    ["personality, read", 135, 92, 0xffffffff],
    ["prlimit64 of itself, read", 302, 261, 0, 7, 0, 0],
    ["prctl PR_GET_DUMPABLE", 157, 167, 3],
    ["prctl PR_SET_NAME", 157, 167, 15, BAD],
    ["ioctl FIONREAD", 16, 29, MINUS_1, 0x541b],
    ["fcntl F_GETFD", 72, 25, MINUS_1, 1],
    ["socketpair AF_UNIX, streams", 53, 199, 1, 1, 0, BAD],
    ["setpriority of itself", 141, 140, 0, 0, 0],
    ["fstat", 5, 80, MINUS_1, BAD],
    ["chmod 01777", 90, -1, BAD, 0o1777],
    ["fchmod 01777", 91, 52, MINUS_1, 0o1777],
    ["fchmodat 0755", 268, 53, MINUS_1, BAD, 0o755],
    ["fchmodat2 0755", 452, 452, MINUS_1, BAD, 0o755, 0],
    ["open O_CREAT 0666", 2, -1, BAD, O_CREAT | 1, 0o666],
    ["openat O_CREAT 0666", 257, 56, MINUS_1, BAD, O_CREAT | 1, 0o666],
    // what it makes nothing by is no mode: whatever the register holds
    ["openat of what is there", 257, 56, MINUS_1, BAD, 1, 0o6755],
    ["openat of a folder", 257, 56, MINUS_1, BAD, 0o200000, 0o6755],
    ["creat 0666", 85, -1, BAD, 0o666],
    ["mkdir 01777", 83, -1, BAD, 0o1777],
    ["mkdirat 01777", 258, 34, MINUS_1, BAD, 0o1777],
  ], "allow"),
];

/** Calls that pass only where there is a network. */
export const NETWORK_PROBES: readonly Probe[] = [
  ...differing("allow", "allow", [
    ["socket AF_INET, TCP", 41, 198, 2, 1, 6],
    ["socket AF_INET6, UDP", 41, 198, 10, 2, 17],
  ]),
];

/** Calls that pass in `strict` only where there is a network, and in `baseline` always. */
export const LOCAL_PROBES: readonly Probe[] = [
  ...differing("allow", "allow", [
    ["socket AF_UNIX", 41, 198, 1, 1, 0],
    ["connect", 42, 203, MINUS_1, BAD, 0],
    ["bind", 49, 200, MINUS_1, BAD, 0],
    ["listen", 50, 201, MINUS_1, 0],
    ["accept4", 288, 242, MINUS_1, 0, 0, 0],
    ["sendmsg", 46, 211, MINUS_1, BAD, 0],
    ["setsockopt SO_REUSEADDR", 54, 208, MINUS_1, 1, 2, 0, 0],
  ]),
];

/** Socket options that `strict` refuses also where there is a network. */
export const OPTION_PROBES: readonly Probe[] = differing("EPERM", "allow", [
  ["setsockopt SO_ATTACH_FILTER", 54, 208, MINUS_1, 1, 26, BAD, 0],
  ["setsockopt SO_ATTACH_BPF", 54, 208, MINUS_1, 1, 50, BAD, 0],
  ["setsockopt TCP_ULP", 54, 208, MINUS_1, 6, 31, BAD, 0],
  ["setsockopt IPT_SO_SET_REPLACE", 54, 208, MINUS_1, 0, 64, BAD, 0],
]);

/** What `execve` of nothing answers depends on the option `exec`. */
export const EXECVE: Probe = both("any", [["execve", 59, 221, BAD, 0, 0]])[0]!;
