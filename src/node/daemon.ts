/**
 * The composition root: the only place that knows every part of a daemon. `startDaemon` builds and
 * starts them in an order that reads from top to bottom; stopping undoes it in the reverse one.
 */
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createProcessDriver } from '../drivers/process/process-driver.ts'
import { probeHardware } from '../hw/inventory.ts'
import { createSampler } from '../hw/sampler.ts'
import { createMesh, meshStep, nextWakeMs } from '../mesh/step.ts'
import type { MeshInput } from '../mesh/types.ts'
import type { HardwareSummary } from '../model/hardware.ts'
import type { Passport } from '../model/passport.ts'
import { openStore } from '../store/sqlite.ts'
import { systemClock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import { seededRng } from '../util/rng.ts'
import { createSigner } from '../wire/envelope.ts'
import { statementSigner } from '../wire/statement.ts'
import { BundleStore } from './bundle-store.ts'
import { createOperations } from './daemon-operations.ts'
import type { DaemonParts } from './daemon-state.ts'
import { Examiner } from './doctor/examiner.ts'
import { createEffects } from './effects.ts'
import { EventHub } from './events.ts'
import { bundlesInUse, localFacts, meshConfigOf, readPassports, readTrust } from './facts.ts'
import { loadSeed, loadToken } from './identity.ts'
import { assembleGovernance } from './governance/assemble.ts'
import { finishRotation } from './governance/moving.ts'
import { Inbound } from './inbound.ts'
import { KnownPeers } from './known-peers.ts'
import { LinkSpeeds } from './link-speeds.ts'
import { lockDataDir } from './lock.ts'
import { MeshLoop } from './loop.ts'
import { toFrame, type Sealer } from './messages.ts'
import { choosePort, makePeer } from './network.ts'
import type { Operations } from './operations.ts'
import type { DaemonOptions } from './options.ts'
import { defaultNodeName, ownPassport } from './own-passport.ts'
import { adoptRuns, restoreMesh } from './restore.ts'
import { Probes } from './probes.ts'
import { Runner } from './runner.ts'
import { KeptRuns } from './runs.ts'
import { Undo } from './undo.ts'
import { VERSION } from './version.ts'

/** A daemon that takes part in the mesh. */
export interface Daemon {
  readonly operations: Operations
  /** Bearer token of the loopback API. */
  readonly token: string
  /** Resolves when somebody asked it to end, by `Operations.shutdown`, or to start anew in another cluster. */
  readonly endAsked: Promise<'shutdown' | 'restart'>
  /** Told once the page listens, so that `status` can name it. */
  setPageUrl(url: string): void
  /** Says goodbye, stops listening, keeps what must be kept. Tasks run on. */
  stop(): Promise<void>
}

/**
 * Starts a daemon on a data directory.
 * @throws LockError, IdentityError, StoreError, PeerError, PassportError; nothing is left running then
 */
export async function startDaemon(options: DaemonOptions, log: Logger): Promise<Daemon> {
  const undo = new Undo(log)
  try {
    return await compose(options, log, undo)
  } catch (error) {
    await undo.run()
    throw error
  }
}

async function compose(options: DaemonOptions, log: Logger, undo: Undo): Promise<Daemon> {
  const { dataDir } = options.paths
  const clock = systemClock()
  const lock = lockDataDir(dataDir)
  undo.add('lock', () => lock.release())
  const token = loadToken(dataDir)
  const extraPassports = await readPassports(options)
  const store = openStore(join(dataDir, 'althing.db'), log.child({ component: 'store' }))
  undo.add('store', () => store.close())
  finishRotation(dataDir, store, log)
  const seed = loadSeed(dataDir)
  const signer = createSigner(seed)
  // Durable before anything is signed under it.
  const epoch = store.nextEpoch(0, Math.floor(clock.wallMs() / 1000))
  const driver = createProcessDriver({
    dir: join(dataDir, 'runs'),
    log: log.child({ component: 'process' }),
    nowMs: () => clock.wallMs(),
  })
  undo.add('driver', () => driver.close())
  const hardware = await probeHardware()

  const trusted = readTrust(store, options)
  const rng = seededRng(randomInt(2 ** 47))
  const events = new EventHub(clock.wallMs())
  const { governor, porch } = assembleGovernance({
    ...{ options, seed, signer: statementSigner(seed), store, clock, rng, events, log },
    ...{ peer: () => peer, sealer: () => sealer, input: (one) => input(one), refresh: () => parts.refresh() },
  })
  const config = meshConfigOf(governor.tag === undefined ? options : { ...options, cluster: governor.tag })
  const facts = () => localFacts(options, hardware, driver, trusted, governor, signer.id)
  const mesh = createMesh(signer.id, config, facts())
  const keptRuns = new KeptRuns({ store, driver, log })
  keptRuns.restore()
  undo.add('kept runs', () => keptRuns.close())
  const loop: MeshLoop = new MeshLoop({
    core: {
      step: (one, nowMs) => meshStep(mesh, one, nowMs, { config, rng }),
      nextWakeMs: () => nextWakeMs(mesh),
    },
    store,
    clock,
    log: log.child({ component: 'mesh' }),
    // The loop and what carries out its effects need each other; this runs only once both stand.
    carry: (effect) => carry(effect),
  })
  const input = (one: MeshInput) => void loop.input(one)
  const post = (one: MeshInput) => loop.post(one)

  const bundles = new BundleStore({
    dir: join(dataDir, 'bundles'),
    inUse: () => bundlesInUse(mesh),
    onChange: (sha256, here) => input({ type: 'bundle', sha256, here }),
  })
  await bundles.open()
  const inbound = new Inbound({
    cluster: config.cluster,
    clock,
    log: log.child({ component: 'inbound' }),
    input: (one) => loop.input(one),
    post,
    onHello: (from, hello) => {
      probes.learn(from, hello.probe)
      knownPeers.note(from, peer.link(from))
      governor.onHello(from, hello)
    },
    onBye: (from) => {
      governor.onBye(from)
      // One that published nothing was a passer-by: its key is not kept for it.
      if (!mesh.registry.authors.has(from)) probes.forget(from)
    },
    mayPublish: (author) => governor.mayLink(author),
    onGovernance: (from, message) => governor.onMessage(from, message),
    onExamine: (from, message) => examiner.take(from, message),
  })
  const speeds = new LinkSpeeds(() => clock.nowMs())
  const onAddresses = () => parts.refresh()
  const mayLink = (other: string) => governor.mayLink(other)
  const servants = { inbound, bundles, driver, mesh, events, keptRuns, onAddresses, speeds, mayLink }
  const knownPeers = new KnownPeers({ store, cluster: config.cluster, clock, log })
  const port = await choosePort(options, log)
  const peer = makePeer(options, port, config.cluster, seed, knownPeers.restore(), servants, log)
  const runner = new Runner({
    self: signer.id,
    driver,
    bundles,
    clock,
    log: log.child({ component: 'runner' }),
    input: post,
    openBundleStream: (from, signal) => peer.openStream('bundle', from, signal),
    speeds,
  })
  const sealer: Sealer = { signer, clock, epoch, seq: 0 }
  const probes = new Probes({
    peer: () => peer,
    clock,
    log,
    post,
    allowPublic: options.publicNetwork ?? false,
    overLink: (to, message) => {
      // A link that goes at this moment takes the probe with it, as a network may.
      if (peer.link(to) !== undefined) peer.send(to, toFrame(message, sealer)).catch(() => {})
    },
  })
  const examiner = new Examiner({
    peer: () => peer,
    mesh,
    clock,
    sealer,
    probes: () => probes,
    mdns: options.mdns ?? true,
  })
  const carry = createEffects({
    mesh,
    peer,
    store,
    sealer,
    clock,
    log,
    events,
    runner,
    keptRuns,
    probes,
    governor,
    input,
    post,
  })

  const ended = Promise.withResolvers<'shutdown' | 'restart'>()
  const name = options.name ?? defaultNodeName()
  const parts: DaemonParts = {
    options,
    name,
    cluster: config.cluster,
    leaseMs: config.leaseMs,
    version: VERSION,
    log,
    clock,
    rng,
    store,
    driver,
    bundles,
    keptRuns,
    events,
    mesh,
    loop,
    peer,
    inbound,
    probes,
    governor,
    porch,
    seed,
    signer: statementSigner(seed),
    examiner,
    speeds,
    trusted,
    extraPassports,
    pageUrl: undefined,
    refresh: () => {
      input({ type: 'local', facts: facts() })
      input({ type: 'passports', passports: [machinePassport(parts, hardware), ...extraPassports.values()] })
    },
    shutdown: () => ended.resolve('shutdown'),
    restart: () => ended.resolve('restart'),
  }
  await probes.open(port, options.listen)
  undo.add('probes', () => probes.close())
  await start(parts, runner, epoch, undo)
  return {
    operations: createOperations(parts),
    token,
    endAsked: ended.promise,
    setPageUrl: (url) => (parts.pageUrl = url),
    stop: () => undo.run(),
  }
}

/** What the last heartbeat gets to reach the neighbours. */
const GOODBYE_MS = 100

/** From the store to the network: nothing is said to others before what was said earlier is known again. */
async function start(parts: DaemonParts, runner: Runner, epoch: number, undo: Undo): Promise<void> {
  const { loop, store, clock, log, driver, mesh, peer, options, bundles, governor, porch } = parts
  undo.add('loop', () => loop.close())
  undo.add('runner', () => runner.close())
  for (const sha256 of bundles.list()) loop.input({ type: 'bundle', sha256, here: true })
  restoreMesh(loop, store, (author) => governor.mayLink(author), clock, log)
  await adoptRuns(loop, driver, runner, mesh, log)
  const sampler = createSampler({ clock, onSample: (sample) => void loop.input({ type: 'sample', sample }) })
  sampler.start()
  undo.add('sampler', () => sampler.stop())
  undo.add('peer', () => peer.stop())
  await peer.start()
  // What was restored may need bundles of others: only now can they be reached.
  runner.open()
  undo.add('goodbye', async () => {
    loop.input({ type: 'leave' })
    // Gossip leaves on the next turns of the event loop; closing the links at once would cut it off.
    if (peer.peers().length > 0) await pause(GOODBYE_MS)
  })
  parts.refresh()
  undo.add('governor', () => governor.stop())
  undo.add('porch', () => porch.close())
  // Other members are known already, and dialled: this node waits for one of them as it would for one to join by.
  const others = governor.state === undefined ? 0 : governor.state.roster.members.size - 1
  loop.input({ type: 'start', epoch, alone: (options.join ?? []).length === 0 && others < 1 })
  governor.start()
  await porch.tend()
}

function machinePassport(parts: DaemonParts, hardware: HardwareSummary): Passport {
  const { mesh, name, driver, peer } = parts
  const { labels, capacity, drivers } = mesh.local
  const enforcement = driver.enforcement()
  return ownPassport({
    peerId: mesh.self,
    name,
    version: VERSION,
    labels,
    hardware,
    capacity,
    drivers,
    enforcement,
    addresses: peer.addresses(),
  })
}
