/** What can be asked about the policy of this node, and ordered: the part of `Operations` that is about it. */
import type { PolicyExplanation, PolicyTrial, PolicyView } from '../model/policy-api.ts'
import type { PolicyLevel } from '../model/policy-levels.ts'
import { describeRefusals, factsOf } from '../negotiation/executor/policy.ts'
import type { OfferRecord } from '../negotiation/records.ts'
import { attemptRefOf } from '../negotiation/state.ts'
import type { ContractState } from '../negotiation/types.ts'
import { evaluate, explain } from '../policy/evaluate.ts'
import type { Facts, Verdict } from '../policy/types.ts'
import type { DaemonParts } from './daemon-state.ts'
import { OperationError } from './operations.ts'
import { readPolicy } from './read-policy.ts'
import { namesOf } from './views.ts'

/** Changed verdicts that an answer lists. */
const MAX_CHANGES = 100

/** The policy in force. */
export function policyOf({ nodePolicy }: DaemonParts, stopped: readonly string[] = []): PolicyView {
  const { inForce, asked } = nodePolicy
  if (inForce === undefined) return { stopped: [...stopped] }
  const { text, ...policy } = inForce
  const unusable = asked?.unusable
  return { policy, text, ...(unusable === undefined ? {} : { unusable }), stopped: [...stopped] }
}

/** @throws YamlFileError with file, line and field of each mistake; StoreError */
export async function applyPolicy(parts: DaemonParts, text: string, fileName: string, by: string): Promise<PolicyView> {
  // What cannot be read changes nothing, and what is read must come before what is stopped by it is counted.
  return change(parts, () => parts.nodePolicy.apply(text, fileName, by))
}

/** @throws OperationError `not-found` when there is none; StoreError */
export async function removePolicy(parts: DaemonParts, by: string): Promise<PolicyView> {
  const { inForce } = parts.nodePolicy
  if (inForce === undefined) throw new OperationError('not-found', 'this node has no policy')
  return change(parts, () => Promise.resolve(parts.nodePolicy.remove(by)))
}

async function change(parts: DaemonParts, act: () => Promise<void>): Promise<PolicyView> {
  const { clusters } = parts
  // It is the machine's: what it forbids ends in all clusters.
  const ended = () => clusters.meshes().flatMap((mesh) => endedByPolicy(mesh.negotiation.contracts.values()))
  const before = new Set(ended())
  await act()
  const stopped = ended().filter((runId) => !before.has(runId))
  return policyOf(
    parts,
    stopped.map((runId) => attemptRefOf(runId).taskId),
  )
}

function endedByPolicy(contracts: Iterable<ContractState>): string[] {
  return [...contracts].filter(({ stopWhy }) => stopWhy === 'policy').map(({ runId }) => runId)
}

/**
 * What would become of what was offered here, if another policy took the place of that of a level, beside that of the
 * other level. @throws YamlFileError
 */
export async function tryPolicy(
  parts: DaemonParts,
  text: string,
  fileName: string,
  level: PolicyLevel,
): Promise<PolicyTrial> {
  const { compiled } = await readPolicy(text, fileName, level)
  const { mesh, clock, policies: held } = parts
  const then = held.with(level, compiled)
  const name = namesOf(mesh, clock.nowMs())
  const trial: PolicyTrial = {
    offers: mesh.negotiation.offers.size,
    stillAllowed: 0,
    stillRefused: 0,
    changes: [],
    leftOut: 0,
  }
  for (const record of [...mesh.negotiation.offers.values()].toReversed()) {
    const [before, after] = [mesh.policies, then].map((policies) => evaluate(policies, record.facts))
    if (before!.allowed !== after!.allowed) {
      if (trial.changes.length === MAX_CHANGES) {
        trial.leftOut++
        continue
      }
      const offered = { ...offeredJob(record, name), atMs: record.atMs }
      trial.changes.push({ ...offered, before: verdictView(before!), after: verdictView(after!) })
    } else if (after!.allowed) trial.stillAllowed++
    else trial.stillRefused++
  }
  return trial
}

function offeredJob({ jobId, facts }: Pick<OfferRecord, 'jobId' | 'facts'>, name: (peerId: string) => string) {
  const { id: submitter } = facts.submitter
  return { jobId, submitter, submitterName: name(submitter), command: facts.task.command }
}

function verdictView(verdict: Verdict): { allowed: boolean; why: string[] } {
  if (!verdict.allowed) return { allowed: false, why: [describeRefusals(verdict)] }
  const by = verdict.by.map(({ domain, policy, rule }) => `rule ${rule} of ${domain} policy ${policy}`)
  return { allowed: true, why: by.length === 0 ? ['there is no policy'] : by }
}

/**
 * What the policy in force says of a task: one that was offered here, runs here or was submitted here.
 * @throws OperationError `not-found`, `conflict`
 */
export function explainTask(parts: DaemonParts, id: string): PolicyExplanation {
  const { mesh, clock } = parts
  const { jobId, facts, answered } = findFacts(parts, id)
  const verdict: Verdict = evaluate(mesh.policies, facts)
  return {
    ...offeredJob({ jobId, facts }, namesOf(mesh, clock.nowMs())),
    verdict: verdictView(verdict),
    rules: explain(mesh.policies, facts).map(({ domain, ...report }) => ({ level: domain, ...report })),
    ...(answered === undefined ? {} : { answered }),
  }
}

interface Known {
  readonly jobId: string
  readonly facts: Facts
  readonly answered?: { atMs: number; reasons: string[] } | undefined
}

/** With the facts of now: what is asked is why it would, or would not, run here. */
function findFacts({ mesh, cluster, clock, machine, options }: DaemonParts, id: string): Known {
  const { offers, jobs, tasks, contracts } = mesh.negotiation
  const isMeant = (jobId: string): boolean => jobId.startsWith(id) || id.startsWith(`${jobId}-`)
  const offered = [...offers.values()].filter(({ jobId }) => isMeant(jobId))
  const found = new Map<string, { submitter: string; spec: Facts['task'] }>()
  for (const { jobId, facts } of offered) found.set(jobId, { submitter: facts.submitter.id, spec: facts.task })
  for (const { taskId, submitter, spec } of contracts.values()) {
    const jobId = jobs.has(taskId) ? taskId : taskId.replace(/-\d+$/, '')
    if (isMeant(jobId)) found.set(jobId, { submitter, spec })
  }
  for (const { jobId } of tasks.values()) {
    if (isMeant(jobId)) found.set(jobId, { submitter: mesh.self, spec: jobs.get(jobId)!.spec })
  }
  const [[jobId, known] = [], ...more] = found
  if (jobId === undefined || known === undefined) {
    throw new OperationError('not-found', `no task ${id} was offered to this node, runs here or was submitted here`, {
      fix: 'ask the node in question; `althing why TASK` on its submitter names those that were asked',
    })
  }
  if (more.length > 0) throw new OperationError('conflict', `${id} is the beginning of ${found.size} ids`)
  const nowMs = clock.nowMs()
  const usageElsewhere = () => machine.broker.usageBesides({ key: options.paths.dataDir }, nowMs)
  const ctx = { self: mesh.self, local: mesh.local, cluster, nowMs, usageElsewhere }
  const record = offered.findLast((one) => one.jobId === jobId)
  return {
    jobId,
    facts: factsOf(mesh.negotiation, ctx, { ...known, as: 'awarded' }),
    answered: record && {
      atMs: record.atMs,
      reasons: record.reasons.map(({ wanted, measured }) => `${wanted}: ${measured}`),
    },
  }
}
