/**
 * The policies that are in force in one mesh: that of this node, and those that the admins of the cluster signed, for
 * itself and for the network it belongs to. All of them must allow.
 */
import type { DecidedPolicy } from '../governance/authority.ts'
import type { MeshInput, MeshState } from '../mesh/types.ts'
import { DECIDED_LEVELS, type DecidedLevel } from '../model/policy-levels.ts'
import type { CompiledPolicy, Domain } from '../policy/types.ts'
import type { Logger } from '../util/logger.ts'
import type { MeshLoop } from './loop.ts'
import type { NodePolicy, PolicyChange } from './node-policy.ts'
import { askedOf, type Asked } from './read-policy.ts'

/** What the admins decided, by level; absent where they never decided anything. */
export type Decided = Readonly<Partial<Record<DecidedLevel, DecidedPolicy | undefined>>>

/** What policies need of their mesh. */
export interface PoliciesOptions {
  readonly own: NodePolicy
  /** Told of each change of that, before it is in force in this mesh. */
  readonly onOwn: (change: PolicyChange) => void
  readonly input: (input: MeshInput) => void
  readonly log: Logger
}

/** A policy in force, as `status` names it. */
export interface PolicyInForce {
  readonly name: string
  readonly version: number
  readonly unusable?: string
}

/** What was decided at a level, and what is asked of it. */
interface Held {
  readonly decided: DecidedPolicy | undefined
  readonly asked?: Asked | undefined
}

export class Policies {
  readonly #options: PoliciesOptions
  readonly #held = new Map<DecidedLevel, Held>()
  #stopListening: (() => void) | undefined

  constructor(options: PoliciesOptions) {
    this.#options = options
  }

  /** Puts that of the node in force, and those that were decided. Call once, first. */
  async restore(decided: Decided = {}): Promise<void> {
    const { own, onOwn } = this.#options
    this.#stopListening = own.onChange((change) => {
      // Before the events of what is stopped by it.
      onOwn(change)
      this.#publish()
    })
    for (const level of DECIDED_LEVELS) {
      this.#held.set(level, { decided: decided[level], asked: await this.#ask(level, decided[level]) })
    }
    if (this.#asked().length > 0) this.#publish()
  }

  /** Follows the policy of the node no more. */
  close(): void {
    this.#stopListening?.()
  }

  /**
   * What the admins of the cluster decided, which takes the place of what they decided before. It is in force when this
   * resolves, unless they decided anew meanwhile.
   * @returns whether it was another than before, and is in force
   */
  async decide(level: DecidedLevel, decided: DecidedPolicy | undefined): Promise<boolean> {
    const before = this.#held.get(level)
    if (decided?.hash === before?.decided?.hash) return false
    this.#held.set(level, { decided, asked: before?.asked })
    const asked = await this.#ask(level, decided)
    if (this.#held.get(level)?.decided !== decided) return false
    this.#held.set(level, { decided, asked })
    this.#publish()
    return true
  }

  /** The one that was decided at a level; undefined when there is none. */
  decidedAt(level: DecidedLevel): PolicyInForce | undefined {
    const { decided, asked } = this.#held.get(level) ?? {}
    if (decided === undefined || asked === undefined) return undefined
    const { compiled, unusable } = asked
    return { name: compiled.name, version: decided.version, ...(unusable !== undefined && { unusable }) }
  }

  /** What is asked, if another policy takes the place of that of a level. */
  with(level: Domain, instead: CompiledPolicy): CompiledPolicy[] {
    return [...this.#asked().filter(({ domain }) => domain !== level), instead]
  }

  #asked(): CompiledPolicy[] {
    const all = [this.#options.own.asked, ...DECIDED_LEVELS.map((level) => this.#held.get(level)?.asked)]
    return all.flatMap((asked) => (asked === undefined ? [] : [asked.compiled]))
  }

  #publish(): void {
    this.#options.input({ type: 'policies', policies: this.#asked() })
  }

  async #ask(level: DecidedLevel, decided: DecidedPolicy | undefined): Promise<Asked | undefined> {
    if (decided === undefined || decided.text === '') return undefined
    const { text, version } = decided
    const fileName = `${level} policy version ${version}`
    return askedOf({ domain: level, text, name: `version-${version}`, fileName }, this.#options.log)
  }
}

/** Whether this node still lets a run begin whose process is about to be made. Its contract may be isolated by it. */
export function mayStart(loop: Pick<MeshLoop, 'input'>, { negotiation }: MeshState, runId: string): boolean {
  loop.input({ type: 'run-starting', runId })
  return negotiation.contracts.get(runId)?.stopWhy === undefined
}
