/** Rules 5 and 6: every decline says why, and nothing grows without end. */
import { Violation, type Checker, type MeshEffect, type NodeView } from '../checker.ts'

/** The caps the product documents, written down apart from it. */
const MOST = {
  waiters: 64,
  story: 200,
  holds: 1_000,
  contracts: 20_000,
  tombstones: 20_000,
  jobs: 2_000,
  reportedMs: 1_000,
} as const
/** Timers beside those of jobs, bids and submitters. */
const TIMERS = 12

export class BoundsChecker implements Checker {
  readonly name = 'bounds'

  carried(node: string, effect: MeshEffect): void {
    if (effect.type !== 'send' || effect.message.t !== 'decline') return
    const { offerId, reasons } = effect.message.body
    const empty = reasons.length === 0 || reasons.some(({ wanted, measured }) => wanted === '' || measured === '')
    if (empty)
      throw new Violation(
        'declines-explain',
        `${node} declined ${offerId} without saying why: ${JSON.stringify(reasons)}`,
      )
  }

  tick(nodes: readonly NodeView[]): void {
    for (const { id, up, state } of nodes) {
      if (!up) continue
      const { negotiation, registry } = state
      const atMost = (what: string, size: number, most: number): void => {
        if (size > most) throw new Violation(this.name, `${id} has ${size} ${what}; at most ${most} are due`)
      }
      const { holds, contracts, jobs, inDoubt, reports, unsettled, deadlines, tasks } = negotiation
      atMost('waiters', negotiation.waiters.size, MOST.waiters)
      atMost('holds', holds.size, MOST.holds)
      atMost('offers remembered', negotiation.holdByOffer.size, holds.size)
      atMost('contracts', contracts.size, MOST.contracts)
      atMost('tombstones', negotiation.tombstones.size, MOST.tombstones)
      atMost('jobs', jobs.size, MOST.jobs)
      atMost('submitters reported to', negotiation.reportedMs.size, MOST.reportedMs)
      atMost('awards in doubt', inDoubt.size, tasks.size)
      atMost('executors with open attempts', negotiation.byExecutor.size, nodes.length)
      atMost(
        'timers',
        deadlines.size,
        TIMERS + 3 * jobs.size + inDoubt.size + holds.size + reports.size + unsettled.size,
      )
      for (const { jobId, story, taskIds, queue } of jobs.values()) {
        atMost(`lines in the story of ${jobId}`, story.length, MOST.story)
        atMost(`tasks queued in ${jobId}`, queue.length, taskIds.length)
      }
      // The nodes, and in some seeds somebody outside that lies.
      atMost('known authors', registry.authors.size, nodes.length + 1)
      atMost('records', registry.records.size, nodes.length * 8)
      atMost('mesh timers', state.deadlines.size, TIMERS)
    }
  }
}
