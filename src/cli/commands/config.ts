/** `althing config`: the settings of this node, and of its cluster. */
import type { Command } from 'commander'
import type { ConfigurationHistory, ConfigurationVersion, ConfigurationView } from '../../model/configuration-api.ts'
import { CONFIGURATION_LIMITS, faultOfSetting, isSettingKey, SETTING_KEYS } from '../../model/settings.ts'
import { differences } from '../config/difference.ts'
import type { SchemaName } from '../config/schemas.ts'
import { shareInWords } from '../config/words.ts'
import { contextOf, type Context } from '../context.ts'
import { usageError } from '../errors.ts'
import { OUT_HELP } from '../gov/words.ts'
import { duration, each, filled, integer, keyValue, oneOf, percent, selector } from '../options.ts'
import { printable, shownWord } from '../terminal.ts'

type Pairs = readonly (readonly [key: string, value: string])[]

const { leastForMs, forMs } = CONFIGURATION_LIMITS
const file = filled('the path of a file')
/** Written out: the schemas themselves take a command 30 ms to load. */
const SCHEMAS = ['config', 'policy', 'passport'] as const satisfies readonly SchemaName[]
const version = integer(0, 20_000, 3)

interface SetOptions {
  canary?: string
  share?: number
  for?: number
  overridable?: boolean
  out?: string
}

/** Adds the command. */
export function register(program: Command): void {
  const config = program
    .command('config')
    .summary('settings of this node and of its cluster')
    .description(
      'The settings a daemon goes by while it runs. The admins of a cluster sign those of all members, for a few of ' +
        'them first if they want; what this node says itself, in its file or by `up --set`, counts where they let it.',
    )
    .addHelpText(
      'after',
      "\nExamples:\n  althing config get\n  althing config set heartbeat.every=20s --canary 'zone=attic' --for 10m\n" +
        '  althing config rollback',
    )
  config
    .command('get')
    .summary('print the settings, and who said so')
    .description('Print what this node goes by, who said so, and how far a trial has come; or one setting alone.')
    .argument('[key]', 'a setting, such as heartbeat.every', settingKey)
    .addHelpText('after', '\nExamples:\n  althing config get\n  althing config get heartbeat.every')
    .action(get)
  proposing(config.command('set'))
    .summary('propose settings to the admins of the cluster')
    .description(
      'Propose settings for all members, upon those that hold. With enough signatures members go by them, without a ' +
        'restart. With --canary the nodes with these labels begin, or with --share some of them: when each of those ' +
        'has been well for the time of --for, all others follow; when one is not, or is gone, what was before holds ' +
        'again on all, by itself.',
    )
    .argument('<key=value...>', 'settings, such as bids.window=1s', each(keyValue('bids.window=1s', faultOfSetting)))
    .option('--overridable', 'a node may set these otherwise for itself')
    .addHelpText(
      'after',
      '\nExamples:\n  althing config set task.timeout=2h\n' +
        "  althing config set bids.window=1s --canary 'zone=attic' --for 30m\n" +
        "  althing config set bids.window=1s --canary 'zone=attic' --share 25%\n" +
        '  althing config set links.most=64 --overridable',
    )
    .action(set)
  proposing(config.command('unset'))
    .summary('propose that settings have their defaults again')
    .description('Propose that settings of the cluster have their defaults again, as `set` does.')
    .argument('<key...>', 'settings that the cluster sets')
    .addHelpText('after', '\nExample:\n  althing config unset task.timeout')
    .action(unset)
  config
    .command('diff')
    .summary('what differs between two versions')
    .description('Print what differs between two versions of the settings of the cluster; 0: the defaults.')
    .argument('[from]', 'a version (default: the one before the newest)', version)
    .argument('[to]', 'a version (default: the newest)', version)
    .addHelpText('after', '\nExamples:\n  althing config diff\n  althing config diff 0 3')
    .action(diff)
  config
    .command('history')
    .summary('list what was decided')
    .description(
      'List the versions of the settings of the cluster, and what became of them, newest first: one is replaced that ' +
        'held everywhere, and rolled-back that was tried and given up; ended says that the next came during its trial.',
    )
    .addHelpText('after', '\nExample:\n  althing config history --json')
    .action(history)
  config
    .command('promote')
    .summary('propose that what is tried holds everywhere')
    .description(
      'Propose that what is being tried, or was tried and given up, holds on all members from now on, whatever was ' +
        'said of its canaries.',
    )
    .option('--out <file>', OUT_HELP, file)
    .addHelpText('after', '\nExample:\n  althing config promote')
    .action(async ({ out }: SetOptions, command: Command) => {
      const { promote } = await import('../config/decide.ts')
      await promote(contextOf(command), out)
    })
  config
    .command('rollback')
    .summary('propose what held before')
    .description(
      'Propose the settings that held everywhere before: of a trial, given up or not, what was before it; else the ' +
        'last that differ. Or those of an earlier version.',
    )
    .argument('[version]', 'as `althing config history` lists them; 0: the defaults', version)
    .option('--out <file>', OUT_HELP, file)
    .addHelpText('after', '\nExamples:\n  althing config rollback\n  althing config rollback 3')
    .action(async (wanted: number | undefined, { out }: SetOptions, command: Command) => {
      const { rollBack } = await import('../config/decide.ts')
      await rollBack(contextOf(command), wanted, out)
    })
  config
    .command('schema')
    .summary('print the JSON Schema of a file')
    .description(
      'Print the JSON Schema of a file that Althing reads, for an editor that completes it. Needs no daemon.',
    )
    .argument('[file]', `${SCHEMAS.join(', ')} (default: ${SCHEMAS[0]})`, oneOf(SCHEMAS))
    .addHelpText('after', '\nExamples:\n  althing config schema > config.schema.json\n  althing config schema policy')
    .action(async (name: (typeof SCHEMAS)[number] | undefined, _options: object, command: Command) => {
      const { jsonSchemaOf } = await import('../config/schemas.ts')
      contextOf(command).printJson(jsonSchemaOf(name ?? SCHEMAS[0]))
    })
}

/** What `set` and `unset` have in common: who begins, and where the proposal goes. */
function proposing(command: Command): Command {
  return command
    .option(
      '--canary <selector>',
      'the nodes (of this ward) that begin, by label; settled when it is proposed',
      selector,
    )
    .option('--share <percent>', 'how many of these begin, such as 25%: at least one (default: all)', percent)
    .option('--for <duration>', 'how long each must be well (default: 10m)', duration(leastForMs, forMs))
    .option('--out <file>', OUT_HELP, file)
}

function settingKey(text: string): string {
  if (!isSettingKey(text)) throw new Error(`expected one of ${SETTING_KEYS.join(', ')}`)
  return text
}

async function get(key: string | undefined, _options: object, command: Command): Promise<void> {
  const context = contextOf(command)
  const { client, json, print, printJson, printTable, note } = context
  const view = await client.get<ConfigurationView>('/v1/configuration')
  if (key !== undefined) {
    const found = view.settings.find((setting) => setting.key === key)!
    return json ? printJson(found) : print(printable(found.value))
  }
  if (json) return printJson(view)
  printTable(
    [{ title: 'SETTING' }, { title: 'VALUE' }, { title: 'BY' }, { title: 'DEFAULT' }, { title: 'WHAT IT IS' }],
    view.settings.map(({ key: name, value, source, initial, about }) =>
      [name, value, source, initial, about].map(printable),
    ),
  )
  for (const { key: name, cluster, node, source, fault } of view.settings) {
    if (fault !== undefined) note(`althing: ${name}=${printable(cluster!)} of the cluster is left aside: ${fault}`)
    else if (node !== undefined && source === 'cluster')
      note(`althing: ${name}=${printable(node)} of this node is left aside`)
  }
  for (const name of view.unknown) note(`althing: ${printable(name)} of the cluster is not known to this version`)
  showTrial(context, view)
}

function showTrial({ print, paint }: Context, { decided, canaries }: ConfigurationView): void {
  if (decided === undefined) return
  const { share } = decided.trial ?? {}
  const words = {
    everywhere: 'holds everywhere',
    trial: paint('yellow', 'is being tried'),
    promoted: 'was tried, and holds everywhere',
    'rolled-back': paint('red', 'was tried and GIVEN UP: what was before holds everywhere'),
    replaced: 'was replaced',
    ended: 'was tried until the next was decided upon',
  }
  print(`\nversion ${decided.version} ${words[decided.stage]}`)
  if (share !== undefined) print(`begun by ${shareInWords(canaries.length, share)}:`)
  for (const { name, state, said } of canaries) {
    const why = said.map(({ by, why: text }) => `${by}: ${text}`).join('; ')
    print(printable(`  ${name}  ${state}${why === '' ? '' : `  ${why}`}`))
  }
}

async function set(wanted: Pairs, options: SetOptions, command: Command): Promise<void> {
  const { proposeSettings } = await import('../config/decide.ts')
  await proposeSettings(contextOf(command), options, ({ settings, overridable }) => {
    const keys = wanted.map(([key]) => key)
    const others = overridable.filter((key) => !keys.includes(key))
    return {
      settings: { ...settings, ...Object.fromEntries(wanted) },
      overridable: options.overridable === true ? [...others, ...new Set(keys)] : others,
    }
  })
}

async function unset(keys: readonly string[], options: SetOptions, command: Command): Promise<void> {
  const { proposeSettings } = await import('../config/decide.ts')
  await proposeSettings(contextOf(command), options, ({ settings, overridable }) => {
    const missing = keys.find((key) => !Object.hasOwn(settings, key))
    if (missing !== undefined) throw usageError(`${shownWord(missing)}: the cluster does not set it`)
    return {
      settings: Object.fromEntries(Object.entries(settings).filter(([key]) => !keys.includes(key))),
      overridable: overridable.filter((key) => !keys.includes(key)),
    }
  })
}

async function diff(
  from: number | undefined,
  to: number | undefined,
  _options: object,
  command: Command,
): Promise<void> {
  const { client, json, print, printJson } = contextOf(command)
  const { versions } = await client.get<ConfigurationHistory>('/v1/configuration/history')
  const newest = versions[0]?.version ?? 0
  const [a, b] = [from ?? Math.max(0, (to ?? newest) - 1), to ?? newest]
  const { versionOf } = await import('../config/decide.ts')
  const found = differences(versionOf(versions, a), versionOf(versions, b))
  if (json) return printJson({ from: a, to: b, differences: found })
  for (const { key, before, after } of found) {
    if (before !== undefined) print(printable(`- ${key} = ${before}`))
    if (after !== undefined) print(printable(`+ ${key} = ${after}`))
  }
}

async function history(_options: object, command: Command): Promise<void> {
  const { client, json, printJson, printTable } = contextOf(command)
  const found = await client.get<ConfigurationHistory>('/v1/configuration/history')
  if (json) return printJson(found)
  printTable(
    [
      { title: 'VERSION', align: 'right' },
      { title: 'WHEN' },
      { title: 'SIGNED BY' },
      { title: 'STAGE' },
      { title: 'SETTINGS' },
    ],
    found.versions.map((one) => [
      String(one.version),
      new Date(one.atMs).toISOString(),
      `${one.signers.length}, entry ${one.height}`,
      stageOf(one),
      printable(
        Object.entries(one.settings)
          .map(([key, value]) => `${key}=${value}`)
          .join(' '),
      ) || 'the defaults',
    ]),
  )
}

function stageOf({ stage, trial }: ConfigurationVersion): string {
  if (trial === undefined) return stage
  const { canaries, share } = trial
  return `${stage}, ${canaries.length}${share === undefined ? '' : ` of ${share.of}`} first`
}
