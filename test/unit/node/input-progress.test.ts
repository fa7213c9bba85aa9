import assert from 'node:assert/strict'
import { InputProgress } from '../../../src/node/input-progress.ts'
import { until } from '../../support/until.ts'

describe('progress of inputs', () => {
  let told: [string, number][]
  let progress: InputProgress
  beforeEach(() => {
    told = []
    progress = new InputProgress({ tell: (runId, bytes) => void told.push([runId, bytes]), lookMs: 1 })
  })
  afterEach(() => progress.close())

  const of = (runId: string) => told.flatMap(([id, bytes]) => (id === runId ? [bytes] : []))

  it('is told when there is something new, and only then', async () => {
    progress.begin('still', 'x')
    progress.begin('moving', 'y')
    progress.begin('nothing yet', 'z')
    progress.note('x', 10)
    for (const bytes of [1, 2, 3, 2]) {
      progress.note('y', bytes)
      await until(`${bytes} bytes`, () => of('moving').at(-1) === bytes)
    }
    assert.deepEqual([of('still'), of('moving'), of('nothing yet')], [[10], [1, 2, 3, 2], []])
  })

  it('of a large batch is told of some at a time, and of all in turn', async () => {
    const looks: number[] = []
    let bytes = 1
    const many = new InputProgress({
      lookMs: 1,
      tell: (runId) => {
        told.push([runId, bytes])
        // A look is one turn of the event loop; before the next one there is more to tell of everybody.
        if (looks.length < bytes) queueMicrotask(() => many.note('x', ++bytes))
        looks[bytes - 1] = (looks[bytes - 1] ?? 0) + 1
      },
    })
    for (let n = 0; n < 120; n++) many.begin(`run-${n}`, 'x')
    many.note('x', bytes)
    await until('every run', () => new Set(told.map(([runId]) => runId)).size === 120)
    many.close()
    assert.deepEqual(looks.slice(0, 3), [50, 50, 50])
    assert.equal(new Set(told.slice(0, 120).map(([runId]) => runId)).size, 120, 'nobody twice before all others')
  })

  it('is not told to those who wait no longer, and what is left of an old transfer is forgotten', async () => {
    progress.begin('a', 'x')
    progress.begin('b', 'x')
    progress.note('x', 5)
    progress.end('a')
    await until('the other', () => told.length > 0)
    assert.deepEqual(told, [['b', 5]])
    progress.end('b')
    progress.begin('c', 'x')
    progress.begin('d', 'y')
    progress.note('y', 1)
    await until('the last', () => of('d').length > 0)
    assert.deepEqual(of('c'), [], 'nothing came for it yet')
  })
})
