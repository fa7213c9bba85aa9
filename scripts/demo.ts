/**
 * `npm run demo`: a mesh of three real daemons on this machine bargains over a real task, step by step.
 *
 * With `-- --once` it ends by itself, with exit code 0 only if the task's output is right and the story
 * read back from the API holds at least two bids whose signatures verify here.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { styleText } from 'node:util'
import type { TaskView } from '../src/model/api.ts'
import type { WhyView } from '../src/model/why-view.ts'
import { messageOf } from '../src/util/errors.ts'
import { DemoMesh, type DemoNode } from './demo/mesh.ts'
import { pagePort } from './demo/page-port.ts'
import { printStory, verifiedBids } from './demo/story.ts'

const INPUT = join(import.meta.dirname, '../config/examples/letters')
const ONCE = process.argv.includes('--once')

const title = (text: string) => console.log(`\n${styleText('bold', text)}`)
const fact = (text: string) => console.log(`  ${text}`)

/** What `wc -w` must say, counted here without the mesh. */
function expectedWords(): { name: string; words: number }[] {
  return ['summer.txt', 'winter.txt'].map((name) => ({
    name,
    words: readFileSync(join(INPUT, name), 'utf8')
      .split(/\s+/)
      .filter((word) => word !== '').length,
  }))
}

class DemoFailure extends Error {}

function check(holds: boolean, what: string): void {
  if (!holds) throw new DemoFailure(what)
  fact(`${styleText('green', '✔')} ${what}`)
}

async function startMesh(mesh: DemoMesh): Promise<{ anna: DemoNode; helpers: DemoNode[] }> {
  title('1. Three daemons, one mesh, no server')
  // Anna asks and does not work: a node may offer nothing and still use the mesh.
  // Without a port that was asked for, the usual one or any: a daemon of this machine's own may have it.
  const asked = process.env['ALTHING_DEMO_PORT']
  const port = asked ?? String(await pagePort())
  const anna = await mesh.start('anna', ['--cpu', '0', '--page-port', port])
  if (asked === undefined && port === '0')
    fact(`the usual port of the page is in use: it is at ${anna.status.pageUrl} this time`)
  const joining = ['--join', anna.address, '--trust', anna.status.peerId, '--no-page']
  const helpers = await Promise.all([mesh.start('bjorn', joining), mesh.start('cilla', joining)])
  await mesh.untilAllKnowAll()
  for (const { status } of [anna, ...helpers]) fact(`${status.name.padEnd(6)} ${status.peerId}  ${status.addresses[0]}`)
  fact("bjorn and cilla trust anna: they run her tasks and nobody else's")
  return { anna, helpers }
}

async function runWords(anna: DemoNode): Promise<{ task: TaskView; why: WhyView; output: string }> {
  const command = [
    'run',
    '--name',
    'words',
    '--input',
    'letters',
    '--',
    'wc',
    '-w',
    'letters/summer.txt',
    'letters/winter.txt',
  ]
  fact(`$ althing ${command.join(' ')}`)
  const { code, stdout, stderr } = await anna.cli(command, join(INPUT, '..'))
  if (code !== 0) throw new DemoFailure(`althing run ended with ${code}: ${stderr}`)
  const tasks = await anna.client.get<TaskView[]>('/v1/tasks?all=true')
  const task = tasks.find((one) => one.name === 'words')!
  const why = await anna.client.get<WhyView>(`/v1/tasks/${task.taskId}/why`)
  return { task, why, output: stdout }
}

function checkOutput(output: string): void {
  const expected = expectedWords()
  const right = expected.every(({ name, words }) => new RegExp(`^\\s*${words} letters/${name}$`, 'm').test(output))
  for (const line of output.trimEnd().split('\n')) fact(styleText('cyan', line))
  check(right, `the output is right: ${expected.map(({ name, words }) => `${words} words in ${name}`).join(', ')}`)
}

async function demo(mesh: DemoMesh): Promise<void> {
  const { anna, helpers } = await startMesh(mesh)
  title('2. A real task on real input, placed by bargaining')
  const first = await runWords(anna)
  printStory(first.why, fact)
  title('3. Its output, streamed back')
  checkOutput(first.output)
  const bids = verifiedBids(first.why)
  check(bids.length >= 2, `the story holds ${bids.length} bids, each signed by its bidder, verified here`)
  const winner = first.task.nodeName!
  check(
    bids.some(({ node }) => node === first.task.node),
    `the award went to a bidder: ${winner}`,
  )

  title(`4. Take away ${winner}'s capacity, and ask again`)
  const cores = helpers.find(({ status }) => status.name === winner)!.status.capacity.cpuMilli / 1000
  const hold = [
    'run',
    '--detach',
    '--name',
    'filler',
    '--cpu',
    String(cores),
    '-l',
    `demo.althing.dev/name=${winner}`,
    '--',
    'sleep',
    '600',
  ]
  fact(`$ althing ${hold.join(' ')}`)
  await anna.cli(hold)
  const filler = await mesh.untilTask(anna, 'filler', 'running')
  const second = await runWords(anna)
  printStory(second.why, fact)
  checkOutput(second.output)
  const declined = second.why.story.some((line) => line.kind === 'declined' && line.nodeName === winner)
  check(declined, `${winner} declined, and said what it measured`)
  check(second.task.nodeName !== winner, `${second.task.nodeName} was chosen instead`)
  await anna.client.post(`/v1/tasks/${filler.taskId}/cancel`)

  if (ONCE) return
  title('The mesh stays until Ctrl-C')
  fact(`page:  ${anna.status.pageUrl}#token=${anna.token}`)
  fact(`try:   ALTHING_DATA_DIR=${anna.dataDir} bin/althing nodes`)
  fact(`       ALTHING_DATA_DIR=${anna.dataDir} bin/althing run -- uname -a`)
  await mesh.untilInterrupted()
}

const unknown = process.argv.slice(2).filter((word) => word !== '--once')
if (unknown.length > 0) {
  console.error(`usage: npm run demo [-- --once]   (${unknown.join(' ')}: unknown)`)
  process.exit(2)
}

const mesh = new DemoMesh()
try {
  await demo(mesh)
} catch (error) {
  if (!mesh.interrupted) {
    console.error(`\n${styleText('red', 'The demo failed:')} ${messageOf(error)}`)
    process.exitCode = 1
  }
} finally {
  await mesh.stop()
}
