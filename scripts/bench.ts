/**
 * `npm run bench`: measures what Althing promises, on this machine, with the bundles as they are shipped.
 * The table goes to stdout (`--json`: the JSON instead), the JSON also to `.bench/latest.json`.
 *
 * Ends with 1 when a target is missed and `--strict` is given: by default a bench reports, it does not judge,
 * because other work on the machine shows in its figures.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { isReached } from './bench/figure.ts'
import type { Figure, Suite } from './bench/figure.ts'
import { describeMachine } from './bench/machine.ts'
import { stopAll } from './bench/mesh.ts'
import { asJson, asTable } from './bench/report.ts'
import { audit } from './bench/suites/audit.ts'
import { batch } from './bench/suites/batch.ts'
import { commands } from './bench/suites/commands.ts'
import { gossip } from './bench/suites/gossip.ts'
import { governance } from './bench/suites/governance.ts'
import { hello } from './bench/suites/hello.ts'
import { idle } from './bench/suites/idle.ts'
import { isolation } from './bench/suites/isolation.ts'
import { liveness } from './bench/suites/liveness.ts'
import { micro } from './bench/suites/micro.ts'
import { policy } from './bench/suites/policy.ts'
import { ready } from './bench/suites/ready.ts'
import { start } from './bench/suites/start.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** From what a person feels first to what explains it. */
const SUITES: readonly Suite[] = [
  start,
  commands,
  batch,
  ready,
  idle,
  gossip,
  micro,
  policy,
  isolation,
  hello,
  governance,
  liveness,
  audit,
]

const HELP = `npm run bench -- [options]

  --only NAME       one suite; may be given several times
  --quick           fewer repetitions
  --json            JSON instead of the table
  --strict          exit code 1 when a target is missed
  --althing PATH    measure another build: the launcher to run in place of bin/althing

Suites:
${SUITES.map(({ name, what, onlyWhenNamed }) => `  ${name.padEnd(10)} ${what}${onlyWhenNamed ? ' *' : ''}`).join('\n')}

 * takes minutes and is run only by --only
`

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
    althing: { type: 'string', default: join(ROOT, 'bin', 'althing') },
    help: { type: 'boolean', default: false },
  },
})

/** Runs the suites that were asked for. @throws Error for a name that is none */
async function measure(): Promise<Figure[]> {
  const unknown = flags.only.find((name) => !SUITES.some((suite) => suite.name === name))
  if (unknown !== undefined)
    throw new Error(`--only ${unknown}: the suites are ${SUITES.map(({ name }) => name).join(', ')}`)
  const figures: Figure[] = []
  for (const suite of SUITES) {
    const wanted = flags.only.length > 0 ? flags.only.includes(suite.name) : !suite.onlyWhenNamed
    if (!wanted) continue
    const say = (text: string): void => console.error(`bench ${suite.name}: ${text}`)
    try {
      figures.push(...(await suite.run({ quick: flags.quick, launcher: resolve(flags.althing), say })))
    } finally {
      await stopAll()
    }
  }
  return figures
}

async function main(): Promise<void> {
  const startedMs = performance.now()
  const machine = describeMachine()
  const figures = await measure()
  const seconds = Math.round((performance.now() - startedMs) / 1000)
  const report = { machine, quick: flags.quick, seconds, figures }
  const json = asJson(report)
  mkdirSync(join(ROOT, '.bench'), { recursive: true })
  writeFileSync(join(ROOT, '.bench', 'latest.json'), `${json}\n`)
  console.log(flags.json ? json : asTable(report))
  if (flags.strict && figures.some((figure) => isReached(figure) === false)) process.exitCode = 1
}

if (flags.help) console.log(HELP)
else await main()
