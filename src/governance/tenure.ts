/**
 * When a key was a member: for whoever reads later what a node signed then. The roster says who is a member now, and
 * whoever is out is out of it as if it had never been in; what it wrote while it belonged stays written.
 *
 * Times are those that the statements say, by the clocks of those who signed them. That somebody let the key in, and
 * whether that counts, follows from the genesis alone.
 */
import { countsBy, type Key } from './authority.ts'
import type { Placed } from './log.ts'
import { isOfEnroller } from './roster.ts'
import type { HeldStatement, GovernanceState } from './state.ts'

/** How long a key belonged, and by whose word. Unix milliseconds. */
export interface Tenure {
  readonly owner: string
  /** Hash of the admission that it goes back to, the newest of them, and the enroller that signed it. */
  readonly admission: string
  readonly enroller: Key
  readonly fromMs: number
  /** When its admissions end, or when it was out before that. */
  readonly untilMs: number
  /** What ended it before its time: hash of the statement. */
  readonly ended?: { readonly how: 'revoked' | 'left' | 'rotated'; readonly statement: string }
}

/** The time in which a key was a member; undefined where it never was one by what is known here. */
export function tenureOf(state: GovernanceState, node: Key): Tenure | undefined {
  return tenureBy(state, node, new Set())
}

/** @param seen keys that were looked at: rotations may form a ring, which leads nowhere */
function tenureBy(state: GovernanceState, node: Key, seen: Set<Key>): Tenure | undefined {
  if (seen.has(node)) return undefined
  seen.add(node)
  const begun = admitted(state, node) ?? handedOn(state, node, seen)
  if (begun === undefined) return undefined
  const [end] = endsOf(state, node).toSorted((a, b) => a.atMs - b.atMs)
  if (end === undefined || end.atMs >= begun.untilMs) return begun
  const { atMs, how, statement } = end
  return { ...begun, untilMs: Math.max(begun.fromMs, atMs), ended: { how, statement } }
}

/** By admissions of its own that count. Renewals follow each other without a gap that would matter. */
function admitted({ statements, log }: GovernanceState, node: Key): Tenure | undefined {
  const own = [...statements.values()].filter(
    (held): held is HeldStatement & { kind: 'admission' } =>
      held.kind === 'admission' && held.body.node === node && countsBy(log.authority, held.signer, held.hash),
  )
  const newest = own.toSorted((a, b) => b.body.notAfterMs - a.body.notAfterMs)[0]
  if (newest === undefined) return undefined
  const { hash, signer, body } = newest
  const fromMs = Math.min(...own.map((one) => one.body.notBeforeMs))
  return { owner: body.owner, admission: hash, enroller: signer, fromMs, untilMs: body.notAfterMs }
}

/** In the place of a key that named it as the one that follows, and no other. */
function handedOn(state: GovernanceState, node: Key, seen: Set<Key>): Tenure | undefined {
  const rotations = [...state.statements.values()].filter((held) => held.kind === 'rotation')
  for (const { body } of rotations) {
    if (body.to !== node || rotations.some((other) => other.body.from === body.from && other.body.to !== node)) continue
    const before = tenureBy(state, body.from, seen)
    // A key that was revoked, or has left, hands nothing on, whenever that was.
    if (before === undefined || endsOf(state, body.from).some(({ how }) => how !== 'rotated')) continue
    const { ended: _ended, ...rest } = before
    return { ...rest, fromMs: body.atMs, untilMs: endOfAdmission(state, before) }
  }
  return undefined
}

function endOfAdmission({ statements }: GovernanceState, { admission, untilMs }: Tenure): number {
  const held = statements.get(admission)
  return held?.kind === 'admission' ? held.body.notAfterMs : untilMs
}

/** Everything that put this key out. */
function endsOf({ statements, log }: GovernanceState, node: Key) {
  const ends: { readonly how: 'revoked' | 'left' | 'rotated'; readonly statement: string; readonly atMs: number }[] = []
  for (const held of statements.values()) {
    const { kind, hash, signer, body } = held
    if (kind === 'rotation' && body.from === node) ends.push({ how: 'rotated', statement: hash, atMs: body.atMs })
    if (kind !== 'revocation' || body.node !== node) continue
    if (signer === node) ends.push({ how: 'left', statement: hash, atMs: body.atMs })
    else if (isOfEnroller(log.authority, held)) ends.push({ how: 'revoked', statement: hash, atMs: body.atMs })
  }
  // In the branches of a fork too: whoever is revoked in either is out.
  const entries: Iterable<Placed> = log.authority.revoked.has(node) ? log.placed.values() : []
  for (const { statement, entry, change } of entries) {
    if (change.kind === 'revoke' && change.nodes.includes(node))
      ends.push({ how: 'revoked', statement: statement.hash, atMs: entry.atMs })
  }
  return ends
}
