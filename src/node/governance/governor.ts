/**
 * Governance in a running daemon: drives the pure core, stores what must be kept before anything else of a step is
 * done, signs with the node's key, and tells the rest of the daemon who may link and whose work runs here.
 *
 * A daemon that belongs to no cluster with a genesis has one too, which lets everybody in and has nothing to say.
 */
import { configurationOn } from '../../governance/configuration.ts'
import { freshness } from '../../governance/freshness.ts'
import { createGovernance, mayLink, memberAt, membersAt, tagOf, type GovernanceState } from '../../governance/state.ts'
import { CHANGED, type Outcome } from '../../governance/statements.ts'
import { governanceStep } from '../../governance/step.ts'
import { head } from '../../governance/sync.ts'
import type { GovernanceEffect, GovernanceInput, GovernanceMessage } from '../../governance/types.ts'
import type { ProposalOutcome } from '../../governance/proposals.ts'
import type { GovernanceProposal } from '../../model/governance-sync.ts'
import type { Hello } from '../../model/control.ts'
import type { LocalNode } from '../../negotiation/nodes.ts'
import type { PeerIdText } from '../../peer/peer.ts'
import type { Clock } from '../../util/clock.ts'
import { messageOf } from '../../util/errors.ts'
import type { Logger } from '../../util/logger.ts'
import { makeStatement, openStatement, type StatementSigner, type VerifiedStatement } from '../../wire/statement.ts'
import { SPREAD_KINDS, type StoredCluster } from './cluster-store.ts'
import type { GovernanceJournal } from './journal.ts'
import { openProposal, proposalAllowance } from './proposals.ts'

/** How often the time is looked at, and one neighbour is compared with. */
const TICK_MS = 30_000

/** Effects that nobody is given anything by. */
const TAKES_AWAY: ReadonlySet<GovernanceEffect['type']> = new Set<GovernanceEffect['type']>(['roster', 'alarm'])

/** What it works with. */
export interface GovernorOptions {
  readonly stored: StoredCluster | undefined
  readonly signer: StatementSigner
  /** All other members are guests here, those of this node's owner too. */
  readonly guestsOnly?: boolean
  readonly journal: Pick<GovernanceJournal, 'write'>
  readonly clock: Clock
  readonly log: Logger
  readonly send: (to: PeerIdText, message: GovernanceMessage) => void
  /** Who is a member, or what it may do, has changed; those who left get and give nothing any more. */
  readonly onRoster: (left: readonly PeerIdText[]) => void
  /** What the admins decided may have changed: policy and configuration. */
  readonly onDecision: () => void
  /** For whoever watches: members that came and went, a fork, and how far settings have come. */
  readonly tell: (what: string, subject: string) => void
  /** One of some peers, by chance. */
  readonly pick: (peers: readonly PeerIdText[]) => PeerIdText
}

/** The governance of this daemon's cluster. */
export class Governor {
  readonly #options: GovernorOptions
  /** Undefined where there is no genesis. */
  readonly state: GovernanceState | undefined
  /** Statements that were refused, by why. */
  readonly refused = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #wasFresh = true
  readonly #allowance = proposalAllowance()
  #lastDecision: string | undefined

  constructor(options: GovernorOptions) {
    this.#options = options
    const { stored, signer } = options
    if (stored === undefined) return
    this.state = createGovernance(signer.id, stored.statement.hash, stored.genesis)
    governanceStep(
      this.state,
      { type: 'restore', statements: stored.statements, tickets: stored.tickets, proposals: stored.proposals },
      this.#wallMs(),
    )
  }

  start(): void {
    if (this.state === undefined) return
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#tick()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** See `tagOf`. */
  get tag(): string | undefined {
    if (this.state === undefined) return undefined
    const { cluster, genesis } = this.state.log
    return tagOf(genesis.name, cluster)
  }

  /** The genesis, as it travels. */
  get genesis(): VerifiedStatement | undefined {
    return this.#options.stored?.statement
  }

  /** Declared open: anybody links, and tasks of anybody run. */
  get open(): boolean {
    return this.state?.log.genesis.open === true && this.#options.guestsOnly !== true
  }

  /** Whether a peer may link, and whether what it signed counts. */
  mayLink(peer: PeerIdText): boolean {
    return this.state === undefined || peer === this.state.self || mayLink(this.state, peer, this.#wallMs())
  }

  /** What a hello says of what is known here. */
  hello(): Hello['governance'] {
    return this.state === undefined ? undefined : head(this.state)
  }

  /** A member's link stands, and this is its hello. */
  onHello(peer: PeerIdText, hello: Hello): void {
    this.#step({ type: 'peer-up', peer })
    if (hello.governance !== undefined) this.onMessage(peer, { t: 'gov-head', body: hello.governance })
  }

  onBye(peer: PeerIdText): void {
    this.#step({ type: 'peer-down', peer })
  }

  onMessage(from: PeerIdText, message: GovernanceMessage): void {
    if (message.t === 'gov-proposal') return this.#onProposal(from, message.body)
    if (message.t !== 'gov-give') return void this.#step({ type: 'message', from, message })
    const statements: VerifiedStatement[] = []
    for (const bytes of message.body.statements) {
      try {
        statements.push(openStatement(bytes, SPREAD_KINDS))
      } catch (error) {
        this.#count(messageOf(error), 'unverified')
      }
    }
    this.#step({ type: 'statements', from, statements, more: message.body.more })
  }

  /** Takes statements that were made here, or brought by hand. @returns what became of each, in order */
  take(statements: readonly VerifiedStatement[]): readonly Outcome[] {
    const told = this.#step({ type: 'statements', statements }).find((effect) => effect.type === 'outcomes')
    return told?.type === 'outcomes' ? told.outcomes : []
  }

  /** Takes a proposal that was made here. @throws WireError when it does not verify */
  propose(proposal: GovernanceProposal): ProposalOutcome {
    const opened = openProposal(this.state!, proposal)
    const told = this.#step({ type: 'proposal', ...opened }).find((effect) => effect.type === 'proposed')
    return told?.type === 'proposed' ? told.outcome : 'malformed'
  }

  #onProposal(from: PeerIdText, proposal: GovernanceProposal): void {
    if (this.state === undefined) return
    if (!this.#allowance.take(from, this.#options.clock.nowMs())) return this.#count('proposals', 'rate-limited')
    try {
      this.#step({ type: 'proposal', from, ...openProposal(this.state, proposal) })
    } catch (error) {
      this.#count(messageOf(error), 'unverified')
    }
  }

  /** Runs an input whose effects the caller wants to see. */
  run(input: GovernanceInput): readonly GovernanceEffect[] {
    return this.#step(input)
  }

  /** Whose tasks run here by the roster: members of this node's owner, if both have the roles for it. */
  trusted(): readonly PeerIdText[] {
    const { state } = this
    if (state === undefined || this.#options.guestsOnly === true || !freshness(state, this.#wallMs()).fresh) return []
    const own = memberAt(state, state.self, this.#wallMs())
    if (own === undefined || !own.roles.includes('worker')) return []
    return membersAt(state, this.#wallMs())
      .filter(({ owner, roles }) => owner === own.owner && roles.includes('submitter'))
      .map(({ node }) => node)
  }

  /** Who is whose, and whose tasks run here isolated. */
  rosterFacts(): LocalNode['roster'] {
    const { state } = this
    if (state === undefined) return undefined
    const members = membersAt(state, this.#wallMs())
    const own = members.find(({ node }) => node === state.self)
    const { fresh } = freshness(state, this.#wallMs())
    const works = fresh && own?.roles.includes('worker') === true
    const isGuest = ({ node, owner, roles }: (typeof members)[number]) =>
      roles.includes('submitter') && (this.#options.guestsOnly === true ? node !== own?.node : owner !== own?.owner)
    return {
      guests: new Set(works ? members.filter(isGuest).map(({ node }) => node) : []),
      owner: own?.owner,
      owners: new Map(members.map(({ node, owner }) => [node, owner])),
      fresh,
    }
  }

  #wallMs(): number {
    return this.#options.clock.wallMs()
  }

  #tick(): void {
    if (this.state === undefined) return
    const linked = [...this.state.linked]
    try {
      this.#step({ type: 'tick', ...(linked.length > 0 && { peer: this.#options.pick(linked) }) })
    } catch (error) {
      // A full disk, for one: there is another tick.
      this.#options.log.warn({ error: messageOf(error) }, 'what is due in the cluster has to wait')
    }
  }

  /**
   * One step of the core and all that follows from it. Where it cannot be stored, as on a full disk, only what takes
   * something away: who is out is cut off, a fork is told, and a policy holds, since the core goes by it already.
   * @throws StoreError then
   */
  #step(input: GovernanceInput): GovernanceEffect[] {
    if (this.state === undefined) return []
    const effects = governanceStep(this.state, input, this.#wallMs())
    const failure = this.#write(effects)
    for (const effect of effects) if (failure === undefined || TAKES_AWAY.has(effect.type)) this.#carry(effect)
    // Whose tasks run here hangs on it, and it comes and goes with the word of others and with time.
    const { fresh } = freshness(this.state, this.#wallMs())
    const changed = fresh !== this.#wasFresh
    this.#wasFresh = fresh
    if (changed) this.#options.onRoster([])
    this.#noteDecision()
    if (failure !== undefined) throw failure
    return effects
  }

  #noteDecision(): void {
    const { log } = this.state!
    const decision = `${log.chain.at(-1)} ${log.fork?.parent} ${configurationOn(this.state!)?.stage}`
    const changed = decision !== this.#lastDecision
    this.#lastDecision = decision
    if (changed) this.#options.onDecision()
  }

  /**
   * Before anything else of the step: an admission must not be known to others before the ticket is burnt.
   * @returns why that failed
   */
  #write(effects: readonly GovernanceEffect[]): Error | undefined {
    try {
      this.#options.journal.write(effects)
      return undefined
    } catch (error) {
      return error as Error
    }
  }

  #carry(effect: GovernanceEffect): void {
    const { send, onRoster, tell, signer, log } = this.#options
    switch (effect.type) {
      case 'send':
        return send(effect.to, effect.message)
      case 'sign':
        return void this.take([makeStatement(effect.kind, effect.body, [signer])])
      case 'roster':
        for (const peer of effect.joined) tell('admitted', peer)
        for (const peer of effect.left) tell('expelled', peer)
        return onRoster(effect.left)
      case 'alarm': {
        const { parent, doubleSigners } = effect.fork
        log.error({ parent, doubleSigners }, 'THE GOVERNANCE LOG IS FORKED: these admins signed two entries for one')
        return tell('forked', parent)
      }
      case 'outcomes':
        for (const outcome of effect.outcomes) {
          if (!CHANGED.has(outcome) && outcome !== 'known') this.#count(outcome, outcome)
        }
        return
      case 'proposed':
        if (effect.outcome === 'taken') tell('proposed', this.state?.log.cluster ?? '')
        return
      case 'audit': {
        const { event } = effect
        if (event.type.startsWith('config.') && 'statement' in event) tell(event.type, event.statement)
        return
      }
      case 'persist':
      case 'persist-ticket':
      case 'persist-proposal':
      case 'turn-away':
        // Written already; and for whoever asked.
        return
    }
  }

  #count(why: string, code: string): void {
    this.#options.log.debug({ why }, 'a statement of governance was not taken')
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1)
  }
}
