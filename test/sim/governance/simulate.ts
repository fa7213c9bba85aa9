/** Runs one seed: a cluster that grows, decides, expels and is lied to, over a network that fails. */
import { seededRng, type Rng } from '../../../src/util/rng.ts'
import type { Ticket } from '../../../src/model/governance.ts'
import type { VerifiedStatement } from '../../../src/wire/statement.ts'
import { Violation } from '../checker.ts'
import { allCheckers } from './checkers.ts'
import { keyOf } from './ink.ts'
import { ADMINS, RESCUE, World, type Machine } from './world.ts'

export interface GovernanceResult {
  readonly seed: number
  readonly ok: boolean
  /** The rule that was broken, or `core` when the core threw. */
  readonly broken?: string
  readonly problem?: string
  readonly steps: number
  readonly members: number
  readonly entries: number
  readonly trace: readonly string[]
}

const DEEDS_MS = 60_000
const SETTLE_MS = 90_000
const YEAR_MS = 365 * 24 * 60 * 60 * 1000

/** Runs a seed from its beginning to its end, or to the first broken rule. */
export function simulateGovernance(seed: number): GovernanceResult {
  const rng = seededRng(seed + 900_000)
  const world = new World(seed, allCheckers())
  const trace: string[] = []
  const startMs = world.nowMs
  world.note = (text) => void trace.push(`${((world.nowMs - startMs) / 1000).toFixed(3).padStart(8)} ${text}`)
  const result = (rest: Pick<GovernanceResult, 'ok' | 'broken' | 'problem'>): GovernanceResult => {
    const [first] = world.up()
    const members = first?.state!.roster.members.size ?? 0
    return { seed, steps: world.steps, members, entries: (first?.state!.log.chain.length ?? 1) - 1, trace, ...rest }
  }
  try {
    new Life(world, rng).begin(startMs + DEEDS_MS)
    world.time.runUntil(startMs + DEEDS_MS)
    world.loss = 0
    world.crash = 0
    for (const machine of world.machines.values()) machine.side = 0
    world.note('all heals')
    world.time.runUntil(startMs + DEEDS_MS + SETTLE_MS)
    for (const checker of world.checkers) checker.end?.(world)
    return result({ ok: true })
  } catch (error) {
    const at = `at ${world.nowMs - startMs} ms: `
    if (error instanceof Violation) return result({ ok: false, broken: error.checker, problem: at + error.message })
    return result({ ok: false, broken: 'core', problem: at + String((error as Error).stack) })
  }
}

/** What people do, and what goes wrong. */
class Life {
  readonly #world: World
  readonly #rng: Rng
  #next = 1
  #endMs = 0
  #flooded = false
  /** Admins are honest in most runs; in some one of them signs whatever it is shown. */
  readonly #liar: boolean
  /** By admin and parent: what it has signed there. */
  readonly #promises = new Map<string, string>()
  readonly #tickets: { ticket: Ticket; hash: string }[] = []

  constructor(world: World, rng: Rng) {
    this.#world = world
    this.#rng = rng
    this.#liar = rng.int(4) === 0
  }

  begin(endMs: number): void {
    const world = this.#world
    this.#endMs = endMs
    const founder = keyOf(0)
    world.add(founder, [this.#admission(founder, founder)])
    world.loss = this.#rng.pick([0, 0.1, 0.3])
    world.crash = this.#rng.pick([0, 0.002, 0.01])
    this.#actSoon()
  }

  #actSoon(): void {
    this.#world.time.after(200 + this.#rng.int(1_500), () => {
      if (this.#world.nowMs >= this.#endMs) return
      const deeds = [
        ...[this.#invite, this.#invite, this.#invite, this.#redeem, this.#redeem, this.#redeem],
        ...[this.#redeem, this.#redeem, this.#redeem, this.#redeem],
        ...[this.#revoke, this.#readmit, this.#decide, this.#decide, this.#tooFew, this.#tooFew],
        ...[this.#propose, this.#propose, this.#countersign, this.#countersign, this.#proposeMany],
        ...[this.#word, this.#word, this.#word, this.#word, this.#word],
        ...[this.#rotate, this.#leave, this.#part, this.#part, this.#crash, this.#lie, this.#backdate, this.#flood],
      ]
      const text = this.#rng.pick(deeds).call(this)
      if (text !== undefined) this.#world.note(text)
      this.#actSoon()
    })
  }

  #someone(): Machine | undefined {
    const up = this.#world.up()
    return up.length === 0 ? undefined : this.#rng.pick(up)
  }

  #enroller(): Machine | undefined {
    const up = this.#world.up().filter(({ key, state }) => state!.log.authority.enrollers.has(key))
    return up.length === 0 ? undefined : this.#rng.pick(up)
  }

  #say(machine: Machine, statement: VerifiedStatement): void {
    this.#world.feed(machine, { type: 'statements', statements: [statement] })
  }

  #admission(node: string, enroller: string, sinceMs = this.#world.nowMs): VerifiedStatement {
    const { ink, cluster } = this.#world
    const times = { notBeforeMs: sinceMs, notAfterMs: sinceMs + YEAR_MS }
    return ink.sign('admission', { cluster, node, enroller, owner: 'ann', roles: ['worker'], ...times }, [enroller])
  }

  #invite(): string | undefined {
    const { nowMs, cluster, ink } = this.#world
    const enroller = this.#enroller()
    if (enroller === undefined) return undefined
    const ticket: Ticket = {
      ...{ cluster, name: 'sim', redeemer: enroller.key, addresses: ['/x'], owner: 'ann', roles: ['worker'] },
      ...{
        membershipMs: YEAR_MS,
        expiresAtMs: nowMs + 40_000,
        nonce: this.#rng
          .int(2 ** 32)
          .toString(16)
          .padStart(32, '0'),
      },
    }
    const { hash } = ink.sign('ticket', ticket, [enroller.key])
    this.#world.feed(enroller, { type: 'ticket', hash, ticket })
    this.#tickets.push({ ticket, hash })
    return `${enroller.key.slice(-2)} invites`
  }

  /** By somebody new, or by one that has shown it, or another, before. */
  #redeem(): string | undefined {
    if (this.#tickets.length === 0 || this.#next > 30) return undefined
    const { ticket, hash } = this.#rng.pick(this.#tickets)
    const index = this.#rng.int(3) === 0 ? this.#next++ : Math.max(1, this.#next - 1 - this.#rng.int(2))
    const admitted = this.#world.redeem(ticket, hash, keyOf(index))
    this.#next = Math.max(this.#next, index + 1)
    return `${keyOf(index).slice(-2)} redeems: ${admitted}`
  }

  #revoke(): string | undefined {
    const [by, target] = [this.#enroller(), this.#someone()]
    if (by === undefined || target === undefined || target.key === keyOf(0)) return undefined
    const { ink, cluster, nowMs } = this.#world
    const body = { cluster, node: target.key, by: by.key, reason: '', atMs: nowMs }
    this.#say(by, ink.sign('revocation', body, [by.key]))
    return `${by.key.slice(-2)} revokes ${target.key.slice(-2)}`
  }

  /** An enroller admits somebody again, whom it, or another, may have revoked. */
  #readmit(): string | undefined {
    const by = this.#enroller()
    const nodes = [...this.#world.machines.keys()]
    if (by === undefined) return undefined
    const node = this.#rng.pick(nodes)
    this.#say(by, this.#admission(node, by.key))
    return `${by.key.slice(-2)} admits ${node.slice(-2)} again`
  }

  #entry(machine: Machine, signers: readonly string[], kind?: string): VerifiedStatement {
    const { ink, cluster, nowMs } = this.#world
    const { chain, authority } = machine.state!.log
    const [height, parent] = [chain.length, chain.at(-1)!]
    return ink.sign(
      'entry',
      { cluster, height, parent, atMs: nowMs, change: this.#change(machine, authority.enrollers, kind) },
      signers,
    )
  }

  #change(
    machine: Machine,
    enrollers: ReadonlySet<string>,
    kind = this.#rng.pick(['enroll', 'enroll', 'withdraw', 'revoke', 'admins', 'policy', 'policy', 'config', 'config']),
  ) {
    const members = [...machine.state!.roster.members.keys()]
    const somebody = this.#rng.pick(members.length > 0 ? members : [keyOf(0)])
    const statements = [...machine.state!.statements.keys()]
    const keep = statements.filter(() => this.#rng.int(2) === 0).slice(0, 500)
    const others = [...enrollers].filter((key) => key !== keyOf(0))
    if (kind === 'policy') return { kind, text: this.#rng.int(4) === 0 ? '' : `policy ${this.#rng.int(1_000)}` }
    if (kind === 'config') return this.#configuration(members)
    if (kind === 'recover') return { kind, admins: { keys: ADMINS, threshold: 2 } }
    if (kind === 'admins')
      return { kind, admins: { keys: this.#rng.shuffle([...ADMINS]), threshold: 2 + this.#rng.int(2) } }
    if (kind === 'revoke') return { kind, nodes: [somebody === keyOf(0) ? keyOf(80) : somebody], keep }
    if (kind === 'withdraw' && others.length > 0)
      return { kind: 'enrollers', add: [], remove: [this.#rng.pick(others)], keep }
    return { kind: 'enrollers', add: [somebody], remove: [], keep: [] }
  }

  /** For all at once, or for some members first. */
  #configuration(members: readonly string[]) {
    const some = () => ({ settings: { 'bids.ask': String(this.#rng.int(16)) }, overridable: [] })
    const config = { kind: 'config', ...some() }
    if (members.length === 0 || this.#rng.int(4) === 0) return config
    const canaries = this.#rng.shuffle([...members]).slice(0, 1 + this.#rng.int(2))
    const trial = { canaries, forMs: 1_000, witnesses: 1 + this.#rng.int(2), before: some() }
    if (this.#rng.int(3) > 0) return { ...config, trial }
    const share = { selector: '', percent: 50, of: 2 * canaries.length }
    return { ...config, kind: 'config-share', trial: { ...trial, share } }
  }

  /** A member says how a canary fares: itself, or another, of whom only the worst can be said; some say more. */
  #word(): string | undefined {
    const machine = this.#someone()
    const decided = machine?.state!.log.authority.configuration
    if (machine === undefined || decided?.trial === undefined) return undefined
    const { canaries } = decided.trial
    const about = canaries.includes(machine.key) && this.#rng.int(4) > 0 ? machine.key : this.#rng.pick(canaries)
    const well = this.#rng.int(3) > 0
    const { ink, cluster, nowMs } = this.#world
    const word = { cluster, node: machine.key, entry: decided.hash, about, well, why: '', atMs: nowMs }
    this.#say(machine, ink.sign('canary', word, [machine.key]))
    return `${machine.key.slice(-2)} says that ${about.slice(-2)} is ${well ? 'well' : 'not well'}`
  }

  /** All admins sign, through the one machine on which they agreed: honest admins never sign two for one place. */
  #decide(): string | undefined {
    const machine = this.#world.machines.get(keyOf(0))
    if (machine?.state === undefined) return undefined
    if (machine.state.log.fork !== undefined) {
      this.#say(machine, this.#entry(machine, [RESCUE], 'recover'))
      return 'the admins decide, to recover'
    }
    const entry = this.#entry(machine, [])
    const free = ADMINS.filter((admin) => this.#mayPromise(admin, entry))
    if (free.length < 2) return undefined
    this.#say(machine, this.#sign(entry, free))
    return `${free.length} admins decide`
  }

  #mayPromise(admin: string, { hash, body }: VerifiedStatement): boolean {
    const promised = this.#promises.get(`${admin} ${(body as { parent: string }).parent}`)
    return promised === undefined || promised === hash
  }

  /** With a promise for each: an admin signs one child of an entry. */
  #sign({ hash, body }: VerifiedStatement, admins: readonly string[]): VerifiedStatement {
    for (const admin of admins) this.#promises.set(`${admin} ${(body as { parent: string }).parent}`, hash)
    return this.#world.ink.sign('entry', body, admins)
  }

  /** An admin proposes something at some machine, for the others to sign where they are. */
  #propose(): string | undefined {
    const machine = this.#someone()
    if (machine === undefined) return undefined
    const entry = this.#entry(machine, [])
    const admin = this.#rng.pick(ADMINS)
    if (!this.#mayPromise(admin, entry)) return undefined
    this.#world.propose(machine, this.#sign(entry, [admin]))
    return `${admin.slice(-2)} proposes at ${machine.key.slice(-2)}`
  }

  /** Another admin signs what it finds at some machine. */
  #countersign(): string | undefined {
    const machine = this.#someone()
    const found = [...(machine?.state?.proposals.values() ?? [])]
    if (machine === undefined || found.length === 0) return undefined
    const { statement } = this.#rng.pick(found)
    const admin = this.#rng.pick(ADMINS)
    if (!this.#mayPromise(admin, statement)) return undefined
    this.#world.propose(machine, this.#sign(statement, [admin]))
    return `${admin.slice(-2)} signs a proposal at ${machine.key.slice(-2)}`
  }

  /** More proposals than anybody can keep, by somebody that decides nothing, or by a liar that does. */
  #proposeMany(): string | undefined {
    const machine = this.#someone()
    if (machine === undefined || this.#rng.int(4) > 0) return undefined
    const by = this.#liar ? ADMINS[1]! : keyOf(78)
    const { ink, cluster, nowMs } = this.#world
    const { chain } = machine.state!.log
    for (let n = 0; n < 40 && machine.state !== undefined; n++) {
      const change = { kind: 'revoke', nodes: [keyOf(100 + n)], keep: [] }
      const body = { cluster, height: chain.length, parent: chain.at(-1)!, atMs: nowMs + n, change }
      this.#world.propose(machine, ink.sign('entry', body, [by]))
    }
    return `${by.slice(-2)} floods ${machine.key.slice(-2)} with proposals`
  }

  /** One admin too few, and strangers to make up the number. */
  #tooFew(): string | undefined {
    const machine = this.#someone()
    if (machine === undefined) return undefined
    this.#say(machine, this.#entry(machine, [ADMINS[0]!, keyOf(70), keyOf(71)]))
    return 'somebody brings an entry that one admin signed'
  }

  /** Two entries for one place, each by an admin that signs everything and another. */
  #lie(): string | undefined {
    if (!this.#liar) return undefined
    const [a, b] = [this.#someone(), this.#someone()]
    if (a === undefined || b === undefined) return undefined
    this.#say(a, this.#entry(a, ADMINS))
    if (b.state !== undefined) this.#say(b, this.#entry(b, ADMINS))
    return 'two entries are brought at two machines'
  }

  /** An enroller that lost its right admits somebody, and says that it was long ago. */
  #backdate(): string | undefined {
    const machine = this.#someone()
    if (machine === undefined) return undefined
    const [withdrawn] = machine.state!.log.authority.withdrawn.keys()
    if (withdrawn === undefined) return undefined
    this.#say(machine, this.#admission(keyOf(75), withdrawn, this.#world.nowMs - 50_000))
    return `${withdrawn.slice(-2)} admits somebody, backdated`
  }

  /** A member signs admissions, which it may not, more of them than anybody can hold. */
  #flood(): string | undefined {
    const machine = this.#someone()
    if (machine === undefined || this.#flooded || this.#rng.int(3) > 0) return undefined
    this.#flooded = true
    const { nowMs } = this.#world
    const statements = Array.from({ length: 600 }, (_, i) => this.#admission(keyOf(76), keyOf(77), nowMs + i))
    this.#world.feed(machine, { type: 'statements', from: machine.key, statements })
    return `${machine.key.slice(-2)} is flooded`
  }

  #rotate(): string | undefined {
    const machine = this.#someone()
    if (machine === undefined || machine.key === keyOf(0) || this.#next > 30) return undefined
    const { ink, cluster, nowMs } = this.#world
    const to = keyOf(this.#next++)
    const rotation = ink.sign('rotation', { cluster, from: machine.key, to, atMs: nowMs }, [machine.key, to])
    this.#say(machine, rotation)
    return `${machine.key.slice(-2)} rotates to ${to.slice(-2)}`
  }

  #leave(): string | undefined {
    const machine = this.#someone()
    if (machine === undefined || machine.key === keyOf(0) || this.#rng.int(3) > 0) return undefined
    const { ink, cluster, nowMs } = this.#world
    const body = { cluster, node: machine.key, by: machine.key, reason: '', atMs: nowMs }
    this.#say(machine, ink.sign('revocation', body, [machine.key]))
    return `${machine.key.slice(-2)} leaves`
  }

  #part(): string {
    const sides = this.#rng.int(2) === 0 ? 1 : 2
    for (const machine of this.#world.machines.values()) machine.side = this.#rng.int(sides)
    return `the network has ${sides} sides`
  }

  #crash(): string | undefined {
    const machine = this.#someone()
    if (machine === undefined) return undefined
    this.#world.stop(machine)
    this.#world.time.after(500 + this.#rng.int(8_000), () => {
      if (machine.state === undefined) this.#world.start(machine)
    })
    return `${machine.key.slice(-2)} crashes`
  }
}
