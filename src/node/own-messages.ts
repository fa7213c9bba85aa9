/**
 * What this node says to itself while it bargains with itself. Both sides of such a bargain live here, so what one
 * says the other takes at once: they are stored in one transaction, and a task that stays at home waits for neither a
 * second one nor a turn of the event loop.
 *
 * Where others wait for something said in the same step, as when many tasks are awarded, they come first.
 */
import type { MeshEffect, MeshInput } from '../mesh/types.ts'
import type { ControlMessage } from '../model/control.ts'
import type { NodeId } from '../negotiation/types.ts'
import { toSelf, type Sealer } from './messages.ts'

/** What ends something, and that nobody waits for: writing it at once would hold up what follows in the same step. */
export const UNHURRIED: ReadonlySet<ControlMessage['t']> = new Set(['release', 'settle'])

/** The message to this node itself, as it would have come in. @throws WireError when it is too large */
export function ownInput(self: NodeId, message: ControlMessage, sealer: Sealer): MeshInput {
  return { type: 'message', from: self, ...toSelf(message, sealer) }
}

/**
 * Takes what the effects of a step say to this node itself, and what follows from that, until nothing more is said.
 * @param step runs an input; does not throw
 * @returns the effects that remain, in order; all of them when others wait for one
 */
export function takeOwnMessages(
  effects: readonly MeshEffect[],
  self: NodeId,
  sealer: Sealer,
  step: (input: MeshInput) => readonly MeshEffect[],
): readonly MeshEffect[] {
  const saysToSelf = (effect: MeshEffect) => effect.type === 'send' && effect.to === self
  const keepsWaiting = (effect: MeshEffect) =>
    effect.type === 'send' && effect.to !== self && !UNHURRIED.has(effect.message.t)
  if (!effects.some(saysToSelf) || effects.some(keepsWaiting)) return effects
  const rest: MeshEffect[] = []
  for (let next: readonly MeshEffect[] = effects; next.length > 0;) {
    const said: MeshEffect[] = []
    for (const effect of next) {
      const input = effect.type === 'send' && effect.to === self ? tryInput(self, effect.message, sealer) : undefined
      if (input === undefined) rest.push(effect)
      else said.push(...step(input))
    }
    next = said
  }
  return rest
}

/** One that breaks a limit remains: whoever carries it out says so. */
function tryInput(self: NodeId, message: ControlMessage, sealer: Sealer): MeshInput | undefined {
  try {
    return ownInput(self, message, sealer)
  } catch {
    return undefined
  }
}
