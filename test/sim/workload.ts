/** What users do during a seed: submit jobs of many kinds, cancel some, publish passports. */
import type { TaskSpec } from '../../src/model/task.ts'
import type { Rng } from '../../src/util/rng.ts'
import type { SubmittedJob } from './checker.ts'
import { freeze } from './copy.ts'
import { simCommand, type Manner } from './driver.ts'
import { servicePassport, ZONES } from './machines.ts'
import type { RulesPlan } from './house-rules.ts'
import type { SimNode } from './node.ts'
import type { Timeline } from './timeline.ts'

const MIB = 1024 ** 2
/** Long enough for anything that can be placed at all. */
const PATIENT_MS = 900_000

export interface WorkloadOptions {
  readonly time: Timeline
  readonly rng: Rng
  readonly nodes: readonly SimNode[]
  /** What each lets run, one after the other. */
  readonly rules: ReadonlyMap<string, RulesPlan>
  readonly lastsMs: number
  readonly submitted: (job: SubmittedJob) => void
  readonly cancelled: (node: SimNode, taskId: string) => void
}

export class Workload {
  readonly #options: WorkloadOptions
  #jobs = 0

  constructor(options: WorkloadOptions) {
    this.#options = options
  }

  /** Plans everything users will do. */
  plan(): void {
    const { time, rng, lastsMs, nodes } = this.#options
    const jobs = 8 + rng.int(10)
    for (let i = 0; i < jobs; i++) {
      const atMs = 500 + rng.int(lastsMs - 500)
      const job = this.#makeJob(rng.pick(nodes))
      time.after(atMs, () => this.#submit(job, 10))
      this.#planCancels(job, atMs)
    }
    for (let i = rng.int(4); i > 0; i--) {
      const node = rng.pick(nodes)
      const name = `service-${rng.int(3)}`
      time.after(rng.int(lastsMs), () => {
        node.passports = [...node.passports.filter(({ metadata }) => metadata.name !== name), servicePassport(name, i)]
        node.input({ type: 'passports', passports: node.passports })
      })
    }
    for (const node of nodes) this.#planSamples(node)
  }

  /** Every few seconds a machine's load looks different. */
  #planSamples(node: SimNode): void {
    const { time, rng, lastsMs } = this.#options
    for (let atMs = rng.int(5_000); atMs < lastsMs; atMs += 4_000 + rng.int(8_000)) {
      const cpuRatio = rng.int(100) / 100
      const memoryAvailableBytes = Math.floor(node.capacity.memoryBytes * (0.5 + rng.next() / 2))
      const sample = { atMs, intervalMs: 1_000, cpuRatio, memoryAvailableBytes, loadAverage1m: 0 }
      time.after(atMs, () => node.input({ type: 'sample', sample }))
    }
  }

  #makeJob(node: SimNode): SubmittedJob {
    const { rng } = this.#options
    const jobId = `j${this.#jobs++}`
    const endless = rng.next() < 0.2
    const count = endless ? 1 + rng.int(2) : rng.next() < 0.4 ? 1 : 5 + rng.int(rng.next() < 0.3 ? 56 : 16)
    const taskIds = count === 1 ? [jobId] : Array.from({ length: count }, (_, i) => `${jobId}-${i}`)
    const spec = freeze(this.#makeSpec(count, endless))
    const hosts = this.#hosts(node.id, spec, 'always')
    const never = !this.#hosts(node.id, spec, 'ever')
    const hasty = rng.next() < 0.3
    const placeTimeoutMs = hosts && !hasty ? PATIENT_MS : 2_000 + rng.int(10_000)
    return {
      node: node.id,
      jobId,
      taskIds,
      spec,
      placeTimeoutMs,
      placed: never ? 'never' : hosts && !hasty ? 'always' : 'maybe',
    }
  }

  #makeSpec(count: number, endless: boolean): TaskSpec {
    const { rng } = this.#options
    // Even one after the other on one machine, a batch is done before long.
    const durationMs = endless
      ? 3_600_000
      : Math.min(rng.int(rng.pick([20, 300, 3_000, 12_000])), Math.floor(60_000 / count))
    const failing = rng.next() < 0.25 ? 1 + rng.int(3) : 0
    const manner: Manner = rng.next() < 0.2 ? 'stubborn' : rng.next() < 0.06 ? 'absent' : 'plain'
    const selector = rng.next() < 0.3 ? this.#makeSelector() : undefined
    const spread = count > 1 && rng.next() < 0.3 ? this.#makeSpread() : undefined
    const cpuMilli = count > 20 ? rng.pick([100, 200, 400]) : rng.pick([100, 250, 500, 1_000, 2_000, 3_500])
    return {
      driver: 'process',
      command: simCommand(durationMs, failing, manner),
      env: {},
      resources: { cpuMilli, memoryBytes: MIB * rng.pick([16, 64, 128, 512]) },
      limits: {},
      // Endless work ends here at the latest, so that a seed does.
      timeoutMs: endless ? 15_000 + rng.int(25_000) : 60_000,
      graceMs: rng.pick([100, 1_000, 3_000]),
      output: rng.next() < 0.2,
      ...(selector === undefined ? {} : { selector }),
      ...(spread === undefined ? {} : { spread }),
      retries: rng.next() < 0.5 ? rng.int(4) : 0,
      logCapBytes: 1024,
    }
  }

  /** It only bounds how many run at once: what can be placed without it is placed with it, sooner or later. */
  #makeSpread(): TaskSpec['spread'] {
    const { rng } = this.#options
    return { over: rng.pick(['host', 'zone', 'zone', 'region']), maxSkew: rng.pick([1, 1, 2, 5]) }
  }

  #makeSelector(): string {
    const { rng } = this.#options
    if (rng.next() < 0.15) return 'zone=nowhere'
    return rng.pick([`zone=${rng.pick(ZONES)}`, 'disk=ssd', `disk!=ssd`, `zone in (${ZONES[0]},${ZONES[1]})`])
  }

  /**
   * Whether some machine can run it, whatever its load, with all the rules that its owner will have, or with some of
   * them: reckoned here, apart from the core.
   */
  #hosts(submitter: string, spec: TaskSpec, when: 'always' | 'ever'): boolean {
    return this.#options.nodes.some(({ id, machine: { local } }) => {
      const { first, later } = this.#options.rules.get(id)!
      const permits = [first, ...later.map(({ rules }) => rules)].map((rules) => rules.permits(submitter, spec))
      if (when === 'always' ? permits.includes(false) : !permits.includes(true)) return false
      const { labels, capacity, open, trusted } = local
      const fits =
        spec.resources.cpuMilli <= capacity.cpuMilli && spec.resources.memoryBytes <= capacity.memoryBytes / 2
      return (open || trusted.has(submitter)) && fits && selects(spec.selector, labels)
    })
  }

  /** Submits as a user would: again after a while when the daemon is not there, up to `tries` times. */
  #submit(job: SubmittedJob, tries: number): void {
    const { time, rng, nodes, submitted } = this.#options
    const node = nodes.find(({ id }) => id === job.node)!
    const { jobId, spec, taskIds, placeTimeoutMs } = job
    if (node.up && !node.blocked) {
      node.input({ type: 'submit', jobId, spec, count: taskIds.length, placeTimeoutMs })
      // Blocked now or dead now: the user was given an error instead of an answer.
      if (node.up && !node.blocked) submitted(job)
    } else if (tries > 0) time.after(1_000 + rng.int(2_000), () => this.#submit(job, tries - 1))
  }

  #planCancels(job: SubmittedJob, submitMs: number): void {
    const { time, rng } = this.#options
    const endless = Number(job.spec.command[1]) > 60_000
    if (rng.next() > (endless ? 0.9 : 0.25)) return
    const some = rng.next() < 0.5 ? job.taskIds : job.taskIds.slice(0, 1 + rng.int(job.taskIds.length))
    const atMs = submitMs + rng.int(rng.pick([5, 50, 1_000, 15_000]))
    time.after(atMs, () => some.forEach((taskId) => this.cancel(job.node, taskId, 20)))
  }

  /** Cancels as a user would: again after a while when the daemon is not there. */
  cancel(submitter: string, taskId: string, tries = 0): void {
    const { time, rng, nodes, cancelled } = this.#options
    const node = nodes.find(({ id }) => id === submitter)!
    if (!node.up || node.blocked) {
      if (tries > 0) time.after(1_000 + rng.int(2_000), () => this.cancel(submitter, taskId, tries - 1))
      return
    }
    const before = node.state.negotiation.tasks.get(taskId)?.state
    node.input({ type: 'cancel', taskId })
    const open = before === 'queued' || before === 'awarded' || before === 'running'
    if (open && node.up && !node.blocked) cancelled(node, taskId)
  }
}

/** The few forms of selector this workload uses. */
function selects(selector: string | undefined, labels: Readonly<Record<string, string>>): boolean {
  if (selector === undefined) return true
  const among = /^(\w+) in \((.*)\)$/.exec(selector)
  if (among) return among[2]!.split(',').includes(labels[among[1]!]!)
  const [, key, operator, value] = /^(\w+)(=|!=)(\w+)$/.exec(selector)!
  return (labels[key!] === value) === (operator === '=')
}
