/** How fast news crosses the mesh: a changed passport, until all of twenty daemons have it. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { percentile, spread } from '../figure.ts'
import type { Bench, Figure, Suite } from '../figure.ts'

const TWENTY = fileURLToPath(new URL('../children/twenty.ts', import.meta.url))
const TIMEOUT_MS = 240_000

async function run({ quick, say }: Bench): Promise<Figure[]> {
  const count = quick ? 20 : 100
  say(`twenty daemons in one process, ${count} changed passports`)
  const dir = mkdtempSync(join(tmpdir(), 'althing-bench-'))
  try {
    const words = ['--no-warnings', TWENTY, dir, String(count)]
    const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: TIMEOUT_MS })
    const times = JSON.parse(stdout.trim().split('\n').at(-1)!) as number[]
    const how = `to the last of 19 others, ${count} changes, all in one process`
    return [
      {
        name: 'passport seen by 20, p99',
        unit: 'ms',
        measured: percentile(times, 0.99),
        target: { atMost: 500 },
        how,
        detail: spread(times),
      },
      { name: 'passport seen by 20, p50', unit: 'ms', measured: percentile(times, 0.5), how },
    ]
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

export const gossip: Suite = { name: 'gossip', what: 'a passport change until twenty peers have it', run }
