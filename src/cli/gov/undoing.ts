/** Recoveries upon an earlier entry: where they may go, and what they undo. */
import type { Log } from '../../governance/log.ts'
import { GOVERNANCE_LIMITS } from '../../model/governance.ts'
import { CliError, usageError } from '../errors.ts'
import { count } from '../format.ts'
import { integer } from '../options.ts'
import { describeChange, proposalOf } from './proposal.ts'

/** The height of an entry of the log, on the command line; 0 is the genesis. */
export const entryHeight = integer(0, GOVERNANCE_LIMITS.entries, 7)

/** Entries whose undoing is told one by one. */
const MOST_TOLD = 20

/** An entry of the chain. */
export interface Place {
  readonly height: number
  readonly hash: string
}

/** The entry upon which a recovery is to go. @throws CliError where nothing there would end what is wrong */
export function placeAt(log: Log, height: number): Place {
  const newest = log.chain.length - 1
  const hash = log.chain[height]
  if (hash === undefined)
    throw usageError(`--after ${height}: the log has ${count(newest, 'entry', 'entries')}`, 'see `althing gov log`')
  refuseRecovered(log, { height, hash })
  if (newest - height > GOVERNANCE_LIMITS.undone) {
    const least = newest - GOVERNANCE_LIMITS.undone
    throw usageError(`--after ${height} undoes more than any member keeps`, `go back to entry ${least} at most`)
  }
  return { height, hash }
}

/** A second recovery at one place would fork the log. @throws CliError `recovered` */
export function refuseRecovered(log: Log, { height, hash }: Place): void {
  const followers = (log.children.get(hash) ?? []).map((child) => log.placed.get(child)!)
  if (followers.every(({ change }) => change.kind !== 'recover')) return
  throw new CliError('recovered', `the recovery keys have decided on entry ${height + 1} already`, {
    fix:
      log.fork === undefined
        ? 'what is still wanted goes upon the newest entry: leave --after away'
        : height === 0
          ? 'there is no earlier place: found the cluster anew'
          : `go back further, with --after ${height - 1}`,
  })
}

/** What counts no more when a recovery goes upon this entry; each expelled member named there would be one again. */
export function undoneAfter(log: Log, height: number): string[] {
  const undone = log.chain.slice(height + 1).map((hash) => log.placed.get(hash)!)
  if (undone.length === 0) return []
  const left = undone.length - MOST_TOLD
  return [
    `undoes what was decided after entry ${height}, ${count(undone.length, 'entry', 'entries')}:`,
    ...undone.slice(0, MOST_TOLD).flatMap(({ entry, statement }) => {
      return describeChange(proposalOf(statement).change).map((line) => `  ${entry.height}: ${line}`)
    }),
    ...(left > 0 ? [`  and ${left} more, see \`althing gov log\``] : []),
    'whoever was expelled by one of these is a member again, unless expelled anew',
  ]
}
