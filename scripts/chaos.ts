/**
 * `npm run chaos`: real daemons, each in a network namespace of its own, and what a network does to them. Ends with 1
 * when something came of it that must not.
 *
 * `--quick` is what CI runs: fewer members, and what lasts does so for seconds in place of minutes.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { isReached } from './bench/figure.ts'
import { makeHosts } from './bench/hosts.ts'
import { althing } from './bench/liveness/althing.ts'
import { assemble, noteWrongs } from './bench/liveness/fleet.ts'
import type { Kind } from './bench/liveness/member.ts'
import { GET_SERF, serf, serfVersion } from './bench/liveness/serf.ts'
import { describeMachine } from './bench/machine.ts'
import { asJson, asTable } from './bench/report.ts'
import { STRIKES, type Chaos, type Finding } from './chaos/strikes.ts'
import { netnsUnavailable } from '../test/support/netns.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Until links, delays and losses are as they usually are. */
const SETTLE_MS = 5_000

const FULL = { members: 16, lastMs: { pause: 20_000, split: 60_000, loss: 600_000, starve: 300_000 } }
const QUICK = { members: 10, lastMs: { pause: 5_000, split: 8_000, loss: 20_000, starve: 15_000 } }

const HELP = `npm run chaos -- [options]

  --quick           ${QUICK.members} members and seconds, in place of ${FULL.members} and minutes
  --members N       so many daemons, 4 to 64
  --only NAME       one kind of chaos; may be given several times
  --loss PERCENT    of the packets, on every link [default: 25]
  --beside-serf     the same with Serf, for comparison: kill, stop, cut, loss and starve
  --strict          judge speed as well: fair only on a machine without other work
  --json            JSON instead of the table

Kinds:
${STRIKES.map(({ name, what }) => `  ${name.padEnd(8)} ${what}`).join('\n')}

Example: npm run chaos -- --only split --members 6
`

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    members: { type: 'string' },
    only: { type: 'string', multiple: true, default: [] },
    loss: { type: 'string', default: '25' },
    'beside-serf': { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

/** A whole number between two bounds. @throws Error that names the option */
function numberOf(option: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new Error(`--${option} ${text}: expected a whole number, ${least} to ${most}`)
}

const say = (text: string): void => console.error(`chaos: ${text}`)

/** All kinds of chaos that were asked for, one after the other, on one mesh. */
async function unleash(kind: Kind, size: number, isComparison: boolean): Promise<Finding[]> {
  const { lastMs } = flags.quick ? QUICK : FULL
  const hosts = await makeHosts(size)
  try {
    say(`${size} members of ${kind.name}, ${hosts.what}`)
    const fleet = await assemble(kind, hosts)
    const figures: Finding[] = []
    const wanted = STRIKES.filter(({ name }) => flags.only.length === 0 || flags.only.includes(name))
    for (const [turn, strike] of wanted.entries()) {
      // Two halves of Serf forget each other after a day, and know no brake: there is nothing to compare.
      if (isComparison && strike.name === 'split') continue
      await pause(SETTLE_MS)
      noteWrongs(fleet, `before ${strike.name}`)
      say(`${kind.name}: ${strike.what}`)
      const chaos: Chaos = { fleet, say, turn, lastMs, loss: numberOf('loss', flags.loss, 0, 90) / 100 }
      figures.push(...(await strike.run(chaos)))
    }
    noteWrongs(fleet, 'at the end')
    const how = 'in all, from the first start to the end'
    figures.push({
      name: 'held offline though well',
      unit: 'times',
      measured: fleet.wrongs.length,
      target: { atMost: 0 },
      how,
      detail: { said: fleet.wrongs.join('; ') },
    })
    for (const wrong of fleet.wrongs) say(`${kind.name}: held offline though well: ${wrong}`)
    return figures.map(({ target, ...figure }) => ({
      ...figure,
      name: `${kind.name}, ${size} members, ${figure.name}`,
      ...(target !== undefined && !isComparison && { target }),
    }))
  } finally {
    await hosts.close()
  }
}

async function main(): Promise<void> {
  const unknown = flags.only.find((name) => !STRIKES.some((strike) => strike.name === name))
  if (unknown !== undefined)
    throw new Error(`--only ${unknown}: the kinds are ${STRIKES.map(({ name }) => name).join(', ')}`)
  const reason = await netnsUnavailable()
  if (reason !== undefined) throw new Error(`chaos needs network namespaces: ${reason}`)
  const size = flags.members === undefined ? undefined : numberOf('members', flags.members, 4, 64)
  const members = size ?? (flags.quick ? QUICK : FULL).members
  const startedMs = performance.now()
  const machine = describeMachine()
  const dir = mkdtempSync(join(tmpdir(), 'althing-chaos-'))
  try {
    const figures = await unleash(althing(resolve(ROOT, 'bin/althing'), dir), members, false)
    if (flags['beside-serf']) {
      if ((await serfVersion()) === undefined) say(GET_SERF)
      else figures.push(...(await unleash(serf(), members, true)))
    }
    const seconds = Math.round((performance.now() - startedMs) / 1000)
    const report = { machine, quick: flags.quick, seconds, figures }
    console.log(flags.json ? asJson(report) : asTable(report))
    const judged = figures.filter(({ isSpeed }) => flags.strict || isSpeed !== true)
    if (judged.some((figure) => isReached(figure) === false)) process.exitCode = 1
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

if (flags.help) console.log(HELP)
else await main()
