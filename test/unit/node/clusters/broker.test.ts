import assert from 'node:assert/strict'
import { Broker, type Sharer } from '../../../../src/node/clusters/broker.ts'
import { createNegotiation } from '../../../../src/negotiation/state.ts'

const some = (cpuMilli: number) => ({ cpuMilli, memoryBytes: 0 })

describe('node/clusters: the broker', () => {
  function sharer(key: string): Sharer & { readonly told: string[]; set: (cpuMilli: number) => void } {
    const negotiation = createNegotiation()
    const told: string[] = []
    const post = ({ type }: { type: string }) => void told.push(type)
    return { key, mesh: { negotiation }, told, post, set: (cpuMilli) => void (negotiation.reserved = some(cpuMilli)) }
  }

  it('tells the others when something is given back, and not when more is taken', () => {
    const broker = new Broker()
    const [one, other] = [sharer('one'), sharer('other')]
    for (const each of [one, other]) broker.join(each)
    broker.around(one, () => one.set(500))
    assert.deepEqual([broker.takenBesides(other), broker.takenBesides(one)], [some(500), some(0)])
    assert.deepEqual([one.told, other.told], [[], []])
    broker.around(one, () => one.set(200))
    assert.deepEqual([one.told, other.told], [[], ['taken-elsewhere']])
  })

  it('counts what runs on of one that has not read its books yet, and not twice once it has', () => {
    const broker = new Broker()
    const first = sharer('first')
    broker.join(first)
    broker.expect('works', some(700))
    assert.deepEqual(broker.takenBesides(first), some(700))
    const works = sharer('works')
    broker.join(works)
    assert.deepEqual([broker.takenBesides(first), broker.takenBesides(works)], [some(700), some(0)])
    works.set(600)
    broker.settled('works')
    assert.deepEqual(broker.takenBesides(first), some(600))
    assert.deepEqual(first.told, ['taken-elsewhere'])
  })

  it('goes on to count what was reserved by one that was stopped, until it is back or gone for good', () => {
    const broker = new Broker()
    const [first, works] = [sharer('first'), sharer('works')]
    broker.join(first)
    const leave = broker.join(works)
    works.set(900)
    leave()
    leave()
    assert.deepEqual([broker.takenBesides(first), first.told], [some(900), []])
    broker.settled('works')
    assert.deepEqual([broker.takenBesides(first), first.told], [some(0), ['taken-elsewhere']])
  })

  it('adds up what all others do for everybody, as quotas count it, and says nothing where there are none', () => {
    const broker = new Broker()
    const [first, works, lab] = [sharer('first'), sharer('works'), sharer('lab')]
    broker.join(first)
    assert.equal(broker.usageBesides(first, 5_000), undefined)
    for (const other of [works, lab]) {
      broker.join(other)
      const hour = { index: 0, tasks: 3, coreMs: 700 }
      other.mesh.negotiation.usage.set('*', { hour, day: { ...hour, tasks: 9 }, week: { ...hour, index: -1 } })
    }
    const { hour, day, week, atOnce } = broker.usageBesides(first, 5_000)!
    assert.deepEqual([hour, day.tasks, week.tasks, atOnce], [{ tasks: 6, coreMs: 1_400 }, 18, 0, 0])
  })
})
