/**
 * The filter for system calls of isolated tasks: a program of classic BPF that the kernel asks at each call
 * (seccomp(2)). It is made here, since no library for it is part of a plain Debian, and it is not long.
 *
 * The kernel hands it `struct seccomp_data`: the number of the call at byte 0, the processor at 4, six arguments of 64
 * bits from 16 on. Both processors are little-endian, so that the lower half of an argument comes first; of all that
 * is compared here the kernel itself looks at the lower half only.
 */
import { CHECKED_SYSCALLS, DENIED_SYSCALLS, LAST_KNOWN_SYSCALL, type FilterArch } from './denied-syscalls.ts'

/** `AUDIT_ARCH_X86_64` and `AUDIT_ARCH_AARCH64` of linux/audit.h. */
const AUDIT_ARCH: Readonly<Record<FilterArch, number>> = { x64: 0xc000_003e, arm64: 0xc000_00b7 }

/** Where `struct seccomp_data` has what. */
const NUMBER_AT = 0
const ARCH_AT = 4
const argumentAt = (index: number): number => 16 + 8 * index

/** What the program may answer: linux/seccomp.h, and an errno in the lower half. */
const ALLOW = 0x7fff_0000
const KILL_PROCESS = 0x8000_0000
const errno = (code: number): number => 0x0005_0000 | code
const EPERM = errno(1)
const ENOSYS = errno(38)
const EAFNOSUPPORT = errno(97)

/** Instructions, of linux/bpf_common.h. */
const LOAD_WORD = 0x20
const JUMP_IF_EQUAL = 0x15
const JUMP_IF_AT_LEAST = 0x35
const JUMP_IF_ANY_BIT = 0x45
const RETURN = 0x06

/** `CLONE_NEW*` of linux/sched.h that `clone` knows: mount, cgroup, uts, ipc, user, pid and network namespaces. */
const CLONE_NAMESPACES = 0x7e02_0000
/** Both put words into the mouth of whoever sits at the terminal. */
const TIOCSTI = 0x5412
const TIOCLINUX = 0x541c
/** Unspecified, Unix, IPv4, IPv6, netlink. A network namespace does not hold all others: not vsock, for one. */
const SOCKET_FAMILIES = [0, 1, 2, 10, 16]
/** Linux itself, 32 bits, the version as of 2.6, both; and the question. As Docker: others switch off protections. */
const PERSONALITIES = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff]

/** One instruction: code, where to go on if true and if not, counted from the next, and its number. */
type Instruction = readonly [code: number, ifTrue: number, ifNot: number, k: number]

const load = (at: number): Instruction => [LOAD_WORD, 0, 0, at]
const answer = (what: number): Instruction => [RETURN, 0, 0, what]
/** The following `length` instructions are for this one call. */
const onCall = (number: number, ...body: readonly Instruction[]): Instruction[] => [
  [JUMP_IF_EQUAL, 0, body.length, number],
  ...body,
]

/** An argument must be one of some values. */
function oneOf(index: number, values: readonly number[], otherwise: number): Instruction[] {
  const tests = values.map((value, at): Instruction => [JUMP_IF_EQUAL, values.length - at, 0, value])
  return [load(argumentAt(index)), ...tests, answer(otherwise), answer(ALLOW)]
}

/** An argument must be none of some values. */
function noneOf(index: number, values: readonly number[], otherwise: number): Instruction[] {
  const tests = values.map((value, at): Instruction => [JUMP_IF_EQUAL, values.length - at, 0, value])
  return [load(argumentAt(index)), ...tests, answer(ALLOW), answer(otherwise)]
}

/** Whether there is a filter for this processor. */
export function hasFilter(arch: string): arch is FilterArch {
  return Object.hasOwn(AUDIT_ARCH, arch)
}

/** The program, as `bwrap --seccomp` reads it: `struct sock_filter` after `struct sock_filter`. */
export function seccompFilter(arch: FilterArch): Buffer {
  const { clone, clone3, ioctl, personality, socket } = CHECKED_SYSCALLS
  const program: Instruction[] = [
    load(ARCH_AT),
    // The numbers of another kind of call (32 bits, on these processors) mean something else.
    [JUMP_IF_EQUAL, 1, 0, AUDIT_ARCH[arch]],
    answer(KILL_PROCESS),
    load(NUMBER_AT),
    // The calls of x32 are among them: they have bit 30.
    [JUMP_IF_AT_LEAST, 0, 1, LAST_KNOWN_SYSCALL + 1],
    answer(ENOSYS),
    // Its flags are in memory, out of sight. The C library takes `clone` instead when it is not there.
    ...onCall(clone3[arch], answer(ENOSYS)),
    ...onCall(
      clone[arch],
      load(argumentAt(0)),
      [JUMP_IF_ANY_BIT, 0, 1, CLONE_NAMESPACES],
      answer(EPERM),
      answer(ALLOW),
    ),
    ...onCall(ioctl[arch], ...noneOf(1, [TIOCSTI, TIOCLINUX], EPERM)),
    ...onCall(socket[arch], ...oneOf(0, SOCKET_FAMILIES, EAFNOSUPPORT)),
    ...onCall(personality[arch], ...oneOf(0, PERSONALITIES, EPERM)),
    ...DENIED_SYSCALLS.flatMap((call) => (call[arch] === undefined ? [] : onCall(call[arch], answer(EPERM)))),
    answer(ALLOW),
  ]
  const bytes = Buffer.alloc(8 * program.length)
  for (const [index, [code, ifTrue, ifNot, k]] of program.entries()) {
    bytes.writeUInt16LE(code, 8 * index)
    bytes.writeUInt8(ifTrue, 8 * index + 2)
    bytes.writeUInt8(ifNot, 8 * index + 3)
    bytes.writeUInt32LE(k, 8 * index + 4)
  }
  return bytes
}
