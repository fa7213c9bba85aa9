import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { loadPassports } from '../../src/model/passport-file.ts'
import { Passport } from '../../src/model/passport.ts'
import { parseBytes, parseCpuMilli } from '../../src/model/quantity.ts'
import { describeSelector, matchesSelector, parseSelector } from '../../src/model/selector.ts'
import type { Rng } from '../../src/util/rng.ts'
import { fuzz, mutate, SEED } from './mutate.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** Mutants of these texts; broken UTF-8 becomes replacement characters, as when a file is read. */
const mutants = (texts: readonly string[]) => {
  const inputs = texts.map(bytesOf)
  return (rng: Rng) => textOf(mutate(inputs, rng))
}

describe('fuzz/text', function () {
  // Some ten seconds each on an idle core; a busy machine may take many times that.
  this.timeout(300_000)
  before(() => console.log(`    seed ${SEED} (ALTHING_FUZZ_SEED=${SEED} replays it)`))

  it('selectors: what is accepted can be described and read again', () => {
    const next = mutants(['zone=attic,tier in (web,db),gpu!=none,!retired', 'a==b,c notin (d),kubernetes.io/arch', ''])
    const { accepted } = fuzz('selector', 100_000, next, parseSelector, (selector) => {
      assert.deepEqual(parseSelector(describeSelector(selector).join(',')), selector)
      matchesSelector(selector, { zone: 'attic' })
    })
    assert.ok(accepted > 1000, `${accepted} accepted`)
  })

  it('quantities: what is accepted is a safe whole number', () => {
    const next = mutants(['500m', '1.5Gi', '1e9', '0.0001', '128974848', '2'])
    for (const parse of [parseBytes, parseCpuMilli]) {
      const { accepted } = fuzz('quantity', 50_000, next, parse, (amount) =>
        assert.ok(Number.isSafeInteger(amount) && amount >= 0),
      )
      assert.ok(accepted > 1000, `${accepted} accepted`)
    }
  })

  it('passport files: what is accepted is a passport', () => {
    const example = readFileSync(new URL('../../config/examples/writer-passport.yaml', import.meta.url), 'utf8')
    const next = mutants([example, `a: &a [x]\n---\n${example}`])
    const { accepted, refused } = fuzz(
      'passport file',
      3_000,
      next,
      (text) => loadPassports(text, 'fuzz.yaml'),
      (passports) => {
        for (const passport of passports) assert.deepEqual(Passport.parse(passport), passport)
      },
    )
    assert.ok(
      accepted > 100 && (refused['bad-passport'] ?? 0) > 100 && (refused['bad-yaml'] ?? 0) > 100,
      JSON.stringify({ accepted, refused }),
    )
  })
})
