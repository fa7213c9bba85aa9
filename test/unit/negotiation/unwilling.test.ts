import assert from 'node:assert/strict'
import { Table, spec } from '../../support/negotiation-table.ts'

const GIB = 1024 ** 3

describe('negotiation/unwilling', () => {
  it('asks others when the strongest decline for good, and comes back to them when there is nobody else', () => {
    const strong = ['s0', 's1', 's2', 's3']
    const table = new Table(['me', ...strong, 'weak'])
    const change = (id: string, cores: number, open: boolean): void => {
      const seat = table.seat(id)
      const capacity = { cpuMilli: 1_000 * cores, memoryBytes: 64 * GIB }
      seat.local = { ...seat.local, capacity, memoryAvailableBytes: 64 * GIB, open }
    }
    change('me', 1, true)
    change('weak', 4, true)
    for (const id of strong) change(id, 64, false)
    const resources = { cpuMilli: 2_000, memoryBytes: GIB }
    const submit = (jobId: string): void =>
      table.input('me', { type: 'submit', jobId, spec: spec({ resources }), count: 1, placeTimeoutMs: 600_000 })
    const task = (jobId: string) => table.seat('me').state.tasks.get(jobId)!

    submit('first')
    table.run(5_000, () => task('first').state === 'running')
    assert.equal(task('first').attempts.at(-1)?.node, 'weak')

    table.crash('weak')
    submit('second')
    table.run(5_000)
    assert.equal(task('second').state, 'queued')
    change('s2', 64, true)
    table.run(30_000, () => task('second').state === 'running')
    assert.equal(task('second').attempts.at(-1)?.node, 's2', 'it trusts this node now')
  })
})
