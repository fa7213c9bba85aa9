import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { ConfigFile } from '../../src/cli/up/config-file.ts'
import { loadPassports } from '../../src/model/passport-file.ts'
import { Passport } from '../../src/model/passport.ts'
import { parseBytes, parseCpuMilli } from '../../src/model/quantity.ts'
import { describeSelector, matchesSelector, parseSelector } from '../../src/model/selector.ts'
import { readPlace } from '../../src/diagnosis/target.ts'
import { readSetting, SETTING_KEYS, SETTINGS, type SettingKey } from '../../src/model/settings.ts'
import { readYamlFile } from '../../src/model/yaml-file.ts'
import { AlthingError } from '../../src/util/errors.ts'
import type { Rng } from '../../src/util/rng.ts'
import { encode } from '../../src/wire/codec.ts'
import { fuzz, SEED } from './fuzz.ts'
import { mutate } from './mutate.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** One in so many is a mutant of a whole file: its parser takes ten times as long for that as for some lines. */
const LARGE_ONE_IN = 100

/**
 * Mutants of these texts, and now and then of larger ones; broken UTF-8 becomes replacement characters, as when a file
 * is read.
 */
const mutants = (texts: readonly string[], large: readonly string[] = []) => {
  const inputs = texts.map(bytesOf)
  const larger = large.map(bytesOf)
  return (rng: Rng) => textOf(mutate(larger.length > 0 && rng.int(LARGE_ONE_IN) === 0 ? larger : inputs, rng))
}

const exampleOf = (name: string) => readFileSync(new URL(`../../config/examples/${name}.yaml`, import.meta.url), 'utf8')

/** As Kubernetes has it. */
const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/

describe('fuzz/text', function () {
  // Some seconds each on an idle core; a busy machine may take many times that.
  this.timeout(300_000)
  before(() => console.log(`    seed ${SEED} (ALTHING_FUZZ_SEED=${SEED} replays it)`))

  it('selectors: what is accepted can be described and read again', async () => {
    const { accepted } = await fuzz({
      name: 'selector',
      next: mutants(['zone=attic,tier in (web,db),gpu!=none,!retired', 'a==b,c notin (d),kubernetes.io/arch', '']),
      decode: parseSelector,
      accepted: (selector) => {
        assert.deepEqual(parseSelector(describeSelector(selector).join(',')), selector)
        for (const value of selector.flatMap(({ values }) => values)) assert.match(value, LABEL_VALUE)
        matchesSelector(selector, { zone: 'attic' })
      },
    })
    assert.ok(accepted > 1000, `${accepted} accepted`)
  })

  it('places to dial: what is accepted has a host and a port', async () => {
    const { accepted } = await fuzz({
      name: 'place',
      next: mutants(['/ip4/10.0.0.5/tcp/4100/p2p/12D3KooWA', '/dns4/host.lan/tcp/1', '[fd00::5]:99', 'host.lan:4100']),
      decode: (text) => {
        const place = readPlace(text)
        if (place === undefined) throw new AlthingError('no-place', 'no place')
        return place
      },
      accepted: ({ host, port, peer }) => {
        assert.match(host, /^[A-Za-z0-9.:_-]+$/)
        assert.ok(Number.isInteger(port) && port > 0 && port < 65_536)
        assert.notEqual(peer, '')
      },
    })
    assert.ok(accepted > 1000, `${accepted} accepted`)
  })

  for (const decode of [parseBytes, parseCpuMilli]) {
    it(`quantities, ${decode.name}: what is accepted is a safe whole number`, async () => {
      const { accepted } = await fuzz({
        name: decode.name,
        next: mutants(['500m', '1.5Gi', '1e9', '0.0001', '128974848', '2']),
        decode,
        accepted: (amount) => assert.ok(Number.isSafeInteger(amount) && amount >= 0),
      })
      assert.ok(accepted > 1000, `${accepted} accepted`)
    })
  }

  it('passport files: what is accepted is a passport that can be signed', async () => {
    const small = 'apiVersion: a.b/v1\nkind: NodePassport\nmetadata: {name: w}\nspec: {type: a, version: "1"}\n'
    const example = exampleOf('writer-passport')
    const { accepted, refused } = await fuzz({
      name: 'passport file',
      next: mutants(
        [small, small, small, `${small}status: {at: [1, {x: ~}], on: &a yes, off: *a}\n`],
        [example, `a: &a [x]\n---\n${example}`],
      ),
      decode: (text) => loadPassports(text, 'fuzz.yaml'),
      accepted: (passports) => {
        for (const passport of passports) {
          assert.deepEqual(Passport.parse(passport), passport)
          encode(passport)
        }
      },
    })
    assert.ok(
      accepted > 1000 && (refused['bad-passport'] ?? 0) > 1000 && (refused['bad-yaml'] ?? 0) > 1000,
      JSON.stringify({ accepted, refused }),
    )
  })

  it('settings: what is accepted is a number within its bounds', async () => {
    const texts = SETTING_KEYS.flatMap((key) => [SETTINGS[key].initial, '1h30m', '0.5', '7', '1Gi'])
    const next = mutants([...new Set(texts)])
    const { accepted } = await fuzz({
      name: 'settings',
      next: (rng): [SettingKey, string] => [rng.pick(SETTING_KEYS), next(rng)],
      decode: ([key, text]) => [key, readSetting(key, text)] as const,
      accepted: ([key, value]) => {
        const { least, most } = SETTINGS[key]
        assert.ok(typeof value === 'object' ? value.fault.length > 0 : value >= least && value <= most, key)
      },
    })
    assert.ok(accepted > 1000, `${accepted} accepted`)
  })

  it('configuration files: read, or refused by name', async () => {
    const lines = ['page: false', 'labels: { a: 1, b: true }', 'cpu: 0.5', 'settings: { bids.ask: 3 }', 'join: [a]']
    const { accepted, refused } = await fuzz({
      name: 'configuration file',
      next: mutants([...lines, `${lines[0]}\n${lines[2]}\n`], [exampleOf('config'), lines.join('\n')]),
      decode: (text) =>
        readYamlFile(text, 'fuzz.yaml', {
          ...{ schema: ConfigFile, code: 'bad-config', one: 'configuration', many: 'configuration' },
          ...{ maxBytes: 64 * 1024, tooLargeFix: 'less', maxDocuments: 1 },
        }),
      accepted: ([document]) => assert.deepEqual(ConfigFile.parse(document!.value), document!.value),
    })
    assert.ok(accepted > 1000 && (refused['bad-config'] ?? 0) > 1000, JSON.stringify({ accepted, refused }))
  })
})
