/** Which effects need not wait for the disk. */
import type { NodeId } from '../model/negotiation.ts'
import type { MeshEffect } from './types.ts'

/** Who says that it is alive, or looks whether others are, promises nothing that a crash would forget. */
const SIGNS_OF_LIFE: ReadonlySet<MeshEffect['type']> = new Set(['probe', 'dial', 'keep-links'])

/**
 * True for effects that do not wait until what was decided is stored: they only end something, which may be what
 * frees the disk and can be asked for again, or show life.
 */
export function promisesNothing(effect: MeshEffect): boolean {
  if (effect.type === 'publish') return effect.kind !== 'passport'
  if (effect.type === 'send') return effect.message.t === 'cancel'
  // Of a quote nothing is stored.
  return effect.type === 'stop' || effect.type === 'quoted' || SIGNS_OF_LIFE.has(effect.type)
}

/**
 * True for effects that ask others something and promise nothing: an offer may leave before its job is stored. If that
 * is lost in a crash, bids come to nobody and their holds run out.
 */
export function isQuestion(effect: MeshEffect, self: NodeId): boolean {
  return effect.type === 'send' && effect.message.t === 'offer' && effect.to !== self
}
