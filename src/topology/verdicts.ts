/**
 * From testimony to verdicts: how many independent witnesses speak against a member's present pair, and for how long.
 */
import { settleBrake, takeLoss } from './brake.ts'
import { hurry } from './probing.ts'
import { countRoster, isBelievedAlive, isHigher, isSame, rosterChanged, type Context } from './state.ts'
import { seenLoss, usual } from './silence.ts'
import { lossFactor, suspicionMs } from './suspicion.ts'
import { hasAccused } from './testimony.ts'
import { TOPOLOGY_LIMITS, type Member, type MemberId, type Testimony, type Verdict } from './types.ts'
import { rankingOf } from './watchers.ts'

/**
 * The accused are weighed again so often, because health and loss, and with them the time they have, change. It is
 * short so that a node that stands still meanwhile is late for it, and knows, before it takes their time for over.
 */
const WEIGHED_EVERY_MS = 200

/** Takes in what another member has signed of a third. Of strangers, and of pairs that are past, nothing is kept. */
export function takeTestimony(ctx: Context, testimony: Testimony): void {
  const { state } = ctx
  const { watcher, subject, seq, says } = testimony
  const member = state.members.get(subject)
  const author = state.members.get(watcher)
  if (member === undefined || author === undefined || watcher === subject) return
  if (member.verdict === 'left' || author.verdict === 'left' || isHigher(member.pair, testimony)) return
  const known = member.testimony.get(watcher)
  if (known !== undefined ? known.seq >= seq : !makeRoom(ctx, member, watcher)) return
  member.testimony.set(watcher, testimony)
  state.reweigh = true
  if (says === 'cleared') return
  state.accused.add(subject)
  const watch = state.watches.get(subject)
  if (watch !== undefined && member.verdict !== 'offline' && !hasAccused(watch, member)) hurry(ctx, subject)
}

/** Makes room for one more witness, in place of one whose word does not count. */
function makeRoom({ state }: Context, member: Member, watcher: MemberId): boolean {
  if (member.testimony.size < TOPOLOGY_LIMITS.testimonyPerMember) return true
  const witnesses = rankingOf(state, member.id)?.witnesses ?? []
  if (!witnesses.includes(watcher)) return false
  for (const id of member.testimony.keys()) {
    if (!witnesses.includes(id)) return member.testimony.delete(id)
  }
  return false
}

/** Weighs the accused again, until nothing follows from it any more: each loss changes who must speak of others. */
export function weighAll(ctx: Context): void {
  const { state } = ctx
  while (state.reweigh) {
    state.reweigh = false
    for (const id of state.accused) weigh(ctx, id)
  }
}

/** What is said against a member, in independent voices. */
interface Voices {
  readonly all: number
  readonly refused: number
  /** Most that could speak against it at present. */
  readonly possible: number
  /** Most that are expected to: its watchers'. */
  readonly likely: number
  /** Loss that they report. */
  readonly loss: number
}

/**
 * Counts them: one a machine, for what befalls a machine befalls all on it. Where those who could speak run on too few
 * machines for a quorum, each counts, or a single one of them would decide.
 */
function voicesOn(ctx: Context, member: Member): Voices {
  const { state } = ctx
  const byHost = countVoices(ctx, member, (id) => hostOf(ctx, id))
  return byHost.possible >= state.config.quorum ? byHost : countVoices(ctx, member, (id) => id)
}

function hostOf({ state }: Context, id: MemberId): string {
  return id === state.self ? state.host : (state.members.get(id)?.host ?? '')
}

function countVoices({ state }: Context, member: Member, voiceOf: (id: MemberId) => string): Voices {
  const all = new Set<string>()
  const refused = new Set<string>()
  const possible = new Set<string>()
  const likely = new Set<string>()
  const { witnesses = [], watchers = [] } = rankingOf(state, member.id) ?? {}
  const losses: number[] = []
  for (const witness of witnesses) {
    const other = state.members.get(witness)
    const voice = voiceOf(witness)
    // One that is gone, or that this node finds gone itself, is not waited for; nor do its last words decide anything.
    if (other !== undefined && (!isBelievedAlive(other) || isAccusedHere(state.watches.get(witness), other))) continue
    possible.add(voice)
    if (watchers.includes(witness)) likely.add(voice)
    const testimony = member.testimony.get(witness)
    // Of a pair that the subject has not signed, as far as is known here, nothing is believed until it has.
    if (testimony === undefined || testimony.says === 'cleared' || !isSame(testimony, member.pair)) continue
    all.add(voice)
    if (testimony.says === 'refused') refused.add(voice)
    losses.push(testimony.loss)
  }
  return {
    all: all.size,
    refused: refused.size,
    possible: possible.size,
    likely: likely.size,
    loss: usual(losses),
  }
}

function isAccusedHere(watch: Parameters<typeof hasAccused>[0] | undefined, member: Member): boolean {
  return watch !== undefined && hasAccused(watch, member)
}

/** Draws the verdict on a member with testimony against it. */
export function weigh(ctx: Context, id: MemberId): void {
  const { state, nowMs } = ctx
  const { config, deadlines } = state
  const member = state.members.get(id)
  if (member === undefined || !isBelievedAlive(member)) return acquit(ctx, id)
  const { all, refused, possible, likely, loss } = voicesOn(ctx, member)
  if (all === 0) {
    acquit(ctx, id)
    if (member.verdict === 'suspect') setVerdict(ctx, member, 'alive', 'its watchers hear it again')
    return
  }
  const quorum = Math.max(1, Math.min(config.quorum, possible))
  if (refused >= quorum) return setVerdict(ctx, member, 'offline', `${count(refused)}: nobody listens at its address`)
  const minMs = config.suspectMinMs * lossFactor(Math.max(loss, seenLoss(state))) * (state.health + 1)
  const maxMs = minMs * config.suspectMaxFactor
  member.accusedMs ??= nowMs
  const isLone = all < quorum
  if (isLone && !member.isLone && nowMs < member.accusedMs + maxMs) {
    // Others would say the same if it were so. A lone witness must stand unrefuted for long to be believed.
    member.suspectMs = undefined
    member.isLone = false
    deadlines.set(member.timers.suspect, Math.min(member.accusedMs + maxMs, nowMs + WEIGHED_EVERY_MS))
    if (member.verdict === 'suspect') setVerdict(ctx, member, 'alive', 'too few watchers still miss it')
    return
  }
  member.isLone = isLone
  member.suspectMs ??= nowMs
  const expected = likely - quorum
  const confirmations = Math.max(0, Math.min(all - quorum, expected))
  const timeMs = isLone ? maxMs : suspicionMs({ confirmations, expected, minMs, maxMs })
  if (nowMs >= member.suspectMs + timeMs) {
    setVerdict(ctx, member, 'offline', `${count(all)}: no answer, and no word from it for ${Math.round(timeMs)} ms`)
    return
  }
  deadlines.set(member.timers.suspect, Math.min(member.suspectMs + timeMs, nowMs + WEIGHED_EVERY_MS))
  if (member.verdict === 'alive') setVerdict(ctx, member, 'suspect', `${count(all)}: no answer`)
}

function count(voices: number): string {
  return voices === 1 ? '1 witness' : `${voices} witnesses`
}

/** Nothing stands against it that could change its verdict. */
function acquit({ state }: Context, id: MemberId): void {
  state.accused.delete(id)
  const member = state.members.get(id)
  if (member === undefined) return
  state.deadlines.cancel(member.timers.suspect)
  member.accusedMs = undefined
  member.suspectMs = undefined
  member.isLone = false
}

/** Changes a verdict and says so, with what follows for the roster, the brake, and how long it is remembered. */
export function setVerdict(ctx: Context, member: Member, verdict: Verdict, why: string): void {
  const { state, nowMs, out } = ctx
  const before = member.verdict
  if (before === verdict) return
  member.verdict = verdict
  member.lapsed = false
  member.sinceMs = nowMs
  out.push({ type: 'verdict', id: member.id, verdict, why })
  const isGone = verdict === 'offline' || verdict === 'left'
  if (isGone) {
    acquit(ctx, member.id)
    state.deadlines.set(member.timers.forget, nowMs + state.config.forgetMs)
  }
  const wasGone = before === 'offline' || before === 'left'
  if (!isGone && wasGone) {
    state.deadlines.cancel(member.timers.forget)
    state.deadlines.cancel(member.timers.tell)
  }
  if (isGone || wasGone) rosterChanged(ctx)
  if (verdict === 'offline') takeLoss(ctx)
  else if (isGone || wasGone) settleBrake(ctx, countRoster(state))
}
