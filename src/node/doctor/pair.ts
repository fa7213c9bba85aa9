/** The way from this node to another, walked step by step. What is measured here is judged in `diagnosis/`. */
import { setTimeout as delay } from 'node:timers/promises'
import { bestOffset, judgeClock, type Offset } from '../../diagnosis/clock.ts'
import { judgePath, judgeProbes, judgeRecords } from '../../diagnosis/link.ts'
import { judgeMulticastBetween } from '../../diagnosis/multicast.ts'
import {
  judgeCluster,
  judgeDial,
  judgeHandshake,
  judgeProtocol,
  LINK_STEPS,
  skipAfter,
  type HandshakeFacts,
} from '../../diagnosis/pair.ts'
import { skipped } from '../../diagnosis/step.ts'
import { multiaddrOf } from '../../diagnosis/target.ts'
import type { DoctorStep, StepId } from '../../model/doctor.ts'
import { mdnsServiceTag } from '../../peer/protocols.ts'
import { PeerError } from '../../peer/errors.ts'
import { surveyMulticast } from '../../reach/multicast.ts'
import { ownNetworks } from '../../reach/networks.ts'
import { tryTcp, type TcpAttempt } from '../../reach/tcp.ts'
import { messageOf } from '../../util/errors.ts'
import type { DaemonParts } from '../daemon-state.ts'
import type { Greeting } from '../inbound.ts'
import { namesOf } from '../views.ts'
import { heartbeatAgeOf, leaseMsOfNode, type Examination } from './examiner.ts'
import { resolveTarget, type Target } from './resolve.ts'

/** The whole walk; each step has less. */
const WALK_MS = 14_000
/** How long a hello is waited for once a link stands, and heartbeats once it is young. */
const GREETING_MS = 3_000
const RECORDS_MS = 3_000
const LOOK_MS = 50
const ASK_AGAIN_MS = 250
/** Exchanges by which the clocks are compared. */
const CLOCK_EXCHANGES = 4

/** Yields the steps in order; the first that is broken names what is wrong. Throws nothing. */
export async function* examinePair(parts: DaemonParts, text: string, signal: AbortSignal): AsyncGenerator<DoctorStep> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(WALK_MS)])
  const { step, target } = await resolveTarget(parts, text)
  yield step
  if (target === undefined) return yield* skipAfter('resolve', ['dial', ...LINK_STEPS])
  // Takes more than a second, and needs nothing of what follows.
  const multicast = parts.options.mdns === false ? NO_MULTICAST : surveyMulticast(tagOf(parts), inTime)
  const seen = yield* walk(parts, target, inTime)
  const networks = ownNetworks()
  const { hosts } = target
  yield judgeMulticastBetween({
    name: target.name,
    hosts,
    peer: seen.peer,
    facts: await multicast,
    isOn: parts.options.mdns !== false,
    isOnThere: seen.isMulticastOnThere,
    isSameMachine: target.isHere,
    isOnLink: hosts.some((host) => networks.isOnLink(host)),
  })
}

const NO_MULTICAST = { interfaces: [], answers: [] }

function tagOf(parts: DaemonParts): string {
  return mdnsServiceTag(parts.cluster)
}

/** What the walk learnt that matters for multicast. */
interface Seen {
  readonly peer: string | undefined
  readonly isMulticastOnThere: boolean | undefined
}

async function* walk(parts: DaemonParts, target: Target, signal: AbortSignal): AsyncGenerator<DoctorStep, Seen> {
  const { peer } = parts
  const wasLinked = target.peer !== undefined && peer.link(target.peer) !== undefined
  const attempts = await Promise.all(target.places.map(({ host, port }) => tryTcp(host, port, signal)))
  const seen = { peer: target.peer, isMulticastOnThere: undefined }
  if (target.hasRelay && target.peer !== undefined && !wasLinked && !attempts.some(({ state }) => state === 'open')) {
    await orAbort(peer.redial(target.peer), signal).catch(() => {})
  }
  const dial = judgeDial(target.name, attempts, target.peer === undefined ? undefined : peer.link(target.peer))
  yield dial
  if (dial.outcome === 'broken') return yield* giveUp('dial', seen)

  const reached = await reach(parts, target, attempts, signal)
  const handshake = judgeHandshake(reached)
  yield handshake
  if (handshake.outcome === 'broken') return yield* giveUp('handshake', seen)

  const id = reached.peer
  const greeting = id === undefined ? undefined : await greetingOf(parts, id, reached.failure, signal)
  const protocol = judgeProtocol(reached.failure, greeting, parts.version)
  yield protocol
  if (protocol.outcome === 'broken' || id === undefined || greeting === undefined)
    return yield* giveUp('protocol', { ...seen, peer: id })

  const name = namesOf(parts.mesh, parts.clock.nowMs())(id)
  const cluster = judgeCluster(name === id ? target.name : name, parts.cluster, greeting.cluster)
  yield cluster
  if (cluster.outcome === 'ok') {
    return { peer: id, isMulticastOnThere: yield* examineLink(parts, id, target.name, signal) }
  }
  // It was dialled for this examination alone, and is of no use.
  if (!wasLinked) peer.hangUp(id)
  return yield* giveUp('cluster', { ...seen, peer: id })
}

/** The remaining steps of `LINK_STEPS`, skipped. */
function* giveUp(after: StepId, seen: Seen): Generator<DoctorStep, Seen> {
  const at = (LINK_STEPS as readonly StepId[]).indexOf(after)
  yield* skipAfter(after, LINK_STEPS.slice(at + 1))
  return seen
}

/** The steps over a link that stands. @returns whether the other uses mDNS, if it said so */
async function* examineLink(
  parts: DaemonParts,
  id: string,
  shown: string,
  signal: AbortSignal,
): AsyncGenerator<DoctorStep, boolean | undefined> {
  const { peer, mesh, clock, probes } = parts
  const nameOf = namesOf(mesh, clock.nowMs())
  const name = nameOf(id) === id ? shown : nameOf(id)
  const examined = await examineOften(parts, id, signal)
  if (signal.aborted) return yield* outOfTime(['clock', 'probes', 'records', 'path'])
  yield judgeClock(name, offsetTo(parts, id, examined))

  const isRelayed = peer.link(id)?.relay !== undefined
  const startMs = performance.now()
  const trip = await probes.examine(id, signal)
  const tookMs = performance.now() - startMs
  const after = await parts.examiner.ask(id, false, signal)
  if (signal.aborted) return yield* outOfTime(['probes', 'records', 'path'])
  const linkRttMs = examined.length === 0 ? undefined : Math.min(...examined.map(({ rttMs }) => rttMs))
  yield judgeProbes(name, {
    ...trip,
    tookMs,
    heardThereAgeMs: after?.answer.datagramAgeMs,
    didAnswer: after !== undefined,
    linkRttMs,
    port: probes.port,
    isRelayed,
  })

  const records = await recordFacts(parts, id, signal)
  if (signal.aborted) return yield* outOfTime(['records', 'path'])
  yield judgeRecords(name, records)
  yield judgePath(name, peer.link(id), namesOf(mesh, clock.nowMs()), linkRttMs)
  return examined[0]?.answer.mdns
}

/** What an examination that was cut short has half measured is not judged. */
function* outOfTime(steps: readonly StepId[]): Generator<DoctorStep, undefined> {
  for (const id of steps) yield skipped(id, 'out of time')
  return undefined
}

async function examineOften(parts: DaemonParts, id: string, signal: AbortSignal): Promise<Examination[]> {
  const examined: Examination[] = []
  for (let asked = 0; asked < CLOCK_EXCHANGES; asked++) {
    const one = await parts.examiner.ask(id, false, signal)
    // An older version answers none of them.
    if (one === undefined) break
    examined.push(one)
  }
  return examined
}

/** By the exchanges; where there are none by the hello, whose time on the way is not known. */
function offsetTo(parts: DaemonParts, id: string, examined: readonly Examination[]): Offset | undefined {
  const best = bestOffset(examined.map(({ exchange }) => exchange))
  if (best !== undefined) return best
  const greeting = parts.inbound.greetingOf(id)
  return greeting && { offsetMs: greeting.skewMs, withinMs: HELLO_WITHIN_MS, delayMs: HELLO_WITHIN_MS }
}

/** A hello that took longer would have come over a link that is dead by then. */
const HELLO_WITHIN_MS = 5_000

/** Connects, unless a link stands already. */
async function reach(
  parts: DaemonParts,
  { peer: id, places, isClaimed }: Target,
  attempts: readonly TcpAttempt[],
  signal: AbortSignal,
): Promise<HandshakeFacts> {
  const { peer } = parts
  const link = id === undefined ? undefined : peer.link(id)
  const open = places.filter((_, at) => attempts[at]?.state === 'open')
  if (id !== undefined && link !== undefined) {
    const stands = { address: link.address, peer: id, failure: undefined, link, tookMs: undefined }
    return isClaimed ? ((await elsewhere(parts, id, open, signal)) ?? stands) : stands
  }
  let last: HandshakeFacts | undefined
  for (const place of open) {
    const address = multiaddrOf(place, id)
    const startMs = performance.now()
    try {
      const found = await orAbort(peer.connect(address), signal)
      const tookMs = performance.now() - startMs
      return { address, peer: found, failure: undefined, link: peer.link(found), tookMs }
    } catch (error) {
      const { code, peer: proved } = failureOf(error)
      const failure = { code, text: messageOf(error), isConnected: proved !== undefined }
      last = { address, peer: proved ?? id, failure, link: undefined, tookMs: undefined }
      // Whoever proved a key is who was meant; other addresses lead to the same.
      if (failure.isConnected) return last
    }
  }
  const address = places[0] === undefined ? 'no address' : multiaddrOf(places[0], id)
  const failure = { code: 'unreachable', text: 'no address takes connections', isConnected: false }
  return last ?? { address, peer: id, failure, link: undefined, tookMs: undefined }
}

function failureOf(error: unknown): { code: string; peer: string | undefined } {
  if (!(error instanceof PeerError)) return { code: 'unreachable', peer: undefined }
  const { peer } = error.meta
  return { code: error.code, peer: typeof peer === 'string' ? peer : undefined }
}

async function orAbort<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(new PeerError('timeout', 'no answer in time'))
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
    promise.catch(() => {})
    aborted.catch(() => {})
  }
}

/** That a linked peer proves itself at none of the places that take connections; undefined when it does. */
async function elsewhere(
  { peer }: DaemonParts,
  id: string,
  open: Target['places'],
  signal: AbortSignal,
): Promise<HandshakeFacts | undefined> {
  const asked = await Promise.all(open.map(async (place) => peer.answersAt(multiaddrOf(place), id, signal)))
  const first = open[0]
  if (first === undefined || asked.includes(true)) return undefined
  const link = peer.link(id)
  const failure = { code: 'elsewhere', text: link?.address ?? 'another address', isConnected: false }
  return { address: multiaddrOf(first), peer: id, failure, link, tookMs: undefined }
}

/** What the other said first; waited for while the link is young. */
async function greetingOf(
  { inbound }: DaemonParts,
  id: string,
  failure: HandshakeFacts['failure'],
  signal: AbortSignal,
): Promise<Greeting | undefined> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(failure === undefined ? GREETING_MS : 0)])
  return lookFor(() => inbound.greetingOf(id), patience)
}

/** Heartbeats pass within a second of a new link, by anti-entropy: they are waited for as long as they may take. */
async function recordFacts(parts: DaemonParts, id: string, signal: AbortSignal) {
  const { mesh, clock, examiner } = parts
  const look = async () => {
    const asked = await examiner.ask(id, false, signal)
    return {
      hereAgeMs: heartbeatAgeOf(mesh, id, clock.nowMs()),
      thereAgeMs: asked?.answer.heartbeatAgeMs,
      didAnswer: asked !== undefined,
      hereLeaseMs: leaseMsOfNode(mesh, id),
      // As this node itself has promised there.
      thereLeaseMs: leaseMsOfNode(mesh, mesh.self),
    }
  }
  const endsAtMs = performance.now() + RECORDS_MS
  for (;;) {
    const facts = await look()
    const isThere = !facts.didAnswer || facts.thereAgeMs !== undefined
    if ((facts.hereAgeMs !== undefined && isThere) || signal.aborted || performance.now() > endsAtMs) return facts
    await delay(ASK_AGAIN_MS)
  }
}

/** Looks until something is there, or the signal fires. */
async function lookFor<Value>(look: () => Value | undefined, signal: AbortSignal): Promise<Value | undefined> {
  for (;;) {
    const found = look()
    if (found !== undefined || signal.aborted) return found
    await delay(LOOK_MS)
  }
}
