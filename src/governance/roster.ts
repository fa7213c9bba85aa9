/**
 * The roster: who is a member, as a function of what holds in the log and of the set of signed statements. It is
 * worked out anew whenever either changes, so the order in which they came cannot matter.
 *
 * 1. An admission counts when its enroller may admit, or when it is among what stays of one that might.
 * 2. A revocation wins over every admission of its key, whichever says it is newer, for ever. Enrollers revoke
 *    ordinary members; a node revokes itself when it leaves; only the admins, in the log, revoke an enroller.
 * 3. A key that was rotated is out for ever. The key that follows stands in its place, unless there are two of them:
 *    then the old key was in two hands, and neither follows.
 */
import type { Admission, Revocation, Role, Rotation } from '../model/governance.ts'
import { countsBy, type Authority, type Key } from './authority.ts'

/** A statement of the set, read. */
export type Held =
  | { readonly kind: 'admission'; readonly hash: string; readonly signer: Key; readonly body: Admission }
  | { readonly kind: 'revocation'; readonly hash: string; readonly signer: Key; readonly body: Revocation }
  | { readonly kind: 'rotation'; readonly hash: string; readonly signer: Key; readonly body: Rotation }

/** A key that belongs to the cluster, from and until when. */
export interface Member {
  readonly node: Key
  readonly owner: string
  readonly roles: readonly Role[]
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** Hash of the admission it goes back to, and the enroller that signed that. */
  readonly admission: string
  readonly enroller: Key
}

/** Who is a member and who can be none any more. */
export interface Roster {
  readonly members: ReadonlyMap<Key, Member>
  /** Revoked, left, or rotated: out for ever. */
  readonly gone: ReadonlySet<Key>
  /** Those of them that were members. */
  readonly former: ReadonlySet<Key>
}

/** True for a statement that has a say in the roster, which is that of this authority and the whole set. */
export function counts(authority: Authority, { gone }: Roster, held: Held): boolean {
  if (held.kind === 'rotation') return gone.has(held.body.from)
  if (isLeave(held)) return gone.has(held.signer)
  return isOfEnroller(authority, held)
}

/** A node's own word that it leaves. It has a say only where there is a member to leave. */
function isLeave({ kind, signer, body }: Held): boolean {
  return kind === 'revocation' && signer === body.node
}

/** Whether an enroller's admission or revocation counts: none of them revokes another. */
export function isOfEnroller(authority: Authority, { kind, hash, signer, body }: Held): boolean {
  if (!countsBy(authority, signer, hash)) return false
  return kind !== 'revocation' || !authority.enrollers.has(body.node)
}

/** Works out the roster. */
export function rosterOf(authority: Authority, statements: Iterable<Held>): Roster {
  const admissions = new Map<Key, Member>()
  const gone = new Set(authority.revoked)
  const leaving = new Set<Key>()
  const successors = new Map<Key, Set<Key>>()
  for (const held of statements) {
    if (held.kind === 'rotation') {
      const { from, to } = held.body
      successors.set(from, (successors.get(from) ?? new Set()).add(to))
    } else if (isLeave(held)) leaving.add(held.signer)
    else if (!isOfEnroller(authority, held)) continue
    else if (held.kind === 'admission') {
      const member = memberOf(held.body, held.hash, held.signer)
      const known = admissions.get(member.node)
      if (known === undefined || isNewer(member, known)) admissions.set(member.node, member)
    } else gone.add(held.body.node)
  }
  return follow(admissions, gone, leaving, successors)
}

function memberOf(admission: Admission, hash: string, enroller: Key): Member {
  const { node, owner, roles, notBeforeMs, notAfterMs } = admission
  return { node, owner, roles, notBeforeMs, notAfterMs, admission: hash, enroller }
}

function isNewer(one: Member, than: Member): boolean {
  if (one.notBeforeMs !== than.notBeforeMs) return one.notBeforeMs > than.notBeforeMs
  return one.admission > than.admission
}

/** Hands membership on along rotations, from keys that have it to those that follow them. */
function follow(
  admissions: ReadonlyMap<Key, Member>,
  gone: Set<Key>,
  leaving: ReadonlySet<Key>,
  successors: ReadonlyMap<Key, ReadonlySet<Key>>,
): Roster {
  // By their own rights, or in the place of another: a key that was revoked hands nothing on.
  const members = new Map([...admissions].filter(([node]) => !gone.has(node)))
  const former = new Set([...admissions.keys()].filter((node) => gone.has(node)))
  const out = new Set<Key>()
  const open = [...members.keys()].toSorted()
  for (let from = open.pop(); from !== undefined; from = open.pop()) {
    const next = successors.get(from)
    if (out.has(from)) continue
    if (leaving.has(from)) out.add(from)
    if (next === undefined || leaving.has(from)) continue
    out.add(from)
    const [to] = next
    if (next.size !== 1 || to === undefined) continue
    if (gone.has(to)) {
      former.add(to)
      continue
    }
    const { node: _node, ...rest } = members.get(from)!
    if (!members.has(to)) members.set(to, { ...rest, node: to })
    open.push(to)
  }
  for (const key of out) {
    members.delete(key)
    gone.add(key)
    former.add(key)
  }
  return { members, gone, former }
}
