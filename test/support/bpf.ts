/** Runs a seccomp program as the kernel would: classic BPF, as far as such programs use it. */

/** A system call, as the kernel shows it to the program. */
export interface Call {
  readonly arch: number
  readonly number: number
  readonly args?: readonly bigint[]
}

const WORD = 8
/** No program is longer (BPF_MAXINSNS). */
const MAX_INSTRUCTIONS = 4096

/** What the program answers. @throws Error where the kernel would have refused to load it */
export function askFilter(program: Buffer, { arch, number, args = [] }: Call): number {
  const data = Buffer.alloc(64)
  data.writeInt32LE(number | 0, 0)
  data.writeUInt32LE(arch, 4)
  for (const [index, arg] of args.entries()) data.writeBigUInt64LE(arg, 16 + WORD * index)
  const length = program.length / WORD
  if (!Number.isInteger(length) || length === 0 || length > MAX_INSTRUCTIONS) throw new Error(`${length} instructions`)
  let accumulator = 0
  for (let at = 0; at < length; at++) {
    const code = program.readUInt16LE(WORD * at)
    const [ifTrue, ifNot] = [program.readUInt8(WORD * at + 2), program.readUInt8(WORD * at + 3)]
    const k = program.readUInt32LE(WORD * at + 4)
    switch (code) {
      case 0x20: // ld [k]
        if (k % 4 !== 0 || k > 60) throw new Error(`instruction ${at} loads from ${k}`)
        accumulator = data.readUInt32LE(k)
        break
      case 0x15: // jeq
        at += accumulator === k ? ifTrue : ifNot
        break
      case 0x35: // jge
        at += accumulator >= k ? ifTrue : ifNot
        break
      case 0x45: // jset
        at += (accumulator & k) === 0 ? ifNot : ifTrue
        break
      case 0x06: // ret
        return k
      default:
        throw new Error(`instruction ${at} has code 0x${code.toString(16)}`)
    }
  }
  throw new Error('it ends without an answer')
}
