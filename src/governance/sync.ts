/** Anti-entropy of governance: each function answers one message, see `model/governance-sync.ts`. */
import {
  GOVERNANCE_SYNC_LIMITS,
  type GovernanceGive,
  type GovernanceHead,
  type GovernanceList,
} from '../model/governance-sync.ts'
import { sha256Hex } from '../util/sha256.ts'
import type { VerifiedStatement } from '../wire/statement.ts'
import { headOf } from './log.ts'
import { counts } from './roster.ts'
import type { GovernanceState } from './state.ts'

/** Hex digits of a prefix. */
const PREFIX = 2 * GOVERNANCE_SYNC_LIMITS.prefixBytes

/** All that is passed on and is not in the chain: entries beside it, what counts of the set, attestations, words. */
function others(state: GovernanceState): VerifiedStatement[] {
  const beside = [...state.log.placed.values()].filter(({ statement }) => !state.log.heights.has(statement.hash))
  // What is void others would not take.
  const held = [...state.statements.values()].filter((one) => counts(state.log.authority, state.roster, one))
  const attested = [...state.attestations.values()]
  const words = [...state.canaryWords.values()]
  return [...beside, ...held, ...attested, ...words].map(({ statement }) => statement)
}

/** Names all there is. */
export function head(state: GovernanceState): GovernanceHead {
  const { height, head: newest } = headOf(state.log)
  state.digest ??= digestOf([
    newest,
    ...others(state)
      .map(({ hash }) => hash)
      .toSorted(),
  ])
  return { height, digest: state.digest }
}

function digestOf(hashes: readonly string[]): string {
  return sha256Hex(new TextEncoder().encode(hashes.join()))
}

/** Lists all there is. @param answer whether this answers a list */
export function list(state: GovernanceState, answer: boolean): GovernanceList {
  const { chain } = state.log
  const locator: [number, string][] = []
  for (let height = chain.length - 1, step = 1; locator.length < GOVERNANCE_SYNC_LIMITS.locator; height -= step) {
    const at = Math.max(0, height)
    locator.push([at, chain[at]!])
    if (at === 0) break
    if (locator.length > 1) step *= 2
  }
  const prefixes = others(state)
    .map(({ hash }) => hash.slice(0, PREFIX))
    .toSorted()
  return { locator, others: bytesOf(prefixes), answer }
}

function bytesOf(prefixes: readonly string[]): Uint8Array {
  const hex = prefixes.join('')
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16))
}

function prefixesOf(bytes: Uint8Array): Set<string> {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return new Set(Array.from({ length: hex.length / PREFIX }, (_, i) => hex.slice(i * PREFIX, (i + 1) * PREFIX)))
}

/** What the sender of a list lacks; undefined when it has all there is here. */
export function supply(
  state: GovernanceState,
  { locator, others: listed }: GovernanceList,
): GovernanceGive | undefined {
  const { chain, placed } = state.log
  const common = locator.find(([height, hash]) => chain[height] === hash)?.[0] ?? 0
  const theirs = prefixesOf(listed)
  const lacking = others(state).filter(({ hash }) => !theirs.has(hash.slice(0, PREFIX)))
  const entries = chain.slice(common + 1).map((hash) => placed.get(hash)!.statement)
  const all = [...entries, ...lacking]
  return all.length === 0 ? undefined : pack(all)
}

/** As many as fit a message, one at least. */
function pack(statements: readonly VerifiedStatement[]): GovernanceGive {
  let size = 0
  let count = 0
  for (const { bytes } of statements) {
    size += bytes.length
    if (count > 0 && (size > GOVERNANCE_SYNC_LIMITS.giveBytes || count >= GOVERNANCE_SYNC_LIMITS.given)) break
    count++
  }
  const given = statements.slice(0, count).map(({ bytes }) => bytes)
  return { statements: given, more: count < statements.length }
}

/** What is new here, for whoever is linked: in as many messages as it takes. */
export function news(statements: readonly VerifiedStatement[]): GovernanceGive[] {
  const messages: GovernanceGive[] = []
  for (let at = 0; at < statements.length;) {
    const { statements: given } = pack(statements.slice(at))
    messages.push({ statements: given, more: false })
    at += given.length
  }
  return messages
}

/** Whether a list names anything that is not here. */
export function wants(state: GovernanceState, { locator, others: listed }: GovernanceList): boolean {
  const [newest] = locator
  if (newest !== undefined && state.log.chain[newest[0]] !== newest[1] && !state.log.placed.has(newest[1])) return true
  const ours = new Set(others(state).map(({ hash }) => hash.slice(0, PREFIX)))
  // What stands in their chain may stand beside ours.
  for (const hash of state.log.chain) ours.add(hash.slice(0, PREFIX))
  return [...prefixesOf(listed)].some((prefix) => !ours.has(prefix))
}
