/**
 * The governance log: entries chained by hash, each signed by as many admins as decide at its place.
 *
 * 1. Every entry that was valid at its place is kept, beside the chain too, so that what holds is a function of the
 *    set of entries and not of the order in which they came.
 * 2. An admin signs one child of an entry. Since more than half of the admins sign each, two valid children of one
 *    entry have a signer in common, who lied. The log then ends at their parent: no decision counts that was made
 *    after it, but whoever is revoked in any branch is out. That is the freeze.
 * 3. A child that recovery keys signed goes before all others, which is how a freeze ends.
 * 4. An entry of a kind that this version does not know ends the log here: what it changes cannot be guessed.
 */
import { Change, GOVERNANCE_LIMITS, LogEntry, type Genesis } from '../model/governance.ts'
import type { VerifiedStatement } from '../wire/statement.ts'
import {
  applyChange,
  applyRevocations,
  authorityOf,
  faultOfChange,
  isSignedBy,
  type Authority,
  type ChangeFault,
  type Key,
} from './authority.ts'

/** An entry that is valid at its place. */
export interface Placed {
  readonly statement: VerifiedStatement
  readonly entry: LogEntry
  readonly change: Change
}

/** Proof that somebody decided twice. */
export interface Fork {
  /** The entry before, where the log ends. */
  readonly parent: string
  /** The entries that follow it, two at least. */
  readonly entries: readonly string[]
  /** Who signed more than one of them. */
  readonly doubleSigners: readonly Key[]
}

/** A log, and what it adds up to. Changed only by `takeEntry`. */
export interface Log {
  /** Hash of the genesis. */
  readonly cluster: string
  readonly genesis: Genesis
  /** All valid entries by hash, also those beside the chain. */
  readonly placed: Map<string, Placed>
  readonly children: Map<string, string[]>
  /** Hashes from the genesis to the newest entry that counts. */
  chain: string[]
  /** Height of each hash in `chain`. */
  heights: Map<string, number>
  /** Of all entries that are here, also those beside the chain. */
  highest: number
  authority: Authority
  fork: Fork | undefined
  /** An entry that this version does not understand, right behind the chain. */
  halted: { readonly hash: string; readonly kind: string } | undefined
  /** Whoever was an admin or recovery key at any time: nobody else's entry is worth looking at. */
  readonly deciders: Set<Key>
}

/** What became of an entry. Only `applied` and `beside` changed anything. */
export type EntryOutcome =
  | 'applied'
  /** Valid, but not part of the chain; it may have forked or unforked it. */
  | 'beside'
  | 'known'
  /** What it follows is not here yet. */
  | 'waiting'
  /** Signed as it must be, but of a kind that only later versions understand. */
  | 'halted'
  | 'malformed'
  | 'wrong-cluster'
  | 'wrong-height'
  | 'full'
  | ChangeFault

/** A log without entries. @param cluster hash of the genesis */
export function createLog(cluster: string, genesis: Genesis): Log {
  return {
    cluster,
    genesis,
    placed: new Map(),
    children: new Map(),
    chain: [cluster],
    heights: new Map([[cluster, 0]]),
    highest: 0,
    authority: authorityOf(genesis),
    fork: undefined,
    halted: undefined,
    deciders: new Set([...genesis.admins.keys, ...genesis.recovery.keys]),
  }
}

/** The newest entry that counts, and its height. */
export function headOf({ chain }: Log): { readonly height: number; readonly head: string } {
  return { height: chain.length - 1, head: chain.at(-1)! }
}

/** Takes one entry, whose signatures were checked. */
export function takeEntry(log: Log, statement: VerifiedStatement): EntryOutcome {
  if (log.placed.has(statement.hash)) return 'known'
  const parsed = LogEntry.safeParse(statement.body)
  if (!parsed.success) return 'malformed'
  const entry = parsed.data
  if (entry.cluster !== log.cluster) return 'wrong-cluster'
  const parentHeight = heightOf(log, entry.parent)
  if (parentHeight === undefined) return 'waiting'
  if (entry.height !== parentHeight + 1) return 'wrong-height'
  if (!statement.signers.some((signer) => log.deciders.has(signer))) return 'too-few-signatures'
  const follows = entry.parent === headOf(log).head
  const authority = follows && log.fork === undefined ? log.authority : authorityAt(log, entry.parent)
  const known = Change.safeParse(entry.change)
  if (!known.success) return haltOrRefuse(log, statement, entry, authority)
  const fault = faultOfChange(authority, known.data, statement.signers)
  if (fault !== undefined) return fault
  if (isFull(log, entry, follows)) return 'full'
  return place(log, { statement, entry, change: known.data }, follows)
}

function heightOf(log: Log, hash: string): number | undefined {
  return log.heights.get(hash) ?? log.placed.get(hash)?.entry.height
}

/**
 * By what is here, not by what is in the chain at the moment: what a recovery undoes must not be in the way of more,
 * and whoever hears of it first takes what it undoes afterwards.
 */
function isFull({ chain, placed, highest }: Log, { height }: LogEntry, follows: boolean): boolean {
  const { entries, siblings, undone } = GOVERNANCE_LIMITS
  if (height > entries) return true
  if (follows) return false
  return placed.size - highest >= siblings || placed.size - (chain.length - 1) >= siblings + undone
}

/** Known kinds with a body that does not fit are nobody's future. */
const KNOWN_KINDS: ReadonlySet<string> = new Set(Change.options.map((option) => option.shape.kind.value))

function haltOrRefuse(log: Log, statement: VerifiedStatement, entry: LogEntry, authority: Authority): EntryOutcome {
  if (KNOWN_KINDS.has(entry.change.kind)) return 'malformed'
  if (!isSignedBy(authority.admins, statement.signers)) return 'too-few-signatures'
  if (entry.parent === headOf(log).head) log.halted = { hash: statement.hash, kind: entry.change.kind }
  return 'halted'
}

function place(log: Log, placed: Placed, follows: boolean): EntryOutcome {
  const { statement, entry, change } = placed
  log.placed.set(statement.hash, placed)
  log.highest = Math.max(log.highest, entry.height)
  const siblings = log.children.get(entry.parent) ?? []
  log.children.set(entry.parent, [...siblings, statement.hash])
  if (change.kind === 'admins' || change.kind === 'recover') {
    for (const key of change.admins.keys) log.deciders.add(key)
  }
  if (follows && log.fork === undefined && siblings.length === 0) {
    applyChange(log.authority, change, statement.hash)
    log.chain.push(statement.hash)
    log.heights.set(statement.hash, entry.height)
    log.halted = undefined
  } else walk(log)
  return log.heights.has(statement.hash) ? 'applied' : 'beside'
}

/** What held right after an entry, by the way that leads to it. */
function authorityAt(log: Log, hash: string): Authority {
  const way: Placed[] = []
  for (let at = log.placed.get(hash); at !== undefined; at = log.placed.get(at.entry.parent)) way.push(at)
  const authority = authorityOf(log.genesis)
  for (const { change, statement } of way.toReversed()) applyChange(authority, change, statement.hash)
  return authority
}

/** Finds the chain among all entries anew: from the genesis, as long as there is one way to go. */
function walk(log: Log): void {
  log.chain = [log.cluster]
  log.authority = authorityOf(log.genesis)
  log.fork = undefined
  for (;;) {
    const parent = log.chain.at(-1)!
    const next = contenders(log, parent)
    if (next.length !== 1) {
      if (next.length > 1) freeze(log, parent, next)
      break
    }
    applyChange(log.authority, next[0]!.change, next[0]!.statement.hash)
    log.chain.push(next[0]!.statement.hash)
  }
  log.heights = new Map(log.chain.map((hash, height) => [hash, height]))
  log.halted = undefined
}

function childrenOf(log: Log, parent: string): Placed[] {
  return (log.children.get(parent) ?? []).map((hash) => log.placed.get(hash)!)
}

/** The children of an entry that may follow it: those of the recovery keys, if there are any. */
function contenders(log: Log, parent: string): Placed[] {
  const all = childrenOf(log, parent)
  const recoveries = all.filter(({ change }) => change.kind === 'recover')
  return recoveries.length > 0 ? recoveries : all
}

function freeze(log: Log, parent: string, rivals: readonly Placed[]): void {
  const signers = rivals.map(({ statement }) => statement.signers)
  const twice = new Set(
    signers.flatMap((keys, i) => keys.filter((key) => signers.some((o, j) => j > i && o.includes(key)))),
  )
  const entries = rivals.map(({ statement }) => statement.hash).toSorted()
  log.fork = { parent, entries, doubleSigners: [...twice].toSorted() }
  const branches = [...rivals]
  for (let at = branches.pop(); at !== undefined; at = branches.pop()) {
    applyRevocations(log.authority, at.change, at.statement.hash)
    branches.push(...childrenOf(log, at.statement.hash))
  }
}
