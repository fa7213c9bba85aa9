/**
 * One of several clusters for a job. Each is asked who would take it, as for a job that is to run; it then goes where
 * most of its tasks have a place, and of equals where the best bid is. What the others said is kept with it, so that
 * `why` can tell which rule refused elsewhere.
 */
import type { JobAccepted } from '../../model/api.ts'
import type { JobRequest } from '../../model/job-request.ts'
import type { ElsewhereStory, QuoteView } from '../../model/why-view.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { OperationError, type Operations } from '../operations.ts'
import { submitJob } from '../task-operations.ts'

/** A cluster and what it said. */
interface Asked {
  readonly name: string
  /** Absent where it refused. */
  readonly operations?: Operations
  readonly quote: QuoteView
  /** It has no such node, for one: what it would have said to the job itself. */
  readonly refusal?: OperationError
}

/** See `Operations.submit`. @throws OperationError `not-found`, `conflict` for a cluster that is none */
export async function submitWhere(
  parts: DaemonParts,
  { clusters, ...request }: JobRequest,
  tenant?: string,
  elsewhere?: readonly ElsewhereStory[],
): Promise<JobAccepted> {
  if (clusters === undefined) return submitJob(parts, request, tenant, elsewhere)
  const asked: Asked[] = []
  // One after the other: on a machine that is in two of them a bid for one holds what the other would bid with.
  for (const name of new Set(clusters)) asked.push({ name, ...(await quoteIn(parts, name, request)) })
  const chosen = bestOf(asked)
  if (chosen.operations === undefined) throw chosen.refusal!
  await bringInput(parts, request, chosen.operations)
  const others = asked.filter((one) => one !== chosen)
  return { ...(await chosen.operations.submit(request, tenant, others.map(storyOf))), cluster: chosen.name }
}

/** Without the signed words: a job keeps those of its own cluster, and must not grow by those of seven others. */
function storyOf({ name, quote: { slots, story }, refusal }: Asked): ElsewhereStory {
  const lines = story.map((line) => ('proof' in line ? { ...line, proof: '' } : line))
  return { cluster: name, slots: Math.max(0, slots), story: lines, ...(refusal && { refusal: refusal.message }) }
}

/**
 * A cluster that would not take such a job at all, or that this daemon is not in just now, does not keep the others
 * from being asked. @throws OperationError `not-found` for a name that is none
 */
async function quoteIn(parts: DaemonParts, name: string, request: JobRequest): Promise<Omit<Asked, 'name'>> {
  let operations: Operations | undefined
  try {
    operations = parts.clusters.within(name)
    return { operations, quote: await operations.quote(request) }
  } catch (error) {
    const isUnknown = operations === undefined && error instanceof OperationError && error.code === 'not-found'
    if (!(error instanceof OperationError) || isUnknown) throw error
    return { quote: { slots: -1, bestScore: 0, story: [] }, refusal: error }
  }
}

/** The best, of equals the one that was named first. */
export function bestOf<One extends { readonly quote: QuoteView }>(asked: readonly One[]): One {
  return asked.toSorted((a, b) => compare(b.quote, a.quote))[0]!
}

function compare(a: QuoteView, b: QuoteView): number {
  return a.slots - b.slots || a.bestScore - b.bestScore || Number(mayHaveRoom(a)) - Number(mayHaveRoom(b))
}

/** Nobody bids, but somebody may later: it was room that was lacking, not leave. */
function mayHaveRoom({ story }: QuoteView): boolean {
  return story.some((line) => line.kind === 'declined' && line.reasons.every(({ temporary }) => temporary))
}

/** Each cluster has bundles of its own: what was uploaded here is not for the members of all of them. */
async function bringInput({ bundles }: DaemonParts, { spec }: JobRequest, to: Operations): Promise<void> {
  if (spec.input !== undefined && bundles.has(spec.input.sha256)) await to.addBundle(bundles.read(spec.input.sha256))
}
