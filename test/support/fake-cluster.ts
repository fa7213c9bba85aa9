/** A cluster in memory for tests of those who serve people: canned answers in the shapes of the real one. */
import type { ClusterView, MemberView, MovedView } from '../../src/model/cluster.ts'
import type { ConfigurationHistory, ConfigurationView } from '../../src/model/configuration-api.ts'
import type { FoundRequest, TicketRequest } from '../../src/model/cluster-requests.ts'
import type { ClusterOperations } from '../../src/node/operations.ts'

const ID = 'c'.repeat(64)

export class FakeCluster implements ClusterOperations {
  readonly self: string
  readonly founded: FoundRequest[] = []
  readonly invited: TicketRequest[] = []
  readonly revoked: string[] = []
  readonly taken: string[] = []

  constructor(self: string) {
    this.self = self
  }

  view(): ClusterView {
    const keys = { keys: [this.self], threshold: 1 }
    return {
      name: 'home',
      id: ID,
      open: false,
      height: 0,
      head: ID,
      admins: keys,
      recovery: keys,
      enrollers: [this.self],
      state: 'd'.repeat(64),
      members: 1,
      self: { owner: 'ann', roles: ['worker', 'submitter'], notAfterMs: 2e12 },
      fresh: true,
      witnesses: 0,
      witnessesNeeded: 0,
      tickets: 0,
    }
  }

  async found(request: FoundRequest): Promise<MovedView> {
    this.founded.push(request)
    return this.#moved()
  }

  async join(): Promise<MovedView> {
    return this.#moved()
  }

  leave(): MovedView {
    return this.#moved()
  }

  async invite(request: TicketRequest) {
    this.invited.push(request)
    return {
      ticket: 'althing-ticket-AAAA',
      expiresAtMs: 2e12,
      redeemer: this.self,
      addresses: ['/ip4/10.0.0.5/tcp/4101'],
    }
  }

  members(): MemberView[] {
    return [{ peerId: this.self, state: 'member', owner: 'ann', roles: ['worker'], enroller: true, self: true }]
  }

  revoke(peer: string): MemberView[] {
    this.revoked.push(peer)
    return this.members()
  }

  rotate(): MovedView {
    return this.#moved()
  }

  configuration(): ConfigurationView {
    return { settings: [], unknown: [], everywhere: { settings: {}, overridable: [] }, canaries: [] }
  }

  configurationHistory(): ConfigurationHistory {
    return { versions: [] }
  }

  history() {
    return { genesis: 'AAAA', statements: [] }
  }

  take(statements: readonly string[]) {
    this.taken.push(...statements)
    return { outcomes: statements.map(() => 'applied') }
  }

  proposals() {
    return []
  }

  propose() {
    return { outcome: 'taken' }
  }

  #moved(): MovedView {
    return { cluster: 'home', id: ID, peerId: this.self }
  }
}
