/**
 * What this node has done for whom, as quotas count it. Tasks count from the moment they are taken, CPU time as it is
 * reserved: what runs counts as far as it has come, what has ended in the period of its end. Counted, and stored with
 * the contract that it is counted for, while a policy in force has quotas; without one nobody asks.
 *
 * Periods are those of UTC and begin all at once, so that one number a period is all that is kept.
 */
import { PERIODS, type Period } from '../../model/policy-words.ts'
import type { Usage } from '../../policy/types.ts'
import type { LocalNode } from '../nodes.ts'
import type { UsageRecord } from '../records.ts'
import type { Context, ContractState, NegotiationState, NodeId } from '../types.ts'
import { ofOwner, ownerKey } from './owners.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** 1 January 1970 was a Thursday; weeks begin on Mondays. */
const LENGTHS: Readonly<Record<Period, { readonly ms: number; readonly fromMs: number }>> = {
  hour: { ms: HOUR_MS, fromMs: 0 },
  day: { ms: DAY_MS, fromMs: 0 },
  week: { ms: 7 * DAY_MS, fromMs: -3 * DAY_MS },
}

/** The key of what was done for all. No peer id is like it. */
const EVERYONE = '*'

function indexOf(period: Period, nowMs: number): number {
  const { ms, fromMs } = LENGTHS[period]
  return Math.floor((nowMs - fromMs) / ms)
}

function startMs(period: Period, nowMs: number): number {
  const { ms, fromMs } = LENGTHS[period]
  return fromMs + indexOf(period, nowMs) * ms
}

/** A task was taken. */
export function countTaken(state: NegotiationState, ctx: Context, { submitter }: ContractState): void {
  count(state, ctx, submitter, () => ({ tasks: 1, coreMs: 0 }))
}

/** A task that was taken has ended, having run or not. */
export function countEnded(state: NegotiationState, ctx: Context, contract: ContractState): void {
  if (contract.startedAtMs === undefined) return
  count(state, ctx, contract.submitter, (period) => ({ tasks: 0, coreMs: coreMsOf(contract, period, ctx.nowMs) }))
}

/** What a run takes of a period, up to now. */
function coreMsOf({ startedAtMs, spec }: ContractState, period: Period, nowMs: number): number {
  if (startedAtMs === undefined) return 0
  return (Math.max(0, nowMs - Math.max(startedAtMs, startMs(period, nowMs))) * spec.resources.cpuMilli) / 1_000
}

type Counted = { readonly tasks: number; readonly coreMs: number }

const NOTHING: Counted = { tasks: 0, coreMs: 0 }

function count(state: NegotiationState, ctx: Context, submitter: NodeId, what: (period: Period) => Counted): void {
  if (!ctx.policies.some(({ counts }) => counts)) return
  // Without an owner two of them are one.
  for (const key of new Set([submitter, ownerKey(ctx.local, submitter), EVERYONE])) {
    const record = state.usage.touch(key) ?? emptyRecord()
    for (const period of PERIODS) {
      const index = indexOf(period, ctx.nowMs)
      const before = record[period].index === index ? record[period] : NOTHING
      const { tasks, coreMs } = what(period)
      record[period] = { index, tasks: before.tasks + tasks, coreMs: before.coreMs + coreMs }
    }
    if (!state.usage.has(key) && state.usage.size >= state.usage.cap) forgetOldest(state, ctx)
    state.usage.set(key, record)
    ctx.out.push({ type: 'persist', collection: 'usage', key, doc: record })
  }
}

function forgetOldest(state: NegotiationState, ctx: Context): void {
  const oldest = [...state.usage.keys()].find((key) => key !== EVERYONE)!
  state.usage.delete(oldest)
  ctx.out.push({ type: 'persist', collection: 'usage', key: oldest, doc: null })
}

function emptyRecord(): UsageRecord {
  const none = { index: -1, tasks: 0, coreMs: 0 }
  return { hour: none, day: none, week: none }
}

/** What counts for one submitter, for its owner and for all, now. `held` slots that were promised count as tasks. */
export function usageOf(
  state: NegotiationState,
  ctx: Pick<Context, 'nowMs'> & { readonly local: Pick<LocalNode, 'roster'> },
  submitter: NodeId,
  held: { readonly own: number; readonly owners: number; readonly all: number },
): { submitter: Usage; owner: Usage; everyone: Usage } {
  const { nowMs } = ctx
  const isOwners = ofOwner(ctx.local, submitter)
  const own = startTally(held.own)
  const owners = startTally(held.owners)
  const all = startTally(held.all)
  // Once over what may be thousands: this is asked at every offer.
  for (const contract of state.contracts.values()) {
    if (contract.phase === 'ended') continue
    add(all, contract, nowMs)
    if (!isOwners(contract.submitter)) continue
    add(owners, contract, nowMs)
    if (contract.submitter === submitter) add(own, contract, nowMs)
  }
  const usage = (key: string, tally: Tally): Usage => {
    const record = state.usage.get(key)
    const of = (period: Period): Counted => {
      const before = record?.[period].index === indexOf(period, nowMs) ? record[period] : NOTHING
      return { tasks: before.tasks + tally.held, coreMs: before.coreMs + tally.coreMs[period] }
    }
    return { atOnce: tally.atOnce, hour: of('hour'), day: of('day'), week: of('week') }
  }
  return {
    submitter: usage(submitter, own),
    owner: usage(ownerKey(ctx.local, submitter), owners),
    everyone: usage(EVERYONE, all),
  }
}

/** What this node does for all, now. */
export function usageOfAll(state: NegotiationState, nowMs: number): Usage {
  const nobody = { local: {} }
  return usageOf(state, { nowMs, ...nobody }, EVERYONE, { own: 0, owners: 0, all: 0 }).everyone
}

/** What is here now, while it is counted. */
interface Tally {
  readonly held: number
  atOnce: number
  readonly coreMs: Record<Period, number>
}

function startTally(held: number): Tally {
  return { held, atOnce: held, coreMs: { hour: 0, day: 0, week: 0 } }
}

function add(tally: Tally, contract: ContractState, nowMs: number): void {
  tally.atOnce++
  if (contract.startedAtMs === undefined) return
  for (const period of PERIODS) tally.coreMs[period] += coreMsOf(contract, period, nowMs)
}
