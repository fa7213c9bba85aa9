import assert from 'node:assert/strict'
import { Attempts, BURST, REFILL_MS } from '../../../src/status/access/attempts.ts'
import { Gate } from '../../../src/status/access/gate.ts'
import type { Logger } from '../../../src/util/logger.ts'
import { FakeOperations } from '../../support/fake-operations.ts'

describe('status: failed attempts', () => {
  let nowMs: number
  let attempts: Attempts
  beforeEach(() => {
    nowMs = 0
    attempts = new Attempts(() => nowMs)
  })
  const fail = (address: string, times = BURST) => {
    for (let at = 0; at < times; at++) attempts.failed(address)
  }

  it('are taken ten at once, and one more every six seconds', () => {
    assert.equal(attempts.waitMs('10.0.0.5'), 0)
    for (let at = 0; at < BURST; at++) assert.equal(attempts.failed('10.0.0.5'), true)
    assert.equal(attempts.failed('10.0.0.5'), false)
    assert.equal(attempts.waitMs('10.0.0.5'), REFILL_MS)
    nowMs += REFILL_MS - 1
    assert.equal(attempts.waitMs('10.0.0.5'), 1)
    nowMs += 1
    assert.equal(attempts.waitMs('10.0.0.5'), 0)
    assert.equal(attempts.failed('10.0.0.5'), true)
    assert.equal(attempts.failed('10.0.0.5'), false)
    nowMs += 1_000 * REFILL_MS
    fail('10.0.0.5')
    assert.notEqual(attempts.waitMs('10.0.0.5'), 0, 'no more than ten are saved up')
  })

  it('are counted by address: mapped ones as IPv4, of IPv6 the network', () => {
    fail('::ffff:10.0.0.5')
    for (const same of ['::ffff:10.0.0.5', '::ffff:a00:5', '10.0.0.5']) assert.notEqual(attempts.waitMs(same), 0, same)
    assert.equal(attempts.waitMs('::ffff:10.0.0.6'), 0)
    fail('2001:db8::1')
    assert.notEqual(attempts.waitMs('2001:db8::ffff:2'), 0)
    assert.equal(attempts.waitMs('2001:db8:0:1::1'), 0)
  })

  it('are remembered of 4,096 addresses, those that failed last', () => {
    fail('10.0.0.5')
    for (let at = 0; at < 4_095; at++) attempts.failed(`10.1.${at >> 8}.${at & 255}`)
    assert.notEqual(attempts.waitMs('10.0.0.5'), 0)
    attempts.failed('10.0.0.5')
    for (let at = 0; at < 4_095; at++) attempts.failed(`10.2.${at >> 8}.${at & 255}`)
    assert.notEqual(attempts.waitMs('10.0.0.5'), 0)
    attempts.failed('10.3.0.1')
    assert.equal(attempts.waitMs('10.0.0.5'), 0)
    assert.equal(attempts.size, 4_096)
  })

  it('fill no log: of one address ten lines, of all together sixty at once', async () => {
    const lines: string[] = []
    const log: Logger = {
      ...{ debug() {}, info() {}, error() {}, child: () => log },
      warn: (fields) => void lines.push(JSON.stringify(fields)),
    }
    const { tokens } = new FakeOperations()
    const gate = new Gate({ pageToken: 'right', tokens, jwt: undefined, nowMs: () => nowMs, log })
    const wish = { right: 'read', method: 'GET', path: '/v1/status' } as const
    const knock = async (address: string, channel: 'loopback' | 'remote' = 'remote') => {
      await assert.rejects(gate.admit({ channel, address, authorization: 'Bearer wrong' }, wish))
    }
    for (let at = 0; at < 100; at++) await knock('127.0.0.1', 'loopback')
    assert.equal(lines.length, 10)
    for (let at = 0; at < 100; at++) await knock(`10.0.0.${at}`)
    assert.equal(lines.length, 60)
    assert.deepEqual(gate.metrics(), { 'api_refused_total{reason="wrong-token"}': 200 })
  })
})
