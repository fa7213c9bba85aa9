/**
 * Which configuration holds on a node: a function of the log and of what members signed of the canaries, and of nothing
 * else. No clock decides here, and nobody in particular: members that know the same hold the same.
 *
 * 1. An entry without a trial holds on all members.
 * 2. With one, its canaries begin; elsewhere what was before goes on.
 * 3. When a canary has signed that it is well, and so has each other that is still a member, the entry holds on all.
 * 4. When one has signed that it is not, or enough others that it is gone, what was before holds on all, canaries too,
 *    also if all were well first. Only the next entry changes that.
 *
 * Whoever said so may have left since, or have another key: what was decided does not come undone by that.
 */
import type { CanaryWord, Configuration, Trial } from '../model/configuration.ts'
import { isConfiguration } from '../model/governance.ts'
import type { DecidedConfiguration, Key } from './authority.ts'
import type { GovernanceState } from './state.ts'

/** How far a configuration has come. */
export type Stage = 'everywhere' | 'trial' | 'promoted' | 'rolled-back'

/** What holds on a node, and why. */
export interface HeldConfiguration {
  readonly decided: DecidedConfiguration
  readonly stage: Stage
  /** What the node goes by. */
  readonly holds: Configuration
  /** Words on its canaries that count. */
  readonly words: readonly CanaryWord[]
}

/** The newest configuration, and what of it holds on this node; undefined when the admins never decided on one. */
export function configurationOn(state: GovernanceState, node: Key = state.self): HeldConfiguration | undefined {
  const decided = state.log.authority.configuration
  if (decided === undefined) return undefined
  const { configuration, trial } = decided
  if (trial === undefined) return { decided, stage: 'everywhere', holds: configuration, words: [] }
  const words = wordsOn(state, decided.hash)
  const stage = stageByWords(state, trial, words)
  const isTrying = stage === 'promoted' || (stage === 'trial' && trial.canaries.includes(node))
  return { decided, stage, holds: isTrying ? configuration : trial.before, words }
}

/** How far the configuration of an entry has come, or had when a newer one was decided upon. */
export function stageOf(state: GovernanceState, entry: string, trial: Trial | undefined): Stage {
  return trial === undefined ? 'everywhere' : stageByWords(state, trial, wordsOn(state, entry))
}

/** The version that an entry of the chain began; undefined for one beside it. */
export function versionAt({ log }: GovernanceState, entry: string): number | undefined {
  const height = log.heights.get(entry)
  if (height === undefined) return undefined
  const upTo = log.chain.slice(1, height + 1)
  return upTo.filter((hash) => isConfiguration(log.placed.get(hash)!.change)).length
}

/** Of members, and of those who were. */
function wordsOn({ canaryWords, roster: { members, former } }: GovernanceState, entry: string): CanaryWord[] {
  return [...canaryWords.values()].flatMap(({ body }) => {
    return body.entry === entry && (members.has(body.node) || former.has(body.node)) ? [body] : []
  })
}

function stageByWords({ roster }: GovernanceState, trial: Trial, words: readonly CanaryWord[]): Stage {
  const { canaries } = trial
  const isUnwell = (canary: Key) => accusationsOf(canary, trial, words).length > 0
  if (canaries.some(isUnwell)) return 'rolled-back'
  const isWell = (canary: Key) => words.some(({ about, well }) => about === canary && well)
  const isAwaited = (canary: Key) => roster.members.has(canary) && !isWell(canary)
  return canaries.some(isWell) && !canaries.some(isAwaited) ? 'promoted' : 'trial'
}

/** By whose word a canary is not well: its own, or that of enough others, the first to say so first. Else nobody's. */
export function accusationsOf(canary: Key, { witnesses }: Trial, words: readonly CanaryWord[]): CanaryWord[] {
  const unwell = words.filter(({ about, well }) => about === canary && !well)
  const own = unwell.filter(({ node }) => node === canary)
  if (own.length > 0) return own
  if (unwell.length < witnesses) return []
  return unwell.toSorted((a, b) => a.atMs - b.atMs || (a.node < b.node ? -1 : 1)).slice(0, witnesses)
}
