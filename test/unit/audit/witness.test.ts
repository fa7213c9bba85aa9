/** What a member finds out by the heads of others' logs. */
import assert from 'node:assert/strict'
import { Frontier } from '../../../src/audit/frontier.ts'
import { hashLeaf } from '../../../src/audit/hashing.ts'
import { consistencyProof } from '../../../src/audit/proofs.ts'
import {
  acceptLog,
  createWitness,
  hearHead,
  hearProof,
  newestOf,
  nextQuestion,
  type HeardHead,
  type WitnessState,
} from '../../../src/audit/witness.ts'
import { MIN_KEPT_EVENTS } from '../../../src/model/audit-exchange.ts'

/** A log whose events can be rewritten, and the heads it told. */
class Author {
  readonly events: string[] = []
  seq = 0
  epoch = 1

  grow(count: number): void {
    for (let n = 0; n < count; n++) this.events.push(`event ${this.events.length}`)
  }

  head(size = this.events.length): HeardHead {
    const frontier = new Frontier()
    for (const event of this.events.slice(0, size)) frontier.append(hashLeaf(Buffer.from(event)))
    return { size, root: frontier.root(), epoch: this.epoch, seq: ++this.seq, record: new Uint8Array([this.seq]) }
  }

  paths(sizes: readonly number[]): Uint8Array[][] {
    const nodes = new Map<string, Uint8Array>()
    const frontier = new Frontier()
    for (const event of this.events)
      frontier.append(hashLeaf(Buffer.from(event)), (level, index, hash) => nodes.set(`${level}/${index}`, hash))
    const subtree = (level: number, index: number) => nodes.get(`${level}/${index}`)!
    return sizes.slice(1).map((second, at) => consistencyProof(sizes[at]!, second, subtree))
  }
}

/** Asks, and gives the author's answer. */
function ask(state: WitnessState, author: Author, nowMs: number) {
  const question = nextQuestion(state, ['a'], 7, nowMs)
  if (question === undefined) return undefined
  return hearProof(state, 'a', { nonce: 7, paths: author.paths(question.sizes) }, nowMs + 5)
}

describe('audit/witness', () => {
  let state: WitnessState
  let author: Author
  const hear = (head: HeardHead, nowMs = 0) => hearHead(state, 'a', head, nowMs)
  beforeEach(() => {
    state = createWitness()
    author = new Author()
  })

  it('believes the first head that has events, and moves on by proof alone', () => {
    assert.equal(hear(author.head()).anchor?.size, 0)
    author.grow(3)
    assert.equal(hear(author.head()).anchor?.size, 3, 'nothing has to be proven of the empty log')
    assert.equal(nextQuestion(state, ['a'], 7, 0), undefined)
    author.grow(4)
    assert.deepEqual(hear(author.head()), {})
    assert.equal(state.heads.get('a')?.anchor.size, 3)
    assert.equal(ask(state, author, 0)?.anchor?.size, 7)
    assert.equal(nextQuestion(state, ['a'], 7, 1), undefined, 'all is proven')
    assert.equal(state.alarms.size, 0)
  })

  it('knows by two records alone that a log forked or shrank', () => {
    author.grow(5)
    hear(author.head())
    author.events[2] = 'another'
    const forked = hear(author.head())
    assert.equal(forked.alarm?.what, 'forked')
    assert.deepEqual(
      [forked.alarm?.first.record, forked.alarm?.second.record],
      [new Uint8Array([1]), new Uint8Array([2])],
    )
    acceptLog(state, 'a')
    hear(author.head())
    author.events.pop()
    assert.equal(hear(author.head()).alarm?.what, 'shrunk')
  })

  it('takes no old head for a shrunken log', () => {
    author.grow(2)
    const old = author.head()
    author.grow(2)
    hear(author.head())
    assert.deepEqual(hear(old), {})
    author.epoch = 0
    assert.deepEqual(hear(author.head(1)), {})
  })

  it('finds by the proof what was rewritten below the last head', () => {
    author.grow(6)
    hear(author.head())
    author.events[1] = 'another'
    author.grow(3)
    hear(author.head())
    const alarm = ask(state, author, 9)?.alarm
    assert.equal(alarm?.what, 'inconsistent')
    assert.deepEqual([alarm?.first.size, alarm?.second.size, alarm?.atMs], [6, 9, 14])
    assert.ok((alarm?.path.length ?? 0) > 0)
    assert.equal(nextQuestion(state, ['a'], 7, 99_000), undefined, 'whoever is known for it is not asked again')
    assert.deepEqual(hear(author.head()), {})
  })

  it('finds also what was rewritten above the last proof, between two boots', () => {
    author.grow(6)
    hear(author.head())
    for (let n = 0; n < 20; n++) {
      author.grow(1)
      hear(author.head())
    }
    author.epoch++
    author.events[24] = 'another'
    for (let n = 0; n < 20; n++) {
      author.grow(1)
      hear(author.head())
    }
    const known = state.heads.get('a')!
    assert.ok(known.unproven.length <= 4)
    assert.equal(newestOf(known).size, 46)
    const alarm = ask(state, author, 0)?.alarm
    assert.deepEqual([alarm?.what, alarm?.first.size, alarm?.second.size], ['inconsistent', 6, 26])
  })

  it('takes an answer to its own question only, and asks again what was not answered', () => {
    author.grow(2)
    hear(author.head())
    author.grow(2)
    hear(author.head())
    const question = nextQuestion(state, ['a'], 1, 0)!
    assert.deepEqual(hearProof(state, 'a', { nonce: 2, paths: [[]] }, 1), {})
    assert.deepEqual(hearProof(state, 'b', { nonce: 1, paths: [[]] }, 1), {})
    assert.equal(nextQuestion(state, ['a'], 3, 5_000), undefined, 'it may still answer')
    assert.deepEqual(nextQuestion(state, ['a'], 3, 20_000), question)
    assert.deepEqual(hearProof(state, 'a', { nonce: 1, paths: author.paths(question.sizes) }, 20_001), {}, 'too late')
    assert.equal(hearProof(state, 'a', { nonce: 3, paths: author.paths(question.sizes) }, 20_002).anchor?.size, 4)
  })

  it('asks in turn', () => {
    for (const peer of ['a', 'b', 'c']) hearHead(state, peer, { ...author.head(), size: 1 }, 0)
    for (const peer of ['a', 'b', 'c']) hearHead(state, peer, { ...author.head(), size: 2 }, 0)
    const asked = [1, 2, 3, 4].map((nonce) => nextQuestion(state, ['a', 'b', 'c'], nonce, nonce * 15_000)?.peer)
    assert.deepEqual(asked, ['a', 'b', 'c', 'a'])
  })

  it('takes it that old events are gone only where there can be so many', () => {
    const head = (size: number): HeardHead => ({ ...author.head(0), size })
    for (const [grown, what] of [
      [MIN_KEPT_EVENTS - 1, 'inconsistent'],
      [MIN_KEPT_EVENTS, undefined],
    ] as const) {
      acceptLog(state, 'a')
      hear(head(10))
      hear(head(10 + grown))
      nextQuestion(state, ['a'], 1, 0)
      assert.equal(hearProof(state, 'a', { nonce: 1, paths: [null] }, 1).alarm?.what, what)
    }
  })

  it('never keeps more than it may', () => {
    for (let n = 0; n < 5_000; n++) {
      const { forgotten } = hearHead(state, `p${n}`, { ...author.head(), size: 1 }, 0)
      assert.equal(forgotten, n < 4_096 ? undefined : `p${n - 4_096}`)
    }
    assert.equal(state.heads.size, 4_096)
  })
})
