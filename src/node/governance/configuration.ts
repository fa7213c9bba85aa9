/** What can be asked of a daemon about the configuration it goes by. */
import {
  accusationsOf,
  configurationOn,
  stageOf,
  type HeldConfiguration,
  type Stage,
} from '../../governance/configuration.ts'
import type { GovernanceState } from '../../governance/state.ts'
import type { Configuration, Trial } from '../../model/configuration.ts'
import { isConfiguration } from '../../model/governance.ts'
import type { ConfigurationHistory, ConfigurationVersion, ConfigurationView } from '../../model/configuration-api.ts'
import { SETTINGS } from '../../model/settings.ts'
import type { DaemonParts } from '../daemon-state.ts'
import { namesOf } from '../views.ts'
import { stateOf } from './current.ts'

/** Versions that are listed, the newest. */
const LISTED = 100
const NOTHING: Configuration = { settings: {}, overridable: [] }

/** What this node goes by, and why; without a cluster too. */
export function configurationView(parts: DaemonParts): ConfigurationView {
  const { settings, governor } = parts
  const held = governor.state && configurationOn(governor.state)
  const decided = governor.state && versionsOf(governor.state).at(-1)
  return {
    settings: settings.now.map(({ key, text: value, source, cluster, node, overridable, fault }) => ({
      ...{ key, value, source, overridable, initial: SETTINGS[key].initial, about: SETTINGS[key].about },
      ...(cluster !== undefined && { cluster }),
      ...(node !== undefined && { node }),
      ...(fault !== undefined && { fault }),
    })),
    unknown: [...settings.unknown],
    ...(decided && { decided }),
    everywhere: held === undefined ? NOTHING : everywhere(held),
    canaries: held === undefined ? [] : canariesOf(parts, held),
  }
}

/** What holds on members that are not canaries. */
function everywhere({ decided, stage }: HeldConfiguration): Configuration {
  const { trial, configuration } = decided
  return trial === undefined || stage === 'promoted' ? configuration : trial.before
}

function canariesOf(
  { mesh, clock }: DaemonParts,
  { decided, words }: HeldConfiguration,
): ConfigurationView['canaries'] {
  const name = namesOf(mesh, clock.nowMs())
  return (decided.trial?.canaries ?? []).map((peer) => {
    const said = words.filter(({ about }) => about === peer)
    const isUnwell = accusationsOf(peer, decided.trial!, words).length > 0
    const state = isUnwell ? 'unwell' : said.some(({ well }) => well) ? 'well' : 'trying'
    return { peer, name: name(peer), state, said: said.map(({ node, why, atMs }) => ({ by: name(node), why, atMs })) }
  })
}

/** What was decided, newest first. @throws OperationError `not-found` without a cluster */
export function configurationHistory(parts: DaemonParts): ConfigurationHistory {
  const state = stateOf(parts)
  return { versions: versionsOf(state).slice(-LISTED).toReversed() }
}

/** What became of one that is not the newest any more. */
const FORMER = {
  everywhere: 'replaced',
  promoted: 'replaced',
  trial: 'ended',
  'rolled-back': 'rolled-back',
} as const satisfies Record<Stage, ConfigurationVersion['stage']>

/** Every version on the chain, the oldest first. */
export function versionsOf(state: GovernanceState): ConfigurationVersion[] {
  const { log } = state
  const versions: ConfigurationVersion[] = []
  for (const hash of log.chain.slice(1)) {
    const { statement, entry, change } = log.placed.get(hash)!
    if (!isConfiguration(change)) continue
    const { settings, overridable } = change
    const trial: Trial | undefined = change.trial
    const stage = stageOf(state, hash, trial)
    versions.push({
      ...{ version: versions.length + 1, atMs: entry.atMs, height: entry.height, hash, settings, overridable },
      signers: [...statement.signers],
      stage: log.authority.configuration?.hash === hash ? stage : FORMER[stage],
      ...(trial && { trial: trialView(trial) }),
    })
  }
  return versions
}

function trialView({ canaries, forMs, before, share }: Trial): ConfigurationVersion['trial'] {
  return { canaries, forMs, before, ...(share && { share }) }
}
