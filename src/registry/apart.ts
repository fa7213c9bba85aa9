/**
 * Authors that are known here, and no part of what members compare: those of other wards (`mesh/wards/`). Their records
 * are neither in the sums nor listed, so that nobody fetches them from this node, and they can be let go at any time.
 */
import { dropEntry, noEffects, toggleSum } from './state.ts'
import type { RegistryEffects, RegistryState } from './types.ts'

/** Sets an author apart, or makes it a part of what is compared again. One that is not known is left alone. */
export function setApart(state: RegistryState, id: string, apart: boolean): void {
  const author = state.authors.get(id)
  if (author === undefined || state.apart.has(id) === apart) return
  for (const key of keysOf(state, id)) toggleSum(state, state.records.get(key)!)
  if (apart) state.apart.add(id)
  else state.apart.delete(id)
}

/** Forgets an author and all it said, its marks too: nothing is told of it, since nothing has become of it. */
export function release(state: RegistryState, id: string): RegistryEffects {
  const effects = noEffects()
  const author = state.authors.get(id)
  if (author === undefined) return effects
  for (const key of keysOf(state, id)) {
    const entry = dropEntry(state, author, key)
    if (entry?.kind === 'passport') effects.persist.push({ collection: 'record', key, doc: null })
  }
  for (const mark of author.marks.keys()) effects.persist.push({ collection: 'mark', key: `${id}/${mark}`, doc: null })
  state.deadlines.cancel(`node:${id}`)
  state.authors.delete(id)
  state.apart.delete(id)
  return effects
}

function keysOf(state: RegistryState, id: string): string[] {
  const beat = `${id}/heartbeat/`
  const keys = [...(state.authors.get(id)?.passports.values() ?? [])].map(({ key }) => key)
  return state.records.has(beat) ? [...keys, beat] : keys
}
