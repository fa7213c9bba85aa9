import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { renderMetrics } from '../../../src/status/metrics.ts'
import { requireOrSkip } from '../../support/require.ts'
import { startStatus } from '../../support/status-fixture.ts'

const FACTS = { residentBytes: 1024, cpuSeconds: 1.5, startedAtSeconds: 1_700_000_000 }

describe('status: metrics', () => {
  it('writes each metric once with its help and type', () => {
    const { text, refused } = renderMetrics(
      { records_received_total: 3, 'nodes{state="ready"}': 2, 'nodes{state="offline"}': 0 },
      '1.0',
      FACTS,
    )
    assert.deepEqual(refused, [])
    assert.match(text, /^# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes 1024$/m)
    assert.match(text, /^# HELP (althing_records_received_total) .+\n# TYPE \1 counter\n\1 3$/m)
    assert.match(
      text,
      /^# TYPE althing_nodes gauge\nalthing_nodes\{state="ready"\} 2\nalthing_nodes\{state="offline"\} 0$/m,
    )
    assert.match(text, /^althing_build_info\{version="1\.0"\} 1$/m)
    assert.ok(text.endsWith('\n'))
  })

  it('leaves out names and values that would break the format', () => {
    const { text, refused } = renderMetrics(
      { 'a b': 1, 'x{y="1"} 2\nz': 1, UPPER: 1, broken: Number.NaN, good: 1 },
      '"\n',
      FACTS,
    )
    assert.deepEqual(refused, ['a b', 'x{y="1"} 2\nz', 'UPPER', 'broken'])
    assert.match(text, /^althing_good 1$/m)
    assert.match(text, /version=""/)
  })

  it('passes promtool as served', async function () {
    requireOrSkip(this, spawnSync('promtool', ['--version']).status === 0, 'promtool is not installed')
    const status = await startStatus()
    status.operations.samples = {
      tasks_running: 1,
      records_received_total: 3,
      cpu_ratio: 0.25,
      'nodes{state="ready"}': 2,
    }
    const { text, headers } = await status.ask({ path: '/metrics' })
    await status.stop()
    assert.match(headers['content-type']!, /^text\/plain; version=0\.0\.4/)
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
    assert.deepEqual([checked.status, checked.stdout + checked.stderr], [0, ''])
  })
})
