/**
 * A daemon in memory for tests of those who serve people: it keeps what it is told and answers in the
 * shapes of the real one. Nothing is placed, run or sent; a test moves its tasks by hand.
 */
import { createHash } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { FoundView, LogLine, MeshEvent, NodeView, StatusView, TaskView, TrustView } from '../../src/model/api.ts'
import type { JobRequest } from '../../src/model/job-request.ts'
import type { WardNodesView, WardsView } from '../../src/model/ward-view.ts'
import type { ClusterPlaceView } from '../../src/model/cluster-place.ts'
import type { JobWhyView, QuoteView, WhyView } from '../../src/model/why-view.ts'
import type { AuditEntry, AuditPage, AuditProofView, AuditStory, AuditVerdict } from '../../src/model/audit-view.ts'
import type { DoctorStep, ReachabilityView } from '../../src/model/doctor.ts'
import type { OperationRequest, OperationView } from '../../src/model/operation.ts'
import type { PolicyExplanation, PolicyHistory, PolicyTrial, PolicyView } from '../../src/model/policy-api.ts'
import type { TopologyView } from '../../src/model/topology-view.ts'
import { YamlFileError } from '../../src/model/yaml-file.ts'
import { Tokens } from '../../src/node/access/tokens.ts'
import { OperationError, type AuditPageQuery, type Operations } from '../../src/node/operations.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { SILENT } from '../../src/util/logger.ts'
import { FakeCluster } from './fake-cluster.ts'
import { idleLoop } from './journal.ts'

export const PEER_A = '12D3KooWAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
export const PEER_B = '12D3KooWBbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'
const GIB = 1024 ** 3

/** What a submitted task does by itself, as soon as it is submitted. */
export interface Script {
  readonly stdout?: readonly (string | Uint8Array)[]
  readonly stderr?: readonly (string | Uint8Array)[]
  readonly end?: Partial<TaskView>
}

interface FakeTask {
  view: TaskView
  spec: JobRequest['spec']
  lines: LogLine[]
}

export class FakeOperations implements Operations {
  readonly changes = new EventEmitter().setMaxListeners(0)
  readonly fakeTasks = new Map<string, FakeTask>()
  readonly bundles = new Map<string, Buffer>()
  readonly cancelled: string[] = []
  readonly submitted: JobRequest[] = []
  /** Tenants whose surface was asked for, one for each request. */
  readonly askedAs: string[] = []
  readonly events: MeshEvent[] = []
  readonly listeners = new Set<(event: MeshEvent) => void>()
  readonly outputs = new Map<string, Buffer>()
  trusted: string[] = []
  open = false
  isReady = true
  checks: Record<string, string | undefined> = { store: undefined }
  samples: Record<string, number> = { tasks_running: 0, records_received_total: 3 }
  /** What examinations find, and of whom one was asked for. */
  steps: DoctorStep[] = [{ id: 'store', outcome: 'ok', found: 'takes what is written', fix: [], measured: {} }]
  readonly examined: (string | undefined)[] = []
  matrix: ReachabilityView = { rows: [], rowsLeftOut: 0 }
  /** The audit log, the story of one task in it, what verifying finds, and what is exported. */
  audited: AuditEntry[] = []
  auditedStory: AuditStory = { taskId: 'none', parts: [] }
  verdict: AuditVerdict = {
    node: PEER_A,
    size: 3,
    oldest: 0,
    root: 'ab'.repeat(32),
    tookMs: 1,
    problems: [],
    seenByOthers: [],
    others: [],
    alarms: [],
  }
  exported: string[] = []
  bundleCapBytes = 64 * 1024 * 1024
  /** How tasks behave; by default they succeed at once and say nothing. `undefined`: they stay queued. */
  script: ((command: readonly string[], index: number) => Script | undefined) | undefined = () => ({})
  readonly cluster = new FakeCluster(PEER_A)
  /** The real ones, on a store in memory, by a clock that tests move. */
  clockMs = Date.now()
  readonly #store = createMemoryStore()
  readonly tokens = new Tokens({
    store: this.#store,
    loop: idleLoop(this.#store),
    nowMs: () => this.clockMs,
    log: SILENT,
  })
  stopped = false
  dataDir = '/var/lib/althing-test'
  socketPath = '/run/althing-test.sock'
  pageUrl: string | undefined
  /** Logs break off with this once all their lines were read. */
  logsBreak: string | undefined
  /** Logs being read right now. */
  logReaders = 0
  /** Tasks being waited for right now. */
  waiting = 0
  #jobs = 0

  status(): StatusView {
    return {
      peerId: PEER_A,
      name: 'attic',
      version: '0.1.0',
      cluster: 'default',
      state: 'ready',
      cutOff: false,
      open: this.open,
      addresses: [`/ip4/127.0.0.1/tcp/4100/p2p/${PEER_A}`],
      network: { dialable: 'yes', seenAs: ['10.0.0.5'], relays: [], relaysFor: 0, missing: [], foreign: [] },
      links: [],
      clusters: [this.firstName, ...this.beside.keys()],
      dataDir: this.dataDir,
      socketPath: this.socketPath,
      ...(this.pageUrl !== undefined && { pageUrl: this.pageUrl }),
      pid: process.pid,
      uptimeMs: 65_000,
      capacity: { cpuMilli: 4000, memoryBytes: 8 * GIB },
      reserved: { cpuMilli: 1000, memoryBytes: GIB },
      isolation: { works: true, examined: true, by: 'bwrap', version: '0.8.0', network: false },
      enforcement: { cpu: 'cgroup v2', memory: 'cgroup v2' },
      peers: [PEER_B],
      nodes: { joining: 0, ready: 2, busy: 0, offline: 1 },
      tasks: { queued: 0, awarded: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, 'timed-out': 0 },
      running: 0,
      quarantined: [],
      audit: { size: this.audited.length, alarms: this.verdict.alarms },
    }
  }

  quarantined() {
    return []
  }

  nodes(query: { selector?: string; all?: boolean }): NodeView[] {
    if (query.selector?.includes('(('))
      throw new OperationError('invalid', 'label selector, position 1: expected a label key')
    const nodes = [node('attic', PEER_A, true), node('barn', PEER_B, false)]
    return query.selector === undefined
      ? nodes
      : nodes.filter(({ labels }) => query.selector === `zone=${labels['zone']}`)
  }

  node(idOrName: string): NodeView {
    const found = this.nodes({}).find(({ name, peerId }) => name === idOrName || peerId.startsWith(idOrName))
    if (found === undefined)
      throw new OperationError('not-found', `no node ${idOrName}`, { fix: 'see `althing nodes --all`' })
    return found
  }

  topology(): TopologyView {
    return {
      nodes: [
        {
          ...{ peerId: PEER_A, name: 'attic', self: true, state: 'ready', rtt: { ms: 0, source: 'measured' } },
          zone: { name: 'attic', inferred: false },
        },
        {
          ...{
            peerId: PEER_B,
            name: 'barn "b"\\n',
            self: false,
            state: 'ready',
            zone: { name: '~barn', inferred: true },
          },
          ...{ region: { name: 'farm', inferred: false }, rtt: { ms: 12.345, source: 'estimated', error: 0.2 } },
          receive: { bytesPerSecond: 12_582_912, ageMs: 5_000 },
        },
      ],
    }
  }

  /** A mesh that is one. */
  wardsView: WardsView = { ward: '/', wards: [] }

  wards(): WardsView {
    return this.wardsView
  }

  async wardNodes(ward: string): Promise<WardNodesView> {
    if (ward !== '_/1') throw new OperationError('not-found', `no ward ${ward} is known`)
    return { ward, told: 'partly', nodes: [node('barn', PEER_B, false)] }
  }

  find(capability: string): FoundView {
    if (capability !== 'write_article') return { capability, matches: [], reasons: ['barn names it, but is offline'] }
    const passport = { metadata: { name: 'writer' } }
    return {
      capability,
      matches: [{ peerId: PEER_B, node: 'barn', state: 'ready', cpuRatio: 0.25, passport }],
      reasons: [],
    }
  }

  async addBundle(body: Readable): Promise<{ sha256: string; sizeBytes: number }> {
    const data = await buffer(body)
    if (data.length > this.bundleCapBytes) throw new OperationError('full', 'the bundle is over the cap')
    const sha256 = createHash('sha256').update(data).digest('hex')
    this.bundles.set(sha256, data)
    return { sha256, sizeBytes: data.length }
  }

  /** Notes who asks, and narrows a little: what is narrowed how is for the tests of the real one. */
  ofTenant(tenant: string): Operations {
    this.askedAs.push(tenant)
    const isOwn = (id: string): boolean => this.fakeTasks.get(id)?.view.tenant === tenant
    const own = (id: string): string => {
      if (isOwn(id)) return id
      throw new OperationError('not-found', `no task ${id}`)
    }
    const narrowed: Pick<Operations, 'submit' | 'tasks' | 'task' | 'waitTask' | 'subscribe'> = {
      submit: (request) => this.submit(request, tenant),
      tasks: (query) => this.tasks(query).filter(({ taskId }) => isOwn(taskId)),
      task: (id) => this.task(own(id)),
      waitTask: (id, signal) => this.waitTask(own(id), signal),
      subscribe: (sinceId, listener) =>
        this.subscribe(sinceId, (event) => {
          if (event.type !== 'task' || isOwn(event.subject)) listener(event)
        }),
    }
    return new Proxy<Operations>(this, {
      get: (target, name) => {
        const value: unknown = name in narrowed ? narrowed[name as keyof typeof narrowed] : Reflect.get(target, name)
        return typeof value === 'function' ? (value as () => unknown).bind(target) : value
      },
    })
  }

  /** How the first cluster is called. */
  firstName = 'home'
  /** Further clusters, by name. */
  readonly beside = new Map<string, FakeOperations>()
  /** Those that do not run, and why. */
  readonly out = new Map<string, string>()

  within(name: string): Operations {
    const other = name === this.firstName ? this : this.beside.get(name)
    const problem = this.out.get(name)
    if (problem !== undefined) throw new OperationError('conflict', `this daemon is not in ${name} now: ${problem}`)
    if (other === undefined) throw new OperationError('not-found', `this daemon is in no cluster ${name}`)
    return other
  }

  clusterNames(): string[] {
    return this.clusters().map(({ name }) => name)
  }

  clusters(): ClusterPlaceView[] {
    const running = [this.firstName, ...this.beside.keys()].map((name, index) => ({ name, first: index === 0 }))
    return [...running, ...[...this.out].map(([name, problem]) => ({ name, first: false, problem }))]
  }

  async forgetCluster(name: string): Promise<ClusterPlaceView[]> {
    if (!this.beside.delete(name)) throw new OperationError('not-found', `${name} is no cluster beside the first`)
    return this.clusters()
  }

  async quote(): Promise<QuoteView> {
    return { slots: 1, bestScore: 1, story: [] }
  }

  submit(request: JobRequest, tenant?: string): { jobId: string; taskIds: string[] } {
    this.submitted.push(request)
    const jobId = `j${++this.#jobs}`
    const taskIds = Array.from({ length: request.count }, (_, index) => `${jobId}-${index}`)
    for (const [index, taskId] of taskIds.entries()) {
      const view: TaskView = {
        taskId,
        jobId,
        name: request.spec.name ?? request.spec.command[0]!,
        command: request.spec.command,
        state: 'queued',
        role: 'submitter',
        submitter: PEER_A,
        ...(tenant !== undefined && { tenant }),
        attempt: 0,
        submittedAtMs: Date.now(),
        resources: request.spec.resources,
        waiting: 'no node has 64 cores free',
      }
      this.fakeTasks.set(taskId, { view, spec: request.spec, lines: [] })
      const script = this.script?.(request.spec.command, index)
      if (script !== undefined) this.play(taskId, script)
    }
    return { jobId, taskIds }
  }

  /** Runs a task through a script. */
  play(taskId: string, script: Script): void {
    this.start(taskId)
    for (const data of script.stdout ?? []) this.write(taskId, 'stdout', data)
    for (const data of script.stderr ?? []) this.write(taskId, 'stderr', data)
    this.end(taskId, script.end ?? {})
  }

  start(taskId: string): void {
    const { waiting: _, ...view } = this.#task(taskId).view
    this.#set(taskId, {
      ...view,
      state: 'running',
      attempt: 1,
      node: PEER_B,
      nodeName: 'barn',
      startedAtMs: Date.now(),
    })
  }

  write(taskId: string, stream: 'stdout' | 'stderr', data: string | Uint8Array): void {
    const { lines } = this.#task(taskId)
    const offset = lines
      .filter((line) => line.stream === stream)
      .reduce((sum, line) => sum + Buffer.from(line.data, 'base64').length, 0)
    lines.push({ attempt: 1, stream, offset, data: Buffer.from(data as string).toString('base64') })
    this.changes.emit('change')
  }

  end(taskId: string, changes: Partial<TaskView>): void {
    const nowMs = Date.now()
    const exit = { exitCode: 0, startedAtMs: nowMs, endedAtMs: nowMs }
    this.#set(taskId, { ...this.#task(taskId).view, state: 'succeeded', exit, endedAtMs: nowMs, ...changes })
  }

  tasks(query: { all?: boolean }): TaskView[] {
    const views = [...this.fakeTasks.values()].map(({ view }) => view)
    return query.all === true ? views : views.filter((view) => !hasEnded(view))
  }

  task(id: string): TaskView {
    return this.#task(id).view
  }

  async waitTask(id: string, signal: AbortSignal): Promise<TaskView> {
    this.waiting++
    try {
      const isDone = () => hasEnded(this.task(id)) && this.task(id).output !== 'fetching'
      while (!isDone() && !signal.aborted) await this.#changed(signal)
      return this.task(id)
    } finally {
      this.waiting--
    }
  }

  why(id: string): WhyView {
    return story(this.task(id))
  }

  whyJob(id: string): JobWhyView {
    const tasks = [...this.fakeTasks.values()].flatMap(({ view }) => (view.jobId === id ? [story(view)] : []))
    const [first] = tasks
    if (first === undefined) throw new OperationError('not-found', `no job ${id} was submitted on this node`)
    const { jobId, story: lines, storyDropped } = first
    return {
      ...{ jobId, story: lines, storyDropped },
      tasks: tasks.map(({ taskId, state, attempts }) => ({ taskId, state, attempts })),
    }
  }

  cancel(id: string): TaskView {
    const { taskId } = this.task(id)
    if (hasEnded(this.task(taskId))) throw new OperationError('conflict', `task ${taskId} has ended`)
    this.cancelled.push(taskId)
    this.changes.emit('cancel', taskId)
    return this.task(taskId)
  }

  async *logs(
    id: string,
    query: { follow: boolean; stream: 'stdout' | 'stderr' | 'both'; signal: AbortSignal },
  ): AsyncGenerator<LogLine> {
    const task = this.#task(id)
    this.logReaders++
    try {
      for (let at = 0; !query.signal.aborted; at++) {
        while (at === task.lines.length && query.follow && !hasEnded(task.view) && !query.signal.aborted) {
          await this.#changed(query.signal)
        }
        const line = task.lines[at]
        if (line === undefined && this.logsBreak !== undefined) throw new Error(this.logsBreak)
        if (line === undefined) return
        if (query.stream === 'both' || query.stream === line.stream) yield line
      }
    } finally {
      this.logReaders--
      this.changes.emit('readers')
    }
  }

  output(id: string): Promise<Readable> {
    const tar = this.outputs.get(this.task(id).taskId)
    if (tar === undefined) return Promise.reject(new OperationError('not-found', `task ${id} kept no output`))
    return Promise.resolve(Readable.from([tar]))
  }

  async auditPage({ before = Infinity, limit, type = '' }: AuditPageQuery): Promise<AuditPage> {
    const found = this.audited.filter(({ position, event }) => position < before && event.type.startsWith(type))
    const entries = found.toReversed().slice(0, limit)
    const last = entries.at(-1)?.position ?? 0
    return { entries, ...(last > 0 && { next: last }) }
  }

  async auditEvent(position: number): Promise<AuditProofView> {
    const entry = this.audited[position]
    if (!entry) throw new OperationError('not-found', `there is no event ${position}`)
    const head = { node: PEER_A, size: this.audited.length, root: 'ab'.repeat(32), signedHead: 'AAAA' }
    return { ...head, ...entry, bytes: 'AAAA', path: ['cd'.repeat(32)] }
  }

  async auditStory(taskId: string): Promise<AuditStory> {
    if (taskId !== this.auditedStory.taskId) throw new OperationError('not-found', `nothing of ${taskId}`)
    return this.auditedStory
  }

  async verifyAudit(): Promise<AuditVerdict> {
    return this.verdict
  }

  async exportAudit(): Promise<Readable> {
    return Readable.from(this.exported)
  }

  acceptAudit(peer: string): void {
    if (!this.verdict.alarms.some((alarm) => alarm.peer === peer)) throw new OperationError('not-found', 'no alarm')
    this.verdict = { ...this.verdict, alarms: [] }
  }

  readonly operated: OperationRequest[] = []

  async operate(request: OperationRequest): Promise<OperationView> {
    this.operated.push(request)
    const { operation, by } = request
    const reason = 'reason' in operation ? operation.reason : undefined
    const cordon = { state: 'cordoned' as const, by, ...(reason !== undefined && { reason }) }
    return { node: PEER_A, name: 'attic', ...(operation.name !== 'uncordon' && { cordon }), tasks: [], leftOut: 0 }
  }

  trust(): TrustView {
    return { open: this.open, peers: [...this.trusted] }
  }

  addTrust(peer: string): TrustView {
    if (!peer.startsWith('12D3')) throw new OperationError('invalid', `${peer} is not a peer id`)
    this.trusted.push(peer)
    return this.trust()
  }

  removeTrust(peer: string): TrustView {
    if (!this.trusted.includes(peer)) throw new OperationError('not-found', `${peer} is not in the list`)
    this.trusted = this.trusted.filter((each) => each !== peer)
    return this.trust()
  }

  policyText = ''

  async policy(): Promise<PolicyView> {
    if (this.policyText === '') return { stopped: [] }
    const policy = { version: 1, atMs: 0, by: 'me', sha256: 'ab'.repeat(32), name: 'house', rules: 1 }
    return { policy, text: this.policyText, stopped: [] }
  }

  async applyPolicy(text: string, fileName: string): Promise<PolicyView> {
    if (!text.includes('kind: Policy'))
      throw new YamlFileError('bad-policy', `${fileName}:1:1: kind: expected "Policy"`)
    this.policyText = text
    return this.policy()
  }

  async removePolicy(): Promise<PolicyView> {
    if (this.policyText === '') throw new OperationError('not-found', 'this node has no policy')
    this.policyText = ''
    return this.policy()
  }

  async tryPolicy(): Promise<PolicyTrial> {
    return { offers: 0, stillAllowed: 0, stillRefused: 0, changes: [], leftOut: 0 }
  }

  async policyHistory(): Promise<PolicyHistory> {
    const { policy } = await this.policy()
    return { versions: policy === undefined ? [] : [policy] }
  }

  explainPolicy(id: string): PolicyExplanation {
    const { taskId, command } = this.task(id)
    const verdict = { allowed: true, why: ['there is no policy'] }
    return { jobId: taskId, submitter: PEER_A, submitterName: 'a', command, verdict, rules: [] }
  }

  async applyPassports(yaml: string, fileName: string): Promise<string[]> {
    if (!yaml.includes('kind:'))
      throw new OperationError('invalid', `${fileName}:1:1: kind: expected a text, found nothing`)
    return ['writer']
  }

  subscribe(sinceId: number | undefined, listener: (event: MeshEvent) => void): () => void {
    if (sinceId !== undefined) for (const event of this.events) if (event.id > sinceId) listener(event)
    this.listeners.add(listener)
    this.changes.emit('subscribers')
    return () => {
      this.listeners.delete(listener)
      this.changes.emit('subscribers')
    }
  }

  emitEvent(event: Omit<MeshEvent, 'id' | 'atMs'>): void {
    const full = { id: this.events.length + 1, atMs: Date.now(), ...event }
    this.events.push(full)
    for (const listener of this.listeners) listener(full)
  }

  ready(): boolean {
    return this.isReady
  }

  health(): Record<string, string | undefined> {
    return this.checks
  }

  async *examine(target: string | undefined): AsyncGenerator<DoctorStep> {
    this.examined.push(target)
    yield* this.steps
  }

  reachability(): Promise<ReachabilityView> {
    return Promise.resolve(this.matrix)
  }

  metrics(): Record<string, number> {
    return this.samples
  }

  shutdown(): void {
    this.stopped = true
    this.changes.emit('shutdown')
  }

  #task(id: string): FakeTask {
    const [first, ...more] = [...this.fakeTasks.keys()].filter((taskId) => taskId.startsWith(`${id}-`))
    if (more.length > 0) throw new OperationError('conflict', `${id} is the beginning of ${more.length + 1} task ids`)
    const task = this.fakeTasks.get(first ?? id)
    if (task === undefined) throw new OperationError('not-found', `no task ${id}`, { fix: 'see `althing ps -a`' })
    return task
  }

  #set(taskId: string, view: TaskView): void {
    this.#task(taskId).view = view
    this.changes.emit('change')
    this.emitEvent({ type: 'task', subject: taskId, what: view.state })
  }

  async #changed(signal: AbortSignal): Promise<void> {
    await once(this.changes, 'change', { signal }).catch((error: Error) => {
      if (error.name !== 'AbortError') throw error
    })
  }
}

function hasEnded({ state }: TaskView): boolean {
  return state !== 'queued' && state !== 'awarded' && state !== 'running'
}

function node(name: string, peerId: string, self: boolean): NodeView {
  return {
    peerId,
    name,
    self,
    state: 'ready',
    suspect: false,
    labels: { zone: name, 'kubernetes.io/arch': 'amd64' },
    annotations: {},
    capacity: { cpuMilli: 4000, memoryBytes: 8 * GIB },
    free: { cpuMilli: 3000, memoryBytes: 7 * GIB },
    cpuRatio: 0.25,
    memoryAvailableBytes: 6 * GIB,
    tasks: 1,
    heartbeatAgeMs: 2_500,
    uptimeMs: 65_000,
    addresses: [`/ip4/127.0.0.1/tcp/4100/p2p/${peerId}`],
    drivers: ['process'],
    version: '0.1.0',
    enforcement: { cpu: 'cgroup v2', memory: 'cgroup v2' },
    hardware: { cpu: { model: 'Test CPU', cores: 4 } },
    capabilities: ['write_article'],
    passports: [name],
    connected: true,
  }
}

function story(view: TaskView): WhyView {
  const { taskId, jobId, state } = view
  const line = { atMs: 1_700_000_000_000, offerId: 'o1' }
  const barn = { node: PEER_B, nodeName: 'barn' }
  const free = { cpuMilli: 500, memoryBytes: GIB }
  const terms = {
    freeAfter: free,
    capacity: { cpuMilli: 4000, memoryBytes: 8 * GIB },
    cpuRatio: 0.25,
    running: 1,
    warm: true,
    startEtaMs: 5,
  }
  const reasons = [{ constraint: 'cpu' as const, wanted: '2 cores', measured: '0.5 cores free', temporary: true }]
  return {
    taskId,
    jobId,
    state,
    story: [
      { kind: 'offered', ...line, slots: 1, asked: [PEER_A, PEER_B] },
      { kind: 'not-asked', ...line, node: 'p3', nodeName: 'cellar', reason: 'its label zone is cellar' },
      { kind: 'unreachable', ...line, node: 'p4', nodeName: 'shed', reason: 'connection refused' },
      {
        kind: 'bid',
        ...line,
        ...barn,
        bidId: 'b1',
        slots: 1,
        terms,
        rank: { score: 0.75, terms: { fit: 0.5, load: 0.25 } },
        proof: '',
      },
      { kind: 'declined', ...line, node: PEER_A, nodeName: 'attic', reasons, wouldFit: free, proof: '' },
      { kind: 'awarded', ...line, ...barn, bidId: 'b1', slots: 1 },
    ],
    storyDropped: 0,
    attempts: [
      {
        attempt: 1,
        ...barn,
        bidId: 'b1',
        awardedAtMs: line.atMs + 2,
        contractedAtMs: line.atMs + 4,
        startedAtMs: line.atMs + 6,
        endedAtMs: line.atMs + 1006,
        outcome: 'ended',
        exit: { exitCode: 3, startedAtMs: line.atMs + 6, endedAtMs: line.atMs + 1006 },
      },
    ],
  }
}
