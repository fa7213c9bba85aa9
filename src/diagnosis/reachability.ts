/** Who reaches whom: one view from what each member was asked. */
import type { ReachabilityRow, ReachabilityView } from '../model/doctor.ts'
import type { LinkWay, ToldLink } from '../model/examine.ts'

/** Rows of the matrix; a mesh may have more members. Neighbours come first, since they can be asked. */
export const MAX_ROWS = 64

/** A member as one node holds it; what `wayTo` judges. */
export interface MemberFacts {
  readonly isLinked: boolean
  readonly isRelayed: boolean
  /** Its heartbeats are fresh, whoever brings them. */
  readonly isHeard: boolean
}

/** How a node reaches a member. */
export function wayTo({ isLinked, isRelayed, isHeard }: MemberFacts): LinkWay {
  if (isLinked) return isRelayed ? 'relayed' : 'direct'
  return isHeard ? 'heard' : 'none'
}

/** What one member said, or why it said nothing. */
export type Told = { readonly links: readonly ToldLink[]; readonly leftOut: number } | { readonly whyNot: string }

/** The members to show, and who told what. */
export interface Views {
  readonly self: string
  readonly members: readonly { readonly peerId: string; readonly name: string }[]
  /** By peer id; this node's own view is among them. */
  readonly told: ReadonlyMap<string, Told>
}

/** Puts the views together: a row for each member, those who told first, in the order of their names. */
export function matrixOf({ self, members, told }: Views): ReachabilityView {
  const rank = (peerId: string): number => {
    if (peerId === self) return 0
    const said = told.get(peerId)
    return said !== undefined && 'links' in said ? 1 : 2
  }
  const sorted = members.toSorted((a, b) => rank(a.peerId) - rank(b.peerId) || (a.name < b.name ? -1 : 1))
  const rows = sorted.slice(0, MAX_ROWS).map(({ peerId, name }): ReachabilityRow => {
    const said = told.get(peerId) ?? { whyNot: 'not asked: this node has no link to it' }
    if (!('links' in said)) return { peerId, name, source: 'unknown', whyNot: said.whyNot, cells: [], leftOut: 0 }
    const cells = said.links.map(({ peer, way, rttUs }) => ({
      peerId: peer,
      way,
      ...(rttUs !== undefined && { rttMs: rttUs / 1_000 }),
    }))
    return { peerId, name, source: peerId === self ? 'self' : 'told', cells, leftOut: said.leftOut }
  })
  return { rows, rowsLeftOut: Math.max(0, members.length - MAX_ROWS) }
}
