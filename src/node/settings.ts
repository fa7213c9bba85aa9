/**
 * The settings this daemon goes by: the default, over it what its cluster decided, over that what its own file or
 * command line says, where the cluster lets it or says nothing. They change while it runs.
 */
import type { MeshConfig } from '../mesh/types.ts'
import type { Configuration } from '../model/configuration.ts'
import {
  faultOfSetting,
  initialSettings,
  isSettingKey,
  readSetting,
  SETTING_KEYS,
  SETTINGS,
  type SettingKey,
  type SettingValues,
} from '../model/settings.ts'
import { AlthingError } from '../util/errors.ts'

/** What a setting is on this node, and who said so. */
export interface SettingNow {
  readonly key: SettingKey
  readonly text: string
  readonly source: 'default' | 'cluster' | 'node'
  readonly cluster: string | undefined
  readonly node: string | undefined
  readonly overridable: boolean
  /** Why what the cluster says is left aside. */
  readonly fault: string | undefined
}

/** What a node says of a setting itself. The environment may say what no file may: tests beat faster than a second. */
interface Own {
  readonly text: string
  readonly value: number
}

export class Settings {
  readonly #base: MeshConfig
  readonly #own = new Map<SettingKey, Own>()
  readonly #initial = initialSettings()
  #now: readonly SettingNow[] = []
  #unknown: readonly string[] = []
  #values: SettingValues = this.#initial
  #mesh: MeshConfig
  /** Called when any of them is another than before. */
  onChange: () => void = () => {}

  /**
   * @param base the mesh's knobs as this daemon was started
   * @param own what its file and command line say, by key
   * @throws AlthingError `bad-setting`
   */
  constructor(base: MeshConfig, own: Readonly<Record<string, string>> = {}) {
    this.#base = base
    this.#mesh = base
    if (base.beatMs !== this.#initial['heartbeat.every']) {
      this.#own.set('heartbeat.every', { text: `${base.beatMs}ms`, value: base.beatMs })
    }
    for (const [key, text] of Object.entries(own)) {
      const fault = faultOfSetting(key, text)
      if (fault !== undefined) throw new AlthingError('bad-setting', `${key}=${text}: ${fault}`)
      this.#own.set(key as SettingKey, { text, value: readSetting(key as SettingKey, text) as number })
    }
    this.decide(undefined)
  }

  /** The mesh's knobs as they are now. */
  get mesh(): MeshConfig {
    return this.#mesh
  }

  /** All as numbers. */
  get values(): SettingValues {
    return this.#values
  }

  /** All, with who said so. */
  get now(): readonly SettingNow[] {
    return this.#now
  }

  /** What the cluster sets and this version does not know. */
  get unknown(): readonly string[] {
    return this.#unknown
  }

  /** What the cluster says from now on; undefined: nothing. */
  decide(configuration: Configuration | undefined): void {
    const { settings, overridable } = configuration ?? { settings: {}, overridable: [] }
    this.#unknown = Object.keys(settings).filter((key) => !isSettingKey(key))
    const values: Record<string, number> = {}
    this.#now = SETTING_KEYS.map((key) => {
      const mayDiffer = overridable.includes(key)
      const [now, value] = this.#settle(key, settings[key], mayDiffer)
      values[key] = value
      return { ...now, key, overridable: mayDiffer }
    })
    const changed = SETTING_KEYS.some((key) => values[key] !== this.#values[key])
    this.#values = values as SettingValues
    this.#mesh = meshWith(this.#base, this.#values)
    if (changed) this.onChange()
  }

  #settle(
    key: SettingKey,
    cluster: string | undefined,
    mayDiffer: boolean,
  ): [Omit<SettingNow, 'key' | 'overridable'>, number] {
    const own = this.#own.get(key)
    const read = cluster === undefined ? undefined : readSetting(key, cluster)
    const fault = typeof read === 'object' ? read.fault : undefined
    const said = { cluster, node: own?.text, fault }
    if (own !== undefined && (mayDiffer || typeof read !== 'number')) {
      return [{ text: own.text, source: 'node', ...said }, own.value]
    }
    if (typeof read === 'number') return [{ text: cluster!, source: 'cluster', ...said }, read]
    return [{ text: SETTINGS[key].initial, source: 'default', ...said }, this.#initial[key]]
  }
}

/** Leases follow slower beats, so that one that is lost makes nobody offline. */
function meshWith(base: MeshConfig, values: SettingValues): MeshConfig {
  const beatMs = values['heartbeat.every']
  const { weights } = base.negotiation
  return {
    ...base,
    beatMs,
    leaseMs: beatMs === base.beatMs ? base.leaseMs : Math.max(base.leaseMs, 3 * beatMs),
    deadMs: beatMs === base.beatMs ? base.deadMs : Math.max(base.deadMs, 6 * beatMs),
    syncMs: values['sync.every'],
    negotiation: {
      ...base.negotiation,
      bidWindowMs: values['bids.window'],
      askAtLeast: values['bids.ask'],
      weights: {
        ...weights,
        fit: values['rank.fit'],
        load: values['rank.load'],
        crowd: values['rank.crowd'],
        warm: values['rank.warm'],
        distance: values['rank.distance'],
        local: values['rank.local'],
      },
    },
  }
}
