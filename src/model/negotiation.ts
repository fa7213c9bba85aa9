/**
 * What submitter and executor say to each other while they bargain over a job.
 *
 * Offer, bid, decline, award and contract are signed envelopes, because their story is kept and must
 * be provable; the rest travels unsigned over the authenticated link, because only its two ends act on it.
 * Everything is idempotent by id: saying a thing twice changes nothing.
 */
import * as z from 'zod'
import { Resources } from './resources.ts'
import { TASK_LIMITS, TaskExit, TaskSpec } from './task.ts'

/** Ids are short lower-case words made by the core's seeded generator; `-` joins their parts. */
export const Id = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]*$/)
  .max(64)
/** A node, by its peer id in text form. */
export type NodeId = string

const durationMs = z
  .int()
  .min(0)
  .max(365 * 86_400_000)

/** Names one attempt of one task. A new attempt of a task has a higher number. */
export const AttemptRef = z.strictObject({ taskId: Id, attempt: z.int().min(1).max(TASK_LIMITS.attempts) })
export type AttemptRef = z.infer<typeof AttemptRef>

/** At most so many attempts are named in one message; more go into the next. */
export const ATTEMPTS_PER_MESSAGE = 500
const attempts = z.array(AttemptRef).max(ATTEMPTS_PER_MESSAGE)

/** Submitter → candidate: would you run up to `slots` copies of this? */
export const Offer = z.strictObject({
  offerId: Id,
  jobId: Id,
  /** How many identical tasks are to be placed. */
  slots: z.int().min(1).max(TASK_LIMITS.tasksPerJob),
  spec: TaskSpec,
})
export type Offer = z.infer<typeof Offer>

/** What a bidder says of itself; ranking turns these into terms. */
export const BidTerms = z.strictObject({
  /** Left on the node once every slot of this bid is taken. */
  freeAfter: Resources,
  /** Everything the node offers to tasks. */
  capacity: Resources,
  /** Share of the CPU in use, 0 to 1, as last sampled. */
  cpuRatio: z.number().min(0).max(1),
  /** Tasks running there now. */
  running: z.int().min(0),
  /** The input bundle is there already. */
  warm: z.boolean(),
  /** From award to a started process: what the last starts took on this node, in the mean. */
  startEtaMs: durationMs,
  /** It would run isolated there; absent: as a plain process. */
  isolation: z.literal('bwrap').optional(),
})
export type BidTerms = z.infer<typeof BidTerms>

/** Candidate → submitter: I hold `slots` of them for you until `holdMs` from now. */
export const Bid = z.strictObject({
  offerId: Id,
  bidId: Id,
  slots: z.int().min(1).max(TASK_LIMITS.tasksPerJob),
  holdMs: durationMs,
  terms: BidTerms,
})
export type Bid = z.infer<typeof Bid>

/** Characters of what a decline says was wanted, and was measured. */
export const DECLINE_TEXT = 256

/** Why a node said no: which constraint, what was wanted and what was measured, in words with units. */
export const DeclineReason = z.strictObject({
  constraint: z.enum([
    'trust',
    'isolation',
    'policy',
    'state',
    'driver',
    'selector',
    'cpu',
    'memory',
    'memory-available',
    'limits',
    'load',
    'share',
  ]),
  wanted: z.string().max(DECLINE_TEXT),
  measured: z.string().max(DECLINE_TEXT),
  /** True when waiting can help: the node would fit once others' work ends. */
  temporary: z.boolean(),
})
export type DeclineReason = z.infer<typeof DeclineReason>

/** Candidate → submitter: no. When a reason is temporary the node remembers to say when capacity frees. */
export const Decline = z.strictObject({
  offerId: Id,
  reasons: z.array(DeclineReason).min(1).max(16),
  /** What would have fitted right now. */
  wouldFit: Resources,
})
export type Decline = z.infer<typeof Decline>

/** Submitter → bidder: run these. Repeated until answered; answering twice changes nothing. */
export const Award = z.strictObject({
  offerId: Id,
  bidId: Id,
  grants: attempts.min(1),
  /** The submitter promises to renew within this time; see `Renew`. */
  leaseMs: durationMs,
})
export type Award = z.infer<typeof Award>

/** Executor → submitter: what became of each grant of an award. */
export const Contract = z.strictObject({
  bidId: Id,
  accepted: attempts,
  refused: z.array(z.strictObject({ ...AttemptRef.shape, reason: z.string().max(4096) })).max(ATTEMPTS_PER_MESSAGE),
})
export type Contract = z.infer<typeof Contract>

/** Submitter → bidder: I need no (more) slots of this bid. */
export const Release = z.strictObject({ bidId: Id })
export type Release = z.infer<typeof Release>

/** Submitter → executor, every third of the lease: I am here and still want these. */
export const Renew = z.strictObject({ attempts, leaseMs: durationMs })
export type Renew = z.infer<typeof Renew>

/** Executor → submitter: lease renewed; of `unknown` it knows nothing and never will. */
export const Renewed = z.strictObject({ unknown: attempts })
export type Renewed = z.infer<typeof Renewed>

/** Executor → submitter: news of attempts. An `ended` one is repeated until settled. */
export const Report = z.strictObject({
  reports: z
    .array(
      z.strictObject({
        ...AttemptRef.shape,
        phase: z.enum(['fetching', 'started', 'ended']),
        /** Of a `fetching` one: bytes of its input that came so far. Told once a second at most. */
        fetchedBytes: z.int().min(0).optional(),
        startedAtMs: z.int().min(0).optional(),
        exit: TaskExit.optional(),
        /** The slot went back into the bid's hold: the submitter may award it again without a new offer. */
        slotKept: z.boolean().optional(),
      }),
    )
    .min(1)
    .max(ATTEMPTS_PER_MESSAGE),
})
export type Report = z.infer<typeof Report>

/** Submitter → executor: the result is on my disk; drop yours. `keepOutput` until it was fetched. */
export const Settle = z.strictObject({ attempts })
export type Settle = z.infer<typeof Settle>

/** Submitter → executor: end these. Answered by an `ended` report. */
export const Cancel = z.strictObject({ attempts, why: z.enum(['cancelled', 'lost']) })
export type Cancel = z.infer<typeof Cancel>

/** Executor → those it declined for lack of room: there is room again. */
export const Capacity = z.strictObject({ free: Resources })
export type Capacity = z.infer<typeof Capacity>
