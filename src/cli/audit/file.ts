/** `althing audit verify FILE`: what an exported log proves, found without any daemon. */
import { createReadStream } from 'node:fs'
import { LogCheck } from '../../audit/check.ts'
import { AuditFileHead, AuditFileLine } from '../../model/audit-file.ts'
import { MAX_EVENT_BYTES } from '../../model/audit.ts'
import { messageOf } from '../../util/errors.ts'
import { decodeEvent } from '../../wire/audit-event.ts'
import { readSignedHead } from '../../wire/signed-head.ts'
import { CliError } from '../errors.ts'
import { describeFileError } from '../files.ts'
import { shownWord } from '../terminal.ts'
import { Authority, type Membership, type WantedAuthor } from './author.ts'

/** Characters of a line that is an event: the largest in base64, and what surrounds it. */
const MAX_EVENT_LINE = 2 * MAX_EVENT_BYTES
/** Of any line: an entry of the governance log has 64 KiB, a third more as text. */
const MAX_LINE = 128 * 1024

/** What a file proves: this node signed that these, in this order, are the events of its log. */
export interface ProvenFile {
  /** Peer id of whoever signed. */
  readonly node: string
  readonly from: number
  readonly size: number
  readonly root: string
  readonly events: number
  readonly sinceMs: number | undefined
  readonly untilMs: number | undefined
  /** Where whoever signed it belonged; absent where the file does not say. */
  readonly membership?: Membership
}

/**
 * Verifies a file, and with `wanted` that a member of that cluster signed it while it was one.
 * @throws CliError naming the line, when the file proves nothing or cannot be read
 */
export async function verifyFile(path: string, wanted: WantedAuthor = {}): Promise<ProvenFile> {
  const lines = linesOf(path)
  const first = await lines.next()
  if (first.done === true) throw refusal(path, 1, 'there is no line in it')
  const { node, from, head, check } = begin(path, first.value)
  const authority = new Authority(path, node, wanted)
  let [sinceMs, untilMs]: (number | undefined)[] = []
  let number = 1
  for await (const line of lines) {
    number++
    const value = json(path, number, line)
    if (check.next === from && isOfAuthority(path, number, authority, value)) continue
    const parsed = line.length > MAX_EVENT_LINE ? undefined : AuditFileLine.safeParse(value)
    if (parsed?.success !== true) throw refusal(path, number, 'it is no event of an exported log')
    if (parsed.data.position !== check.next)
      throw refusal(path, number, `it is event ${parsed.data.position}; expected ${check.next}`)
    const bytes = Buffer.from(parsed.data.bytes, 'base64')
    untilMs = timeOf(path, number, bytes)
    sinceMs ??= untilMs
    authority.count(untilMs)
    check.take(bytes)
  }
  if (check.next !== head.size)
    throw refusal(path, undefined, `it ends at event ${check.next}; the signed head counts ${head.size}`)
  if (!check.isAt(head)) {
    throw refusal(path, undefined, 'its events are not those that were signed: one was changed, or a hash before them')
  }
  const membership = authority.membershipOf(head.atMs)
  const { size, root } = head
  return {
    ...{ node, from, size, root: Buffer.from(root).toString('hex'), events: size - from },
    ...{ sinceMs, untilMs },
    ...(membership && { membership }),
  }
}

/** Takes a line about the cluster, which stand before the events. @returns false for one that is none */
function isOfAuthority(path: string, number: number, authority: Authority, value: unknown): boolean {
  try {
    return authority.take(value)
  } catch (error) {
    throw refusal(path, number, messageOf(error))
  }
}

function begin(path: string, line: string) {
  const parsed = AuditFileHead.safeParse(json(path, 1, line))
  if (!parsed.success) throw refusal(path, 1, 'it is not the head of an exported audit log')
  const { node, signedHead, from, peaks, root, size } = parsed.data
  const signed = readSignedHead(Buffer.from(signedHead, 'base64'), 'audit-head')
  if (signed === undefined) throw refusal(path, 1, 'the signature of the head does not hold')
  if (signed.author !== node) throw refusal(path, 1, `it says it is of ${node}, but ${signed.author} signed it`)
  if (signed.size !== size || Buffer.from(signed.root).toString('hex') !== root)
    throw refusal(path, 1, 'size and root are not those that were signed')
  try {
    const check = new LogCheck(
      from,
      peaks.map((peak) => new Uint8Array(Buffer.from(peak, 'hex'))),
    )
    return { node, from, head: signed, check }
  } catch (error) {
    throw refusal(path, 1, messageOf(error))
  }
}

function timeOf(path: string, number: number, bytes: Uint8Array): number {
  try {
    return decodeEvent(bytes).atMs
  } catch (error) {
    throw refusal(path, number, messageOf(error))
  }
}

function json(path: string, number: number, line: string): unknown {
  if (line.length > MAX_LINE) throw refusal(path, number, 'it is longer than any line of an exported log')
  try {
    return JSON.parse(line)
  } catch {
    throw refusal(path, number, 'it is not JSON: it was changed, or cut off')
  }
}

/** The lines of a file, none of which may be longer than any of ours. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = ''
  try {
    for await (const chunk of createReadStream(path, 'utf8')) {
      const lines = (rest + String(chunk)).split('\n')
      rest = lines.pop()!
      yield* lines
      // Handed on as it is: whoever reads it refuses it by its number.
      if (rest.length > MAX_LINE) break
    }
  } catch (error) {
    throw new CliError('unreadable', `cannot read ${shownWord(path)}: ${describeFileError(error)}`, {
      cause: error,
      fix: 'name a file that this user can read, as `althing audit export` wrote it',
    })
  }
  if (rest !== '') yield rest
}

function refusal(path: string, line: number | undefined, why: string): CliError {
  const where = line === undefined ? shownWord(path) : `${shownWord(path)}, line ${line}`
  return new CliError('not-proven', `${where}: ${why}`, {
    fix: 'this file proves nothing; ask for another export from the node itself',
  })
}
