/**
 * What members sign of how canaries fare with a configuration. A set, like the roster's statements: what follows from
 * it does not depend on the order in which words came, so that all members come to the same end, whoever they heard
 * first.
 */
import { CanaryWord, type Trial } from '../model/configuration.ts'
import { isConfiguration } from '../model/governance.ts'
import { CONFIGURATION_LIMITS } from '../model/settings.ts'
import type { VerifiedStatement } from '../wire/statement.ts'
import { isNamed, type GovernanceState } from './state.ts'
import type { EntryOutcome } from './log.ts'

/** What a word is held, and stored, under: of one member on one canary of one entry there is one. */
export function wordKey({ entry, node, about }: Pick<CanaryWord, 'entry' | 'node' | 'about'>): string {
  return `${entry} ${node} ${about}`
}

/** The trial that an entry began, whether or not it counts. */
function trialOf({ log }: GovernanceState, entry: string): Trial | undefined {
  const change = log.placed.get(entry)?.change
  return change !== undefined && isConfiguration(change) ? change.trial : undefined
}

/** Takes one. What was said of a canary by one member is only ever replaced by worse. */
export function takeCanaryWord(
  state: GovernanceState,
  statement: VerifiedStatement,
): EntryOutcome | 'taken' | 'void' | 'wrong-signers' | 'stale' {
  const parsed = CanaryWord.safeParse(statement.body)
  const [signer] = statement.signers
  if (!parsed.success || signer === undefined) return 'malformed'
  const word = parsed.data
  if (statement.signers.length !== 1 || signer !== word.node) return 'wrong-signers'
  if (word.well && word.about !== signer) return 'wrong-signers'
  if (word.cluster !== state.log.cluster) return 'wrong-cluster'
  if (!state.log.placed.has(word.entry) || !isNamed(state, signer)) return 'waiting'
  if (trialOf(state, word.entry)?.canaries.includes(word.about) !== true) return 'void'
  const key = wordKey(word)
  const known = state.canaryWords.get(key)
  if (known?.statement.hash === statement.hash) return 'known'
  if (known === undefined && !makeRoom(state, word)) return 'full'
  if (known !== undefined && !replaces(word, statement.hash, known)) return 'stale'
  state.canaryWords.set(key, { body: word, statement })
  return 'taken'
}

/** Of two that say the same the first, so that all members keep the same one. */
function replaces(
  { well, atMs }: CanaryWord,
  hash: string,
  { body, statement }: { readonly body: CanaryWord; readonly statement: VerifiedStatement },
): boolean {
  if (well !== body.well) return !well
  return atMs === body.atMs ? hash < statement.hash : atMs < body.atMs
}

/** The words of the oldest trial go for those of a newer one. */
function makeRoom({ canaryWords, log }: GovernanceState, { entry }: CanaryWord): boolean {
  if (canaryWords.size < CONFIGURATION_LIMITS.words) return true
  const heightOf = (hash: string) => log.placed.get(hash)?.entry.height ?? 0
  const oldest = Math.min(...[...canaryWords.values()].map(({ body }) => heightOf(body.entry)))
  if (heightOf(entry) <= oldest) return false
  for (const [key, { body }] of canaryWords) if (heightOf(body.entry) === oldest) canaryWords.delete(key)
  return true
}
