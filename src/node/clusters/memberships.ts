/**
 * The clusters that a daemon is in. The first keeps the daemon's own directory; each other one has a key, a store and
 * links of its own, and shares with it the machine, the policy of its owner and the local API.
 */
import { join as joinPath } from 'node:path'
import type { MeshState } from '../../mesh/types.ts'
import type { ClusterPlaceView } from '../../model/cluster-place.ts'
import type { MovedView } from '../../model/cluster.ts'
import type { Founding } from '../../model/cluster-requests.ts'
import { openStore } from '../../store/sqlite.ts'
import { messageOf } from '../../util/errors.ts'
import { statementSigner } from '../../wire/statement.ts'
import { openAuditLog } from '../audit/parts.ts'
import { createOperations } from '../daemon-operations.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { EventHub } from '../events.ts'
import { founding, nameIn, redeeming, type Beginning } from '../governance/beginning.ts'
import { loadSeed } from '../identity.ts'
import { startMembership } from '../membership.ts'
import { OperationError, type Operations } from '../operations.ts'
import { DEFAULT_PORT, type DaemonOptions } from '../options.ts'
import { Undo } from '../undo.ts'
import type { Clusters, Machine } from './machine.ts'
import { MOST_PLACES, Places, type Place } from './places.ts'
import { viewOf } from './view.ts'

/** A cluster that this daemon takes part in. */
interface Running {
  readonly parts: DaemonParts
  readonly operations: Operations
  stop(): Promise<void>
}

/** One of those beside the first. */
interface Beside {
  readonly place: Place
  /** Outlives a restart, and so do those who listen to it. */
  readonly events: EventHub
  running?: Running
  /** Why it does not run. */
  problem?: string
}

export class Memberships implements Clusters {
  readonly #machine: Machine
  readonly #restartDaemon: () => void
  readonly #places: Places
  readonly #beside = new Map<string, Beside>()
  #first: Running | undefined
  /** One change at a time. */
  #changing: Promise<unknown> = Promise.resolve()

  constructor(machine: Machine, restartDaemon: () => void) {
    this.#machine = machine
    this.#restartDaemon = restartDaemon
    this.#places = new Places(machine.options.paths.dataDir, machine.log)
  }

  /** Starts the first. Call once. @throws as `startMembership`; nothing of it is left running then */
  async startFirst(): Promise<Operations> {
    const { options, clock } = this.#machine
    const events = new EventHub(clock.wallMs())
    this.#first = await this.#run(options, { events, port: DEFAULT_PORT, restart: this.#restartDaemon })
    return this.#first.operations
  }

  /** Starts those beside the first, as they are kept. One that cannot be is named by `views`. */
  async startOthers(): Promise<void> {
    const places = this.#places.list()
    for (const place of places.slice(0, MOST_PLACES)) await this.#start(place)
    for (const { name } of places.slice(MOST_PLACES))
      this.#machine.log.error({ name }, 'too many clusters: not started')
  }

  /** Leaves all of them running work behind, the first last. */
  async stop(): Promise<void> {
    await this.#changing.catch(() => {})
    await Promise.all([...this.#beside.values()].map(async ({ running }) => running?.stop()))
    await this.#first?.stop()
  }

  within(name: string): Operations {
    const running = name === this.#firstName() ? this.#first : this.#beside.get(name)?.running
    if (running !== undefined) return running.operations
    const { problem } = this.#beside.get(name) ?? {}
    if (problem !== undefined) throw new OperationError('conflict', `this daemon is not in ${name} now: ${problem}`)
    throw new OperationError('not-found', `this daemon is in no cluster ${name}`, {
      fix: `it is in ${[this.#firstName(), ...this.#beside.keys()].join(', ')}: see \`althing clusters\``,
    })
  }

  views(): ClusterPlaceView[] {
    const first = viewOf(this.#firstName(), true, this.#first!.parts)
    const others = [...this.#beside.values()].map(({ place: { name }, running, problem = 'it is starting' }) =>
      running === undefined ? { name, first: false, problem } : viewOf(name, false, running.parts),
    )
    return [first, ...others]
  }

  meshes(): MeshState[] {
    return this.#all().map(({ parts }) => parts.mesh)
  }

  refuseName(name: string): void {
    if (name !== this.#firstName() && !this.#places.has(name)) return
    throw new OperationError('conflict', `this daemon is in a cluster ${name} already`, {
      fix: 'call this one otherwise here: --beside --as NAME',
    })
  }

  refuseCluster(name: string, id: string): void {
    const known = this.views().find((view) => view.id === id)
    if (known !== undefined) {
      throw new OperationError('conflict', `this daemon is in this very cluster already: it is ${known.name} here`)
    }
    this.refuseName(name)
  }

  found(request: Founding, as = request.name): Promise<MovedView> {
    const { clock } = this.#machine
    return this.#add(as, async (seed) => founding(statementSigner(seed), request, clock.wallMs()))
  }

  join(ticket: string, as: string | undefined): Promise<MovedView> {
    const { options, clock, log } = this.#machine
    const porch = { allowPublic: options.publicNetwork ?? false, log, nowMs: () => clock.wallMs() }
    const name = as ?? nameIn(ticket, clock.wallMs())
    return this.#add(name, (seed) =>
      redeeming({ ...porch, seed }, ticket, ({ cluster }) => this.refuseCluster(name, cluster)),
    )
  }

  async #add(name: string, begin: (seed: Uint8Array) => Promise<Beginning>): Promise<MovedView> {
    return this.#oneByOne(async () => {
      this.refuseName(name)
      if (this.#beside.size >= MOST_PLACES)
        throw new OperationError('full', `a daemon is in ${MOST_PLACES + 1} clusters at most`, {
          fix: 'leave one: `althing leave --in NAME`',
        })
      const place = this.#places.begin(
        name,
        [...this.#beside.values()].map((beside) => beside.place.port),
      )
      try {
        const seed = loadSeed(place.dir)
        const beginning = await begin(seed)
        this.#write(place, beginning)
        place.keep()
        await this.#start({ name, dir: place.dir, port: place.port })
        return { cluster: name, id: beginning.id, peerId: statementSigner(seed).id }
      } catch (error) {
        if (!this.#places.has(name)) place.drop()
        throw error
      }
    })
  }

  /** What a member's store begins with, and the event that tells of it. */
  #write({ dir }: Place, { writes, event }: Beginning): void {
    const { log, clock } = this.#machine
    const store = openStore(joinPath(dir, 'althing.db'), log)
    const audit = openAuditLog(store, clock, log)
    try {
      audit.log.write(writes, [event], 'durably')
    } finally {
      audit.log.close()
      store.close()
    }
  }

  async #start(place: Place): Promise<void> {
    const { name, dir, port } = place
    const { options, log, clock } = this.#machine
    const known = this.#beside.get(name)
    const beside: Beside = { place, events: known?.events ?? new EventHub(clock.wallMs()) }
    this.#beside.set(name, beside)
    try {
      const restart = () => void this.#oneByOne(() => this.#again(beside))
      beside.running = await this.#run(optionsOf(options, dir, port), { events: beside.events, port, restart })
      log.info({ name, dir }, 'takes part in another cluster')
    } catch (error) {
      beside.problem = messageOf(error)
      log.error({ name, dir, error: beside.problem }, 'cannot take part in a cluster')
    }
  }

  /** Another key, or none any more: then it was left. */
  async #again({ place, running, events }: Beside): Promise<void> {
    await running?.stop()
    const wasLeft = !this.#isMember(place)
    if (wasLeft) {
      this.#beside.delete(place.name)
      this.#places.retire(place, this.#machine.clock.wallMs())
    } else await this.#start(place)
    events.emit({ atMs: this.#machine.clock.wallMs(), type: 'reset', subject: '', what: 'reset' })
  }

  #isMember({ dir }: Place): boolean {
    const store = openStore(joinPath(dir, 'althing.db'), this.#machine.log)
    try {
      return store.load('cluster').size > 0
    } finally {
      store.close()
    }
  }

  async #run(
    options: DaemonOptions,
    how: { readonly events: EventHub; readonly port: number; readonly restart: () => void },
  ): Promise<Running> {
    const { log } = this.#machine
    const nodePolicy = this.#first?.parts.nodePolicy
    const undo = new Undo(log)
    try {
      const starting = { machine: this.#machine, options, clusters: this, ...how, ...(nodePolicy && { nodePolicy }) }
      const parts = await startMembership(starting, log, undo)
      return { parts, operations: createOperations(parts), stop: () => undo.run() }
    } catch (error) {
      await undo.run()
      throw error
    }
  }

  #firstName(): string {
    const { parts } = this.#first!
    return parts.governor.state?.log.genesis.name ?? parts.cluster
  }

  #all(): Running[] {
    const beside = [...this.#beside.values()].flatMap(({ running }) => (running === undefined ? [] : [running]))
    return [...(this.#first ? [this.#first] : []), ...beside]
  }

  #oneByOne<Outcome>(change: () => Promise<Outcome>): Promise<Outcome> {
    const done = this.#changing.catch(() => {}).then(change)
    this.#changing = done
    return done
  }
}

/** Those of the daemon, but for what is about its first cluster alone. */
function optionsOf(daemon: DaemonOptions, dir: string, port: number): DaemonOptions {
  const { cluster: _cluster, join: _join, open: _open, trust: _trust, port: said, listen, ...shared } = daemon
  const paths = { ...daemon.paths, dataDir: dir }
  const elsewhere = listen?.map((address) => address.replace(/\/tcp\/\d+/, `/tcp/${port}`))
  // Who let the first take any port lets the others too.
  return { ...shared, paths, ...(elsewhere && { listen: elsewhere }), ...(said === 0 && { port: 0 }) }
}
