/** A proposal: an entry of the log on its way to enough signatures. It is a file, which travels by whatever means. */
import { hash } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import * as z from 'zod'
import { Change, LogEntry } from '../../model/governance.ts'
import { openStatement, type VerifiedStatement } from '../../wire/statement.ts'
import { CliError } from '../errors.ts'
import { describeFileError, unwritable } from '../files.ts'
import { count } from '../format.ts'
import { describeContentError } from './content.ts'
import { SHOWN_DIGITS } from './words.ts'
import { printable, shownWord } from '../terminal.ts'
import { describeConfiguration } from '../config/words.ts'

/** An entry of 64 KiB and some refusals, as text. */
const MAX_FILE_BYTES = 256 * 1024

const Stored = z.strictObject({
  format: z.literal('althing-proposal/1'),
  entry: z.string().max(MAX_FILE_BYTES),
  refusals: z.array(z.string().max(4096)).max(32),
})

/** What a proposal file holds, checked. */
export interface Proposal {
  readonly statement: VerifiedStatement
  readonly entry: LogEntry
  readonly change: Change
  readonly refusals: readonly VerifiedStatement[]
}

/** Reads a proposal file. @throws CliError `bad-proposal` */
export function readProposal(path: string): Proposal {
  const bad = (why: string, cause?: unknown) =>
    new CliError('bad-proposal', `${shownWord(path)}: ${why}`, {
      cause,
      fix: 'give a file as `althing gov propose` wrote it',
    })
  let text: string
  try {
    if (statSync(path).size > MAX_FILE_BYTES) throw bad(`larger than ${MAX_FILE_BYTES} bytes`)
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw error instanceof CliError ? error : bad(describeFileError(error), error)
  }
  try {
    const stored = Stored.parse(JSON.parse(text))
    return proposalOf(
      openStatement(bytesOf(stored.entry), 'entry'),
      stored.refusals.map((one) => openStatement(bytesOf(one), 'refusal')),
    )
  } catch (error) {
    throw bad(`no proposal: ${describeContentError(error)}`, error)
  }
}

/** A statement as a proposal. @throws z.ZodError for one that is no entry of a kind that is known here */
export function proposalOf(statement: VerifiedStatement, refusals: readonly VerifiedStatement[] = []): Proposal {
  const entry = LogEntry.parse(statement.body)
  return { statement, entry, change: Change.parse(entry.change), refusals }
}

/** Writes a proposal file. @throws CliError `unwritable` */
export function writeProposal(path: string, { statement, refusals }: Proposal): void {
  const stored = { format: 'althing-proposal/1', entry: textOf(statement), refusals: refusals.map(textOf) }
  try {
    writeFileSync(path, `${JSON.stringify(stored, null, 2)}\n`)
  } catch (error) {
    throw unwritable(path, error)
  }
}

/** The file of a proposal where none was named, in the directory the command runs in. */
export function fileOf({ statement }: Proposal): string {
  return `proposal-${statement.hash.slice(0, SHOWN_DIGITS)}.json`
}

/** A statement as text. */
export function textOf({ bytes }: VerifiedStatement): string {
  return Buffer.from(bytes).toString('base64url')
}

/** The bytes of such a text. */
export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64url'))
}

/** What a proposal would change, one fact a line. */
export function describeChange(change: Change): string[] {
  switch (change.kind) {
    case 'admins':
    case 'recover':
      return [`${change.admins.threshold} of these decide from then on:`, ...change.admins.keys]
    case 'enrollers':
      return [
        ...change.add.map((key) => `may admit others: ${key}`),
        ...change.remove.map((key) => `may admit others no more, for ever: ${key}`),
        ...(change.remove.length > 0 ? [`${change.keep.length} of their statements stay`] : []),
      ]
    case 'revoke':
      return [
        ...change.nodes.map((key) => `expelled for ever: ${key}`),
        `${count(change.keep.length, 'statement')} of those of them that may admit others: kept`,
      ]
    case 'policy':
      return [change.text === '' ? 'no policy of the cluster any more' : `policy of the cluster: ${sumOf(change.text)}`]
    case 'network-policy':
      return [change.text === '' ? 'no policy of the network any more' : `policy of the network: ${sumOf(change.text)}`]
    case 'config':
    case 'config-share':
      return describeConfiguration(change)
    case 'checkpoint':
      return [`says again what holds: ${change.state}`]
  }
}

/** What is signed with a change besides, word by word; nobody should sign what they have not seen. */
export function textIn(change: Change): string[] {
  return change.kind === 'policy' || change.kind === 'network-policy'
    ? change.text.trimEnd().split('\n').map(printable)
    : []
}

function sumOf(text: string): string {
  return `${text.trimEnd().split('\n').length} lines, sha256 ${hash('sha256', text)}`
}
