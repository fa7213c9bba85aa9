/**
 * A policy: what the owner of a node, or the admins of a cluster or a network of clusters, let run, as a list of named
 * rules.
 *
 * Rules of Kubernetes' admission language, CEL, stand beside a few that need no language. At least one `allow` must
 * hold (deny by default), every other rule must be satisfied (deny overrides), and an error in a rule denies. What an
 * expression may say is checked by `policy/`; the shape of the file here.
 */
import * as z from 'zod'
import { DURATION_EXPECTED, readDurationMs } from './duration.ts'
import { DNS_LABEL, DNS_LABEL_MAX } from './label-grammar.ts'
import { ObjectName } from './labels.ts'
import { API_VERSION } from './passport.ts'
import { PERIODS, RULE_KINDS, RULED_OPERATIONS } from './policy-words.ts'
import { parseBytes, parseCpuMilli } from './quantity.ts'
import { parseSelector } from './selector.ts'

/** Caps that every reader of a policy enforces. */
export const POLICY_LIMITS = {
  /** Of the file. */
  fileBytes: 256 * 1024,
  rules: 256,
  /** Characters of an expression. */
  expressionLength: 1024,
  /** Entries of an allow-list. */
  listEntries: 256,
  /** Characters of one of them. */
  wordLength: 4096,
} as const

/** Text that `read` can make something of. */
const readable = (read: (text: string) => unknown, expected: string) =>
  z.string().refine((text) => isRead(read, text), `expected ${expected}`)

/** The same as a bare number, as YAML reads `2`. */
const amount = (read: (text: string) => unknown, expected: string) =>
  z
    .union([z.number().min(0), z.string()], { error: `expected ${expected}` })
    .refine((value) => isRead(read, String(value)), `expected ${expected}`)

function isRead(read: (text: string) => unknown, text: string): boolean {
  try {
    return read(text) !== undefined
  } catch {
    return false
  }
}

const Expression = z
  .string()
  .min(1, 'expected an expression')
  .max(POLICY_LIMITS.expressionLength)
  .describe(
    'CEL over task, submitter, node and cluster, or operator, operation, node and cluster, that is true or false.',
  )
const Cpu = amount(parseCpuMilli, 'a CPU amount such as 2, 0.5 or 500m')
const Bytes = amount(parseBytes, 'an amount of bytes such as 512Mi, 1.5Gi, 1G or 1e9')
const Duration = readable(readDurationMs, DURATION_EXPECTED)
const Words = z.array(z.string().min(1).max(POLICY_LIMITS.wordLength)).min(1).max(POLICY_LIMITS.listEntries)
const Count = z.int().min(0).max(1_000_000)

const someOf = (fields: readonly string[]) => ({
  holds: (value: Readonly<Record<string, unknown>>) => fields.some((field) => value[field] !== undefined),
  text: `expected at least one of ${fields.join(', ')}`,
})

const CAPS = someOf(['cpu', 'memory', 'time'])
const QUOTA = someOf(['tasks', 'cpuTime', 'atOnce'])
const LEAVING = someOf(['output', 'log'])

/** What happens to a task that is here when a changed policy forbids it: it runs to its end, or is ended at once. */
export const WhenForbidden = z
  .enum(['drain', 'stop'])
  .describe('What happens to a task that runs here when a new policy forbids it: it may end by itself, or is ended.')
export type WhenForbidden = z.infer<typeof WhenForbidden>

/** Operations are allowed or denied, and leave nothing behind that could run on. */
function checkOperations(rule: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void {
  if (rule['operations'] === undefined) return
  const refuse = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
  if (rule['allow'] === undefined && rule['deny'] === undefined)
    refuse('operations', 'expected allow or deny beside it')
  if (rule['whenForbidden'] !== undefined) refuse('whenForbidden', 'expected none: the rule is about no task')
}

/** One rule of a policy. */
export const PolicyRule = z
  .strictObject({
    name: z
      .string()
      .max(DNS_LABEL_MAX)
      .regex(DNS_LABEL, 'expected a name of lower-case letters, digits and inner -')
      .describe('Named by every verdict that rests on the rule. Unique in the policy.'),
    about: z.string().max(200).optional().describe('For people: why there is this rule.'),
    operations: z
      .array(z.enum(RULED_OPERATIONS))
      .min(1)
      .max(RULED_OPERATIONS.length)
      .optional()
      .describe('The rule is about members that ask for these from elsewhere, and about no task. With allow or deny.'),
    when: Expression.optional().describe('The rule concerns only the tasks for which this is true. Default: all.'),
    allow: Expression.optional().describe('Admits the tasks for which it is true, if no other rule refuses them.'),
    deny: Expression.optional().describe('Refuses the tasks for which it is true.'),
    drivers: Words.optional().describe('Refuses tasks of other drivers.'),
    commands: Words.optional().describe(
      'Refuses tasks whose first word is none of these. * at the end: whatever follows.',
    ),
    caps: z
      .strictObject({
        cpu: Cpu.optional().describe('Cores, reserved or as a limit.'),
        memory: Bytes.optional().describe('Bytes, reserved or as a limit.'),
        time: Duration.optional().describe('Of its --timeout.'),
      })
      .refine(CAPS.holds, CAPS.text)
      .optional()
      .describe('Refuses tasks that ask for more.'),
    quota: z
      .strictObject({
        per: z
          .enum(['submitter', 'owner', 'everyone'])
          .default('submitter')
          .describe('For whom together: owner is all nodes of one owner, by the roster of the cluster.'),
        every: z.enum(PERIODS).default('day').describe('In UTC; a week begins on Monday.'),
        tasks: Count.optional().describe('Tasks taken in the period.'),
        cpuTime: Duration.optional().describe('Core-seconds in the period, as reserved: 2 cores for 1 h are 2h.'),
        atOnce: Count.optional().describe('Tasks here at one time.'),
      })
      .refine(QUOTA.holds, QUOTA.text)
      .optional()
      .describe('Refuses tasks beyond it.'),
    placement: readable(parseSelector, 'a label selector such as zone=attic,disk!=hdd')
      .optional()
      .describe('Refuses tasks on nodes whose labels do not match.'),
    leaving: z
      .strictObject({
        output: z.boolean().optional().describe('false: no output bundle leaves the node.'),
        log: Bytes.optional().describe('At most so much of stdout and of stderr, each.'),
      })
      .refine(LEAVING.holds, LEAVING.text)
      .optional()
      .describe('Refuses tasks that would take more away from the node than this.'),
    whenForbidden: WhenForbidden.optional(),
  })
  .superRefine((rule, context) => {
    const kinds = RULE_KINDS.filter((kind) => rule[kind] !== undefined)
    if (kinds.length === 1) return checkOperations(rule, context)
    const has = kinds.length === 0 ? 'none' : kinds.join(' and ')
    const message = `expected exactly one of ${RULE_KINDS.join(', ')} (it has ${has})`
    context.addIssue({ code: 'custom', path: [], message })
  })
export type PolicyRule = z.infer<typeof PolicyRule>

/** A policy as its file has it. */
export const Policy = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('Policy'),
  metadata: z.strictObject({ name: ObjectName }),
  spec: z.strictObject({
    whenForbidden: WhenForbidden.default('drain').describe('For rules that say nothing of it, and where none admits.'),
    rules: z
      .array(PolicyRule)
      .min(1)
      .max(POLICY_LIMITS.rules)
      .superRefine((rules, context) => {
        const seen = new Set<string>()
        for (const [index, { name }] of rules.entries()) {
          if (seen.has(name))
            context.addIssue({ code: 'custom', path: [index, 'name'], message: 'expected another name' })
          seen.add(name)
        }
      }),
  }),
})
export type Policy = z.infer<typeof Policy>
