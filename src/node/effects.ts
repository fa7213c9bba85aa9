/** Carries out the mesh's effects, each kind in one line: the whole list of what a core can do to the world. */
import type { MeshEffect, MeshInput, MeshState } from '../mesh/types.ts'
import type { ControlMessage, Hello } from '../model/control.ts'
import { WHOLE } from '../model/ward.ts'
import type { Governor } from './governance/governor.ts'
import type { Peer } from '../peer/peer.ts'
import type { Store } from '../store/store.ts'
import type { Clock } from '../util/clock.ts'
import { messageOf } from '../util/errors.ts'
import type { Logger } from '../util/logger.ts'
import type { AuditExchange } from './audit/exchange.ts'
import type { EventHub } from './events.ts'
import { toFrame, type Sealer } from './messages.ts'
import { ownInput, UNHURRIED } from './own-messages.ts'
import type { Probes } from './probes.ts'
import type { Quotes } from './quotes.ts'
import type { Runner } from './runner.ts'
import type { KeptRuns } from './runs.ts'
import type { WardQueries } from './ward-queries.ts'

/** Whom the effects are carried out with. */
export interface EffectOptions {
  readonly mesh: MeshState
  readonly peer: Peer
  readonly store: Store
  readonly sealer: Sealer
  readonly clock: Clock
  readonly log: Logger
  readonly events: EventHub
  readonly runner: Runner
  readonly keptRuns: KeptRuns
  readonly probes: Probes
  readonly audit: Pick<AuditExchange, 'answer' | 'take'>
  readonly governor: Governor
  readonly wardQueries: Pick<WardQueries, 'answered'>
  readonly quotes: Pick<Quotes, 'answered'>
  /** Runs an input behind the step under way. */
  readonly input: (input: MeshInput) => void
  /** Runs an input at the end of this turn, when what was sent to others is on its way. */
  readonly post: (input: MeshInput) => void
}

/** @returns the loop's `carry` */
export function createEffects(options: EffectOptions): (effect: MeshEffect) => void {
  const { clock, events, runner } = options
  return (effect) => {
    switch (effect.type) {
      case 'send':
        return send(options, effect.to, effect.message)
      case 'publish':
        return publish(options, effect)
      case 'start':
        return runner.start(effect.contract)
      case 'stop':
        return runner.stop(effect.runId, effect.why, effect.graceMs)
      case 'forget':
        return options.keptRuns.keep(effect.contract, clock.wallMs())
      case 'fetch-output':
        return runner.fetchOutput(effect)
      case 'emit':
        return emit(options, effect.event)
      case 'probe':
        return options.probes.send(effect.to, effect.message)
      case 'dial':
        return dial(options, effect.peer)
      case 'keep-links':
        return options.peer.keepLinks(effect.peers)
      case 'node-event':
        if (effect.what === 'gone') options.probes.forget(effect.peer)
        if (effect.what === 'quarantined') options.peer.expel(effect.peer)
        return events.emit({ atMs: clock.wallMs(), type: 'node', subject: effect.peer, what: effect.what })
      case 'learn-addresses':
        return options.peer.learnAddresses(effect.peer, effect.addresses)
      case 'audit-answer':
        return options.audit.answer(effect.to, effect.ask)
      case 'audit-told':
        return options.audit.take(effect.from, effect.told)
      case 'raise-epoch':
        return raiseEpoch(options, effect.atLeast)
      case 'listen':
        return options.peer.listen(effect.wards, effect.digests)
      case 'ward-answered':
        return options.wardQueries.answered(effect)
      case 'quoted':
        return options.quotes.answered(effect)
      case 'fate':
      case 'persist':
      case 'cache':
      case 'audit':
        // The first is for the gossip validator, the others are the loop's own.
        return undefined
    }
  }
}

/** Frames of messages that go to several peers, such as an offer: sealed and encoded once. */
const frames = new WeakMap<ControlMessage, Uint8Array>()

function frameOf(message: ControlMessage, sealer: Sealer): Uint8Array {
  const known = frames.get(message)
  if (known) return known
  const frame = toFrame(message, sealer)
  frames.set(message, frame)
  return frame
}

function send(
  { sealer, peer, mesh, post, log, probes, governor }: EffectOptions,
  to: string,
  message: ControlMessage,
): void {
  try {
    if (to === mesh.self) return post(ownInput(to, message, sealer))
    const frame = frameOf(
      message.t === 'hello' ? completed(message, probes.addressFor(to), governor.hello()) : message,
      sealer,
    )
    peer
      .send(to, frame, UNHURRIED.has(message.t) ? 'soon' : 'now')
      .catch((error: unknown) => post({ type: 'unreachable', node: to, reason: messageOf(error).slice(0, 512) }))
  } catch (error) {
    // A message of ours that breaks a limit: a bug, but one that must not take the daemon down.
    log.error({ to, type: message.t, error: messageOf(error) }, 'a message could not be encoded')
  }
}

/** Where probes are heard is for each neighbour alone, and known here alone; so is what is known of who belongs. */
function completed(
  hello: ControlMessage & { t: 'hello' },
  probe: Hello['probe'],
  governance: Hello['governance'],
): ControlMessage {
  return { ...hello, body: { ...hello.body, ...(probe && { probe }), ...(governance && { governance }) } }
}

function dial({ peer, post, log }: EffectOptions, to: string): void {
  void peer.redial(to).then(
    (found) => {
      if (found !== 'linked') post({ type: 'dial-failed', peer: to, refused: found === 'refused' })
    },
    (error: unknown) => log.error({ to, error: messageOf(error) }, 'a dial failed in an unexpected way'),
  )
}

function publish({ sealer, clock, log, peer, input }: EffectOptions, effect: MeshEffect & { type: 'publish' }): void {
  const { topic, wards = [WHOLE], kind, name, epoch, seq, ttlMs, body } = effect
  try {
    const record = sealer.signer.seal({ kind, name, epoch, seq, hlc: clock.wallMs(), ttlMs, body })
    // What this node says of others it knows already; what it says of itself is a record like any other.
    if (kind !== 'testimony') input({ type: 'record', record, ageMs: 0 })
    for (const ward of wards) peer.publish(topic, record.bytes, ward)
  } catch (error) {
    log.error({ kind, name, error: messageOf(error) }, 'a record could not be published')
  }
}

function emit({ events, clock, mesh }: EffectOptions, event: (MeshEffect & { type: 'emit' })['event']): void {
  const atMs = clock.wallMs()
  if (event.type === 'task') {
    events.emit({
      atMs,
      type: 'task',
      subject: event.taskId,
      what: event.state,
      ...(event.node === undefined ? {} : { node: event.node }),
    })
  } else if (event.type === 'fetching')
    events.emit({ atMs, type: 'task', subject: event.taskId, what: 'fetching', node: event.node })
  else if (event.type === 'cordon') events.emit({ atMs, type: 'node', subject: mesh.self, what: event.what })
  else if (event.type === 'job') events.emit({ atMs, type: 'job', subject: event.jobId, what: event.what })
  else events.emit({ atMs, type: 'contract', subject: event.runId, what: event.phase, node: event.submitter })
}

function raiseEpoch({ store, clock, log, sealer, input, mesh }: EffectOptions, atLeast: number): void {
  if (mesh.epoch > atLeast) return
  const epoch = store.nextEpoch(atLeast + 1, Math.floor(clock.wallMs() / 1000))
  log.warn(
    { epoch, seen: atLeast },
    'the mesh knows records of ours from a later boot (a restored backup?): going on above them',
  )
  sealer.epoch = epoch
  input({ type: 'epoch', epoch })
}
