/** How long a verdict takes. */
import { Policy } from '../../../src/model/policy.ts'
import { TaskSpec } from '../../../src/model/task.ts'
import { compilePolicy } from '../../../src/policy/compile.ts'
import { evaluate } from '../../../src/policy/evaluate.ts'
import type { Domain, Facts } from '../../../src/policy/types.ts'
import type { Bench, Figure, Suite } from '../figure.ts'

const DOMAINS: readonly Domain[] = ['node', 'cluster', 'network']
const RULES = 60
const ROUNDS = 7

/** Rules of every kind; the task passes all, so that all are asked. */
const KINDS: readonly object[] = [
  { allow: 'submitter.trusted' },
  { deny: "task.command[0] in ['sh', 'bash']" },
  { deny: "task.env.exists(name, name.startsWith('LD_'))" },
  { deny: "task.command.exists(word, word.contains('--privileged'))" },
  { deny: "has(node.labels.zone) && node.labels.zone == 'cellar' && task.memoryBytes > 4294967296" },
  { caps: { cpu: 8, memory: '16Gi', time: '48h' } },
  { quota: { every: 'day', tasks: 1_000, cpuTime: '24h', atOnce: 50 } },
  { placement: 'zone in (attic,garden)' },
  { commands: ['wc', 'python*'] },
  { when: '!submitter.self', leaving: { log: '1Gi' } },
]

function policies() {
  return DOMAINS.map((domain) => {
    const rules = Array.from({ length: RULES / DOMAINS.length }, (_, i) => ({
      name: `r${i}`,
      ...KINDS[i % KINDS.length],
    }))
    const policy = Policy.parse({
      apiVersion: 'althing.dev/v1',
      kind: 'Policy',
      metadata: { name: domain },
      spec: { rules },
    })
    return compilePolicy(domain, policy)
  })
}

function factsOf(i: number): Facts {
  const nothing = { tasks: i % 7, coreMs: 0 }
  const usage = { atOnce: 1, hour: nothing, day: nothing, week: nothing }
  return {
    task: TaskSpec.parse({
      command: ['python3', 'count.py', '--part', String(i)],
      env: { LANG: 'C', PART: String(i) },
    }),
    submitter: { id: `12D3KooW${i % 9}`, self: false, trusted: true, owner: 'ann', running: 1 },
    node: {
      id: '12D3KooWnode',
      labels: { zone: 'attic', 'kubernetes.io/hostname': 'bench', 'kubernetes.io/arch': 'amd64' },
      capacity: { cpuMilli: 8_000, memoryBytes: 16e9 },
      running: 1,
    },
    cluster: { name: 'bench' },
    usage: { submitter: usage, everyone: usage },
  }
}

/** How long each verdict took, milliseconds, the shortest first. */
function time(asked: ReturnType<typeof policies>, facts: readonly Facts[], count: number): number[] {
  const took: number[] = []
  for (let i = 0; i < count; i++) {
    const fromMs = performance.now()
    const verdict = evaluate(asked, facts[i % facts.length]!)
    took.push(performance.now() - fromMs)
    if (!verdict.allowed) throw new Error(`refused: ${JSON.stringify(verdict.refusals)}`)
  }
  return took.toSorted((a, b) => a - b)
}

async function run({ quick, say }: Bench): Promise<Figure[]> {
  say('verdicts of policies')
  const count = quick ? 2_000 : 10_000
  const asked = policies()
  const facts = Array.from({ length: 1_000 }, (_, i) => factsOf(i))
  time(asked, facts, count)
  // Whatever else the machine does shows in the slowest of a round: the round with least of it counts.
  const rounds = Array.from({ length: ROUNDS }, () => time(asked, facts, count))
  const least = (share: number) => Math.min(...rounds.map((took) => took[Math.floor(took.length * share)]!))
  const how = `${RULES} rules in ${DOMAINS.length} domains, all asked; best of ${ROUNDS} rounds of ${count}`
  return [
    { name: 'verdict of a policy, p99', unit: 'ms', measured: least(0.99), target: { atMost: 0.1 }, how },
    { name: 'verdict of a policy, p50', unit: 'ms', measured: least(0.5), how },
  ]
}

export const policy: Suite = { name: 'policy', what: 'verdicts of policies', run }
