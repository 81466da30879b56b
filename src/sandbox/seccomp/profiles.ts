// What each seccomp profile lets pass, as plain data.
//
// Arguments are compared by their lower 32 bits, because the kernel takes each argument that is
// tested here as an `int`: a comparison of all 64 would let the same call pass with upper bits set.
import { names } from "./syscalls.ts";

/** Says what happens to a call: it passes, fails with an error, or ends the process. */
export type SeccompAction = "allow" | "EPERM" | "ENOSYS";

/** Tests one argument of a call. */
export interface ArgumentTest {
  /** Which one: 0 to 5. */
  readonly argument: number;
  /** The bits that are looked at. @default {0xffffffff} */
  readonly mask?: number;
  /** The values that pass. */
  readonly values: readonly number[];
}

/** Says what happens to some calls. */
export interface SyscallRule {
  /** Their names; one that an architecture does not have is no call of it. */
  readonly syscalls: readonly string[];
  /** What happens, or what happens when all tests of one of the cases pass. */
  readonly action: SeccompAction;
  /** Tests of the arguments. */
  readonly cases?: readonly (readonly ArgumentTest[])[];
  /** What happens when no case holds. */
  readonly otherwise?: SeccompAction;
  /** Under which option the rule is there. @default {always} */
  readonly only?: "network" | "no-network" | "lane" | "exec" | "no-exec";
}

/** A profile: rules, and what happens to calls that none names. */
export interface SeccompRules {
  readonly rules: readonly SyscallRule[];
  /** What happens to a call that is as old as our tables and that no rule names. */
  readonly others: SeccompAction;
  /** What happens to a call that is newer than our tables. */
  readonly newer: SeccompAction;
}

const NEW_NAMESPACES = 0x7e020000;
const CLONE_THREAD = 0x00010000;
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_SEQPACKET = 5;
/** The type of a socket without `SOCK_NONBLOCK` and `SOCK_CLOEXEC`. */
const SOCKET_TYPE = 0xf;

/** New threads pass, new processes and namespaces do not; `clone3` hides its flags in memory. */
const THREADS_ONLY: readonly SyscallRule[] = [
  {
    syscalls: names("clone"),
    action: "allow",
    cases: [[{ argument: 0, mask: NEW_NAMESPACES | CLONE_THREAD, values: [CLONE_THREAD] }]],
    otherwise: "EPERM",
  },
  // the C library falls back to clone
  { syscalls: names("clone3"), action: "ENOSYS" },
  { syscalls: names("fork vfork execveat"), action: "EPERM" },
  // loaded before the runtime is executed, the filter must let that pass: once it runs, execve can
  // replace the process by another program under the same filter, but never make a second one
  { syscalls: names("execve"), action: "EPERM", only: "no-exec" },
  { syscalls: names("execve"), action: "allow", only: "exec" },
];

/** The runtime falls back to epoll. */
const NO_IO_URING: SyscallRule = {
  syscalls: names("io_uring_setup io_uring_enter io_uring_register"),
  action: "ENOSYS",
};

/** The bits of a mode that have a file run as its owner or group, and those of `open` that make files. */
const SET_ID = 0o6000;
const MAKES_FILE = 0o20000100; // O_CREAT, __O_TMPFILE

/**
 * No set-user-id or set-group-id files and folders: on the machine they would belong to the host's user,
 * whatever the mounts inside say. `openat2` has its mode behind a pointer; callers fall back to `openat`.
 */
const NO_SET_ID: readonly SyscallRule[] = [
  refusingSetId(1, "chmod fchmod creat mkdir"),
  refusingSetId(2, "fchmodat fchmodat2 mkdirat"),
  refusingSetId(2, "open", [{ argument: 1, mask: MAKES_FILE, values: [0] }]),
  refusingSetId(3, "openat", [{ argument: 2, mask: MAKES_FILE, values: [0] }]),
  { syscalls: names("openat2"), action: "ENOSYS" },
];

/** The same for `mknod`, of which `strict` lets nothing pass. */
const NO_SET_ID_NODES: readonly SyscallRule[] = [
  refusingSetId(1, "mknod"),
  refusingSetId(2, "mknodat"),
];

function refusingSetId(
  argument: number,
  calls: string,
  withoutMode?: readonly ArgumentTest[],
): SyscallRule {
  const plainMode = [{ argument, mask: SET_ID, values: [0] }];
  return {
    syscalls: names(calls),
    action: "allow",
    cases: withoutMode === undefined ? [plainMode] : [withoutMode, plainMode],
    otherwise: "EPERM",
  };
}

/** TCP and UDP over IP: no raw sockets, no other protocols, whatever modules the kernel has. */
const INTERNET: readonly ArgumentTest[] = [
  { argument: 0, values: [AF_INET, AF_INET6] },
  { argument: 1, mask: SOCKET_TYPE, values: [SOCK_STREAM, SOCK_DGRAM] },
  { argument: 2, values: [0, 6, 17] },
];

/** Pairs of local sockets; only of streams, because a datagram socket can send to any path. */
const LOCAL_PAIRS: SyscallRule = {
  syscalls: names("socketpair"),
  action: "allow",
  cases: [[
    { argument: 0, values: [AF_UNIX] },
    { argument: 1, mask: SOCKET_TYPE, values: [SOCK_STREAM] },
  ]],
  otherwise: "EPERM",
};

/** Lets pass what Deno was measured to call, and harmless relatives that another C library calls. */
const STRICT: SeccompRules = {
  others: "EPERM",
  newer: "ENOSYS",
  rules: [
    ...THREADS_ONLY,
    NO_IO_URING,
    LOCAL_PAIRS,
    ...NO_SET_ID,
    {
      action: "allow",
      syscalls: names(
        // files
        "read write pread64 pwrite64 readv writev preadv pwritev preadv2 pwritev2 close",
        "close_range stat fstat lstat newfstatat statx access faccessat faccessat2 lseek",
        "getdents getdents64 readlink readlinkat getcwd chdir fchdir rename renameat renameat2",
        "rmdir link linkat symlink symlinkat unlink unlinkat chown fchown lchown fchownat utime",
        "utimes futimesat utimensat truncate ftruncate fallocate fadvise64 readahead copy_file_range sendfile",
        "flock fsync fdatasync sync_file_range statfs fstatfs umask dup dup2 dup3 pipe pipe2",
        // waiting
        "poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait",
        "epoll_pwait epoll_pwait2 eventfd eventfd2 inotify_init inotify_init1",
        "inotify_add_watch inotify_rm_watch",
        // memory
        "mmap munmap mprotect mremap madvise brk msync mincore pkey_alloc pkey_free",
        "pkey_mprotect mseal membarrier map_shadow_stack",
        // threads
        "futex futex_waitv futex_wake futex_wait futex_requeue set_robust_list",
        "set_tid_address rseq arch_prctl gettid exit exit_group restart_syscall sched_yield",
        "sched_getaffinity sched_setaffinity sched_getparam sched_getscheduler sched_getattr",
        "sched_get_priority_max sched_get_priority_min sched_rr_get_interval getcpu wait4",
        "waitid",
        // signals
        "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend",
        "sigaltstack kill tkill tgkill pause signalfd signalfd4",
        // time
        "clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times",
        "getitimer setitimer alarm timer_create timer_settime timer_gettime timer_getoverrun",
        "timer_delete timerfd_create timerfd_settime timerfd_gettime",
        // what the process and the machine are
        "getpid getppid getuid geteuid getgid getegid getresuid getresgid getgroups getpgid",
        "getpgrp getsid getpriority getrusage getrlimit sysinfo uname capget getrandom",
        // socket pairs
        "sendto recvfrom shutdown getsockopt getsockname getpeername",
      ),
    },
    {
      // leases and signals on descriptors reach whoever else opens the file
      syscalls: names("fcntl"),
      action: "EPERM",
      cases: [[{
        argument: 1,
        values: [8, 10, 15, 1024, 1026], // F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY
      }]],
      otherwise: "allow",
    },
    {
      syscalls: names("ioctl"),
      action: "allow",
      cases: [[{
        argument: 1,
        // TCGETS, TIOCGPGRP, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, TCGETS2
        values: [0x5401, 0x540f, 0x5413, 0x541b, 0x5421, 0x5450, 0x5451, 0x802c542a],
      }]],
      otherwise: "EPERM",
    },
    {
      syscalls: names("prctl"),
      action: "allow",
      cases: [[{
        argument: 0,
        values: [
          ...[2, 3, 7, 16, 21, 23, 27, 30, 37, 39, 42, 52, 56], // PR_GET_…
          ...[15, 38], // PR_SET_NAME, PR_SET_NO_NEW_PRIVS
          ...[0x53564d41, 0x41555856], // PR_SET_VMA, PR_GET_AUXV
        ],
      }]],
      otherwise: "EPERM",
    },
    // limits of the process itself: what the launcher set is a ceiling that it cannot raise
    {
      syscalls: names("prlimit64"),
      action: "allow",
      cases: [[{ argument: 0, values: [0] }]],
      otherwise: "EPERM",
    },
    {
      syscalls: names("setpriority"),
      action: "allow",
      cases: [[{ argument: 0, values: [0] }, { argument: 1, values: [0] }]],
      otherwise: "EPERM",
    },
    {
      syscalls: names("personality"),
      action: "allow",
      cases: [[{ argument: 0, values: [0, 0xffffffff] }]],
      otherwise: "EPERM",
    },
    {
      only: "network",
      action: "allow",
      syscalls: names(
        "connect bind listen accept accept4 sendmsg recvmsg sendmmsg recvmmsg",
      ),
    },
    {
      only: "network",
      syscalls: names("socket"),
      action: "allow",
      cases: [INTERNET, [
        { argument: 0, values: [AF_UNIX] },
        { argument: 1, mask: SOCKET_TYPE, values: [SOCK_STREAM, SOCK_DGRAM] },
      ]],
      otherwise: "EPERM",
    },
    // what a plugin could connect to is in its own file tree only: nothing but the host's socket
    { only: "lane", action: "allow", syscalls: names("connect") },
    {
      only: "lane",
      syscalls: names("socket"),
      action: "allow",
      cases: [[
        { argument: 0, values: [AF_UNIX] },
        { argument: 1, mask: SOCKET_TYPE, values: [SOCK_STREAM] },
        { argument: 2, values: [0] },
      ]],
      otherwise: "EPERM",
    },
    {
      // no SO_ATTACH_FILTER, no TCP_ULP, nothing of netfilter: the options of a plain client or server
      only: "network",
      syscalls: names("setsockopt"),
      action: "allow",
      cases: [
        [
          { argument: 1, values: [1] }, // SOL_SOCKET
          { argument: 2, values: [2, 6, 7, 8, 9, 10, 12, 13, 15, 16, 18, 20, 21, 66, 67] },
        ],
        [
          { argument: 1, values: [0] }, // IPPROTO_IP
          { argument: 2, values: [1, 2, 8, 10, 11, 13, 32, 33, 34, 35, 36, 39, 40] },
        ],
        [
          { argument: 1, values: [6] }, // IPPROTO_TCP
          { argument: 2, values: [1, 2, 3, 4, 5, 6, 8, 9, 12, 18, 23, 25] },
        ],
        [
          { argument: 1, values: [17] }, // IPPROTO_UDP
          { argument: 2, values: [1, 103, 104] },
        ],
        [
          { argument: 1, values: [41] }, // IPPROTO_IPV6
          { argument: 2, values: [16, 17, 18, 19, 20, 21, 23, 25, 26, 49, 66, 67] },
        ],
      ],
      otherwise: "EPERM",
    },
  ],
};

/** Refuses what no plugin has a use for and what changes, spies on or widens the way to the kernel. */
const BASELINE: SeccompRules = {
  others: "allow",
  newer: "ENOSYS",
  rules: [
    ...THREADS_ONLY,
    NO_IO_URING,
    LOCAL_PAIRS,
    ...NO_SET_ID,
    ...NO_SET_ID_NODES,
    {
      action: "EPERM",
      syscalls: names(
        // mounts and roots
        "mount umount2 pivot_root chroot move_mount open_tree open_tree_attr fsopen fsconfig",
        "fsmount fspick mount_setattr swapon swapoff quotactl quotactl_fd",
        // namespaces
        "unshare setns",
        // other processes
        "ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise",
        "process_mrelease migrate_pages move_pages mbind set_mempolicy",
        "set_mempolicy_home_node",
        // the kernel's own machinery
        "bpf perf_event_open userfaultfd seccomp keyctl add_key request_key init_module",
        "finit_module delete_module kexec_load kexec_file_load fanotify_init",
        "name_to_handle_at open_by_handle_at memfd_secret lookup_dcookie lsm_set_self_attr",
        // the machine
        "reboot sethostname setdomainname acct syslog iopl ioperm modify_ldt vhangup",
        "nfsservctl uselib ustat sysfs _sysctl settimeofday clock_settime adjtimex",
        "clock_adjtime",
        // identities
        "setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups",
        "capset",
      ),
    },
    {
      syscalls: names("ioctl"),
      action: "EPERM",
      cases: [[{ argument: 1, values: [0x5412, 0x541c, 0x5423] }]], // TIOCSTI, TIOCLINUX, TIOCSETD
      otherwise: "allow",
    },
    {
      syscalls: names("prctl"),
      action: "EPERM",
      cases: [[{
        argument: 0,
        values: [
          ...[1, 4], // PR_SET_PDEATHSIG, PR_SET_DUMPABLE: dying with the host, being seen by it
          ...[8, 22, 24, 26, 28], // PR_SET_KEEPCAPS, _SECCOMP, PR_CAPBSET_DROP, _TSC, _SECUREBITS
          ...[31, 32, 35, 36, 47], // PR_TASK_PERF_EVENTS_…, PR_SET_MM, _CHILD_SUBREAPER, CAP_AMBIENT
          ...[53, 57, 59, 62], // speculation, IO_FLUSHER, SYSCALL_USER_DISPATCH, SCHED_CORE
          0x59616d61, // PR_SET_PTRACER
        ],
      }]],
      otherwise: "allow",
    },
    {
      syscalls: names("personality"),
      action: "allow",
      cases: [[{ argument: 0, values: [0, 0xffffffff] }]],
      otherwise: "EPERM",
    },
    {
      syscalls: names("socket"),
      only: "no-network",
      action: "allow",
      cases: [...localFamilies()],
      otherwise: "EPERM",
    },
    {
      syscalls: names("socket"),
      only: "network",
      action: "allow",
      cases: [INTERNET, ...localFamilies()],
      otherwise: "EPERM",
    },
  ],
};

function localFamilies(): readonly (readonly ArgumentTest[])[] {
  return [
    [
      { argument: 0, values: [AF_UNIX] },
      { argument: 1, mask: SOCKET_TYPE, values: [SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET] },
    ],
    [{ argument: 0, values: [AF_NETLINK] }, { argument: 2, values: [0] }], // NETLINK_ROUTE
  ];
}

/** The rules of each profile. */
export const SECCOMP_PROFILES: Readonly<Record<"strict" | "baseline", SeccompRules>> = Object
  .freeze({ strict: STRICT, baseline: BASELINE });
