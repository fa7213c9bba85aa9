/** The commands by which admins decide on the settings of their cluster: each makes an entry of the governance log. */
import type { NodeView } from '../../model/api.ts'
import type { ClusterView, MemberView } from '../../model/cluster.ts'
import type { Configuration, Trial } from '../../model/configuration.ts'
import type { ConfigurationHistory, ConfigurationVersion, ConfigurationView } from '../../model/configuration-api.ts'
import { shareOf } from '../../model/canary-share.ts'
import type { ConfigurationChange } from '../../model/governance.ts'
import { CONFIGURATION_LIMITS } from '../../model/settings.ts'
import type { Context } from '../context.ts'
import { CliError, usageError } from '../errors.ts'
import { begin } from '../gov/deciding.ts'
import { differences } from './difference.ts'

/** What `set` and `unset` are told beside the settings. */
export interface DecideOptions {
  /** Selector of the nodes that begin. */
  readonly canary?: string
  /** How many of a hundred of them begin. */
  readonly share?: number
  /** How long each of them must be well; milliseconds. */
  readonly for?: number
  readonly out?: string
}

/** A trial without `--for`. */
const TRIAL_MS = 10 * 60_000
/** Version 0: before anything was decided. */
const DEFAULTS: Configuration = { settings: {}, overridable: [] }
/** As many others must say that a canary is gone, where there are as many. */
const WITNESSES = 2

/** Proposes what `change` makes of the settings that hold on most members. @throws CliError */
export async function proposeSettings(
  context: Context,
  options: DecideOptions,
  change: (before: Configuration) => Configuration,
): Promise<void> {
  const { client } = context
  for (const name of ['for', 'share'] as const) {
    if (options[name] === undefined || options.canary !== undefined) continue
    throw usageError(`--${name} says nothing without --canary`, "add --canary 'zone=attic', or leave it away")
  }
  const cluster = await client.get<ClusterView>('/v1/cluster')
  const { decided, everywhere: before } = await client.get<ConfigurationView>('/v1/configuration')
  if (decided?.stage === 'trial') {
    throw new CliError('under-way', `version ${decided.version} is being tried`, {
      fix: '`althing config get` shows how it fares; end it with `althing config promote`, or `rollback`',
    })
  }
  const next = change(before)
  if (differences(before, next).length === 0)
    throw usageError('that is so already', '`althing config get` shows what holds')
  const trial = options.canary === undefined ? undefined : await trialOf(context, options, cluster, before)
  await begin(context, cluster, changeOf(next, trial), options.out)
}

function changeOf(next: Configuration, trial: Trial | undefined): ConfigurationChange {
  if (trial === undefined) return { kind: 'config', ...next }
  const { share, ...all } = trial
  return share === undefined
    ? { kind: 'config', ...next, trial: all }
    : { kind: 'config-share', ...next, trial: { ...all, share } }
}

/** Which nodes begin is settled now, and signed by name: a label could be taken by anybody later. */
async function trialOf(
  { client }: Context,
  { canary = '', share: percent, for: forMs = TRIAL_MS }: DecideOptions,
  { members, head }: ClusterView,
  before: Configuration,
): Promise<Trial> {
  const { selectorLength } = CONFIGURATION_LIMITS
  if (percent !== undefined && canary.length > selectorLength)
    throw usageError(`--canary has ${canary.length} characters; with --share at most ${selectorLength}`)
  const query = new URLSearchParams({ selector: canary }).toString()
  const nodes = await client.get<NodeView[]>(`/v1/nodes?${query}`)
  const roster = await client.get<MemberView[]>('/v1/members')
  const isMember = new Set(roster.flatMap(({ peerId, state }) => (state === 'member' ? [peerId] : [])))
  const up = nodes.filter(({ state }) => state === 'ready' || state === 'busy').map(({ peerId }) => peerId)
  const named = up.filter((peerId) => isMember.has(peerId))
  if (named.length === 0) {
    const fix = 'see `althing nodes -l SELECTOR`, and `althing member list`'
    throw usageError(`--canary ${canary}: no member that is up has such labels`, fix)
  }
  const canaries = percent === undefined ? named : shareOf(named, percent, head)
  const most = CONFIGURATION_LIMITS.canaries
  if (canaries.length > most) {
    throw usageError(
      `--canary ${canary}: ${canaries.length} nodes; at most ${most} begin`,
      `let fewer of them begin: --share ${Math.max(1, Math.floor((100 * most) / named.length))}%`,
    )
  }
  const witnesses = Math.max(1, Math.min(WITNESSES, members - 1))
  const share = percent === undefined ? undefined : { selector: canary, percent, of: named.length }
  return { canaries, forMs, witnesses, before, ...(share && { share }) }
}

/** Proposes that what is, or was, tried holds everywhere. @throws CliError */
export async function promote(context: Context, out: string | undefined): Promise<void> {
  const { client } = context
  const cluster = await client.get<ClusterView>('/v1/cluster')
  const { decided } = await client.get<ConfigurationView>('/v1/configuration')
  if (decided?.trial === undefined || decided.stage === 'promoted') {
    throw new CliError('no-trial', 'nothing is being tried', { fix: '`althing config history` shows what was decided' })
  }
  const { settings, overridable } = decided
  await begin(context, cluster, { kind: 'config', settings, overridable }, out)
}

/** Proposes what held everywhere before, or an earlier version. @throws CliError */
export async function rollBack(context: Context, version: number | undefined, out: string | undefined): Promise<void> {
  const { client } = context
  const cluster = await client.get<ClusterView>('/v1/cluster')
  const { versions } = await client.get<ConfigurationHistory>('/v1/configuration/history')
  const { decided, everywhere } = await client.get<ConfigurationView>('/v1/configuration')
  const wanted = version === undefined ? formerOf(versions, everywhere) : versionOf(versions, version)
  const isSettled = decided?.trial === undefined || decided.stage === 'promoted'
  if (isSettled && differences(everywhere, wanted).length === 0)
    throw usageError('that is so already', '`althing config history` shows what was decided: name a version')
  const { settings, overridable } = wanted
  await begin(context, cluster, { kind: 'config', settings, overridable }, out)
}

/**
 * What `rollback` goes back to. Of a trial, given up or not, what was before it: an entry that says so ends it for
 * good, whoever is expelled later. Else the last version that held everywhere and differs from what does now.
 *
 * @throws CliError when nothing was decided upon
 */
export function formerOf(versions: readonly ConfigurationVersion[], everywhere: Configuration): Configuration {
  const [newest, ...older] = versions
  if (newest === undefined) {
    throw new CliError('no-configuration', 'nothing was decided about settings yet', {
      fix: 'decide with `althing config set`',
    })
  }
  if (newest.stage === 'trial' || newest.stage === 'rolled-back') return newest.trial!.before
  const found = older.find(({ stage, ...one }) => stage === 'replaced' && differences(one, everywhere).length > 0)
  return found ?? DEFAULTS
}

/** A version by its number; 0 is that of no settings at all. @throws CliError usage */
export function versionOf(versions: readonly ConfigurationVersion[], number: number): Configuration {
  if (number === 0) return DEFAULTS
  const found = versions.find(({ version }) => version === number)
  if (found === undefined) throw usageError(`there is no version ${number}`, '`althing config history` lists them')
  return found
}
