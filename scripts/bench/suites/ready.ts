/** From `althing up` to a daemon that takes work. */
import { handleOf, executeUp, untilReady } from '../mesh.ts'
import { median, spread } from '../figure.ts'
import type { Bench, Figure, Suite } from '../figure.ts'

async function run({ launcher, quick, say }: Bench): Promise<Figure[]> {
  const count = quick ? 3 : 9
  say(`starting a daemon ${count} times`)
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    const fromMs = performance.now()
    const starting = executeUp({ launcher, cluster: `ready-${process.pid}`, asShipped: true })
    await untilReady(starting)
    times.push(performance.now() - fromMs)
    await (await handleOf(starting)).stop()
  }
  const how = `exec of \`althing up\` to /readyz, median of ${count}`
  return [{ name: 'ready', unit: 'ms', measured: median(times), target: { atMost: 400 }, how, detail: spread(times) }]
}

export const ready: Suite = { name: 'ready', what: 'exec of `althing up` to ready', run }
