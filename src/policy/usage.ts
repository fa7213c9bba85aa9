/** Sums of what was done, as quotas count it. */
import { PERIODS } from '../model/policy-words.ts'
import type { Facts, Usage } from './types.ts'

/** Two nodes' worth of it, or that of one in two clusters. */
export function addUsage(one: Usage, other: Usage): Usage {
  const periods = PERIODS.map((period) => {
    const [a, b] = [one[period], other[period]]
    return [period, { tasks: a.tasks + b.tasks, coreMs: a.coreMs + b.coreMs }] as const
  })
  return { atOnce: one.atOnce + other.atOnce, ...(Object.fromEntries(periods) as Omit<Usage, 'atOnce'>) }
}

/**
 * The facts as the policy of the machine has them: of all that runs on it, in whatever cluster. Who a submitter or an
 * owner is, each cluster says for itself: what is done for them is not added up.
 */
export function ofMachine(facts: Facts): Facts {
  const { elsewhere, node, usage } = facts
  if (elsewhere === undefined) return facts
  return {
    ...facts,
    node: { ...node, running: node.running + elsewhere.atOnce },
    usage: usage && { ...usage, everyone: addUsage(usage.everyone, elsewhere) },
  }
}
