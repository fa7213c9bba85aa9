/** The bargaining over a task, as the local API tells it. */
import * as z from 'zod'
import { BidTerms, DeclineReason, Id } from './negotiation.ts'
import { Resources } from './resources.ts'
import { TaskExit, TaskState } from './task.ts'

const at = { atMs: z.int(), offerId: z.string() }
/** One line of the story; `proof` is the base64 of the signed envelope it came in. */
export const StoryLine = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('offered'), ...at, slots: z.int(), asked: z.array(z.string()) }),
  z.strictObject({ kind: z.literal('not-asked'), ...at, node: z.string(), nodeName: z.string(), reason: z.string() }),
  z.strictObject({ kind: z.literal('unreachable'), ...at, node: z.string(), nodeName: z.string(), reason: z.string() }),
  z.strictObject({
    kind: z.literal('bid'),
    ...at,
    node: z.string(),
    nodeName: z.string(),
    bidId: z.string(),
    slots: z.int(),
    terms: BidTerms,
    rank: z.strictObject({ score: z.number(), terms: z.record(z.string(), z.number()) }),
    proof: z.string(),
  }),
  z.strictObject({
    kind: z.literal('declined'),
    ...at,
    node: z.string(),
    nodeName: z.string(),
    reasons: z.array(DeclineReason),
    wouldFit: Resources,
    proof: z.string(),
  }),
  z.strictObject({
    kind: z.literal('awarded'),
    ...at,
    node: z.string(),
    nodeName: z.string(),
    bidId: z.string(),
    slots: z.int(),
  }),
  z.strictObject({ kind: z.literal('not-awarded'), ...at, node: z.string(), nodeName: z.string(), reason: z.string() }),
  z.strictObject({ kind: z.literal('released'), ...at, node: z.string(), nodeName: z.string(), bidId: z.string() }),
])
export type StoryLine = z.infer<typeof StoryLine>

/** `GET /v1/tasks/{id}/why`: the whole bargaining of a task. */
export const WhyView = z.strictObject({
  taskId: Id,
  jobId: Id,
  state: TaskState,
  story: z.array(StoryLine),
  /** Lines cut from the middle of a long story. */
  storyDropped: z.int(),
  attempts: z.array(
    z.strictObject({
      attempt: z.int(),
      node: z.string(),
      nodeName: z.string(),
      bidId: z.string(),
      awardedAtMs: z.int(),
      contractedAtMs: z.int().optional(),
      startedAtMs: z.int().optional(),
      endedAtMs: z.int().optional(),
      outcome: z.enum(['ended', 'refused', 'lost']).optional(),
      reason: z.string().optional(),
      exit: TaskExit.optional(),
    }),
  ),
})
export type WhyView = z.infer<typeof WhyView>
