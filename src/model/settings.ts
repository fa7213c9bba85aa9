/**
 * The settings of a daemon that can be changed while it runs: for a whole cluster by its admins, for one node by its
 * file or its command line. Values are text, as people write them, wherever they travel or are stored; what they mean
 * is worked out here, by each node for itself.
 *
 * Without schemas: programs that only read a setting do not load them.
 */
import { TASK_LIMITS } from './defaults.ts'
import { DURATION_EXPECTED, readDurationMs } from './duration.ts'
import { parseBytes } from './quantity.ts'

/** What a value is. */
type Kind = 'duration' | 'bytes' | 'count' | 'weight'

/** One setting. Numbers are milliseconds of a duration, bytes, or as they are. */
export interface Setting {
  readonly kind: Kind
  readonly least: number
  readonly most: number
  /** As people write it. */
  readonly initial: string
  /** What it does, for people. */
  readonly about: string
}

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const DAY_MS = 24 * 60 * MINUTE_MS

const duration = (least: number, most: number, initial: string, about: string): Setting => ({
  ...{ kind: 'duration', least, most, initial, about },
})
const weight = (initial: string, about: string): Setting => ({
  ...{ kind: 'weight', least: 0, most: 10, initial, about: `${about}: its weight when nodes are ranked` },
})

/** All there are, by key. A test holds their defaults against those of the parts they set. */
export const SETTINGS = {
  'heartbeat.every': duration(
    SECOND_MS,
    10 * MINUTE_MS,
    '10s',
    'between two heartbeats, longer in a large mesh; without watchers a node is offline after three and 30 s',
  ),
  'sync.every': duration(5 * SECOND_MS, 10 * MINUTE_MS, '30s', 'between two comparisons of records with a neighbour'),
  'bids.window': duration(50, 4 * SECOND_MS, '400ms', 'how long a submitter waits for bids'),
  'bids.ask': { kind: 'count', least: 1, most: 16, initial: '3', about: 'nodes that are asked to bid for one task' },
  'links.most': {
    kind: 'count',
    least: 8,
    most: 1_000,
    initial: '32',
    about: 'links beyond which others may end theirs',
  },
  'rank.fit': weight('1', 'room that is left after placement'),
  'rank.load': weight('1', 'CPU that is not in use'),
  'rank.crowd': weight('0.5', 'few tasks running there'),
  'rank.warm': weight('2', 'the input is there already'),
  'rank.distance': weight('0.5', 'a short round trip'),
  'rank.local': weight('0.1', "the submitter's own node"),
  'task.timeout': duration(SECOND_MS, TASK_LIMITS.timeoutMs, '1d', 'when a task that names no --timeout is ended'),
  'task.place-timeout': duration(SECOND_MS, TASK_LIMITS.placeTimeoutMs, '1d', 'when a task that finds no place fails'),
  'task.log-cap': {
    ...{ kind: 'bytes', least: 0, most: 1024 ** 3, initial: '16Mi' },
    about: 'what is kept of stdout and of stderr of a task, each',
  },
} as const satisfies Readonly<Record<string, Setting>>

/** Caps of one configuration of a cluster, here since the CLI needs them without the schemas. */
export const CONFIGURATION_LIMITS = {
  settings: 64,
  /** Characters of the name of a setting, and of its value. */
  keyLength: 64,
  valueLength: 64,
  /** Nodes that try it first. */
  canaries: 64,
  /** Characters of the labels that those are a share of. */
  selectorLength: 512,
  /** Of other members whose word makes a canary unwell. */
  witnesses: 16,
  /** The shortest trial, and the longest: 30 days. */
  leastForMs: 1_000,
  forMs: 30 * 24 * 60 * 60 * 1000,
  /** Words on canaries that a member holds, of all trials. */
  words: 4_096,
} as const

/** The name of a setting. */
export type SettingKey = keyof typeof SETTINGS
/** Numbers by key; see `Setting`. */
export type SettingValues = Readonly<Record<SettingKey, number>>

/** All keys, in the order in which they are shown. */
export const SETTING_KEYS = Object.keys(SETTINGS) as SettingKey[]

/** Whether this version knows a setting of this name. */
export function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(SETTINGS, key)
}

/** The number that a text says, or what was expected in place of it. */
export function readSetting(key: SettingKey, text: string): number | { readonly fault: string } {
  const setting: Setting = SETTINGS[key]
  const { least, most, initial } = setting
  const value = READERS[setting.kind](text)
  if (value !== undefined && value >= least && value <= most) return value
  const bounds = `from ${show(setting, least)} to ${show(setting, most)}`
  return { fault: `expected ${EXPECTED[setting.kind]} ${bounds}, such as ${initial}` }
}

/** What is wrong with a setting, in words; undefined for one that is right. */
export function faultOfSetting(key: string, value: string): string | undefined {
  if (!isSettingKey(key)) return 'there is no such setting; `althing config get` lists all'
  const read = readSetting(key, value)
  return typeof read === 'number' ? undefined : read.fault
}

/** What each setting is unless somebody says otherwise. */
export function initialSettings(): SettingValues {
  const values = SETTING_KEYS.map((key) => [key, readSetting(key, SETTINGS[key].initial)])
  return Object.fromEntries(values) as SettingValues
}

const EXPECTED: Readonly<Record<Kind, string>> = {
  duration: DURATION_EXPECTED.replace(/, such as.*/, ''),
  bytes: 'an amount of bytes',
  count: 'a whole number',
  weight: 'a number',
}

const READERS: Readonly<Record<Kind, (text: string) => number | undefined>> = {
  duration: readDurationMs,
  bytes: (text) => {
    try {
      return parseBytes(text)
    } catch {
      return undefined
    }
  },
  count: (text) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined),
  weight: (text) => (/^\d{1,4}(\.\d{1,4})?$/.test(text) ? Number(text) : undefined),
}

function show({ kind }: Setting, value: number): string {
  if (kind === 'bytes') return value === 0 ? '0' : `${value / 1024 ** 2}Mi`
  if (kind !== 'duration') return String(value)
  if (value % DAY_MS === 0) return `${value / DAY_MS}d`
  if (value % MINUTE_MS === 0) return `${value / MINUTE_MS}m`
  return value % SECOND_MS === 0 ? `${value / SECOND_MS}s` : `${value}ms`
}
