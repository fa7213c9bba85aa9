import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import os from 'node:os'
import { mock } from 'node:test'
import { createSampler, type Sampler } from '../../../src/hw/sampler.ts'
import { LoadSample } from '../../../src/model/hardware.ts'
import { manualClock, systemClock } from '../../../src/util/clock.ts'
import { requireOrSkip } from '../../support/require.ts'
import { memoryTree, treeFiles } from './trees.ts'

const MiB = 1024 * 1024

/** Takes the sampler's first samples, as fast as its timer goes, calling `between` before each but the first. */
async function collect(
  count: number,
  options: Omit<Parameters<typeof createSampler>[0], 'onSample'>,
  between: (taken: number) => void = () => {},
): Promise<LoadSample[]> {
  const samples: LoadSample[] = []
  let sampler: Sampler | undefined
  // The sampler's timer does not keep the process alive; this one does until the deadline.
  const deadline = Promise.withResolvers<never>()
  const timer = setTimeout(() => deadline.reject(new Error(`only ${samples.length} samples`)), 8_000)
  const done = new Promise<void>((resolve) => {
    const onSample = (sample: LoadSample): void => {
      samples.push(LoadSample.parse(sample))
      if (samples.length === count) resolve()
      else between(samples.length)
    }
    sampler = createSampler({ ...options, onSample })
    sampler.start()
  })
  try {
    await Promise.race([done, deadline.promise])
    assert.deepEqual(sampler!.sample(), samples.at(-1))
  } finally {
    clearTimeout(timer)
    sampler!.stop()
  }
  return samples
}

/**
 * Page faults of all children this process has waited for (proc_pid_stat(5), fields 11 and 13): none is started
 * without some. They tell of `spawnSync`, which is over before anybody hears of it.
 */
function faultsOfChildren(): number {
  if (process.platform !== 'linux') return 0
  const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)!.split(' ')
  return Number(fields[11 - 3]) + Number(fields[13 - 3])
}

describe('load sampler', () => {
  it('shows the share of the last interval, not of all time', async () => {
    const files = treeFiles('arm-big-little')
    const clock = manualClock(1_000_000)
    files.set('/proc/stat', 'cpu  900 0 0 100 0 0 0 0\n')
    files.set('/proc/loadavg', '1.25 0 0 1/1 1\n')
    const samples = await collect(3, { clock, intervalMs: 1, tree: memoryTree(files) }, (taken) => {
      clock.advance(5000)
      files.set('/proc/stat', taken === 1 ? 'cpu  925 0 0 175 0 0 0 0\n' : 'cpu  925 0 0 275 0 0 0 0\n')
    })
    assert.deepEqual(samples.map(({ cpuRatio, intervalMs, atMs }) => [cpuRatio, intervalMs, atMs]).slice(1), [
      [0.25, 5000, 1_005_000],
      [0, 5000, 1_010_000],
    ])
    assert.equal(samples[0]?.intervalMs, 0)
    assert.equal(samples[0]?.loadAverage1m, 1.25)
    assert.equal(samples[0]?.memoryAvailableBytes, 7_000_000 * 1024)
  })

  it('keeps the last ratio while the kernel has not ticked on, and measures on from before', async () => {
    const files = treeFiles('arm-big-little')
    const clock = manualClock(0)
    files.set('/proc/stat', 'cpu  0 0 0 100 0 0 0 0\n')
    const samples = await collect(4, { clock, intervalMs: 1, tree: memoryTree(files) }, (taken) => {
      clock.advance(10)
      if (taken === 1) files.set('/proc/stat', 'cpu  50 0 0 150 0 0 0 0\n')
      if (taken === 3) files.set('/proc/stat', 'cpu  50 0 0 250 0 0 0 0\n')
    })
    assert.deepEqual(samples.map(({ cpuRatio }) => cpuRatio).slice(1), [0.5, 0.5, 0])
    assert.equal(samples[3]?.intervalMs, 20)
  })

  it('inside a quota shows how full the quota is', async () => {
    const files = treeFiles('v2-nested')
    const clock = manualClock(0)
    const usage = '/sys/fs/cgroup/user.slice/cpu.stat'
    files.set('/proc/stat', 'cpu  0 0 0 100 0 0 0 0\n')
    files.set(usage, 'usage_usec 1000000\n')
    const samples = await collect(2, { clock, intervalMs: 1, tree: memoryTree(files) }, () => {
      clock.advance(1000)
      // A tenth of the machine, but 2 of the 2.5 seconds that the quota gives in one.
      files.set('/proc/stat', 'cpu  10 0 0 190 0 0 0 0\n')
      files.set(usage, 'usage_usec 3000000\n')
    })
    assert.equal(samples[1]?.cpuRatio, 0.8)
  })

  it('inside a memory limit shows what the limit leaves', () => {
    const sampler = createSampler({ clock: manualClock(0), tree: memoryTree(treeFiles('v1-container')) })
    assert.equal(sampler.sample().memoryAvailableBytes, (512 - 200 + 50) * MiB)
  })

  it('starts nothing until it is started, and nothing is left when it is stopped', () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    let taken = 0
    const before = timers()
    const sampler = createSampler({ clock: systemClock(), onSample: () => (taken += 1) })
    assert.equal(taken, 0)
    sampler.start()
    sampler.start()
    assert.equal(taken, 1)
    // Timers that do not keep the process alive are not listed.
    assert.equal(timers(), before)
    sampler.stop()
    sampler.stop()
  })

  describe('on this machine', () => {
    it('sees a busy loop', async () => {
      const samples = await collect(3, { clock: systemClock(), intervalMs: 100 }, (taken) => {
        if (taken !== 2) return
        const untilMs = performance.now() + 300
        while (performance.now() < untilMs);
      })
      // One of this machine's threads was busy for most of the time.
      assert.ok(samples[2]!.cpuRatio > 0.5 / os.cpus().length, `ratio ${samples[2]!.cpuRatio}`)
    })

    it('starts no process in an hour, whatever it reads', () => {
      const started: unknown[] = []
      const note = (message: unknown): void => void started.push(message)
      const clock = manualClock(0)
      let taken = 0
      const onSample = (): void => {
        taken++
        clock.advance(5_000)
      }
      const before = faultsOfChildren()
      subscribe('child_process', note)
      mock.timers.enable({ apis: ['setInterval'] })
      const sampler = createSampler({ clock, onSample })
      try {
        sampler.start()
        mock.timers.tick(3_600_000)
      } finally {
        sampler.stop()
        mock.timers.reset()
        unsubscribe('child_process', note)
      }
      assert.equal(taken, 721, 'one at the start, and one every five seconds')
      assert.deepEqual(started, [])
      assert.equal(faultsOfChildren(), before)
    })

    it('agrees with Node on memory and load', async function () {
      requireOrSkip(this, process.platform === 'linux', 'not on Linux')
      const started: unknown[] = []
      const note = (message: unknown): void => void started.push(message)
      subscribe('child_process', note)
      const sample = createSampler({ clock: systemClock() }).sample()
      unsubscribe('child_process', note)
      assert.deepEqual(started, [])
      assert.ok(Math.abs(sample.loadAverage1m - os.loadavg()[0]!) < 1)
      assert.ok(sample.memoryAvailableBytes > 0 && sample.memoryAvailableBytes <= os.totalmem())
    })
  })
})
