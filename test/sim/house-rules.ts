/**
 * What the owners of simulated machines let run there: each set of rules as a policy for the core, and once more as
 * plain code for the checkers, which do not know the core's.
 */
import { Policy } from '../../src/model/policy.ts'
import type { TaskSpec } from '../../src/model/task.ts'
import { compilePolicy } from '../../src/policy/compile.ts'
import type { CompiledPolicy } from '../../src/policy/types.ts'
import type { Rng } from '../../src/util/rng.ts'

export interface HouseRules {
  readonly says: string
  readonly policies: readonly CompiledPolicy[]
  permits(submitter: string, spec: TaskSpec): boolean
  /** What runs when these rules come and forbid it is ended. */
  readonly stops: boolean
  /** Tasks of one submitter here at once. */
  readonly atOnce: number
}

/** No rules: everything that the trust list lets in. */
export const NO_RULES: HouseRules = {
  says: 'anything',
  policies: [],
  permits: () => true,
  stops: false,
  atOnce: Infinity,
}

interface Part {
  readonly rules: readonly object[]
  readonly permits: HouseRules['permits']
  readonly atOnce?: number
}

const EVERYTHING = { name: 'everything', allow: 'true' }

const PARTS: readonly ((rng: Rng, ids: readonly string[]) => Part)[] = [
  (rng) => {
    const cpuMilli = rng.pick([100, 500, 1_000])
    const rules = [EVERYTHING, { name: 'small', caps: { cpu: `${cpuMilli}m` } }]
    return { rules, permits: (_from, spec) => spec.resources.cpuMilli <= cpuMilli }
  },
  (rng, ids) => {
    const friends = new Set(ids.filter(() => rng.next() < 0.6))
    const rules = [{ name: 'friends', allow: `submitter.id in ${JSON.stringify([...friends, ''])}` }]
    return { rules, permits: (from) => friends.has(from) }
  },
  (rng) => {
    const longest = rng.pick([300, 2_000, 10_000])
    const rules = [EVERYTHING, { name: 'short', deny: `int(task.command[1]) > ${longest}` }]
    return { rules, permits: (_from, spec) => Number(spec.command[1]) <= longest }
  },
  () => ({
    rules: [EVERYTHING, { name: 'nothing-leaves', leaving: { output: false } }],
    permits: (_from, spec) => !spec.output,
  }),
  // An expression that fails for most tasks: an error denies.
  () => ({
    rules: [EVERYTHING, { name: 'retried', deny: '10 / task.retries > 100' }],
    permits: (_from, spec) => spec.retries > 0,
  }),
  (rng) => {
    const atOnce = 1 + rng.int(4)
    return { rules: [EVERYTHING, { name: 'few', quota: { atOnce } }], permits: () => true, atOnce }
  },
]

/** The rules of one owner, or of the cluster. @param stops drawn unless it is given */
export function makeRules(
  rng: Rng,
  ids: readonly string[],
  domain: 'node' | 'cluster' = 'node',
  stops?: boolean,
): HouseRules {
  const { rules, permits, atOnce = Infinity } = rng.pick(PARTS)(rng, ids)
  return rulesOf(domain, { rules, permits, atOnce }, stops ?? rng.next() < 0.5)
}

function rulesOf(domain: 'node' | 'cluster', { rules, permits, atOnce = Infinity }: Part, stops: boolean): HouseRules {
  const whenForbidden = stops ? 'stop' : 'drain'
  const document = {
    apiVersion: 'althing.dev/v1',
    kind: 'Policy',
    metadata: { name: domain },
    spec: { whenForbidden, rules },
  }
  const policy = compilePolicy(domain, Policy.parse(document))
  if (policy.faults.length > 0) throw new Error(`the simulator's own rules are faulty: ${policy.faults[0]!.text}`)
  return { says: `${JSON.stringify(rules.at(-1))}, ${whenForbidden}`, policies: [policy], permits, stops, atOnce }
}

/** Some machines have rules of their cluster beside their own; for some these permit everything. Both must allow. */
function besideThoseOfTheCluster(rng: Rng, ids: readonly string[], own: HouseRules): HouseRules {
  if (own === NO_RULES || rng.next() < 0.6) return own
  const lax: Part = { rules: [EVERYTHING], permits: () => true }
  const law = rng.next() < 0.4 ? rulesOf('cluster', lax, own.stops) : makeRules(rng, ids, 'cluster', own.stops)
  return {
    says: `${own.says}; the cluster: ${law.says}`,
    policies: rng.next() < 0.5 ? [...own.policies, ...law.policies] : [...law.policies, ...own.policies],
    permits: (from, spec) => own.permits(from, spec) && law.permits(from, spec),
    stops: own.stops,
    atOnce: Math.min(own.atOnce, law.atOnce),
  }
}

/** The rules that a machine has one after the other. */
export interface RulesPlan {
  readonly first: HouseRules
  readonly later: readonly { readonly atMs: number; readonly rules: HouseRules }[]
}

/** What the owners will do in a seed: in most nothing, in the others some have rules, and change them. */
export function planRules(rng: Rng, ids: readonly string[], lastsMs: number): ReadonlyMap<string, RulesPlan> {
  const ruled = rng.next() < 0.4
  const plans = new Map(
    ids.map((id): [string, RulesPlan] => {
      const some = () => (rng.next() < 0.6 ? makeRules(rng, ids) : NO_RULES)
      const changes = ruled && rng.next() < 0.4 ? 1 + rng.int(2) : 0
      const later = Array.from({ length: changes }, () => ({ atMs: rng.int(lastsMs), rules: some() }))
      return [id, { first: ruled ? some() : NO_RULES, later: later.toSorted((a, b) => a.atMs - b.atMs) }]
    }),
  )
  // After all else was drawn: what was added later is to shift nothing of what a seed was.
  const both = (rules: HouseRules) => besideThoseOfTheCluster(rng, ids, rules)
  return new Map(
    [...plans].map(([id, { first, later }]) => [
      id,
      { first: both(first), later: later.map(({ atMs, rules }) => ({ atMs, rules: both(rules) })) },
    ]),
  )
}
