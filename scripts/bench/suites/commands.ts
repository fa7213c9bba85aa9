/** What a person at the shell waits for: whole commands, from exec to exit. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { median, spread } from '../figure.ts'
import type { Bench, Figure, Suite } from '../figure.ts'
import { startThree } from '../mesh.ts'

const WARM_UP = 3

async function timeCommand(launcher: string, dataDir: string, words: readonly string[]): Promise<number> {
  const fromMs = performance.now()
  const child = spawn(launcher, words, {
    env: { ...process.env, ALTHING_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let complaint = ''
  child.stderr.on('data', (data: Buffer) => (complaint += data.toString()))
  child.stdout.resume()
  const [code] = (await once(child, 'exit')) as [number | null]
  const tookMs = performance.now() - fromMs
  if (code !== 0) throw new Error(`althing ${words.join(' ')}: exit code ${code}\n${complaint}`)
  return tookMs
}

async function run({ launcher, quick, say }: Bench): Promise<Figure[]> {
  const [{ dataDir }] = await startThree({ launcher })
  const count = quick ? 7 : 25
  const measure = async (words: readonly string[]): Promise<number[]> => {
    say(`althing ${words.join(' ')}, ${count} times`)
    const times: number[] = []
    for (let i = -WARM_UP; i < count; i++) {
      const tookMs = await timeCommand(launcher, dataDir, words)
      if (i >= 0) times.push(tookMs)
    }
    return times
  }
  const runs = await measure(['run', '--', 'true'])
  const nodes = await measure(['nodes'])
  const how = `exec to exit, median of ${count}`
  return [
    {
      name: '`althing run -- true`',
      unit: 'ms',
      measured: median(runs),
      target: { atMost: 200 },
      how,
      detail: spread(runs),
    },
    {
      name: '`althing nodes`',
      unit: 'ms',
      measured: median(nodes),
      target: { atMost: 150 },
      how,
      detail: spread(nodes),
    },
  ]
}

export const commands: Suite = { name: 'commands', what: '`althing run -- true` and `althing nodes` as commands', run }
