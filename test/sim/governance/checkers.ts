/**
 * Rules about who belongs. They follow what was signed in the world and judge what machines hold by that; of the core
 * they import types alone.
 */
import type { GovernanceEffect } from '../../../src/governance/types.ts'
import type { LogEntry } from '../../../src/model/governance.ts'
import type { VerifiedStatement } from '../../../src/wire/statement.ts'
import { Violation } from '../checker.ts'
import { configurationCheckers } from './configuration-checkers.ts'
import { keyOf } from './ink.ts'
import type { Machine, World } from './world.ts'

export interface Checker {
  readonly name: string
  /** A machine took a step, and has not carried out what follows. */
  step?(world: World, machine: Machine, effects: readonly GovernanceEffect[]): void
  /** A machine signed something. */
  signed?(world: World, machine: Machine, statement: VerifiedStatement): void
  /** Long after all healed. */
  end?(world: World): void
}

const short = (key: string) => key.slice(-2)

/** Each entry of a chain was signed by enough of those who decided at its place. */
const threshold: Checker = {
  name: 'threshold',
  step(world, { key, state }) {
    const { chain, placed } = state!.log
    let admins = world.genesis.admins
    for (const hash of chain.slice(1)) {
      const { statement, entry } = placed.get(hash)!
      const change = entry.change as { kind: string; admins?: typeof admins }
      const deciding = change.kind === 'recover' ? world.genesis.recovery : admins
      const signed = statement.signers.filter((signer) => deciding.keys.includes(signer)).length
      if (signed < deciding.threshold) {
        throw new Violation('threshold', `${short(key)} took entry ${entry.height} with ${signed} signatures`)
      }
      if (change.admins !== undefined) admins = change.admins
    }
  },
}

/** What a machine holds that expels a key, by its own enrollers: no admission of that key counts then. */
const revocation: Checker = {
  name: 'revocation',
  step(_world, { key, state }) {
    for (const { kind, signer, body } of state!.statements.values()) {
      if (kind !== 'revocation' || !state!.log.authority.enrollers.has(signer)) continue
      if (state!.log.authority.enrollers.has(body.node)) continue
      if (state!.roster.members.has(body.node)) {
        throw new Violation('revocation', `${short(key)} holds ${short(body.node)} a member, though it was revoked`)
      }
    }
    for (const { change } of state!.log.placed.values()) {
      if (
        change.kind !== 'revoke' ||
        !state!.log.chain.some((hash) => state!.log.placed.get(hash)?.change === change)
      ) {
        continue
      }
      for (const node of change.nodes) {
        if (state!.roster.members.has(node)) {
          throw new Violation(
            'revocation',
            `${short(key)} holds ${short(node)} a member, though the admins expelled it`,
          )
        }
      }
    }
  },
}

/** Whoever is out hears nothing more of one that knows. */
const silence: Checker = {
  name: 'silence',
  step(_world, { key, state }, effects) {
    for (const effect of effects) {
      if (effect.type === 'send' && state!.roster.gone.has(effect.to)) {
        throw new Violation('silence', `${short(key)} sends ${effect.message.t} to ${short(effect.to)}, which is out`)
      }
    }
  },
}

/** A ticket admits one key, and was burnt for it on disk before that was signed. */
class Tickets implements Checker {
  readonly name = 'tickets'
  readonly #admitted = new Map<string, string>()

  signed(_world: World, { key, disk }: Machine, { kind, body }: VerifiedStatement): void {
    const { ticket, node } = body as { ticket?: string; node: string }
    if (kind !== 'admission' || ticket === undefined) return
    const before = this.#admitted.get(ticket)
    if (before !== undefined && before !== node) {
      throw new Violation('tickets', `one ticket admitted ${short(before)} and ${short(node)}`)
    }
    this.#admitted.set(ticket, node)
    if (disk.tickets.get(ticket)?.burntFor !== node) {
      throw new Violation('tickets', `${short(key)} admitted ${short(node)} before the ticket was burnt on disk`)
    }
  }
}

/** What an enroller signed that lost its right counts for nothing, unless the admins let it stand. */
const withdrawal: Checker = {
  name: 'withdrawal',
  step(_world, { key, state }) {
    const { withdrawn } = state!.log.authority
    for (const { node, enroller, admission } of state!.roster.members.values()) {
      if (withdrawn.has(enroller) && !withdrawn.get(enroller)!.has(admission)) {
        throw new Violation(
          'withdrawal',
          `${short(key)} holds ${short(node)} a member by an enroller without the right`,
        )
      }
    }
  },
}

/** Nothing grows beyond its cap. */
const bounds: Checker = {
  name: 'bounds',
  step(_world, { key, state }) {
    if (state!.waiting.size > 512)
      throw new Violation('bounds', `${state!.waiting.size} statements wait at ${short(key)}`)
    if (state!.proposals.size > 32)
      throw new Violation('bounds', `${short(key)} keeps ${state!.proposals.size} proposals`)
  },
}

/** What is kept of proposals is for the next place, and signed by somebody who decides there, four by one alone. */
const proposals: Checker = {
  name: 'proposals',
  step(world, { key, state }) {
    const { chain, authority } = state!.log
    const alone = new Map<string, number>()
    for (const { statement, entry } of state!.proposals.values()) {
      const change = entry.change as { kind: string }
      const deciding = change.kind === 'recover' ? world.genesis.recovery : authority.admins
      const signers = statement.signers.filter((signer) => deciding.keys.includes(signer))
      if (entry.parent !== chain.at(-1) || signers.length === 0 || signers.length >= deciding.threshold)
        throw new Violation('proposals', `${short(key)} keeps one of ${signers.length} admins for ${entry.height}`)
      const [signer] = signers
      if (signers.length === 1) alone.set(signer!, (alone.get(signer!) ?? 0) + 1)
    }
    for (const [signer, count] of alone)
      if (count > 4)
        throw new Violation('proposals', `${short(key)} keeps ${count} proposals of ${short(signer)} alone`)
  },
}

/**
 * In the end all that are up and are members for the founder, whom nobody expels, know the same. One that was expelled
 * behind its back is not told: it goes on believing what it last knew, alone.
 */
const convergence: Checker = {
  name: 'convergence',
  end(world) {
    const roster = world.machines.get(keyOf(0))!.state!.roster.members
    const members = world.up().filter(({ key }) => roster.has(key))
    const shown = members.map(({ key, state }) => {
      const { chain, fork } = state!.log
      const believed = [...state!.roster.members.keys()].toSorted()
      // Of a liar's proposals each keeps those that it heard of first.
      const kept = [...state!.proposals.values()].filter(({ entry }) => entry.change['nodes'] === undefined)
      const waiting = kept.map(({ statement }) => [statement.hash, statement.signers].join()).toSorted()
      const settings = world.configurationOf(world.machines.get(key)!)?.stage
      return [short(key), JSON.stringify([chain.at(-1), fork?.entries, believed, waiting, settings])] as const
    })
    const [first] = shown
    for (const one of shown) {
      if (one[1] !== first![1]) throw new Violation('convergence', `${first!.join(': ')}\n${one.join(': ')}`)
    }
  },
}

/** Two valid entries upon one that somebody holds both: nobody that does goes on as if there were one. */
const forks: Checker = {
  name: 'forks',
  step(world, { key, state }) {
    const { chain, placed } = state!.log
    const places = new Map<string, LogEntry[]>()
    for (const { entry } of placed.values()) places.set(entry.parent, [...(places.get(entry.parent) ?? []), entry])
    for (const [parent, entries] of places) {
      const rivals = entries.filter(({ change }) => change.kind === 'recover')
      const standing = rivals.length > 0 ? rivals : entries
      const at = chain.indexOf(parent)
      if (standing.length > 1 && at >= 0 && at < chain.length - 1) {
        throw new Violation(
          'forks',
          `${short(key)} follows one of ${standing.length} entries upon ${at} of ${world.cluster}`,
        )
      }
    }
  },
}

/** The events that tell of a statement that was taken. */
const OF_STATEMENTS: ReadonlySet<string> = new Set([
  ...['member.admitted', 'member.revoked', 'member.rotated'],
  ...['gov.applied', 'gov.beside'],
])

/** What decides nothing by itself: members sign it all the time. */
const UNTOLD: ReadonlySet<string> = new Set(['attestation', 'canary'])

/** What is stored of who belongs is written into the audit log in the same step, once, by its hash. */
const audit: Checker = {
  name: 'audit',
  step(world, { key }, effects) {
    const stored = effects.flatMap((effect) => (effect.type === 'persist' ? [world.ink.read(effect.bytes)] : []))
    const due = stored.filter(({ kind }) => !UNTOLD.has(kind)).map(({ hash }) => hash)
    const written = effects.flatMap((effect) => {
      if (effect.type !== 'audit' || !OF_STATEMENTS.has(effect.event.type)) return []
      return 'statement' in effect.event ? [effect.event.statement] : []
    })
    if (due.toSorted().join() !== written.toSorted().join())
      throw new Violation('audit', `${short(key)} stored ${due.length} statements and wrote of ${written.length}`)
  },
}

/** What the cluster lets run is what the last entry of the chain says that is about it, and nothing else. */
const policies: Checker = {
  name: 'policies',
  step(_world, { key, state }) {
    const { chain, placed, authority } = state!.log
    const said = chain.flatMap((hash) => {
      const change = placed.get(hash)?.change
      return change?.kind === 'policy' ? [{ hash, text: change.text }] : []
    })
    const last = said.at(-1)
    const { hash, text, version } = authority.policies.cluster ?? {}
    if (hash !== last?.hash || text !== last?.text || (version ?? 0) !== said.length) {
      throw new Violation(
        'policies',
        `${short(key)} holds policy ${version} (${text}); the last of ${said.length} says ${last?.text}`,
      )
    }
  },
}

/** A fresh set of all rules: some remember. */
export function allCheckers(): Checker[] {
  return [
    ...[audit, proposals, policies, ...configurationCheckers(), threshold, revocation, silence, new Tickets()],
    ...[withdrawal, bounds, convergence, forks],
  ]
}
