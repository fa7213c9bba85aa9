import assert from 'node:assert/strict'
import type { AuditDraft } from '../../../src/model/audit.ts'
import type { MeshEffect, MeshInput } from '../../../src/mesh/types.ts'
import { MeshLoop, type Core } from '../../../src/node/loop.ts'
import type { Journal } from '../../../src/node/write-behind.ts'
import { createMemoryStore } from '../../../src/store/memory.ts'
import type { Store, Write } from '../../../src/store/store.ts'
import { manualClock } from '../../../src/util/clock.ts'
import { SILENT } from '../../../src/util/logger.ts'
import { eventually } from '../../support/daemon.ts'
import { fillable, idleLoop, journalOf } from '../../support/journal.ts'

const SUBMIT = { type: 'submit' } as MeshInput & { type: 'submit' }
const HEARD: MeshInput = { type: 'heard', node: 'n' }
const persist = (key: string, doc: unknown = { key }): MeshEffect => ({ type: 'persist', collection: 'task', key, doc })
const event = (what: string): MeshEffect => ({ type: 'node-event', peer: 'p', what })

function loopOf(
  step: (input: MeshInput) => MeshEffect[],
  store: Store,
  carry: (effect: MeshEffect) => void,
  nextWakeMs: Core['nextWakeMs'] = () => undefined,
) {
  const journal = journalOf(store)
  return new MeshLoop({ core: { step, nextWakeMs }, journal, clock: manualClock(1_000), log: SILENT, carry })
}

describe('the driver loop', () => {
  it('has a step on disk before it carries out anything of it', () => {
    const store = createMemoryStore()
    let seen: unknown
    const loop = loopOf(
      () => [event('before'), persist('a')],
      store,
      () => (seen = store.load('task').get('a')),
    )
    loop.input(HEARD)
    assert.deepEqual(seen, { key: 'a' })
    loop.close()
  })

  it('runs inputs that arise meanwhile afterwards, in order, never inside a step', () => {
    const order: string[] = []
    let depth = 0
    const loop: MeshLoop = loopOf(
      (input) => {
        assert.equal(depth++, 0, 'a step inside a step')
        order.push(input.type)
        depth--
        return input.type === 'heard' ? [event('one'), event('two')] : []
      },
      createMemoryStore(),
      (effect) => {
        order.push((effect as { what: string }).what)
        loop.input({ type: 'wake' })
      },
    )
    loop.input(HEARD)
    assert.deepEqual(order, ['heard', 'one', 'two', 'wake', 'wake'])
    loop.close()
  })

  it('holds everything back while the disk is full, and goes on where it stopped', async () => {
    const store = fillable(createMemoryStore())
    store.isFull = true
    const carried: string[] = []
    let count = 0
    const loop = loopOf(
      ({ type }) => (type === 'heard' ? [persist('k', { count: ++count }), event(`e${count}`)] : []),
      store,
      (effect) => carried.push((effect as { what: string }).what),
    )
    loop.input(HEARD)
    loop.input(HEARD)
    assert.deepEqual(carried, [], 'nothing is said that a crash would forget')
    assert.match(loop.blockedBy!, /no space/)
    store.isFull = false
    await eventually('the retry', () => loop.blockedBy === undefined)
    assert.deepEqual(carried, ['e1', 'e2'])
    assert.deepEqual(store.load('task').get('k'), { count: 2 })
    loop.close()
  })

  it('ends runs even while the disk is full, which may be what frees it, and shows that it is alive', () => {
    const store = fillable(createMemoryStore())
    store.isFull = true
    const carried: string[] = []
    const stop: MeshEffect = { type: 'stop', runId: 'r.1', why: 'cancelled', graceMs: 0 }
    const pong: MeshEffect = { type: 'probe', to: 'ann', message: { t: 'pong', body: { nonce: 1 } } }
    const loop = loopOf(
      () => [persist('k'), event('held'), stop, pong],
      store,
      (effect) => carried.push(effect.type),
    )
    loop.input(HEARD)
    assert.deepEqual(carried, ['stop', 'probe'])
    loop.close()
  })

  it('lets one effect that throws keep back no other, now and after a full disk', async () => {
    const store = fillable(createMemoryStore())
    const carried: string[] = []
    const loop = loopOf(
      ({ type }) => (type === 'heard' ? [persist('k'), event('bad'), event('good')] : []),
      store,
      (effect) => {
        const { what } = effect as { what: string }
        if (what === 'bad') throw new Error('a bug')
        carried.push(what)
      },
    )
    loop.input(HEARD)
    assert.deepEqual([carried, loop.failures], [['good'], 1])
    store.isFull = true
    loop.input(HEARD)
    store.isFull = false
    await eventually('the retry', () => loop.blockedBy === undefined)
    assert.deepEqual([carried, loop.failures], [['good', 'good'], 2])
    assert.ok(loop.input(HEARD), 'it is not busy for ever')
    loop.close()
  })

  it('swallows an input that the core cannot take, but tells who submits', () => {
    const loop = loopOf(
      ({ type }) => {
        if (type !== 'wake') throw new Error(`no ${type}`)
        return [event('woken')]
      },
      createMemoryStore(),
      () => {},
    )
    assert.deepEqual(loop.input(HEARD), [])
    assert.equal(loop.failures, 1)
    assert.throws(() => loop.submit(SUBMIT), /no submit/)
    assert.deepEqual(loop.input({ type: 'wake' }), [event('woken')])
    loop.close()
  })

  it('lets what a job asks of others leave at once, and stores it at the end of the turn', async () => {
    const store = createMemoryStore()
    const seen: string[] = []
    const note = (what: string) => seen.push(`${what} ${store.load('task').size}`)
    const loop = new MeshLoop({
      core: {
        step: ({ type }) => (type === 'submit' ? [persist('t'), event('question'), event('answer')] : []),
        nextWakeMs: () => undefined,
      },
      ...{ journal: journalOf(store), clock: manualClock(1_000), log: SILENT },
      carry: (effect) => note((effect as { what: string }).what),
      isQuestion: (effect) => (effect as { what?: string }).what === 'question',
    })
    const stored = loop.submit(SUBMIT).then(() => note('submitted'))
    assert.deepEqual(seen, ['question 0'])
    await stored
    assert.deepEqual(seen, ['question 0', 'answer 1', 'submitted 1'])
    const again = loop.submit(SUBMIT)
    loop.input(HEARD)
    assert.equal(seen.length, 5, 'what comes next finds it stored')
    await again
    loop.close()
    assert.throws(() => loop.submit(SUBMIT), /is ending/)
  })

  it('stores what follows from its own words together with them', () => {
    const store = createMemoryStore()
    let writes = 0
    const counted: Store = { ...store, write: (batch) => (writes++, store.write(batch)) }
    const carried: string[] = []
    const loop = new MeshLoop({
      core: {
        step: ({ type }) => (type === 'heard' ? [persist('a'), event('own')] : [persist('b'), event('rest')]),
        nextWakeMs: () => undefined,
      },
      ...{ journal: journalOf(counted), clock: manualClock(1_000), log: SILENT },
      carry: (effect) => void carried.push((effect as { what: string }).what),
      takeOwn: (effects, step) =>
        effects.flatMap((effect) => ((effect as { what?: string }).what === 'own' ? step({ type: 'wake' }) : [effect])),
    })
    loop.input(HEARD)
    assert.deepEqual([writes, [...store.load('task').keys()], carried], [1, ['a', 'b'], ['rest']])
    loop.close()
  })

  it('never drops what starts, keeps or fetches something, however long the disk is full', async () => {
    const store = fillable(createMemoryStore())
    store.isFull = true
    const start = { type: 'start', contract: { runId: 'r' } } as unknown as MeshEffect
    const chatter = Array.from({ length: 60_000 }, (_, index) => event(`e${index}`))
    const carried: MeshEffect[] = []
    const loop = loopOf(
      ({ type }) => (type === 'heard' ? [persist('k'), start, ...chatter] : []),
      store,
      (effect) => carried.push(effect),
    )
    loop.input(HEARD)
    store.isFull = false
    await eventually('the retry', () => loop.blockedBy === undefined)
    assert.equal(carried[0]?.type, 'start')
    assert.ok(carried.length > 40_000 && carried.length < 50_000)
    assert.deepEqual(carried.at(-1), event('e59999'), 'the newest of the others stay')
    loop.close()
  })

  it('writes what is no step of the core behind what is, in one transaction', async () => {
    const store = fillable(createMemoryStore())
    const written: AuditDraft[] = []
    const transactions: string[][] = []
    const { write } = store
    store.write = (writes) => (write(writes), transactions.push(writes.map(({ key }) => key)))
    const [first, second] = [{ type: 'brake.on' }, { type: 'daemon.stopped' }] as const
    const loop = new MeshLoop({
      core: {
        step: ({ type }) => (type === 'heard' ? [persist('a'), { type: 'audit', event: first }] : []),
        nextWakeMs: () => undefined,
      },
      ...{ journal: journalOf(store, written), clock: manualClock(1_000), log: SILENT, carry: () => {} },
    })
    store.isFull = true
    loop.input(HEARD)
    const other: Write = { collection: 'token', key: 'b', doc: {} }
    assert.throws(() => loop.writeDurably([other], [second]), /no space/)
    store.isFull = false
    loop.writeDurably([other], [second])
    assert.deepEqual([transactions, written], [[['a', 'b']], [first, second]])
    await eventually('the retry', () => loop.blockedBy === undefined)
    assert.equal(transactions.length, 1, 'nothing is left to write')
    loop.close()
    assert.throws(() => loop.writeDurably([other], []), /is ending/)
  })

  it('goes on trying to write what counts already', async () => {
    const store = fillable(createMemoryStore())
    const written: AuditDraft[] = []
    const loop = idleLoop(store, written)
    const dead: Write = { collection: 'token', key: 'b', doc: { dead: true } }
    store.isFull = true
    loop.writeWhenPossible([dead], [{ type: 'daemon.stopped' }])
    assert.match(loop.blockedBy!, /no space/)
    assert.deepEqual([store.load('token').size, written], [0, []])
    store.isFull = false
    await eventually('the retry', () => loop.blockedBy === undefined)
    assert.deepEqual([store.load('token').get('b'), written], [{ dead: true }, [{ type: 'daemon.stopped' }]])
    loop.close()
  })

  it('wakes the core when it asks to be', async () => {
    let woken = 0
    const loop = loopOf(
      (input) => {
        if (input.type === 'wake') woken++
        return []
      },
      createMemoryStore(),
      () => {},
      () => (woken === 0 ? 1_001 : undefined),
    )
    loop.input(HEARD)
    await eventually('the wake', () => woken === 1)
    loop.close()
  })

  it('writes cached records in bulk, and all of them on close', () => {
    const inner = createMemoryStore()
    let writes = 0
    const store: Store = { ...inner, write: (batch) => (writes++, inner.write(batch)) }
    const loop = loopOf(
      () => [{ type: 'cache', collection: 'mark', key: 'm', doc: { epoch: 1, seq: 2 } }],
      store,
      () => {},
    )
    for (let i = 0; i < 50; i++) loop.input(HEARD)
    assert.equal(writes, 0)
    loop.close()
    assert.equal(writes, 1)
    assert.deepEqual(inner.load('mark').get('m'), { epoch: 1, seq: 2 })
  })

  it('writes events with what they tell of, or soon after, and never before it', async () => {
    const store = fillable(createMemoryStore())
    const written: AuditDraft[] = []
    const on: AuditDraft = { type: 'brake.on' }
    const off: AuditDraft = { type: 'brake.off' }
    let effects: MeshEffect[] = []
    const plain = journalOf(store, written)
    const docsAtWrites: string[][] = []
    const journal: Journal = {
      get waiting() {
        return plain.waiting
      },
      note: plain.note,
      write(writes, events) {
        plain.write(writes, events)
        docsAtWrites[written.length] ??= [...store.load('task').keys()]
      },
    }
    const loop = new MeshLoop({
      core: { step: ({ type }) => (type === 'heard' ? effects : []), nextWakeMs: () => undefined },
      journal,
      clock: manualClock(1_000),
      log: SILENT,
      carry: (effect) => assert.notEqual(effect.type, 'audit'),
    })
    effects = [{ type: 'audit', event: on }, persist('a')]
    loop.input(HEARD)
    assert.deepEqual(written, [on])
    effects = [{ type: 'audit', event: off }]
    loop.input(HEARD)
    assert.deepEqual(written, [on], 'no write for it alone')
    await eventually('its write', () => written.length === 2)
    store.isFull = true
    effects = [{ type: 'audit', event: on }, persist('b')]
    loop.input(HEARD)
    store.isFull = false
    await eventually('the retry', () => loop.blockedBy === undefined)
    assert.deepEqual(written, [on, off, on])
    assert.deepEqual(docsAtWrites[3], ['a', 'b'], 'the document it tells of was there with it')
    loop.note(off)
    loop.close()
    assert.deepEqual(written, [on, off, on, off], 'what waits is written at the end')
  })
})
