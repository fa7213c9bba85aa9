/** What the filter of system calls says, asked call by call in a small interpreter. */
import assert from 'node:assert/strict'
import {
  CHECKED_SYSCALLS,
  DENIED_SYSCALLS,
  LAST_KNOWN_SYSCALL,
} from '../../../src/drivers/process/isolation/denied-syscalls.ts'
import { hasFilter, seccompFilter } from '../../../src/drivers/process/isolation/seccomp.ts'
import { askFilter } from '../../support/bpf.ts'

const ALLOW = 0x7fff0000
const KILL = 0x80000000
const EPERM = 0x00050001
const ENOSYS = 0x00050026
const EAFNOSUPPORT = 0x00050061

const X86_64 = 0xc000003e
const I386 = 0x40000003
const AARCH64 = 0xc00000b7
const ARM = 0x40000028

/** Calls that each program makes: read, write, mmap, rt_sigaction, execve, exit_group, futex, getrandom, openat. */
const ORDINARY = { x64: [0, 1, 9, 13, 59, 231, 202, 318, 257], arm64: [63, 64, 222, 134, 221, 94, 98, 278, 56] }

for (const [arch, audit, foreign] of [
  ['x64', X86_64, [I386, AARCH64]],
  ['arm64', AARCH64, [ARM, X86_64]],
] as const) {
  describe(`the filter of system calls for ${arch}`, () => {
    const program = seccompFilter(arch)
    const ask = (number: number, ...args: bigint[]) => askFilter(program, { arch: audit, number, args })
    const { clone, clone3, ioctl, personality, socket } = CHECKED_SYSCALLS

    it('lets pass what programs do all day, and is loaded by the kernel for no more than 4,096 instructions', () => {
      for (const number of ORDINARY[arch]) assert.equal(ask(number), ALLOW, String(number))
      assert.ok(program.length / 8 < 4_096)
    })

    it('refuses each call of the list, and no other number', () => {
      const denied = new Map(DENIED_SYSCALLS.map((call) => [call[arch], call.name]))
      const checked = new Set<number>(Object.values(CHECKED_SYSCALLS).map((call) => call[arch]))
      for (let number = 0; number <= LAST_KNOWN_SYSCALL; number++) {
        if (checked.has(number)) continue
        assert.equal(ask(number), denied.has(number) ? EPERM : ALLOW, denied.get(number) ?? String(number))
      }
    })

    it('kills what speaks for another processor: its numbers mean something else', () => {
      for (const other of foreign) assert.equal(askFilter(program, { arch: other, number: 1 }), KILL)
    })

    it('knows nothing of calls that came later, nor of those of x32', () => {
      for (const number of [LAST_KNOWN_SYSCALL + 1, 1_000, 0x4000_0000 + 39, -1]) assert.equal(ask(number), ENOSYS)
    })

    it('lets processes and threads be made, and no namespaces', () => {
      const thread = 0x3d0f00n
      assert.equal(ask(clone[arch], thread), ALLOW)
      assert.equal(ask(clone[arch], 17n), ALLOW)
      for (const bit of [17, 25, 26, 27, 28, 29, 30]) {
        assert.equal(ask(clone[arch], thread | (1n << BigInt(bit))), EPERM, `bit ${bit}`)
      }
      assert.equal(ask(clone3[arch]), ENOSYS)
    })

    it('puts no words into terminals, whatever stands above the lower half of the number', () => {
      for (const request of [0x5412n, 0x541cn, 0xffff_ffff_0000_5412n]) {
        assert.equal(ask(ioctl[arch], 0n, request), EPERM)
      }
      for (const request of [0x5401n, 0x5413n, 0x5421n]) assert.equal(ask(ioctl[arch], 0n, request), ALLOW)
    })

    it('opens sockets of the families that a network namespace holds', () => {
      for (const family of [1n, 2n, 10n, 16n]) assert.equal(ask(socket[arch], family, 1n), ALLOW)
      for (const family of [40n, 38n, 17n, 31n, 3n]) assert.equal(ask(socket[arch], family, 1n), EAFNOSUPPORT)
    })

    it('keeps the protections that a personality can switch off', () => {
      for (const one of [0n, 0xffff_ffffn, 0x8n]) assert.equal(ask(personality[arch], one), ALLOW)
      for (const one of [0x004_0000n, 0x040_0000n, 0x010_0000n]) assert.equal(ask(personality[arch], one), EPERM)
    })
  })
}

describe('the list of denied system calls', () => {
  it('has what leads out of a sandbox, by the numbers of both processors', () => {
    const most = 'ptrace 101 117, keyctl 250 219, mount 165 40, bpf 321 280, kexec_load 246 104, unshare 272 97, '
    const more = 'setns 308 268, umount2 166 39, init_module 175 105, process_vm_writev 311 271, io_uring_setup 425 425'
    for (const one of (most + more).split(', ')) {
      const [name, x64, arm64] = one.split(' ') as [string, string, string]
      const call = DENIED_SYSCALLS.find((denied) => denied.name === name)
      assert.deepEqual([call?.x64, call?.arm64], [Number(x64), Number(arm64)], name)
    }
  })

  it('is sorted, names each call and number once, and says why', () => {
    const names = DENIED_SYSCALLS.map(({ name }) => name)
    assert.deepEqual(names, names.toSorted())
    for (const arch of ['x64', 'arm64'] as const) {
      const checked = Object.values(CHECKED_SYSCALLS).map((call) => call[arch])
      const numbers = [...DENIED_SYSCALLS.flatMap((call) => call[arch] ?? []), ...checked]
      assert.equal(new Set(numbers).size, numbers.length)
    }
    for (const { name, why } of DENIED_SYSCALLS) assert.ok(why.length > 10, name)
  })

  it('is there for the processors that Althing runs on, and no others', () => {
    assert.ok(hasFilter('x64') && hasFilter('arm64'))
    for (const arch of ['ia32', 'riscv64', 'toString']) assert.ok(!hasFilter(arch))
  })
})
