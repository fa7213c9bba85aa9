/**
 * What `why` tells is the whole truth of a round: every node that was asked has one line, and the right one (it bid,
 * it declined, it was unreachable), once the round is over; and every other known node is named as never asked, with
 * a reason, as far as a story names them.
 */
import type { Job } from '../../../src/negotiation/types.ts'
import { Violation, type Checker, type MeshConfig, type NodeView, type StepSeen } from '../checker.ts'

type Answer = 'bid' | 'declined' | 'unreachable'

interface OpenRound {
  readonly offerId: string
  readonly asked: readonly string[]
  readonly endsMs: number
  /** Lines cut from the story before it began. */
  readonly dropped: number
  /** The first answer that came from each node, and when. */
  readonly heard: Map<string, { readonly kind: Answer; readonly atMs: number }>
}

interface Submitter {
  /** When the last round of each job began that was looked at. */
  readonly begunMs: Map<string, number>
  readonly open: Map<string, OpenRound>
}

const ANSWERS: ReadonlySet<string> = new Set<Answer>(['bid', 'declined', 'unreachable'])
/** Never-asked nodes that a round names; of a large mesh the others are left out. */
const NAMED = 16
/** A full story loses lines from its middle: after so many its last round may be among them. */
const CUT_MOST = 50
/** A daemon wakes up at its deadlines to the millisecond here. */
const SLACK_MS = 1_000

export class StoriesChecker implements Checker {
  readonly name = 'stories'
  readonly #windowMs: number
  readonly #deadMs: number
  readonly #submitters = new Map<string, Submitter>()

  constructor({ negotiation, deadMs }: MeshConfig) {
    this.#windowMs = negotiation.bidWindowMs
    this.#deadMs = deadMs
  }

  /** Rounds do not outlive a daemon, and a story is written some time after it is told. */
  boot(node: string): void {
    this.#submitters.set(node, { begunMs: new Map(), open: new Map() })
  }

  step(seen: StepSeen): void {
    const { node, input, state, nowMs } = seen
    const { jobs } = state.negotiation
    if (jobs.size === 0) return
    const { begunMs, open } = this.#submitters.get(node)!
    if (input.type === 'message') hear(open, input.from, input.message, nowMs)
    for (const [jobId, round] of open) {
      const job = jobs.get(jobId)
      if (job?.round?.offerId === round.offerId) continue
      open.delete(jobId)
      if (job) this.#judge(node, job, round)
    }
    for (const job of jobs.values()) {
      if (job.offeredMs !== nowMs || begunMs.get(job.jobId) === nowMs) continue
      begunMs.set(job.jobId, nowMs)
      const round = this.#begin(job, seen)
      if (job.round) open.set(job.jobId, round)
      else this.#judge(node, job, round)
    }
  }

  /** Who is asked, by the story; and whoever else is known must be named as not asked. */
  #begin(job: Job, { node, state, nowMs }: StepSeen): OpenRound {
    const first = job.story.findLast(({ kind }) => kind === 'offered' || kind === 'not-asked')
    if (first?.atMs !== nowMs) throw new Violation(this.name, `${node} began a round of ${job.jobId} and told nothing`)
    const { offerId } = first
    const lines = job.story.filter((line) => line.offerId === offerId)
    const asked = lines.flatMap((line) => (line.kind === 'offered' ? line.asked : []))
    const passed = new Map<string, string>()
    for (const line of lines) if (line.kind === 'not-asked') passed.set(line.node, line.reason)
    for (const [id, reason] of passed) {
      if (asked.includes(id)) this.#fail(node, offerId, `${id} was asked, and is told to have never been`)
      if (reason === '') this.#fail(node, offerId, `${id} was never asked, for no reason`)
    }
    const known = [...state.registry.authors.values()].filter(
      ({ id, beat, passports }) =>
        beat !== undefined &&
        nowMs - beat.bornMs < this.#deadMs &&
        [...passports.values()].some(({ body }) => body.spec.node !== undefined) &&
        id !== node,
    )
    const silent = [node, ...known.map(({ id }) => id)].filter((id) => !asked.includes(id) && !passed.has(id))
    if (passed.size < NAMED && silent.length > 0)
      this.#fail(node, offerId, `${silent.join(', ')} were not asked, which is not told`)
    return { offerId, asked, endsMs: nowMs + this.#windowMs, dropped: job.storyDropped, heard: new Map() }
  }

  /** A round is over: everybody who was asked is in the story, once, as what it was. */
  #judge(node: string, job: Job, { offerId, asked, dropped, heard }: OpenRound): void {
    if (job.storyDropped - dropped > CUT_MOST) return
    const lines = job.story.filter((line) => line.offerId === offerId && ANSWERS.has(line.kind))
    for (const id of asked) {
      const own = lines.filter((line) => 'node' in line && line.node === id)
      const [line] = own
      if (line === undefined || own.length > 1)
        this.#fail(node, offerId, `${id} was asked and has ${own.length} lines: it bid, declined or was unreachable`)
      const said = heard.get(id)
      // What comes in the same moment as a broken link may have been behind it.
      const isTrue = line.kind === 'unreachable' ? !said || said.atMs >= line.atMs : said?.kind === line.kind
      if (!isTrue) this.#fail(node, offerId, `${id} is told to have ${line.kind}; what came is ${said?.kind}`)
    }
  }

  #fail(node: string, offerId: string, what: string): never {
    throw new Violation(this.name, `${node}, offer ${offerId}: ${what}`)
  }

  tick(nodes: readonly NodeView[], nowMs: number): void {
    for (const { id, up } of nodes) {
      if (!up) continue
      for (const { offerId, endsMs } of this.#submitters.get(id)!.open.values())
        if (nowMs > endsMs + SLACK_MS) this.#fail(id, offerId, `is still open ${nowMs - endsMs} ms after its window`)
    }
  }

  pending(nodes: readonly NodeView[]): string | undefined {
    for (const { id, state, disk } of nodes) {
      for (const { jobId, story } of state.negotiation.jobs.values()) {
        const stored = disk.get('job', jobId) as Job | undefined
        if (stored?.story.length !== story.length) return `${id} has not stored all of the story of ${jobId}`
      }
    }
    return undefined
  }
}

function hear(
  open: ReadonlyMap<string, OpenRound>,
  from: string,
  message: (StepSeen['input'] & { type: 'message' })['message'],
  nowMs: number,
): void {
  if (message.t !== 'bid' && message.t !== 'decline') return
  const kind = message.t === 'bid' ? 'bid' : 'declined'
  for (const { offerId, heard } of open.values())
    if (offerId === message.body.offerId && !heard.has(from)) heard.set(from, { kind, atMs: nowMs })
}
