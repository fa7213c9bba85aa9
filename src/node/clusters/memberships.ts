/**
 * The clusters that a daemon is in. The first keeps the daemon's own directory; each other one has a key, a store and
 * links of its own, and shares with it the machine, the policy of its owner and the local API.
 */
import type { MeshState } from '../../mesh/types.ts'
import type { ClusterPlaceView } from '../../model/cluster-place.ts'
import type { MovedView } from '../../model/cluster.ts'
import type { Founding } from '../../model/cluster-requests.ts'
import { messageOf } from '../../util/errors.ts'
import { statementSigner } from '../../wire/statement.ts'
import { createOperations } from '../daemon-operations.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { EventHub } from '../events.ts'
import { founding, redeeming, ticketIn, type Beginning } from '../governance/beginning.ts'
import { loadSeed } from '../identity.ts'
import { startMembership } from '../membership.ts'
import { OperationError, type Operations } from '../operations.ts'
import { DEFAULT_CLUSTER, DEFAULT_PORT } from '../options.ts'
import { Undo } from '../undo.ts'
import type { Beside as BesideRequest, Clusters, Machine } from './machine.ts'
import { optionsOf } from './options-of.ts'
import { MOST_PLACES, Places, type Place, type Unreadable } from './places.ts'
import { isMember, reservedIn, writeBeginning } from './stored.ts'
import { viewOf } from './view.ts'

/** One that could not be started is tried again so often: a port may come free, a disk have room. */
const RETRY_MS = 30_000

const TOO_MANY = `a daemon is in ${MOST_PLACES + 1} clusters at most`

/** A cluster that this daemon takes part in. */
interface Running {
  readonly parts: DaemonParts
  readonly operations: Operations
  stop(): Promise<void>
}

/** One of those beside the first. */
interface Beside {
  readonly place: Place | Unreadable
  /** Outlives a restart, and so do those who listen to it. */
  readonly events: EventHub
  running?: Running | undefined
  /** Why it does not run. */
  problem?: string | undefined
}

export class Memberships implements Clusters {
  readonly #machine: Machine
  readonly #restartDaemon: () => void
  readonly #places: Places
  readonly #beside = new Map<string, Beside>()
  readonly #stopping = new AbortController()
  #first: Running | undefined
  /** One change at a time. */
  #changing: Promise<unknown> = Promise.resolve()
  #retryTimer: NodeJS.Timeout | undefined

  constructor(machine: Machine, restartDaemon: () => void) {
    this.#machine = machine
    this.#restartDaemon = restartDaemon
    this.#places = new Places(machine.options.paths.dataDir)
  }

  /** Starts the first. Call once. @throws as `startMembership`; nothing of it is left running then */
  async startFirst(): Promise<Operations> {
    const { options, clock, broker, log } = this.#machine
    // Before anybody is promised anything: what runs on of the other clusters takes room.
    for (const { dir } of this.#places.list()) broker.expect(dir, reservedIn(dir, log))
    const events = new EventHub(clock.wallMs())
    this.#first = await this.#run(options, { events, port: DEFAULT_PORT, restart: this.#restartDaemon, log })
    return this.#first.operations
  }

  /** Starts those beside the first, as they are kept. One that cannot be is named by `views`, and tried again. */
  async startOthers(): Promise<void> {
    const { clock } = this.#machine
    for (const place of this.#places.list()) {
      const beside: Beside = { place, events: new EventHub(clock.wallMs()) }
      this.#beside.set(place.name, beside)
      if ('problem' in place) beside.problem = place.problem
      else await this.#start(beside, place)
    }
  }

  /** Leaves all of them, running work behind, the first last. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#retryTimer)
    await this.#changing.catch(() => {})
    await Promise.all([...this.#beside.values()].map(async ({ running }) => running?.stop()))
    await this.#first?.stop()
  }

  within(name: string): Operations {
    const running = name === this.#firstName() ? this.#first : this.#beside.get(name)?.running
    if (running !== undefined) return running.operations
    const { problem } = this.#beside.get(name) ?? {}
    if (problem !== undefined)
      throw new OperationError('conflict', `this daemon is not in ${name} now: ${problem}`, {
        fix: 'it is tried again every half minute; `althing clusters forget` gives it up',
      })
    throw new OperationError('not-found', `this daemon is in no cluster ${name}`, {
      fix: `it is in ${this.names().join(', ')}: see \`althing clusters\``,
    })
  }

  names(): string[] {
    return [this.#firstName(), ...this.#beside.keys()]
  }

  views(): ClusterPlaceView[] {
    const first = viewOf(this.#firstName(), true, this.#first!.parts)
    const others = [...this.#beside.values()].map(({ place, running, problem = 'it is starting' }) => {
      if (running !== undefined) return viewOf(place.name, false, running.parts)
      return { name: place.name, first: false, ...('cluster' in place && { id: place.cluster }), problem }
    })
    return [first, ...others]
  }

  meshes(): MeshState[] {
    const beside = [...this.#beside.values()].flatMap(({ running }) => (running === undefined ? [] : [running]))
    return [...(this.#first ? [this.#first] : []), ...beside].map(({ parts }) => parts.mesh)
  }

  refuseName(name: string): void {
    if (!this.#beside.has(name) && !this.#places.has(name)) return
    throw new OperationError('conflict', `${name} is the name of another cluster on this machine`, {
      fix: 'call this one otherwise here, with --beside --as NAME, or leave that one',
    })
  }

  /** As `refuseName`, for one that is to be beside the first, which has names of its own. */
  #refuseBeside(name: string): void {
    // By the last two it is called when it belongs to none: what is meant by them must not change then.
    const { cluster = DEFAULT_CLUSTER } = this.#machine.options
    if ([this.#firstName(), DEFAULT_CLUSTER, cluster].includes(name)) {
      throw new OperationError('conflict', `${name} is a name of the first cluster of this daemon`, {
        fix: 'call this one otherwise here: --beside --as NAME',
      })
    }
    this.refuseName(name)
  }

  refuseCluster(id: string): void {
    const known = this.views().find((view) => view.id === id)
    if (known === undefined) return
    throw new OperationError('conflict', `this daemon is in this very cluster already: it is ${known.name} here`)
  }

  found(request: Founding, { as = request.name }: BesideRequest): Promise<MovedView> {
    const { clock } = this.#machine
    // Whoever founds it says whose the machine is.
    return this.#add(as, undefined, true, async (seed) => founding(statementSigner(seed), request, clock.wallMs()))
  }

  async join(text: string, { as, own = false }: BesideRequest): Promise<MovedView> {
    const { options, clock, log } = this.#machine
    const nowMs = () => clock.wallMs()
    const made = ticketIn(text, nowMs())
    const { cluster, name } = made.ticket
    this.refuseCluster(cluster)
    const porch = { allowPublic: options.publicNetwork ?? false, log, nowMs, signal: this.#stopping.signal }
    return this.#add(as ?? name, cluster, own, (seed) => redeeming({ ...porch, seed }, made))
  }

  async forget(name: string): Promise<ClusterPlaceView[]> {
    return this.#oneByOne(async () => {
      const beside = this.#beside.get(name)
      if (beside === undefined) throw new OperationError('not-found', `${name} is no cluster beside the first`)
      if (beside.running !== undefined)
        throw new OperationError('conflict', `this daemon takes part in ${name}`, { fix: `althing leave --in ${name}` })
      await this.#retire(beside)
      return this.views()
    })
  }

  #add(
    name: string,
    cluster: string | undefined,
    own: boolean,
    begin: (seed: Uint8Array) => Promise<Beginning>,
  ): Promise<MovedView> {
    return this.#oneByOne(async () => {
      this.#refuseBeside(name)
      if (this.#beside.size >= MOST_PLACES)
        throw new OperationError('full', TOO_MANY, {
          fix: 'leave one: `althing leave --in NAME`',
        })
      const taken = [...this.#beside.values()].flatMap(({ place }) => ('port' in place ? [place.port] : []))
      const { dir, port } = this.#places.begin(name, cluster, taken)
      const seed = loadSeed(dir)
      const beginning = await begin(seed)
      writeBeginning(dir, beginning, this.#machine)
      const place = this.#places.keep({ name, dir, port, cluster: beginning.id, own })
      const beside: Beside = { place, events: new EventHub(this.#machine.clock.wallMs()) }
      this.#beside.set(name, beside)
      await this.#start(beside, place)
      return { cluster: name, id: beginning.id, peerId: statementSigner(seed).id }
    })
  }

  async #start(beside: Beside, place: Place): Promise<void> {
    const { name, dir, port, own } = place
    const { options, log } = this.#machine
    try {
      // A crash between leaving and putting away. Without a genesis it would be open to everybody.
      if (!isMember(dir, log)) return await this.#retire(beside)
      if (this.meshes().length > MOST_PLACES) throw new OperationError('full', TOO_MANY)
      const restart = () => void this.#oneByOne(() => this.#again(beside, place)).catch(() => {})
      const { events } = beside
      const how = { events, port, restart, guestsOnly: !own, log: log.child({ cluster: name }) }
      beside.running = await this.#run(optionsOf(options, dir, port), how)
      beside.problem = undefined
      log.info({ name, dir }, 'takes part in another cluster')
    } catch (error) {
      this.#failed(beside, error)
    }
  }

  #failed(beside: Beside, error: unknown): void {
    const { log } = this.#machine
    beside.running = undefined
    beside.problem = messageOf(error)
    log.error({ name: beside.place.name, error: beside.problem }, 'cannot take part in a cluster')
    if (this.#stopping.signal.aborted) return
    this.#retryTimer ??= setTimeout(() => {
      this.#retryTimer = undefined
      void this.#oneByOne(() => this.#retry()).catch(() => {})
    }, RETRY_MS)
  }

  async #retry(): Promise<void> {
    for (const beside of this.#beside.values()) {
      const { place, running } = beside
      if (running === undefined && !('problem' in place)) await this.#start(beside, place)
    }
  }

  /** With another key, or not at all: then it was left. */
  async #again(beside: Beside, place: Place): Promise<void> {
    const { running, events } = beside
    await running?.stop()
    beside.running = undefined
    await this.#start(beside, place)
    events.emit({ atMs: this.#machine.clock.wallMs(), type: 'reset', subject: '', what: 'reset' })
  }

  async #retire(beside: Beside): Promise<void> {
    const { name, dir } = beside.place
    await this.#places.retire(beside.place, this.#machine.clock.wallMs())
    this.#beside.delete(name)
    this.#machine.broker.settled(dir)
  }

  async #run(
    options: Machine['options'],
    how: Omit<Parameters<typeof startMembership>[0], 'machine' | 'options' | 'clusters' | 'nodePolicy'>,
  ): Promise<Running> {
    const nodePolicy = this.#first?.parts.nodePolicy
    const undo = new Undo(how.log)
    try {
      const starting = { machine: this.#machine, options, clusters: this, ...how, ...(nodePolicy && { nodePolicy }) }
      const parts = await startMembership(starting, undo)
      return { parts, operations: createOperations(parts), stop: () => undo.run() }
    } catch (error) {
      await undo.run()
      throw error
    }
  }

  /** Where a start by another name met one that is called so, that one keeps it. */
  #firstName(): string {
    const { parts } = this.#first!
    const name = parts.governor.state?.log.genesis.name ?? parts.cluster
    return this.#beside.has(name) ? `${name}.first` : name
  }

  #oneByOne<Outcome>(change: () => Promise<Outcome>): Promise<Outcome> {
    const done = this.#changing
      .catch(() => {})
      .then(() => {
        if (this.#stopping.signal.aborted) throw new OperationError('conflict', 'the daemon is ending')
        return change()
      })
    this.#changing = done
    return done
  }
}
