/**
 * The composition root of one cluster's part of a daemon: the only place that knows every part of it. `startMembership`
 * builds and starts them in an order that reads from top to bottom; stopping undoes it in the reverse one.
 */
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { createProcessDriver } from '../drivers/process/process-driver.ts'
import { isQuestion } from '../mesh/promises.ts'
import { createMesh, meshStep, nextWakeMs } from '../mesh/step.ts'
import type { MeshInput } from '../mesh/types.ts'
import { openStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from '../util/clock.ts'
import type { Logger } from '../util/logger.ts'
import { seededRng } from '../util/rng.ts'
import { createSigner } from '../wire/envelope.ts'
import { statementSigner } from '../wire/statement.ts'
import { createAuditParts, openAuditLog } from './audit/parts.ts'
import { bringUp } from './bring-up.ts'
import { BundleStore } from './bundle-store.ts'
import type { Sharer } from './clusters/broker.ts'
import type { Clusters, Machine } from './clusters/machine.ts'
import type { DaemonParts } from './daemon-state.ts'
import { Examiner } from './doctor/examiner.ts'
import { createEffects } from './effects.ts'
import type { EventHub } from './events.ts'
import { bundlesInUse, localFacts, meshConfigOf, readPassports, readTrust } from './facts.ts'
import { loadSeed } from './identity.ts'
import { adoptDecisions } from './governance/adopt.ts'
import { assembleGovernance } from './governance/assemble.ts'
import { finishRotation } from './governance/moving.ts'
import { TrialWatch } from './governance/trial-watch.ts'
import { Inbound } from './inbound.ts'
import { KnownPeers } from './known-peers.ts'
import { LinkSpeeds } from './link-speeds.ts'
import { LinkBudget } from './link-budget.ts'
import { MeshLoop } from './loop.ts'
import { takeOwnMessages } from './own-messages.ts'
import { toFrame, type Sealer } from './messages.ts'
import { choosePort, makePeer } from './network.ts'
import { NodePolicy, type PolicyChange } from './node-policy.ts'
import type { DaemonOptions } from './options.ts'
import { defaultNodeName, machinePassport } from './own-passport.ts'
import { mayStart, Policies } from './policies.ts'
import { Probes } from './probes.ts'
import { isQuarantined } from './quarantine.ts'
import { Quotes } from './quotes.ts'
import { RemoteOperations } from './remote-operations.ts'
import { Runner } from './runner.ts'
import { KeptRuns } from './runs.ts'
import { Settings } from './settings.ts'
import type { Undo } from './undo.ts'
import { VERSION } from './version.ts'
import { WardQueries } from './ward-queries.ts'

/** What a membership is started with. */
export interface MembershipOptions {
  readonly machine: Machine
  /** Those of the daemon, with this membership's own directory and port. */
  readonly options: DaemonOptions
  /** Where it listens, as long as that is free and nobody said where. */
  readonly port: number
  readonly events: EventHub
  /** The policy of this machine, where another membership keeps it; absent: this one does. */
  readonly nodePolicy?: NodePolicy
  /** All clusters of the daemon. */
  readonly clusters: Clusters
  /** All other members are guests here, whoever owns them by the roster: that says what others wrote into it. */
  readonly guestsOnly?: boolean
  /** Starts it anew: in another cluster, or with another key. */
  readonly restart: () => void
  readonly log: Logger
}

/** Takes part in one cluster, until `undo` is run. @throws IdentityError, StoreError, PeerError, PassportError */
export async function startMembership(starting: MembershipOptions, undo: Undo): Promise<DaemonParts> {
  const { machine, options, events, clusters, restart, log, guestsOnly = false } = starting
  const { clock, hardware, broker } = machine
  const { dataDir } = options.paths
  const extraPassports = await readPassports(options)
  const store = openStore(join(dataDir, 'althing.db'), log.child({ component: 'store' }))
  undo.add('store', () => store.close())
  finishRotation(dataDir, store, log)
  const seed = loadSeed(dataDir)
  const signer = createSigner(seed)
  // Durable before anything is signed under it.
  const epoch = store.nextEpoch(0, Math.floor(clock.wallMs() / 1000))
  const auditLog = openAuditLog(store, clock, log.child({ component: 'audit' }))
  undo.add('audit', () => auditLog.log.close())
  const driver = createProcessDriver({
    dir: join(dataDir, 'runs'),
    log: log.child({ component: 'process' }),
    nowMs: () => clock.wallMs(),
    hidden: machine.hidden,
  })
  undo.add('driver', () => driver.close())

  const trusted = readTrust(store, options)
  const rng = seededRng(randomInt(2 ** 47))
  const { governor, porch } = assembleGovernance({
    ...{ options, seed, signer: statementSigner(seed), store, clock, rng, events, log, guestsOnly },
    ...{ peer: () => peer, sealer: () => sealer, loop: () => loop, input: (one) => input(one) },
    ...{ refresh: () => parts.refresh(), adopt: () => adoptDecisions(parts) },
  })
  const config = meshConfigOf(governor.tag === undefined ? options : { ...options, cluster: governor.tag })
  const settings = new Settings(config, options.settings)
  settings.onChange = () => input({ type: 'configured' })
  const facts = () => localFacts(options, hardware, driver, trusted, governor, signer.id)
  const mesh = createMesh(signer.id, config, facts())
  const trialWatch = new TrialWatch({ mesh, clock, log, governor, signer: statementSigner(seed) })
  undo.add('trial watch', () => trialWatch.stop())
  const keptRuns = new KeptRuns({ store, driver, log })
  keptRuns.restore()
  undo.add('kept runs', () => keptRuns.close())
  const sharer: Sharer = { key: dataDir, mesh, post: (one) => loop.post(one) }
  undo.add('broker', broker.join(sharer))
  const takenElsewhere = () => broker.takenBesides(sharer)
  const usageElsewhere = () => broker.usageBesides(sharer, clock.nowMs())
  const auditHead = () => auditLog.log.safeHead()
  const loop: MeshLoop = new MeshLoop({
    core: {
      step: (one, nowMs) =>
        broker.around(sharer, () =>
          meshStep(mesh, one, nowMs, { config: settings.mesh, rng, auditHead, takenElsewhere, usageElsewhere }),
        ),
      nextWakeMs: () => nextWakeMs(mesh),
    },
    journal: auditLog.log,
    clock,
    log: log.child({ component: 'mesh' }),
    // The loop and what carries out its effects need each other; this runs only once both stand.
    carry: (effect) => carry(effect),
    isQuestion: (effect) => isQuestion(effect, signer.id),
    takeOwn: (effects, step) => takeOwnMessages(effects, signer.id, sealer, step),
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
    penalise: (other) => peer.penalise(other),
    mayPublish: (author) => governor.mayLink(author),
    onGovernance: (from, message) => governor.onMessage(from, message),
    onExamine: (from, message) => examiner.take(from, message),
    onSpareLink: (from) => void linkBudget.onSpare(from),
    onOperated: (from, answer) => remoteOperations.take(from, answer),
    isAsked: (nonce) => mesh.wards.questions.has(nonce),
  })
  const speeds = new LinkSpeeds(() => clock.nowMs())
  const mayLink = (other: string) => governor.mayLink(other) && !isQuarantined(mesh, other)
  const onAddresses = () => parts.refresh()
  const servants = { inbound, bundles, driver, mesh, events, keptRuns, onAddresses, speeds, mayLink }
  const knownPeers = new KnownPeers({ store, cluster: config.cluster, clock, log })
  const port = await choosePort(options, starting.port, log)
  const peer = makePeer(options, port, config.cluster, seed, knownPeers.restore(), servants, log)
  const runner = new Runner({
    self: signer.id,
    driver,
    bundles,
    clock,
    log: log.child({ component: 'runner' }),
    input: post,
    isolatedNetwork: options.isolatedNetwork ?? false,
    mayStart: (runId) => mayStart(loop, mesh, runId),
    onEnded: (how) => trialWatch.noteRun(how),
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
  const linkBudget = new LinkBudget({
    peer: () => peer,
    mesh,
    rng,
    mostLinks: () => settings.values['links.most'],
    ask: (to) => void peer.send(to, toFrame({ t: 'spare-link', body: {} }, sealer)).catch(() => {}),
  })
  const audit = createAuditParts(
    auditLog,
    sealer,
    mesh.audit.witness,
    log.child({ component: 'audit' }),
    (to, message) => peer.send(to, toFrame(message, sealer)),
  )
  const wardQueries = new WardQueries(mesh, post)
  const remoteOperations = new RemoteOperations({ peer: () => peer, sealer })
  const quotes = new Quotes({ rng, ask: (one) => loop.submit(one) })
  undo.add('quotes', () => quotes.close())
  const carrying = { mesh, peer, store, sealer, clock, log, events, runner, keptRuns, probes, governor }
  const carry = createEffects({ ...carrying, wardQueries, quotes, audit: audit.exchange, input, post })

  const nodePolicy = starting.nodePolicy ?? (await restoreNodePolicy(store, loop, clock, log))
  const onOwn = ({ what, name: subject, event }: PolicyChange): void => {
    // In the log of the one that keeps it this was written along with it.
    if (nodePolicy === starting.nodePolicy) loop.note(event)
    events.emit({ atMs: clock.wallMs(), type: 'policy', subject, what })
  }
  const policies = new Policies({ own: nodePolicy, onOwn, input, log })
  undo.add('policies', () => policies.close())
  const name = options.name ?? defaultNodeName()
  const parts: DaemonParts = {
    machine,
    clusters,
    options,
    name,
    cluster: config.cluster,
    version: VERSION,
    log,
    clock,
    rng,
    store,
    audit,
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
    nodePolicy,
    policies,
    quotes,
    remoteOperations,
    settings,
    trialWatch,
    speeds,
    wardQueries,
    trusted,
    extraPassports,
    refresh: () => {
      input({ type: 'local', facts: facts() })
      input({ type: 'passports', passports: [machinePassport(parts), ...extraPassports.values()] })
    },
    soon: (ms, act) => undo.soon('what was to come', ms, act),
    restart,
  }
  await probes.open(port, options.listen)
  undo.add('probes', () => probes.close())
  linkBudget.start()
  undo.add('link budget', () => linkBudget.stop())
  await bringUp(parts, runner, epoch, undo)
  return parts
}

/** The policy of this machine, as its first membership keeps it. */
async function restoreNodePolicy(store: Store, loop: MeshLoop, clock: Clock, log: Logger): Promise<NodePolicy> {
  const policy = new NodePolicy({ store, loop, nowMs: () => clock.wallMs(), log })
  await policy.restore()
  return policy
}
