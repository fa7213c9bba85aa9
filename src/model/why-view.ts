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

/** What was said in another cluster of the same machine, before the task was submitted to the one it is in. */
export const ElsewhereStory = z.strictObject({
  cluster: z.string(),
  /** How many of the job's tasks would have had a place there. */
  slots: z.int(),
  /** The signed words are left out. */
  story: z.array(StoryLine),
  /** Why it would not have taken such a job from anybody. */
  refusal: z.string().optional(),
})
export type ElsewhereStory = z.infer<typeof ElsewhereStory>

const JobStory = z.strictObject({
  jobId: Id,
  story: z.array(StoryLine),
  /** Lines cut from the middle of a long story. */
  storyDropped: z.int(),
  /** Of a job that was to be placed in one of several clusters: what was said in the others. */
  elsewhere: z.array(ElsewhereStory).optional(),
})
/** What was said about a job: all of its tasks are bargained over together. */
export type JobStory = z.infer<typeof JobStory>

const TaskStory = z.strictObject({
  taskId: Id,
  state: TaskState,
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
/** What became of a task. */
export type TaskStory = z.infer<typeof TaskStory>

/** `GET /v1/tasks/{id}/why`: the whole bargaining of a task. */
export const WhyView = z.strictObject({ ...JobStory.shape, ...TaskStory.shape })
export type WhyView = z.infer<typeof WhyView>

/** `GET /v1/jobs/{id}/why`: the whole bargaining of a job, and what became of each of its tasks. */
export const JobWhyView = z.strictObject({ ...JobStory.shape, tasks: z.array(TaskStory) })
export type JobWhyView = z.infer<typeof JobWhyView>

/** `POST /v1/quotes`: who would take a job, asked as for one that is to run; every bid was given back. */
export const QuoteView = z.strictObject({
  /** How many of its tasks would have a place. */
  slots: z.int(),
  /** Of the best bid; 0 without one. */
  bestScore: z.number(),
  story: z.array(StoryLine),
})
export type QuoteView = z.infer<typeof QuoteView>
