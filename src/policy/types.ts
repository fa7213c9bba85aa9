/**
 * What a policy is asked, and what it answers. Everything is data: facts come in, a verdict goes out, so that a
 * verdict can be recorded, compared with that of another policy, and shown to whoever was refused.
 */
import type { Operation } from '../model/operation.ts'
import type { Period, RuledOperation, RuleKind } from '../model/policy-words.ts'
import type { PolicyLevel } from '../model/policy-levels.ts'
import type { PolicyRule, WhenForbidden } from '../model/policy.ts'
import type { Resources } from '../model/resources.ts'
import type { TaskSpec } from '../model/task.ts'

/** Whose policy it is. Each is evaluated by itself; a task needs the leave of all that there are. */
export type Domain = PolicyLevel

/** What a node has done for one submitter, or for all, in each period that is under way. */
export type Usage = Readonly<Record<Period, { readonly tasks: number; readonly coreMs: number }>> & {
  /** Tasks here now: contracts that have not ended. */
  readonly atOnce: number
}

/** What is known of a task when it is decided upon. */
export interface Facts {
  readonly task: TaskSpec
  readonly submitter: {
    readonly id: string
    /** Whose it is by the roster; absent where that says nothing of it. */
    readonly owner?: string
    /** It is this node itself. */
    readonly self: boolean
    /** It is in this node's trust list; not so where only `--open` lets it in. */
    readonly trusted: boolean
    /** Other tasks of its that are here now. */
    readonly running: number
  }
  readonly node: {
    readonly id: string
    readonly labels: Readonly<Record<string, string>>
    readonly capacity: Resources
    /** Other tasks that are here now. */
    readonly running: number
  }
  readonly cluster: { readonly name: string }
  /** What this machine does in its other clusters, for all submitters there: its own policy is about that, too. */
  readonly elsewhere?: Usage | undefined
  /** Absent for a task that is counted already: quotas are not asked a second time. */
  readonly usage?:
    | {
        readonly submitter: Usage
        /** Of all nodes of its owner; of itself where the roster names none. Absent in what older versions kept. */
        readonly owner?: Usage
        readonly everyone: Usage
      }
    | undefined
}

/** What is known of an operation that a member asks for, when it is decided upon. */
export interface OperationFacts {
  readonly operator: {
    readonly id: string
    /** As that of a submitter. */
    readonly owner?: string
    readonly trusted: boolean
  }
  readonly operation: Operation
  readonly node: Facts['node']
  readonly cluster: Facts['cluster']
}

/** Why a domain refuses a task. */
export interface Refusal {
  readonly domain: Domain
  readonly policy: string
  /** Absent where it is not one rule: none admits, or the policy itself cannot be used. */
  readonly rule?: string
  /** What the rule asks for. */
  readonly wanted: string
  /** The values it saw, or the error. */
  readonly saw: string
  /** It may be allowed later, with nothing changed but what is used. */
  readonly temporary: boolean
  readonly whenForbidden: WhenForbidden
}

/** May the task run? All domains must allow; of each that does not the first refusal is named. */
export type Verdict =
  | {
      readonly allowed: true
      /** The rule of each domain that admits it. */
      readonly by: readonly { readonly domain: Domain; readonly policy: string; readonly rule: string }[]
      /** So many of the same are within the quotas; `Infinity` where there are none. */
      readonly atMost: number
    }
  | { readonly allowed: false; readonly refusals: readonly Refusal[] }

/** What one rule says of a task: it `admits` (an `allow` that holds), `passes`, `refuses`, or fails with an `error`. */
export interface Finding {
  readonly outcome: 'admits' | 'passes' | 'refuses' | 'error'
  /** The values in a line. Asked for only where they are shown: making them takes longer than the verdict. */
  readonly saw: () => string
  readonly temporary: boolean
  /** How many of the same a quota has left. */
  readonly room: number
}

/** A rule that is ready to be asked. */
export interface CompiledRule {
  readonly name: string
  readonly kind: RuleKind
  /** The rule in a line. */
  readonly wanted: string
  readonly whenForbidden: WhenForbidden
  /** Never throws. */
  judge(facts: Facts, variables: () => Variables): Finding
}

/** A rule about operations that is ready to be asked. */
export interface OperationRule {
  readonly name: string
  readonly kind: 'allow' | 'deny'
  readonly about: ReadonlySet<RuledOperation>
  /** The rule in a line. */
  readonly wanted: string
  /** Undefined where it does not concern what is asked, by its `when`. Never throws. */
  judge(variables: () => Variables): Finding | undefined
}

/** What is wrong with a policy that has the right shape. */
export interface PolicyFault {
  /** In the document. */
  readonly path: readonly PropertyKey[]
  readonly text: string
}

/** A policy that is ready to be asked. With `faults` it refuses everything. */
export interface CompiledPolicy {
  readonly domain: Domain
  readonly name: string
  /** About tasks. Where there are none, and no faults, it says nothing of tasks. */
  readonly rules: readonly CompiledRule[]
  readonly operations: readonly OperationRule[]
  readonly faults: readonly PolicyFault[]
  readonly whenForbidden: WhenForbidden
  /** Has quotas: what tasks take must be counted. */
  readonly counts: boolean
  /** Asks how many tasks are here: what it says of one says nothing of the next, so that they are let in singly. */
  readonly oneByOne: boolean
}

/** What expressions can name, in the form in which CEL takes it. */
export type Variables = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** Of one rule, for `explain`. */
export interface RuleReport extends Pick<Finding, 'outcome'> {
  readonly saw: string
  readonly domain: Domain
  readonly policy: string
  readonly rule: PolicyRule['name']
  readonly wanted: string
}
