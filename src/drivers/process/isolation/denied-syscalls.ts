/**
 * System calls that an isolated task may not make, each with its reason. What the kernel refuses to a process without
 * capabilities anyway is on the list too: the way to such a check has had faults, and it is not to be reached at all.
 *
 * Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h (arm64) of Linux 6.16. The
 * choice follows the default profiles of Docker (moby/profiles/seccomp) and Flatpak (common/flatpak-run.c).
 */

/** Processors for which there is a filter, as Node names them. */
export type FilterArch = 'x64' | 'arm64'

/** One call that is always refused with EPERM. An absent number: that processor has no such call. */
export interface DeniedSyscall {
  readonly name: string
  readonly x64?: number
  readonly arm64?: number
  /** What it could do to the host, or to those beside the task. */
  readonly why: string
}

const PROCESSES = 'reads and changes other processes: the way out of whatever shares its user'
const NAMESPACES = 'makes or enters namespaces, in which it would have all capabilities again'
const MOUNTS = 'changes what is mounted, and so what is hidden or read-only'
const KEYS = 'kernel keyrings belong to a user, not to a namespace: they would reach those of the daemon'
const KERNEL = 'loads or changes code of the kernel'
const CLOCK = 'sets the clock of the host'
const SURFACE = 'a large part of the kernel, known for its faults, that tasks do not need'
const MEMORY = 'moves pages of other processes, which tells where they are'
const OBSOLETE = 'obsolete, and untended in the kernel'

/** All of them, sorted by name. */
export const DENIED_SYSCALLS: readonly DeniedSyscall[] = [
  { name: '_sysctl', x64: 156, why: OBSOLETE },
  { name: 'acct', x64: 163, arm64: 89, why: 'switches the accounting of all processes' },
  { name: 'add_key', x64: 248, arm64: 217, why: KEYS },
  { name: 'bpf', x64: 321, arm64: 280, why: KERNEL },
  { name: 'chroot', x64: 161, arm64: 51, why: MOUNTS },
  { name: 'clock_adjtime', x64: 305, arm64: 266, why: CLOCK },
  { name: 'clock_settime', x64: 227, arm64: 112, why: CLOCK },
  { name: 'delete_module', x64: 176, arm64: 106, why: KERNEL },
  { name: 'fanotify_init', x64: 300, arm64: 262, why: 'watches what others do with files of the host' },
  { name: 'finit_module', x64: 313, arm64: 273, why: KERNEL },
  { name: 'fsconfig', x64: 431, arm64: 431, why: MOUNTS },
  { name: 'fsmount', x64: 432, arm64: 432, why: MOUNTS },
  { name: 'fsopen', x64: 430, arm64: 430, why: MOUNTS },
  { name: 'fspick', x64: 433, arm64: 433, why: MOUNTS },
  { name: 'init_module', x64: 175, arm64: 105, why: KERNEL },
  { name: 'io_uring_enter', x64: 426, arm64: 426, why: SURFACE },
  { name: 'io_uring_register', x64: 427, arm64: 427, why: SURFACE },
  { name: 'io_uring_setup', x64: 425, arm64: 425, why: SURFACE },
  { name: 'ioperm', x64: 173, why: 'opens ports of the hardware' },
  { name: 'iopl', x64: 172, why: 'opens ports of the hardware' },
  { name: 'kcmp', x64: 312, arm64: 272, why: PROCESSES },
  { name: 'kexec_file_load', x64: 320, arm64: 294, why: KERNEL },
  { name: 'kexec_load', x64: 246, arm64: 104, why: KERNEL },
  { name: 'keyctl', x64: 250, arm64: 219, why: KEYS },
  { name: 'lookup_dcookie', x64: 212, arm64: 18, why: OBSOLETE },
  { name: 'migrate_pages', x64: 256, arm64: 238, why: MEMORY },
  { name: 'modify_ldt', x64: 154, why: SURFACE },
  { name: 'mount', x64: 165, arm64: 40, why: MOUNTS },
  { name: 'mount_setattr', x64: 442, arm64: 442, why: MOUNTS },
  { name: 'move_mount', x64: 429, arm64: 429, why: MOUNTS },
  { name: 'move_pages', x64: 279, arm64: 239, why: MEMORY },
  { name: 'nfsservctl', x64: 180, arm64: 42, why: OBSOLETE },
  { name: 'open_by_handle_at', x64: 304, arm64: 265, why: 'opens files by number, past whatever hides their names' },
  { name: 'open_tree', x64: 428, arm64: 428, why: MOUNTS },
  { name: 'open_tree_attr', x64: 467, arm64: 467, why: MOUNTS },
  { name: 'perf_event_open', x64: 298, arm64: 241, why: SURFACE },
  { name: 'pidfd_getfd', x64: 438, arm64: 438, why: PROCESSES },
  { name: 'pivot_root', x64: 155, arm64: 41, why: MOUNTS },
  { name: 'process_vm_readv', x64: 310, arm64: 270, why: PROCESSES },
  { name: 'process_vm_writev', x64: 311, arm64: 271, why: PROCESSES },
  { name: 'ptrace', x64: 101, arm64: 117, why: PROCESSES },
  { name: 'quotactl', x64: 179, arm64: 60, why: 'reads and sets quotas of the disks of the host' },
  { name: 'quotactl_fd', x64: 443, arm64: 443, why: 'reads and sets quotas of the disks of the host' },
  { name: 'reboot', x64: 169, arm64: 142, why: 'restarts the host' },
  { name: 'request_key', x64: 249, arm64: 218, why: KEYS },
  { name: 'setdomainname', x64: 171, arm64: 162, why: 'renames the host' },
  { name: 'sethostname', x64: 170, arm64: 161, why: 'renames the host' },
  { name: 'setns', x64: 308, arm64: 268, why: NAMESPACES },
  { name: 'settimeofday', x64: 164, arm64: 170, why: CLOCK },
  { name: 'swapoff', x64: 168, arm64: 225, why: 'changes the memory of the host' },
  { name: 'swapon', x64: 167, arm64: 224, why: 'changes the memory of the host' },
  { name: 'sysfs', x64: 139, why: OBSOLETE },
  {
    name: 'syslog',
    x64: 103,
    arm64: 116,
    why: 'reads the log of the kernel, which tells addresses and what others do',
  },
  { name: 'umount2', x64: 166, arm64: 39, why: MOUNTS },
  { name: 'unshare', x64: 272, arm64: 97, why: NAMESPACES },
  { name: 'uselib', x64: 134, why: OBSOLETE },
  {
    name: 'userfaultfd',
    x64: 323,
    arm64: 282,
    why: 'halts the kernel in the middle of a copy, which many exploits rest on',
  },
  { name: 'ustat', x64: 136, why: OBSOLETE },
  { name: 'vhangup', x64: 153, arm64: 58, why: 'takes the terminal away from others' },
]

/** Calls that are looked at more closely. */
export const CHECKED_SYSCALLS = {
  clone: { x64: 56, arm64: 220 },
  clone3: { x64: 435, arm64: 435 },
  ioctl: { x64: 16, arm64: 29 },
  personality: { x64: 135, arm64: 92 },
  socket: { x64: 41, arm64: 198 },
} as const satisfies Record<string, Record<FilterArch, number>>

/** `file_setattr` of Linux 6.17. What came later the list does not know: ENOSYS, as from an older kernel. */
export const LAST_KNOWN_SYSCALL = 469
