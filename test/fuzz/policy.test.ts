import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readPolicyFile } from '../../src/model/policy-file.ts'
import { Policy, POLICY_LIMITS } from '../../src/model/policy.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import { unusablePolicy } from '../../src/policy/unusable.ts'
import { evaluate } from '../../src/policy/evaluate.ts'
import { refusalsOfOperation } from '../../src/policy/operations.ts'
import type { Facts, Verdict } from '../../src/policy/types.ts'
import type { Rng } from '../../src/util/rng.ts'
import { factsOf, operationFacts, UNUSED } from '../support/policy.ts'
import { fuzz, SEED } from './fuzz.ts'
import { mutate } from './mutate.ts'

/** As long as the slowest verdict may take on a machine that does other things as well. */
const SLOWEST_MS = 1_000
/** A file of one rule, of which most mutants are made. */
const SMALL_FILE =
  'apiVersion: althing.dev/v1\nkind: Policy\nmetadata: {name: a}\nspec: {rules: [{name: r, allow: "task.cpu < 2"}]}\n'
const LARGE_ONE_IN = 100

/** The largest task there is, or nearly: loops go over every word, and look through long ones. */
const LARGEST = factsOf({
  command: ['python3', 'x'.repeat(32_000), ...Array.from({ length: 4_000 }, (_, i) => `-${i % 10}`)],
  env: Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`V${i}`, 'a'])),
})
const FACTS: readonly Facts[] = [
  LARGEST,
  factsOf(
    { output: true },
    { submitter: { id: 'x', self: true, trusted: false, owner: '', running: 9 }, usage: undefined },
  ),
  factsOf({}, { usage: { submitter: { ...UNUSED, atOnce: 100 }, everyone: UNUSED } }),
]

const ATOMS = [
  ...['task.command', 'task.env', 'task.name', 'task.cpuMilli', 'task.limits.cpuMilli', 'task.output', 'task.retries'],
  ...[
    'submitter.id',
    'submitter.self',
    'submitter.running',
    'node.labels',
    'node.labels.zone',
    'cluster.name',
    'w',
    'x',
  ],
  ...['0', '1', '9223372036854775807', '-1', '0.0', '1e308', "'sh'", '""', 'true', 'false', 'null', '[]', '{}', 'b"x"'],
  ...['[1, 2, 3]', "['a', 'b']", '{"a": 1}', '2u', 'task', 'task.nothing', '__proto__', 'constructor', 'this'],
]
const SHAPES = [
  ...[
    'A == A',
    'A != A',
    'A < A',
    'A in A',
    'A && A',
    'A || A',
    '!A',
    '-A',
    'A + A',
    'A - A',
    'A * A',
    'A / A',
    'A % A',
  ],
  ...['A ? A : A', '(A)', 'A[A]', 'size(A)', 'A.size()', 'has(A.b)', 'string(A)', 'int(A)', 'double(A)', 'dyn(A)'],
  ...['A.exists(w, A)', 'A.all(x, A)', 'A.exists_one(w, A)', 'A.filter(w, A)', 'A.map(w, A)', 'cel.bind(x, A, A)'],
  ...[
    'A.contains(A)',
    'A.startsWith(A)',
    'A.matches(A)',
    'A.substring(A)',
    'A.lowerAscii()',
    'A.split(A)',
    'A.join(A)',
  ],
  ...['timestamp(A)', 'duration(A)', 'bytes(A)', 'type(A)', 'A.b.c', '[A, A]', '{A: A}', 'A.size() == 0', 'A /* x'],
]

/** An expression that is nearly right, or not at all. */
function expression(rng: Rng): string {
  let text = rng.next() < 0.7 ? rng.pick(SHAPES.slice(0, 7)) : rng.pick(SHAPES)
  for (let depth = rng.int(6); depth > 0; depth--)
    text = text.replaceAll('A', () => (rng.next() < 0.5 ? rng.pick(SHAPES) : 'A'))
  return text.slice(0, POLICY_LIMITS.expressionLength * 2).replaceAll('A', () => rng.pick(ATOMS))
}

function rule(rng: Rng, name: string): object {
  const amounts = ['1', '500m', '4Gi', '1h', 'lots', '1e999', '', '-1', 5, Number.NaN, undefined, null]
  const kinds: readonly (() => object)[] = [
    () => ({ allow: expression(rng) }),
    () => ({ deny: expression(rng) }),
    () => ({ allow: 'true' }),
    () => ({ drivers: [rng.pick(['process', '', 'x'.repeat(9_999)])] }),
    () => ({ commands: [rng.pick(['python3', '*', '\0'])] }),
    () => ({ caps: { cpu: rng.pick(amounts), memory: rng.pick(amounts), time: rng.pick(amounts) } }),
    () => ({
      quota: { every: rng.pick(['hour', 'day', 'year']), tasks: rng.pick([0, 5, -1, 1e9]), cpuTime: rng.pick(amounts) },
    }),
    () => ({ placement: rng.pick(['zone=attic', 'a in (', '!x', '__proto__', '']) }),
    () => ({
      operations: rng.pick([['cordon'], ['cordon', 'drain'], [], ['reboot'], 'drain']),
      [rng.pick(['allow', 'deny', 'drivers'])]: rng.pick([
        'true',
        "operator.owner == 'ann'",
        '1 / 0 == 1',
        expression(rng),
      ]),
    }),
    () => ({ leaving: { output: rng.pick([true, false, 'no']), log: rng.pick(amounts) } }),
  ]
  const when = rng.next() < 0.2 ? { when: expression(rng) } : {}
  return { name, ...rng.pick(kinds)(), ...when, ...(rng.next() < 0.03 ? { [rng.pick(['x', '__proto__'])]: 1 } : {}) }
}

/** A document as it might come from anybody. */
function document(rng: Rng): unknown {
  const rules = Array.from({ length: 1 + rng.int(rng.next() < 0.01 ? 300 : 6) }, (_, i) => rule(rng, `r${i}`))
  return { apiVersion: 'althing.dev/v1', kind: 'Policy', metadata: { name: 'x' }, spec: { rules } }
}

const OPERATIONS = [operationFacts('cordon'), operationFacts('drain', { operator: { id: 'x', trusted: false } })]
/** What became of these. */
const seen = { allowed: 0, refused: 0 }

/** What a node does with a policy that it did not write itself: one that cannot be used refuses everything. */
function verdictsOf(input: unknown): Verdict[] {
  const parsed = Policy.safeParse(input)
  const policy = parsed.success
    ? compilePolicy('cluster', parsed.data)
    : unusablePolicy('cluster', 'x', parsed.error.issues[0]?.message ?? 'unreadable')
  for (const facts of OPERATIONS) {
    const refusals = refusalsOfOperation([policy], facts, undefined)
    const isBroken = !parsed.success || policy.faults.length > 0
    assert.ok(!isBroken || refusals.length > 0, 'a broken policy allows an operation')
    for (const { wanted, saw } of refusals) assert.ok(wanted !== '' && saw !== '' && wanted.length + saw.length <= 512)
    seen[refusals.length > 0 ? 'refused' : 'allowed']++
  }
  return FACTS.map((facts) => {
    const verdict = evaluate([policy], facts)
    if (!parsed.success || policy.faults.length > 0) assert.ok(!verdict.allowed, 'a broken policy allows')
    return verdict
  })
}

describe('fuzz/policy', function () {
  this.timeout(600_000)
  before(() => console.log(`    seed ${SEED} (ALTHING_FUZZ_SEED=${SEED} replays it)`))

  it('policies: each gets a verdict, in time, and a refusal says why', async () => {
    let fromMs = 0
    let allowed = 0
    let refused = 0
    let ruled = 0
    await fuzz({
      name: 'policies',
      next: (rng) => {
        const input = document(rng)
        fromMs = performance.now()
        return input
      },
      decode: verdictsOf,
      codeOf: () => undefined,
      accepted(verdicts) {
        const tookMs = performance.now() - fromMs
        assert.ok(tookMs < SLOWEST_MS, `it took ${tookMs} ms`)
        for (const verdict of verdicts) {
          if (verdict.allowed) {
            allowed++
            continue
          }
          refused++
          for (const { wanted, saw, rule: name } of verdict.refusals) {
            assert.ok(wanted !== '' && saw !== '' && wanted.length <= 256 && saw.length <= 256)
            if (name !== undefined) ruled++
          }
        }
      },
    })
    // Neither all are broken nor all permit everything: the rules themselves are asked.
    assert.ok(
      allowed > 1_000 && refused > 1_000 && ruled > 1_000,
      `${allowed} allowed, ${refused} refused, ${ruled} by a rule`,
    )
    assert.ok(seen.allowed > 1_000 && seen.refused > 1_000, JSON.stringify(seen))
  })

  it('policy files', async () => {
    const example = readFileSync(new URL('../../config/examples/policy.yaml', import.meta.url))
    const small = Buffer.from(SMALL_FILE)
    const text = new TextDecoder()
    const { accepted, refused } = await fuzz({
      name: 'policy files',
      // The example takes eight times as long as one rule.
      next: (rng) => text.decode(mutate(rng.int(LARGE_ONE_IN) === 0 ? [example] : [small], rng)),
      decode: (input) => readPolicyFile(input, 'policy.yaml').value,
      accepted: (policy) => void evaluate([compilePolicy('node', policy)], factsOf()),
    })
    assert.ok(accepted > 100 && (refused['bad-policy'] ?? 0) > 100, JSON.stringify({ accepted, refused }))
  })
})
