/**
 * Many tiny tasks in one batch, placed by bargaining, against one process that merely spawns as many.
 * Both are measured in turns, so that whatever else the machine does falls on both alike.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { JobAccepted } from '../../../src/model/api.ts'
import { TaskEvents } from '../events.ts'
import { median, rounded } from '../figure.ts'
import type { Bench, Figure, Suite } from '../figure.ts'
import { startThree } from '../mesh.ts'
import type { BenchDaemon } from '../mesh.ts'
import { deadline } from '../wait.ts'

const TASKS = 500
const BATCH_TIMEOUT_MS = 120_000
const CONCURRENCIES = [2, 4, 8, 16, 32]
const SPAWNER = fileURLToPath(new URL('../children/spawner.ts', import.meta.url))

/** The process that merely spawns. */
class Spawner {
  readonly #dir = mkdtempSync(join(tmpdir(), 'althing-bench-'))
  readonly #child = spawn(process.execPath, ['--no-warnings', SPAWNER, this.#dir, String(TASKS)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  readonly #lines = createInterface({ input: this.#child.stdout })

  /** @returns tasks a second */
  async round(concurrency: number): Promise<number> {
    const answer = once(this.#lines, 'line') as Promise<[string]>
    this.#child.stdin.write(`${concurrency}\n`)
    const [line] = await deadline(answer, BATCH_TIMEOUT_MS, `${TASKS} spawned processes`)
    return Number(line)
  }

  async close(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.stdin.end()
    await deadline(exited, BATCH_TIMEOUT_MS, 'the end of the spawner')
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

/** @returns tasks a second, from before the request to the news of the last one's end */
async function bargain(daemon: BenchDaemon, events: TaskEvents): Promise<number> {
  events.clear()
  const fromMs = performance.now()
  const { taskIds } = await daemon.client.post<JobAccepted>('/v1/jobs', { spec: { command: ['true'] }, count: TASKS })
  const states = await Promise.all(taskIds.map((taskId) => events.ended(taskId, BATCH_TIMEOUT_MS)))
  const tookMs = performance.now() - fromMs
  const failed = states.filter((state) => state !== 'succeeded').length
  if (failed > 0) throw new Error(`${failed} of ${TASKS} tasks did not succeed`)
  return (TASKS * 1000) / tookMs
}

async function bestConcurrency(spawner: Spawner): Promise<number> {
  const rates: { concurrency: number; rate: number }[] = []
  for (const concurrency of CONCURRENCIES) rates.push({ concurrency, rate: await spawner.round(concurrency) })
  return rates.toSorted((a, b) => b.rate - a.rate)[0]!.concurrency
}

async function run({ launcher, quick, say }: Bench): Promise<Figure[]> {
  const daemons = await startThree({ launcher })
  const events = await TaskEvents.open(daemons[0])
  const spawner = new Spawner()
  say('finding the spawner’s best concurrency')
  const concurrency = quick ? 8 : await bestConcurrency(spawner)
  say(`in turns: ${TASKS} spawned ${concurrency} at a time, ${TASKS} by bargaining`)
  await bargain(daemons[0], events)
  const spawned: number[] = []
  const bargained: number[] = []
  for (let i = 0; i < (quick ? 2 : 5); i++) {
    spawned.push(rounded(await spawner.round(concurrency)))
    bargained.push(rounded(await bargain(daemons[0], events)))
  }
  events.close()
  await spawner.close()
  const [spawnRate, rate] = [median(spawned), median(bargained)]
  const how = `median of ${spawned.length} rounds of ${TASKS}, in turns`
  return [
    { name: 'batch: by bargaining', unit: 'tasks/s', measured: rate, how, detail: { rounds: bargained } },
    {
      name: 'batch: merely spawned',
      unit: 'tasks/s',
      measured: spawnRate,
      how: `\`sh -c true\` through the same shim by one process, ${concurrency} at a time`,
      detail: { rounds: spawned, concurrency },
    },
    {
      name: 'batch: bargaining / spawning',
      unit: '%',
      measured: (rate / spawnRate) * 100,
      target: { atLeast: 60 },
      how,
    },
  ]
}

export const batch: Suite = { name: 'batch', what: '500 tasks in one batch against merely spawning them', run }
