/** What this node itself says of the members it watches. */
import { reportedLoss } from './silence.ts'
import { isHigher, type Context } from './state.ts'
import type { Evidence, Member, Testimony, Watch } from './types.ts'

/** Whether this node has said something against the subject's present pair and not withdrawn it. */
export function hasAccused({ said }: Watch, member: Member): boolean {
  return said !== undefined && said.says !== 'cleared' && !isHigher(member.pair, said.pair)
}

/** Signs and gossips; counts it here as well. */
export function say(ctx: Context, watch: Watch, member: Member, says: Evidence | 'cleared'): void {
  const { state, nowMs, out } = ctx
  const { epoch, incarnation } = member.pair
  watch.said = { says, atMs: nowMs, pair: { epoch, incarnation } }
  const testimony: Testimony = {
    watcher: state.self,
    subject: watch.subject,
    epoch,
    incarnation,
    seq: ++state.lastSeq,
    says,
    loss: reportedLoss(watch),
  }
  member.testimony.set(state.self, testimony)
  if (says !== 'cleared') state.accused.add(watch.subject)
  state.reweigh = true
  out.push({ type: 'testify', testimony })
}

/** Says that the subject was heard again, if this node has said otherwise. */
export function withdraw(ctx: Context, watch: Watch, member: Member): void {
  if (hasAccused(watch, member)) say(ctx, watch, member, 'cleared')
}
