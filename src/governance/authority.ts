/**
 * Who decides: what the entries of the log add up to. Nothing here knows where an entry stands among others; `log.ts`
 * walks the chain and asks this what each entry does.
 */
import type { Admins, Change, ConfigurationChange, Genesis } from '../model/governance.ts'
import type { DecidedLevel } from '../model/policy-levels.ts'
import type { Configuration, Trial } from '../model/configuration.ts'
import { sha256Hex } from '../util/sha256.ts'

/** A key, as peer id in text. */
export type Key = string

/** A policy that the admins decided upon. */
export interface DecidedPolicy {
  /** Of the entry. */
  readonly hash: string
  /** Counts the decisions about it, from 1. */
  readonly version: number
  /** As its file has it; empty: there is none any more. */
  readonly text: string
}

/** Which policy a kind of change decides upon. */
export const LEVEL_OF = { policy: 'cluster', 'network-policy': 'network' } as const satisfies Record<
  string,
  DecidedLevel
>

/** A configuration that the admins decided upon. */
export interface DecidedConfiguration {
  /** Of the entry. */
  readonly hash: string
  /** Counts the decisions about it, from 1. */
  readonly version: number
  readonly configuration: Configuration
  readonly trial: Trial | undefined
}

/** What holds at one entry of the log. Changed in place along the chain. */
export interface Authority {
  admins: Admins
  readonly recovery: Admins
  /** Nodes that may admit others. */
  readonly enrollers: Set<Key>
  /** Those that might once, with what they signed that goes on to count. None ever comes back. */
  readonly withdrawn: Map<Key, ReadonlySet<string>>
  /** Nodes that are out for ever by decision of the admins. */
  readonly revoked: Set<Key>
  /** By level; absent where none was ever decided upon. */
  readonly policies: Partial<Record<DecidedLevel, DecidedPolicy>>
  configuration: DecidedConfiguration | undefined
}

/** Why a change cannot be. */
export type ChangeFault =
  | 'too-few-signatures'
  /** It names an enroller that lost the right; a key does not come back. */
  | 'withdrawn-enroller'
  /** It takes a right from somebody who has none. */
  | 'no-enroller'
  /** A checkpoint that says something else than what holds here. */
  | 'state-differs'

/** What holds before the first entry. */
export function authorityOf(genesis: Genesis): Authority {
  return {
    admins: genesis.admins,
    recovery: genesis.recovery,
    enrollers: new Set(genesis.enrollers),
    withdrawn: new Map(),
    revoked: new Set(),
    policies: {},
    configuration: undefined,
  }
}

/** True when at least as many of these admins signed as must. Keys of others count for nothing. */
export function isSignedBy({ keys, threshold }: Admins, signers: readonly Key[]): boolean {
  return signers.filter((signer) => keys.includes(signer)).length >= threshold
}

/** Whose signatures bring a change about, and how many of them. */
export function decidingOf({ admins, recovery }: Pick<Authority, 'admins' | 'recovery'>, { kind }: Change): Admins {
  return kind === 'recover' ? recovery : admins
}

/** What keeps a change from being made here, or undefined. */
export function faultOfChange(authority: Authority, change: Change, signers: readonly Key[]): ChangeFault | undefined {
  const deciding = decidingOf(authority, change)
  if (!isSignedBy(deciding, signers)) return 'too-few-signatures'
  if (change.kind === 'enrollers') {
    if (change.add.some((key) => authority.withdrawn.has(key) || authority.revoked.has(key))) {
      return 'withdrawn-enroller'
    }
    if (!change.remove.every((key) => authority.enrollers.has(key))) return 'no-enroller'
  }
  if (change.kind === 'checkpoint' && change.state !== stateHash(authority)) return 'state-differs'
  return undefined
}

/** Makes a change in which there is no fault. @param hash of the entry that says so */
export function applyChange(authority: Authority, change: Change, hash: string): void {
  switch (change.kind) {
    case 'admins':
    case 'recover':
      authority.admins = change.admins
      return
    case 'enrollers':
      for (const key of change.add) authority.enrollers.add(key)
      for (const key of change.remove) withdraw(authority, key, change.keep)
      return
    case 'revoke':
      for (const key of change.nodes) {
        authority.revoked.add(key)
        if (authority.enrollers.has(key)) withdraw(authority, key, change.keep)
      }
      return
    case 'policy':
    case 'network-policy': {
      const level = LEVEL_OF[change.kind]
      const version = (authority.policies[level]?.version ?? 0) + 1
      authority.policies[level] = { hash, version, text: change.text }
      return
    }
    case 'config':
    case 'config-share':
      authority.configuration = decidedBy(authority, change, hash)
      return
    case 'checkpoint':
      return
  }
}

function decidedBy(
  { configuration: before }: Authority,
  { settings, overridable, trial }: ConfigurationChange,
  hash: string,
): DecidedConfiguration {
  return { hash, version: (before?.version ?? 0) + 1, configuration: { settings, overridable }, trial }
}

/**
 * Takes from a change what only takes away: who is revoked, and who may no longer admit. It is what is left of the
 * branches of a fork, since whoever is revoked in one of them must not go on because of the other.
 */
export function applyRevocations(authority: Authority, change: Change, hash: string): void {
  if (change.kind === 'revoke') applyChange(authority, change, hash)
  if (change.kind !== 'enrollers') return
  for (const key of change.remove) withdraw(authority, key, change.keep)
}

function withdraw(authority: Authority, key: Key, keep: readonly string[]): void {
  authority.enrollers.delete(key)
  const before = authority.withdrawn.get(key)
  // Two branches of a fork: only what both let stand stays.
  const kept = before === undefined ? keep : keep.filter((hash) => before.has(hash))
  authority.withdrawn.set(key, new Set(kept))
}

/** True when what this key signed as an enroller counts: it is one, or this is among what stays. */
export function countsBy(authority: Authority, signer: Key, hash: string): boolean {
  return authority.enrollers.has(signer) || authority.withdrawn.get(signer)?.has(hash) === true
}

/** Names what holds, for checkpoints: the same on every member that understands the log alike. */
export function stateHash({
  admins,
  recovery,
  enrollers,
  withdrawn,
  revoked,
  policies,
  configuration,
}: Authority): string {
  const sorted = (keys: Iterable<string>) => [...keys].toSorted()
  const state = {
    admins: { keys: sorted(admins.keys), threshold: admins.threshold },
    recovery: { keys: sorted(recovery.keys), threshold: recovery.threshold },
    enrollers: sorted(enrollers),
    withdrawn: sorted(withdrawn.keys()).map((key) => [key, sorted(withdrawn.get(key)!)]),
    revoked: sorted(revoked),
    // Left out where there are none: checkpoints of logs that know nothing of them go on to hold.
    policy: policies.cluster?.hash,
    networkPolicy: policies.network?.hash,
    configuration: configuration?.hash,
  }
  return sha256Hex(new TextEncoder().encode(JSON.stringify(state)))
}
