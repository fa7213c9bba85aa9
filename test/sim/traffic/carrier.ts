/** Carries what full daemons ask of the world to whom it concerns, and counts the bytes it takes. */
import type { MeshEffect, MeshInput } from '../../../src/mesh/types.ts'
import type { ControlMessage } from '../../../src/model/control.ts'
import type { VerifiedRecord } from '../../../src/wire/envelope.ts'
import { WHOLE, type WardTold } from '../../../src/model/ward.ts'
import type { Topic } from '../../../src/peer/peer.ts'
import { statedAgeMs } from '../../../src/registry/registry.ts'
import { encodeFrame } from '../../../src/wire/frames.ts'
import type { Daemon } from './daemon.ts'
import { DIGESTS, HOP_MS, LAN_MS } from './gossipsub.ts'
import type { TrafficKind } from './meter.ts'
import { PROBE_BYTES, streamBytes } from './wire-sizes.ts'
import type { World } from './world.ts'

/** From a dial until its control stream stands: three round trips, and keys agreed on at both ends. */
export const CONNECT_MS = { least: 15, most: 40 } as const
/** A process answers a datagram without waiting for anything else. */
const ANSWER_MS = { least: 0.2, most: 1 } as const
const KIND_OF = { heartbeat: 'heartbeats', passport: 'passports', testimony: 'testimony', digest: 'digests' } as const

/** Carries out one effect. */
export function carry(world: World, daemon: Daemon, effect: MeshEffect): void {
  const { index } = daemon
  switch (effect.type) {
    case 'publish':
      return publish(world, daemon, effect)
    case 'send':
      return sendMessage(world, daemon, world.indexOf(effect.to), effect.message)
    case 'probe':
      return sendProbe(world, index, world.indexOf(effect.to), effect.message)
    case 'dial':
      return dial(world, daemon, world.indexOf(effect.peer))
    case 'keep-links':
      for (const peer of effect.peers) dial(world, daemon, world.indexOf(peer))
      return
    case 'listen':
      return world.gossip.listen(index, effect.wards, effect.digests)
    case 'fate':
      if (effect.fate === 'reject') throw new Error(`host-${index} rejects a record: ${effect.outcome}`)
      return
    default:
  }
}

function publish(world: World, daemon: Daemon, effect: MeshEffect & { type: 'publish' }): void {
  const { kind, name, epoch, seq, ttlMs, body, wards = [WHOLE] } = effect
  const record = daemon.member.signer.seal({ kind, name, epoch, seq, hlc: world.time.nowMs, ttlMs, body })
  if (kind !== 'testimony') daemon.take(record, 0)
  for (const ward of kind === 'digest' ? [DIGESTS] : wards) world.spread(daemon.index, record, ward)
}

/** Which topic a record goes by, and what it counts as. */
export function routeOf({ kind }: VerifiedRecord): { topic: Topic; kind: TrafficKind } {
  const topic = kind === 'digest' ? 'digests' : kind === 'passport' ? 'records' : 'pulse'
  return { topic, kind: KIND_OF[kind as keyof typeof KIND_OF] }
}

/**
 * A control message. What is meant for a member that is not simulated in full is taken by one that is, since what it
 * knows is the same: so both ends of anti-entropy are counted, each with its share.
 */
function sendMessage(world: World, daemon: Daemon, to: number, message: ControlMessage): void {
  const kind: TrafficKind = /^sync-|^ward-(ask|told)$/.test(message.t) ? 'sync' : 'links'
  const { length } = encodeFrame({ t: message.t, b: message.body } as { t: string })
  world.meter.frame(kind, daemon.index, to, streamBytes(length))
  if (!world.overlay.isUp(to)) return
  if (message.t === 'ward-ask' && !world.daemons.has(to)) return answerFor(world, daemon, to, message.body.nonce)
  const taker = world.daemons.get(to) ?? (kind === 'sync' ? world.standIn(daemon) : undefined)
  if (taker === undefined) return
  world.soon(world.between(LAN_MS) + world.between(HOP_MS), () => {
    if (message.t === 'sync-records') {
      for (const { bytes, ageMs } of message.body.records)
        taker.takeFrom(daemon.member.id, world.recordOf(bytes), ageMs)
    }
    if (message.t === 'ward-told') return taker.input(toldInput(world, daemon.member.id, message.body))
    taker.input({ type: 'message', from: daemon.member.id, message })
  })
}

/** What a peer has told of other wards, as a daemon's core takes it once it has verified the records. */
function toldInput(world: World, from: string, { nonce, records, left, moved }: WardTold): MeshInput {
  const opened = records.map(({ bytes, ageMs }) => {
    const record = world.recordOf(bytes)
    return { record, ageMs, statedAgeMs: statedAgeMs(record.hlc, world.time.nowMs) }
  })
  return { type: 'ward-told', from, nonce, records: opened, left, moved }
}

/** A member that is not simulated in full, in a ward of its own, tells which wards there are. */
function answerFor(world: World, asker: Daemon, of: number, nonce: number): void {
  world.soon(world.between(LAN_MS) + world.between(HOP_MS), () => {
    const records = world.digestsNow().map(({ record, ageMs }) => ({ bytes: record.bytes, ageMs }))
    const body: WardTold = { nonce, records, left: 0, moved: false }
    const { length } = encodeFrame({ t: 'ward-told', b: body } as { t: string })
    world.meter.frame('sync', of, asker.index, streamBytes(length))
    asker.input(toldInput(world, world.members[of]!.id, body))
  })
}

type Probe = (MeshEffect & { type: 'probe' })['message']

function sendProbe(world: World, from: number, to: number, message: Probe): void {
  world.meter.datagram(from, to, PROBE_BYTES[message.t])
  if (!world.overlay.isUp(to)) return
  const taker = world.daemons.get(to)
  const wayMs = world.between(LAN_MS) + world.between(ANSWER_MS)
  if (taker !== undefined) {
    const id = world.members[from]!.id
    world.soon(wayMs, () =>
      taker.input({ type: 'message', from: id, message, ...(message.t === 'pong' && { rttMs: wayMs }) }),
    )
  } else if (message.t === 'ping') {
    world.soon(wayMs, () => sendProbe(world, to, from, { t: 'pong', body: { nonce: message.body.nonce } }))
  } else if (message.t === 'ask' && world.overlay.isUp(world.indexOf(message.body.subject))) {
    world.soon(2 * wayMs, () => sendProbe(world, to, from, { t: 'asked', body: message.body }))
  }
}

/** A member that is not simulated in full probes one that is. */
export function probeFrom(world: World, from: number, to: number): void {
  sendProbe(world, from, to, { t: 'ping', body: { nonce: world.rng.int(2 ** 31) } })
}

function dial(world: World, daemon: Daemon, to: number): void {
  const { overlay } = world
  if (overlay.linksOf(daemon.index).has(to)) return
  world.soon(overlay.isUp(to) ? world.between(CONNECT_MS) : 2 * LAN_MS.most, () => {
    if (overlay.isUp(to)) overlay.link(daemon.index, to)
    else daemon.input({ type: 'dial-failed', peer: world.members[to]!.id, refused: true })
  })
}
