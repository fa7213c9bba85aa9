/**
 * What expressions can name: the variables of CEL with the types of their fields, so that a mistyped field is found
 * when a policy is applied and not when a task comes.
 *
 * Whole numbers are BigInts, as CEL's `int`, and maps are Maps, so that no key of a submitter's is taken for a member
 * of an object.
 */
import { TASK_LIMITS } from '../model/defaults.ts'
import type { Facts, OperationFacts, Variables } from './types.ts'

/** The fields of variables, by CEL type. */
export type VariableTypes = Readonly<Record<string, Readonly<Record<string, string>>>>

/** The fields of each variable of rules about tasks. `docs/POLICY.md` lists them for people. */
export const VARIABLE_TYPES = {
  task: {
    name: 'string',
    driver: 'string',
    command: 'list<string>',
    env: 'map<string, string>',
    cpuMilli: 'int',
    memoryBytes: 'int',
    limits: 'map<string, int>',
    timeoutMs: 'int',
    retries: 'int',
    inputBytes: 'int',
    output: 'bool',
    logCapBytes: 'int',
    selector: 'string',
  },
  submitter: { id: 'string', self: 'bool', trusted: 'bool', owner: 'string', running: 'int' },
  node: { id: 'string', labels: 'map<string, string>', cpuMilli: 'int', memoryBytes: 'int', running: 'int' },
  cluster: { name: 'string' },
} as const satisfies VariableTypes

/** The same for rules about operations. */
export const OPERATION_VARIABLE_TYPES = {
  operator: { id: 'string', trusted: 'bool', owner: 'string' },
  operation: { name: 'string', deadlineMs: 'int' },
  node: VARIABLE_TYPES.node,
  cluster: VARIABLE_TYPES.cluster,
} as const satisfies VariableTypes

/** The facts as CEL takes them. */
export function variablesOf({ task, submitter, node, cluster }: Facts): Variables {
  const { resources, limits, input } = task
  return {
    task: {
      name: task.name ?? '',
      driver: task.driver,
      command: task.command,
      env: new Map(Object.entries(task.env)),
      cpuMilli: BigInt(resources.cpuMilli),
      memoryBytes: BigInt(resources.memoryBytes),
      limits: new Map(
        Object.entries(limits).flatMap(([of, limit]) => (limit === undefined ? [] : [[of, BigInt(limit)]])),
      ),
      timeoutMs: BigInt(task.timeoutMs),
      retries: BigInt(task.retries),
      inputBytes: BigInt(input?.sizeBytes ?? 0),
      output: task.output,
      logCapBytes: BigInt(task.logCapBytes),
      selector: task.selector ?? '',
    },
    submitter: { ...submitter, owner: submitter.owner ?? '', running: BigInt(submitter.running) },
    node: nodeOf(node),
    cluster: { name: cluster.name },
  }
}

/** As `variablesOf`, for an operation. */
export function operationVariables({ operator, operation, node, cluster }: OperationFacts): Variables {
  const deadlineMs = operation.name === 'drain' ? operation.deadlineMs : undefined
  return {
    operator: { ...operator, owner: operator.owner ?? '' },
    operation: { name: operation.name, deadlineMs: BigInt(deadlineMs ?? TASK_LIMITS.timeoutMs) },
    node: nodeOf(node),
    cluster: { name: cluster.name },
  }
}

function nodeOf({ id, labels, capacity, running }: Facts['node']) {
  return {
    id,
    labels: new Map(Object.entries(labels)),
    cpuMilli: BigInt(capacity.cpuMilli),
    memoryBytes: BigInt(capacity.memoryBytes),
    running: BigInt(running),
  }
}
