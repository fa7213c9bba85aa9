/** Whom a job is offered to: the best few of the nodes that are known, and why not the others. */
import { countFitting, subtractResources } from '../../model/resources.ts'
import { notAskable } from '../constraints.ts'
import type { Candidate } from '../nodes.ts'
import { rank } from '../rank.ts'
import type { Context, Job, NegotiationState, NodeId } from '../types.ts'
import { spreadOf, type Spread } from './spread.ts'

/**
 * Splits the known nodes into those to ask and those to pass over, with reasons. At least
 * `askAtLeast` are asked, more while the slots they seem to have free do not cover what waits.
 */
export function chooseCandidates(
  state: NegotiationState,
  ctx: Context,
  job: Job,
): { ask: NodeId[]; pass: { node: NodeId; reason: string }[] } {
  const pass: { node: NodeId; reason: string }[] = [...(ctx.elsewhere?.(job.spec) ?? [])]
  const able: { node: Candidate; score: number }[] = []
  const candidates = ctx.candidates()
  const { node: pinned } = job.spec
  if (pinned !== undefined && !candidates.some(({ id }) => id === pinned))
    pass.push({ node: pinned, reason: 'is not known here' })
  for (const node of candidates) {
    const reason = notAskable(job.spec, node)
    if (reason !== undefined) pass.push({ node: node.id, reason })
    else
      able.push({
        node,
        score: rank(
          {
            ...node,
            freeAfter: subtractResources(node.free, job.spec.resources),
            warm: false,
            distanceMs: ctx.distanceMs(node.id),
            local: node.id === ctx.self,
          },
          ctx.config.weights,
        ).score,
      })
  }
  // Ties are broken by chance: a herd of submitters must not all choose the first by name.
  ctx.rng.shuffle(able)
  able.sort((a, b) => b.score - a.score)
  const { domains, inTurn } = takeTurns(spreadOf(state, ctx, job), able, pass)
  const ask: NodeId[] = []
  let promised = 0
  // Else the strongest few, where they do not trust this node, would be asked for ever and nobody else.
  const lastly = ({ node }: { node: Candidate }) => Number(job.unwilling.has(node.id))
  for (const { node } of inTurn.toSorted((a, b) => lastly(a) - lastly(b))) {
    const enough = ask.length >= Math.max(ctx.config.askAtLeast, domains) && promised >= job.queue.length
    if (enough || ask.length >= ctx.config.askAtMost)
      pass.push({ node: node.id, reason: `ranked below the ${ask.length} asked` })
    else {
      ask.push(node.id)
      promised += countFitting(node.free, job.spec.resources, job.queue.length)
    }
  }
  return { ask, pass }
}

/** With spread, the best of each domain come first, and the domains with the fewest tasks before all others. */
function takeTurns<Able extends { readonly node: Candidate }>(
  spread: Spread | undefined,
  able: readonly Able[],
  pass: { node: NodeId; reason: string }[],
): { domains: number; inTurn: readonly Able[] } {
  if (spread === undefined) return { domains: 0, inTurn: able }
  const placed: { one: Able; turn: number }[] = []
  const asked = new Map<string, number>()
  for (const one of able) {
    const domain = spread.domainOf(one.node.id)
    if (domain === undefined) {
      pass.push({ node: one.node.id, reason: spread.refusal(one.node.id) ?? '' })
      continue
    }
    const before = asked.get(domain) ?? 0
    asked.set(domain, before + 1)
    placed.push({ one, turn: spread.tasksIn(domain) + before })
  }
  return { domains: asked.size, inTurn: placed.toSorted((a, b) => a.turn - b.turn).map(({ one }) => one) }
}
