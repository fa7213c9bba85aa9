/**
 * What one admin has promised by signing: never two children of one entry. Whoever keeps the key keeps this beside
 * it, on disk before a signature leaves the machine.
 *
 * A proposal that others will not sign would bind its signers for ever. Therefore an admin can sign that it refuses
 * one; when so many have refused that it cannot find enough signatures any more, its signers are free again.
 */
import { Refusal, type Admins } from '../model/governance.ts'
import type { VerifiedStatement } from '../wire/statement.ts'
import type { Key } from './authority.ts'

/** What one admin's key has signed and refused. */
export interface Promises {
  /** By parent: the last child that was signed. */
  readonly signed: Readonly<Record<string, string>>
  /** Entries that are never signed. */
  readonly refused: readonly string[]
}

/** Why an admin may not sign, or refuse, an entry. */
export type PromiseFault = 'refused-before' | 'signed-another' | 'signed-before'

/** Whether this key may sign `entry`, a child of `parent`. @param isDead whether an entry can never be valid */
export function faultOfSigning(
  { signed, refused }: Promises,
  parent: string,
  entry: string,
  isDead: (entry: string) => boolean,
): PromiseFault | undefined {
  if (refused.includes(entry)) return 'refused-before'
  const before = signed[parent]
  return before === undefined || before === entry || isDead(before) ? undefined : 'signed-another'
}

/** Whether this key may promise never to sign `entry`. */
export function faultOfRefusing({ signed }: Promises, parent: string, entry: string): PromiseFault | undefined {
  return signed[parent] === entry ? 'signed-before' : undefined
}

/**
 * True when so many of the admins that decide about `entry` refused it that it can never be valid: n − k + 1 of n,
 * of which k must sign.
 */
export function isKilled(
  entry: string,
  { keys, threshold }: Admins,
  cluster: string,
  refusals: readonly VerifiedStatement[],
): boolean {
  const against = new Set<Key>()
  for (const { kind, body, signers } of refusals) {
    const parsed = kind === 'refusal' ? Refusal.safeParse(body) : undefined
    if (parsed?.success !== true || parsed.data.entry !== entry || parsed.data.cluster !== cluster) continue
    const { admin } = parsed.data
    if (signers.includes(admin) && keys.includes(admin)) against.add(admin)
  }
  return against.size >= keys.length - threshold + 1
}
