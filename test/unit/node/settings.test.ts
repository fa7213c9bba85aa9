import assert from 'node:assert/strict'
import { checkMeshConfig, DEFAULT_MESH } from '../../../src/mesh/config.ts'
import { DEFAULT_TASK } from '../../../src/model/defaults.ts'
import { initialSettings, readSetting, SETTING_KEYS, SETTINGS, type SettingKey } from '../../../src/model/settings.ts'
import { MOST_LINKS } from '../../../src/node/link-budget.ts'
import { Settings } from '../../../src/node/settings.ts'

const of = (settings: Record<string, string>, overridable: string[] = []) => ({ settings, overridable })
const nowOf = (settings: Settings, key: SettingKey) => settings.now.find((one) => one.key === key)!

describe('node/settings', () => {
  it('have the defaults of the parts that they set', () => {
    const settings = new Settings(DEFAULT_MESH)
    assert.deepEqual(settings.mesh, DEFAULT_MESH)
    const {
      'links.most': links,
      'task.timeout': timeout,
      'task.place-timeout': place,
      'task.log-cap': cap,
    } = settings.values
    const { timeoutMs, placeTimeoutMs, logCapBytes } = DEFAULT_TASK
    assert.deepEqual([links, timeout, place, cap], [MOST_LINKS, timeoutMs, placeTimeoutMs, logCapBytes])
  })

  it('at the bounds of each the mesh has knobs that go together, and beyond them nothing is read', () => {
    for (const key of SETTING_KEYS) {
      const { kind, least, most } = SETTINGS[key]
      const unit = kind === 'duration' ? 'ms' : ''
      for (const value of [least, most]) {
        const settings = new Settings(DEFAULT_MESH)
        settings.decide(of({ [key]: `${value}${unit}` }))
        assert.equal(nowOf(settings, key).fault, undefined, key)
        assert.equal(settings.values[key], value, key)
        checkMeshConfig(settings.mesh)
      }
      for (const wrong of [`${most + 1}${unit}`, '-1', '', 'x', '1e3', '1'.repeat(64), 'NaN', 'Infinity']) {
        const read = readSetting(key, wrong)
        assert.ok(
          typeof read === 'object' || (read >= least && read <= most),
          `${key}=${wrong}: ${JSON.stringify(read)}`,
        )
      }
    }
  })

  it('follow the cluster, and tell of each change once', () => {
    const settings = new Settings(DEFAULT_MESH)
    let changes = 0
    settings.onChange = () => changes++
    settings.decide(of({ 'heartbeat.every': '1m', 'bids.ask': '5', 'rank.warm': '0.25' }))
    assert.deepEqual(
      [settings.mesh.beatMs, settings.mesh.leaseMs, settings.mesh.deadMs, settings.mesh.negotiation.askAtLeast],
      [60_000, 180_000, 360_000, 5],
    )
    assert.equal(settings.mesh.negotiation.weights.warm, 0.25)
    settings.decide(of({ 'bids.ask': '5', 'rank.warm': '0.25', 'heartbeat.every': '1m' }))
    assert.equal(changes, 1)
    settings.decide(undefined)
    assert.deepEqual([settings.mesh, settings.values, changes], [DEFAULT_MESH, initialSettings(), 2])
  })

  it('are the own ones where the cluster says nothing, lets it, or says what cannot be read', () => {
    const settings = new Settings({ ...DEFAULT_MESH, beatMs: 200, leaseMs: 1_000, deadMs: 2_000 }, { 'bids.ask': '7' })
    assert.deepEqual([settings.mesh.beatMs, settings.mesh.leaseMs, settings.values['bids.ask']], [200, 1_000, 7])
    assert.deepEqual([nowOf(settings, 'heartbeat.every').source, nowOf(settings, 'bids.ask').source], ['node', 'node'])
    settings.decide(of({ 'bids.ask': '9', 'heartbeat.every': '5s' }))
    assert.deepEqual([settings.values['bids.ask'], settings.mesh.beatMs, settings.mesh.leaseMs], [9, 5_000, 15_000])
    settings.decide(of({ 'bids.ask': '9', 'heartbeat.every': '5s' }, ['bids.ask']))
    assert.deepEqual([settings.values['bids.ask'], settings.mesh.beatMs], [7, 5_000])
    settings.decide(of({ 'bids.ask': 'many', 'later.setting': '1', 'bids.window': 'wide' }))
    assert.deepEqual([settings.values['bids.ask'], settings.values['bids.window']], [7, 400])
    assert.match(nowOf(settings, 'bids.window').fault!, /expected a duration from 50ms to 4s, such as 400ms/)
    assert.deepEqual(settings.unknown, ['later.setting'])
    assert.throws(() => new Settings(DEFAULT_MESH, { 'bids.ask': '99' }), { code: 'bad-setting' })
    assert.throws(() => new Settings(DEFAULT_MESH, { constructor: '1' }), { code: 'bad-setting' })
  })
})
