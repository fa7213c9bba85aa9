/**
 * What expressions can name: the variables of CEL with the types of their fields, so that a mistyped field is found
 * when a policy is applied and not when a task comes.
 *
 * Whole numbers are BigInts, as CEL's `int`, and maps are Maps, so that no key of a submitter's is taken for a member
 * of an object.
 */
import type { Facts, Variables } from './types.ts'

/** The fields of each variable, by CEL type. `docs/POLICY.md` lists them for people. */
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
} as const satisfies Readonly<Record<keyof Variables, Readonly<Record<string, string>>>>

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
    node: {
      id: node.id,
      labels: new Map(Object.entries(node.labels)),
      cpuMilli: BigInt(node.capacity.cpuMilli),
      memoryBytes: BigInt(node.capacity.memoryBytes),
      running: BigInt(node.running),
    },
    cluster: { name: cluster.name },
  }
}
