/** Bugs in what a node lets run; see `planted-bugs.ts`. */
import type { PlantedBug } from './planted-bug.ts'

export const POLICY_BUGS: readonly PlantedBug[] = [
  {
    name: 'policy-not-asked',
    file: 'src/negotiation/executor/policy.ts',
    line: 'return ctx.policies.length === 0 ? ALLOWED : evaluate(ctx.policies, factsOf(state, ctx, asked))',
    instead: 'return ALLOWED',
    why: 'denied work runs',
    seed: 104,
  },
  {
    name: 'policy-not-asked-at-the-award',
    file: 'src/negotiation/executor/contracts.ts',
    line: 'if (!verdict.allowed) return describeRefusals(verdict)',
    instead: '',
    why: 'more slots of a hold are awarded than the quota has left since',
    seed: 239,
  },
  {
    name: 'policy-change-ignored',
    file: 'src/negotiation/step.ts',
    line: 'enforcePolicies(state, ctx)',
    instead: '',
    why: 'what a new policy forbids, and is to stop, goes on',
    seed: 294,
  },
  {
    name: 'policy-drains-what-it-stops',
    file: 'src/negotiation/executor/policy.ts',
    line: "if (phase === 'running' && verdict.refusals.every(({ whenForbidden }) => whenForbidden === 'drain')) {",
    instead: "if (phase === 'running') {",
    why: 'a rule that says stop does not',
    seed: 225,
  },
  {
    name: 'error-allows',
    file: 'src/policy/evaluate.ts',
    line: "if (finding.outcome === 'refuses' || finding.outcome === 'error') return refusalOf(policy, rule, finding)",
    instead: "if (finding.outcome === 'refuses') return refusalOf(policy, rule, finding)",
    why: 'a rule that fails lets in what it should have judged',
    seed: 11,
  },
  {
    name: 'one-domain-opens-another',
    file: 'src/policy/evaluate.ts',
    line: 'return refusals.length > 0 ? { allowed: false, refusals } : { allowed: true, by, atMost }',
    instead:
      'return by.length === 0 && refusals.length > 0 ? { allowed: false, refusals } : { allowed: true, by, atMost }',
    why: 'whoever permits everything in one domain opens what another has closed',
  },
  {
    name: 'quota-without-bound',
    file: 'src/policy/rules.ts',
    line: 'return used === undefined ? COUNTED : { room: atOnce - used, saw: () => `${used} tasks ${who} now` }',
    instead: 'return used === undefined ? COUNTED : { room: atOnce, saw: () => `${used} tasks ${who} now` }',
    why: 'every offer is given the whole quota',
  },
  {
    name: 'policy-loses-the-task',
    file: 'src/negotiation/submitter/reports.ts',
    line: "if (exit.killedFor === 'policy') {",
    instead: 'if (exit.killedFor === undefined && exit.exitCode === 143) {',
    why: 'a task that one node forbids is not tried on another',
    seed: 21,
  },
]
