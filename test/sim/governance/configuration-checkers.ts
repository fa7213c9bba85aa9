/** Rules about settings: which hold on a machine, and that it writes down when that changes. */
import type { GovernanceEffect } from '../../../src/governance/types.ts'
import { Violation } from '../checker.ts'
import type { Checker } from './checkers.ts'
import type { Machine, World } from './world.ts'

const short = (key: string) => key.slice(-2)

/**
 * Settings are those of the last entry of the chain that is about them. Nobody but its canaries goes by them before
 * each canary has said itself that it is well, and nobody at all once one is not; what is bad stays said.
 */
class Configurations implements Checker {
  readonly name = 'configurations'
  /** Bad words by machine, as far as they must be there after any crash. */
  readonly #said = new Map<string, Set<string>>()

  step(world: World, machine: Machine): void {
    const { key, state } = machine
    const { chain, placed, authority } = state!.log
    const entries = chain.filter((hash) => placed.get(hash)?.change.kind.startsWith('config'))
    const held = world.configurationOf(machine)
    if (held?.decided.hash !== entries.at(-1) || (authority.configuration?.version ?? 0) !== entries.length) {
      this.#fail(key, `follows ${held?.decided.hash}; the last of ${entries.length} is ${entries.at(-1)}`)
    }
    this.#checkWords(machine)
    if (held?.decided.trial === undefined) return
    const { canaries, witnesses, before } = held.decided.trial
    const { members, former } = state!.roster
    const words = [...state!.canaryWords.values()].flatMap(({ body }) =>
      body.entry === held.decided.hash && (members.has(body.node) || former.has(body.node)) ? [body] : [],
    )
    const bad = canaries.some((canary) => {
      const by = words.filter(({ about, well }) => about === canary && !well).map(({ node }) => node)
      return by.includes(canary) || by.length >= witnesses
    })
    const isBack = JSON.stringify(held.holds) === JSON.stringify(before)
    if (bad && !isBack) this.#fail(key, `goes by ${held.stage} settings though a canary is not well`)
    const saidWell = canaries.filter((canary) => words.some((word) => word.node === canary && word.well))
    const allWell = canaries.every((canary) => saidWell.includes(canary) || !members.has(canary))
    const early = held.stage === 'promoted' && (!allWell || saidWell.length === 0)
    if (early) this.#fail(key, 'follows before all canaries were well')
    if (!bad && !canaries.includes(key) && held.stage === 'trial' && !isBack) this.#fail(key, 'is no canary')
    const isWaiting = !bad && allWell && saidWell.length > 0 && held.stage !== 'promoted'
    if (isWaiting) this.#fail(key, `is at ${held.stage} though all canaries are well`)
  }

  #checkWords({ key, state, disk }: Machine): void {
    const said = this.#said.get(key) ?? new Set()
    this.#said.set(key, said)
    for (const { body, statement } of state!.canaryWords.values()) {
      if (body.well && body.node !== body.about) this.#fail(key, 'believes another that a canary is well')
      const name = `${body.entry} ${body.node} ${body.about}`
      if (!body.well && [...disk.statements.values()].includes(statement)) said.add(name)
    }
    for (const name of said) {
      if (state!.canaryWords.get(name)?.body.well !== false) this.#fail(key, 'forgot that a canary was not well')
    }
  }

  #fail(key: string, what: string): never {
    throw new Violation(this.name, `${short(key)} ${what}`)
  }
}

/**
 * Which settings a machine goes by, and how far they have come, is written into its audit log in the step in which that
 * changes, once; what was stored when it came up was written before.
 */
class AuditOfSettings implements Checker {
  readonly name = 'audit-of-settings'
  readonly #before = new WeakMap<object, string | undefined>()

  step(world: World, machine: Machine, effects: readonly GovernanceEffect[]): void {
    const { key, state } = machine
    const held = world.configurationOf(machine)
    const now = held && `${held.decided.hash} ${held.stage}`
    const isNew = this.#before.has(state!) && held !== undefined && now !== this.#before.get(state!)
    this.#before.set(state!, now)
    const written = effects.flatMap((effect) => {
      const { type = '', ...event } = effect.type === 'audit' ? effect.event : {}
      const stage = STAGES.get(type)
      return stage !== undefined && 'statement' in event ? [`${event.statement} ${stage}`] : []
    })
    if (written.join() !== (isNew ? now : ''))
      throw new Violation(this.name, `${short(key)} is at ${now}, and wrote ${written.join() || 'nothing'}`)
  }
}

/** What each event says of how far a configuration has come. */
const STAGES: ReadonlyMap<string, string> = new Map([
  ['config.applied', 'everywhere'],
  ['config.trial', 'trial'],
  ['config.promoted', 'promoted'],
  ['config.rolled-back', 'rolled-back'],
])

/** A fresh set of these rules. */
export function configurationCheckers(): Checker[] {
  return [new Configurations(), new AuditOfSettings()]
}
