import assert from 'node:assert/strict'
import { head } from '../../../src/governance/sync.ts'
import { governanceStep } from '../../../src/governance/step.ts'
import type { GovernanceState } from '../../../src/governance/state.ts'
import type { GovernanceInput, GovernanceMessage } from '../../../src/governance/types.ts'
import {
  GovernanceGive,
  GovernanceHead,
  GovernanceList,
  GovernanceOffers,
  GovernanceProposal,
} from '../../../src/model/governance-sync.ts'
import { seededRng } from '../../../src/util/rng.ts'
import { openProposal } from '../../../src/node/governance/proposals.ts'
import { openStatement } from '../../../src/wire/statement.ts'
import {
  admit,
  after,
  ENROLLER,
  entryOn,
  GENESIS_PLACE,
  give,
  headIn,
  HOME,
  keyOf,
  membersIn,
  NOW_MS,
  revoke,
  rotate,
  someChange,
  stateOf,
} from './fixtures.ts'

const KINDS = new Set(['entry', 'admission', 'revocation', 'rotation', 'attestation'] as const)
const SCHEMAS = {
  'gov-head': GovernanceHead,
  'gov-list': GovernanceList,
  'gov-give': GovernanceGive,
  'gov-offers': GovernanceOffers,
  'gov-proposal': GovernanceProposal,
}

/** Members that talk to each other over links that may lose messages. */
class Table {
  readonly states = new Map<string, GovernanceState>()
  readonly queue: { from: string; to: string; message: GovernanceMessage }[] = []
  messages = 0
  lose: () => boolean = () => false

  add(name: string): GovernanceState {
    const state = stateOf(HOME, keyOf(name).id)
    this.states.set(state.self, state)
    return state
  }

  link(): void {
    const all = [...this.states.keys()]
    for (const self of all) for (const peer of all) if (peer !== self) this.meet(self, peer)
  }

  meet(self: string, peer: string): void {
    this.step(self, { type: 'peer-up', peer })
    this.step(peer, { type: 'message', from: self, message: { t: 'gov-head', body: head(this.states.get(self)!) } })
  }

  step(self: string, input: GovernanceInput): void {
    for (const effect of governanceStep(this.states.get(self)!, input, NOW_MS)) {
      if (effect.type === 'send') this.queue.push({ from: self, to: effect.to, message: effect.message })
    }
  }

  /** Until nobody has anything to say. */
  settle(): void {
    for (let one = this.queue.shift(); one !== undefined; one = this.queue.shift()) {
      assert.ok(++this.messages < 5_000, 'they never stop talking')
      if (this.lose()) continue
      const { from, to, message } = one
      assert.ok(SCHEMAS[message.t].safeParse(message.body).success, `${message.t} breaks its own limits`)
      if (message.t === 'gov-proposal')
        this.step(to, { type: 'proposal', from, ...openProposal(this.states.get(to)!, message.body) })
      else if (message.t !== 'gov-give') this.step(to, { type: 'message', from, message })
      else {
        const statements = message.body.statements.map((bytes) => openStatement(bytes, KINDS))
        this.step(to, { type: 'statements', from, statements, more: message.body.more })
      }
    }
  }

  agree(): boolean {
    const shown = [...this.states.values()].map((state) =>
      JSON.stringify([state.log.chain, membersIn(state), state.log.fork]),
    )
    return new Set(shown).size === 1
  }
}

function longLog(count: number) {
  const entries = [entryOn(GENESIS_PLACE, someChange(0))]
  for (let n = 1; n < count; n++) entries.push(entryOn(after(entries.at(-1)!), someChange(n)))
  return entries
}

describe('governance/sync', () => {
  it('what one learns goes on at once to whoever it is linked with, and no further than it must', () => {
    const table = new Table()
    for (const name of ['a', 'b', 'c', 'd']) table.add(name)
    table.link()
    table.settle()
    table.messages = 0
    table.step(keyOf('a').id, { type: 'statements', statements: [admit(keyOf('a').id)] })
    table.settle()
    assert.ok(table.agree())
    assert.ok(table.messages <= 16, `${table.messages} messages`)
  })

  it('a member that comes to a long log gets all of it, in messages that keep their limits', () => {
    const table = new Table()
    const [old] = [table.add('old'), table.add('new')]
    const entries = longLog(400)
    give(old, [...entries, ...Array.from({ length: 300 }, (_, i) => admit(keyOf(`n${i}`).id))])
    table.link()
    table.settle()
    const fresh = table.states.get(keyOf('new').id)!
    assert.equal(headIn(fresh).height, 400)
    assert.equal(fresh.roster.members.size, 300)
    assert.ok(table.agree())
  })

  it('two that are at the two ends of a fork show each other both, and freeze', () => {
    const table = new Table()
    const [one, two] = [table.add('one'), table.add('two')]
    const common = longLog(40)
    const top = after(common.at(-1)!)
    const left = entryOn(top, someChange(1_001))
    const right = entryOn(top, someChange(1_002))
    give(one, [...common, left, entryOn(after(left), someChange(1_003))])
    give(two, [...common, right])
    table.link()
    table.settle()
    for (const state of [one, two]) assert.deepEqual(state.log.fork?.entries, [left.hash, right.hash].toSorted())
    assert.ok(table.agree())
  })

  it('when a third of the messages is lost, later rounds make up for it', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const rng = seededRng(seed)
      const table = new Table()
      const states = ['a', 'b', 'c'].map((name) => table.add(name))
      give(states[0]!, [...longLog(20), admit(keyOf('x').id)])
      give(states[1]!, [admit(keyOf('y').id), revoke(keyOf('x').id)])
      give(states[2]!, [admit(keyOf('z').id), rotate(keyOf('z'), keyOf('zz'))])
      table.lose = () => rng.int(3) === 0
      table.link()
      table.settle()
      for (let round = 0; round < 60 && !table.agree(); round++) {
        const [self, peer] = [rng.int(3), rng.int(2)]
        const others = states.filter((_, i) => i !== self)
        table.step(states[self]!.self, { type: 'tick', peer: others[peer]!.self })
        table.settle()
      }
      assert.ok(table.agree(), `seed ${seed}`)
    }
  })

  it('a truncated log is no danger: whoever has more gives it', () => {
    const table = new Table()
    const [long, short] = [table.add('long'), table.add('short')]
    const entries = longLog(30)
    give(long, entries)
    give(short, entries.slice(0, 11))
    table.link()
    table.settle()
    assert.equal(headIn(short).height, 30)
    assert.equal(headIn(long).height, 30)
  })

  it('a log with a hole is mended by whoever has what is missing', () => {
    const table = new Table()
    const [whole, holed] = [table.add('whole'), table.add('holed')]
    const entries = longLog(30)
    give(whole, entries)
    give(holed, entries.toSpliced(15, 1))
    assert.equal(headIn(holed).height, 15)
    table.link()
    table.settle()
    assert.deepEqual([headIn(holed).height, holed.waiting.size], [30, 0])
    assert.ok(table.agree())
  })

  it('holds no more than it may: statements of others wait in bounded room', () => {
    const state = stateOf(HOME, ENROLLER.id)
    give(
      state,
      Array.from({ length: 700 }, (_, i) => admit(keyOf(`n${i}`).id, {}, keyOf('nobody'))),
    )
    assert.equal(state.waiting.size, 512)
    assert.equal(state.statements.size, 0)
  })
})
